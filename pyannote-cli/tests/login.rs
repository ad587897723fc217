//! `pyannote login`, `logout` and `profiles`, against a server in this process.
#![allow(clippy::unwrap_used)]

mod support;

use pyannote_server::{Fault, Operation};
use support::{Home, KEY, nowhere, run_with_input, server};

fn input(key: &str) -> Vec<u8> {
    format!("{key}\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_tested_stored_used_and_deleted() {
    let (server, home) = (server().await, Home::new());
    let login = ["login", "--base-url", server.url()];
    // A byte order mark, blanks and Windows line ends come with the file, and not with the key.
    let key = format!("\u{feff}  {KEY} \r\n\r\n");
    let outcome = home.run_with_input(&login, key.as_bytes()).await;
    outcome.assert(
        0,
        &["stored the API key", "config.toml", "PYANNOTE_KEYRING"],
    );
    assert_eq!(outcome.stdout, "");
    assert_eq!(server.requests().len(), 1);
    let config = std::fs::read_to_string(home.config()).unwrap();
    assert_eq!(
        config,
        format!(
            "[profiles.default]\napi_key = \"{KEY}\"\nbase_url = \"{}\"\n",
            server.url()
        )
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home.config()), 0o600);
        assert_eq!(mode(home.config().parent().unwrap()), 0o700);
    }

    home.run(&["test"])
        .await
        .assert(0, &["the API key is valid"]);
    let profiles = home.run(&["profiles", "--json"]).await.json();
    assert_eq!(
        profiles,
        serde_json::json!([
            {"name": "default", "baseUrl": server.url(), "key": "file", "active": true}
        ])
    );
    let table = home.run(&["profiles"]).await.stdout;
    assert!(table.contains("*  default"), "{table}");

    let outcome = home.run(&["logout"]).await;
    outcome.assert(0, &["deleted the profile default"]);
    assert!(
        !std::fs::read_to_string(home.config())
            .unwrap()
            .contains("sk-")
    );
    home.run(&["test"])
        .await
        .assert(3, &["the API key is missing"]);
    home.run(&["logout"])
        .await
        .assert(1, &["there is no profile"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_kept_apart() {
    let (server, home) = (server().await, Home::new());
    let work = [
        "login",
        "--profile",
        "work",
        "--base-url",
        server.url(),
        "--json",
    ];
    let outcome = home.run_with_input(&work, &input(KEY)).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(
        outcome.json(),
        serde_json::json!(
            {"profile": "work", "baseUrl": server.url(), "key": "file", "tested": true}
        )
    );
    home.run(&["test"]).await.assert(3, &["pyannote login"]);
    home.run(&["test", "--profile", "work"])
        .await
        .assert(0, &[]);
    home.run(&["test", "--profile", "none"])
        .await
        .assert(3, &["pyannote login --profile none"]);
    // The environment takes precedence, unless a profile is named.
    let mut command = home.command(&["test"]);
    command
        .env("PYANNOTEAI_API_KEY", "sk-other")
        .env("PYANNOTEAI_BASE_URL", server.url());
    run_with_input(command, b"").await.assert(3, &[]);
    // A stored key is not sent to a base URL of the environment.
    home.run_with_input(&["login", "--no-test"], &input(KEY))
        .await
        .assert(0, &[]);
    let before = server.requests().len();
    let mut command = home.command(&["test"]);
    command.env("PYANNOTEAI_BASE_URL", server.url());
    run_with_input(command, b"").await.assert(3, &["missing"]);
    assert_eq!(server.requests().len(), before);
    // A new key is for the base URL that the profile has.
    home.run_with_input(&["login", "--profile", "work"], &input(KEY))
        .await
        .assert(0, &[server.url()]);
    let mut command = home.command(&["login", "--no-test"]);
    command.env("PYANNOTEAI_API_KEY", "sk-other");
    run_with_input(command, &input(KEY)).await.assert(
        0,
        &["PYANNOTEAI_API_KEY is set, so the stored key is not used"],
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_accepted_is_not_stored() {
    let (server, home) = (server().await, Home::new());
    let login = ["login", "--base-url", server.url()];
    let outcome = home.run_with_input(&login, &input("sk-wrong")).await;
    outcome.assert(3, &["the key was not stored", "hint: copy the key"]);
    assert!(!outcome.stderr.contains("sk-wrong"), "{outcome:?}");
    assert!(!home.config().exists());

    // A team without credit has a valid key.
    let fault = Fault::Status {
        status: 402.try_into().unwrap(),
        retry_after: None,
        body: Some(serde_json::json!({"message": "Insufficient credits"})),
    };
    server.faults().inject(Operation::TestKey, 1, fault);
    let outcome = home.run_with_input(&login, &input(KEY)).await;
    outcome.assert(
        0,
        &["warning: the key is valid, but", "Insufficient credits"],
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_reached_does_not_accept_a_key() {
    let home = Home::new();
    let nowhere = nowhere();
    let login = ["login", "--base-url", &nowhere];
    home.run_with_input(&login, &input(KEY))
        .await
        .assert(1, &["the key was not stored", "--no-test"]);
    assert!(!home.config().exists());
    home.run_with_input(&["login", "--no-test", "--base-url", &nowhere], &input(KEY))
        .await
        .assert(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_keys_and_base_urls_are_found_before_a_request() {
    let (server, home) = (server().await, Home::new());
    let url = server.url();
    let with_version = format!("{url}/v1");
    for (arguments, key, words) in [
        (vec!["--base-url", url], "", "the API key is empty"),
        (vec!["--base-url", url], " \r\n\t", "the API key is empty"),
        (vec!["--base-url", url], "sk-a\nsk-b", "without spaces"),
        (vec!["--base-url", url], "sk-\u{e9}", "visible ASCII"),
        (vec!["--base-url", url], "Bearer sk-a", "Bearer"),
        (
            vec!["--base-url", &with_version],
            KEY,
            "must not end with /v1",
        ),
        (vec!["--base-url", "http://host.example"], KEY, "plain http"),
        (vec!["--base-url", "host"], KEY, "the base URL is invalid"),
        (vec!["--profile", "a b"], KEY, "the name of a profile"),
        // A key is never an argument.
        (vec!["sk-a"], "", "unexpected argument"),
    ] {
        let arguments = [vec!["login"], arguments].concat();
        let outcome = home.run_with_input(&arguments, key.as_bytes()).await;
        outcome.assert(2, &[words]);
    }
    home.run_with_input(&["login", "--stdin", "--base-url", url], &[0xff, 0xfe])
        .await
        .assert(2, &["not text"]);
    assert!(server.requests().is_empty());
    assert!(!home.config().exists());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_is_not_overwritten() {
    let home = Home::new();
    std::fs::create_dir(home.config().parent().unwrap()).unwrap();
    let broken = format!("[profiles.default]\napi_key = \"{KEY}\n");
    std::fs::write(home.config(), &broken).unwrap();
    for command in [
        &["login", "--no-test"][..],
        &["logout"],
        &["profiles"],
        &["test"],
    ] {
        home.run_with_input(command, &input(KEY)).await.assert(
            1,
            &["config.toml is invalid: line 2", "hint: correct the file"],
        );
    }
    assert_eq!(std::fs::read_to_string(home.config()).unwrap(), broken);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_permission_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let folder = home.config().parent().unwrap().to_owned();
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o500)).unwrap();
    // Root may write anywhere.
    if std::fs::write(folder.join("probe"), "").is_ok() {
        return;
    }
    home.run_with_input(&["login", "--no-test"], &input(KEY))
        .await
        .assert(1, &["config", "ermission denied"]);
}

/// A bus that accepts connections, but never answers.
#[cfg(all(feature = "keyring", target_os = "linux"))]
#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_that_hangs_or_is_missing_is_not_used() {
    let home = Home::new();
    let socket = home.path().join("bus");
    let _bus = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (address, reason) in [
        (socket, "it did not answer within 5 s"),
        (home.path().join("no-bus"), "o such file"),
    ] {
        let mut command = home.command(&["login", "--no-test"]);
        command.env("PYANNOTE_KEYRING", "on").env(
            "DBUS_SESSION_BUS_ADDRESS",
            format!("unix:path={}", address.display()),
        );
        run_with_input(command, &input(KEY))
            .await
            .assert(0, &["config.toml", "the keyring was not used", reason]);
    }
}

/// The configuration says that the key is in the keyring, which is switched off.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_read_from_the_keyring_is_missing() {
    let home = Home::new();
    std::fs::create_dir(home.config().parent().unwrap()).unwrap();
    std::fs::write(home.config(), "[profiles.default]\nkeyring = true\n").unwrap();
    home.run(&["test"]).await.assert(
        3,
        &[
            "cannot be read from the keyring",
            "PYANNOTE_KEYRING=off pyannote login",
        ],
    );
    let outcome = home.run(&["logout"]).await;
    outcome.assert(1, &["cannot be deleted from the keyring"]);
    // The profile is what says that there is a key to delete.
    assert!(
        std::fs::read_to_string(home.config())
            .unwrap()
            .contains("keyring")
    );
    assert!(
        home.run(&["profiles"])
            .await
            .stdout
            .contains("in the keyring")
    );
}
