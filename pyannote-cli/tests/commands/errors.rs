//! What a newcomer may run into, and what the command says.

use http::StatusCode;
use pyannote_server::{Fault, Operation};

use crate::sandbox::Sandbox;

fn status(status: StatusCode) -> Fault {
    Fault::Status {
        status,
        retry_after: None,
        body: None,
    }
}

#[test]
fn no_key_and_a_wrong_key() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 1);
    for arguments in [
        &["diarize", "meeting.wav"][..],
        &["diarize", "meeting.wav", "--json"],
        &["test"],
    ] {
        sandbox.run_with(arguments, |command| {
            command.env_remove("PYANNOTEAI_API_KEY");
        });
        sandbox.run_with(arguments, |command| {
            command.env("PYANNOTEAI_API_KEY", "another-key");
        });
    }
    sandbox.run_with(&["test"], |command| {
        command.env("PYANNOTEAI_API_KEY", "two\nlines");
    });
    sandbox.run_with(&["test"], |command| {
        command.env("PYANNOTEAI_API_KEY", " \n");
    });
    sandbox.run(&["test", "--profile", "staging"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn recordings_that_are_missing_empty_or_not_audio() {
    let sandbox = Sandbox::new();
    sandbox.write("empty.wav", "");
    sandbox.write("notes.wav", "Dear diary, this is not audio.\n");
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    for name in ["missing.wav", "empty.wav", "folder"] {
        sandbox.run(&["diarize", name]);
        sandbox.run(&["diarize", name, "--local"]);
    }
    sandbox.run(&["diarize", "missing.wav", "--json"]);
    sandbox.run(&["diarize", "notes.wav", "--local"]);
    sandbox.pipe(b"", &["diarize", "-"]);
    sandbox.pipe(b"", &["diarize", "-", "--local"]);
    sandbox.run(&["demo", "missing.wav"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn no_credit_and_no_permission_of_the_service() {
    let sandbox = Sandbox::new();
    let url = "https://example.com/a.wav";
    for code in [
        StatusCode::PAYMENT_REQUIRED,
        StatusCode::FORBIDDEN,
        StatusCode::TOO_MANY_REQUESTS,
    ] {
        sandbox
            .server()
            .faults()
            .inject(Operation::Diarize, 1, status(code));
        sandbox.run(&["diarize", url]);
    }
    sandbox
        .server()
        .faults()
        .inject(Operation::Diarize, 1, status(StatusCode::PAYMENT_REQUIRED));
    sandbox.run(&["diarize", url, "--json"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn an_outcome_that_is_unknown() {
    let sandbox = Sandbox::new();
    let url = "https://example.com/a.wav";
    for arguments in [&["diarize", url][..], &["diarize", url, "--json"]] {
        let lost = Fault::TruncateBody { after_bytes: 0 };
        sandbox
            .server()
            .faults()
            .inject(Operation::Diarize, 1, lost);
        sandbox.run(arguments);
    }
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn no_server() {
    let sandbox = Sandbox::new();
    for url in ["http://127.0.0.1:9", "http://example.com", "not a URL"] {
        sandbox.run_with(&["test"], |command| {
            command.env("PYANNOTEAI_BASE_URL", url);
        });
    }
    insta::assert_snapshot!(sandbox.transcript());
}

/// As if it were not set, the key would be sent to pyannoteAI.
#[cfg(target_os = "linux")]
#[test]
fn variables_that_are_not_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let sandbox = Sandbox::new();
    let value = OsStr::from_bytes(b"http://caf\xe9:8000");
    for name in ["PYANNOTEAI_API_KEY", "PYANNOTEAI_BASE_URL"] {
        let output = sandbox.run_with(&["test"], |command| {
            command.env(name, value);
        });
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    insta::assert_snapshot!(sandbox.transcript());
}

/// The job is paid, and its result is not lost.
#[cfg(target_os = "linux")]
#[test]
fn no_space_for_the_result() {
    use std::os::unix::fs::FileTypeExt as _;

    let sandbox = Sandbox::new();
    let full = || {
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    sandbox.run_with(&["diarize", "https://example.com/a.wav"], |command| {
        command.stdout(full());
    });
    sandbox.run_with(&["jobs", "list"], |command| {
        command.stdout(full());
    });
    let body = r#"{"url":"https://example.com/a.wav"}"#;
    sandbox.run_with(&["api", "POST", "/v1/diarize", "--data", body], |command| {
        command.stdout(full());
    });
    // The device is written to, and not replaced by a file.
    let is_device = || {
        let device = std::fs::metadata("/dev/full").unwrap();
        device.file_type().is_char_device()
    };
    assert!(is_device());
    sandbox.run(&[
        "diarize",
        "https://example.com/a.wav",
        "-f",
        "json",
        "-o",
        "/dev/full",
    ]);
    assert!(is_device());
    insta::assert_snapshot!(sandbox.transcript());
}

#[cfg(unix)]
#[test]
fn no_permission() {
    use std::os::unix::fs::PermissionsExt as _;

    let sandbox = Sandbox::new();
    sandbox.write_recording("private.wav", 1);
    std::fs::create_dir(sandbox.path("closed")).unwrap();
    sandbox.write_recording("calls/a.wav", 1);
    sandbox.write_recording("calls/secret/b.wav", 1);
    for (name, mode) in [
        ("private.wav", 0o000),
        ("closed", 0o500),
        ("calls/secret", 0o000),
    ] {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(sandbox.path(name), permissions).unwrap();
    }
    if std::fs::File::open(sandbox.path("private.wav")).is_ok() {
        // The superuser may do everything.
        return;
    }
    sandbox.run(&["diarize", "private.wav"]);
    sandbox.run(&["diarize", "private.wav", "--local"]);
    sandbox.run(&[
        "diarize",
        "https://example.com/a.wav",
        "-o",
        "closed/a.json",
    ]);
    sandbox.run(&["batch", "https://example.com/a.wav", "-o", "closed/results"]);
    // A folder that cannot be read does not keep the others from being done.
    let batch = ["batch", "calls", "-o", "results", "--concurrency=1"];
    sandbox.run(&batch);
    sandbox.run(&[&batch[..], &["--dry-run"]].concat());
    // So that it can be deleted.
    let permissions = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(sandbox.path("calls/secret"), permissions).unwrap();
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn arguments_that_are_wrong() {
    let sandbox = Sandbox::new();
    sandbox.run(&["diarise", "a.wav"]);
    sandbox.run(&["diarize"]);
    sandbox.run(&["diarize", "a.wav", "--speakers", "2"]);
    sandbox.run(&["diarize", "a.wav", "--num-speakers", "two", "--json"]);
    sandbox.run(&["render", "a.json", "--show-code"]);
    sandbox.run::<&str>(&[]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn channels_are_never_left_to_the_service_or_combined_with_a_number_of_speakers() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("call.wav", 1);
    for arguments in [
        &["diarize", "call.wav"][..],
        &["diarize", "call.wav", "--show-code"],
        &["batch", "call.wav", "-o", "results"],
        &["diarize", "call.wav", "--local", "--num-speakers=2"],
    ] {
        sandbox.run(&[arguments, &["--channels"]].concat());
    }
    sandbox.run(&["diarize", "call.wav", "--local", "--speakers-per-channel=2"]);
    assert!(sandbox.server().requests().is_empty());
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn accurate_runs_are_never_left_to_the_service() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("call.wav", 1);
    for arguments in [
        &["diarize", "call.wav"][..],
        &["diarize", "call.wav", "--show-code"],
        &["identify", "call.wav", "--all"],
        &["identify", "call.wav", "--all", "--show-code"],
        &["batch", "call.wav", "-o", "results"],
    ] {
        let output = sandbox.run(&[arguments, &["--accurate"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("--accurate needs --local"), "{stderr}");
    }
    assert!(sandbox.server().requests().is_empty());
}

#[test]
fn the_audio_track_is_one_that_exists_and_never_left_to_the_service() {
    let sandbox = Sandbox::new();
    sandbox.write_recording("meeting.wav", 1);
    sandbox.write(
        "meeting.rttm",
        "SPEAKER meeting 1 0.0 0.5 <NA> <NA> A <NA> <NA>\n",
    );
    sandbox.write("ada.voiceprint", "AAAA\n");
    sandbox.run(&["voiceprint", "import", "Ada", "ada.voiceprint"]);
    let clip = ["clip", "meeting.wav", "meeting.rttm", "-o", "clips"];
    for track in ["--track=1", "--track=2", "--track=0"] {
        sandbox.run(&[&clip[..], &[track]].concat());
    }
    sandbox.run(&["diarize", "meeting.wav", "--local", "--track=2"]);
    sandbox.run(&[
        "batch",
        "meeting.wav",
        "-o",
        "results",
        "--local",
        "--track=2",
        "--dry-run",
    ]);
    for arguments in [
        &["diarize", "meeting.wav"][..],
        &["diarize", "meeting.wav", "--show-code"],
        &["identify", "meeting.wav", "--all"],
        &["voiceprint", "create", "Grace", "meeting.wav"],
        &["batch", "meeting.wav", "-o", "results"],
    ] {
        sandbox.run(&[arguments, &["--track=1"]].concat());
    }
    assert!(sandbox.server().requests().is_empty());
    insta::assert_snapshot!(sandbox.transcript());
}
