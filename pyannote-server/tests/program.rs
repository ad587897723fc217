//! Runs the program `pyannote-server`.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use pyannote_engine::assets::LICENSES;
use pyannote_server::engine::JobKind;
use pyannote_server::store::Store;
use serde_json::Map;

/// The program, without environment variables that affect it, and without access to the models.
fn program(assets_dir: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pyannote-server"));
    for name in [
        "PYANNOTEAI_API_KEY",
        "PYANNOTEAI_WEBHOOK_SECRET",
        "PYANNOTE_SERVER_DATABASE",
        "PYANNOTE_SERVER_OPERATOR_KEY",
        "RUST_LOG",
    ] {
        program.env_remove(name);
    }
    program
        .env("PYANNOTE_ASSETS_DIR", assets_dir)
        .env("PYANNOTE_PYTHON", assets_dir.join("no-python"))
        .stdin(Stdio::null());
    program
}

fn run(arguments: &[&str]) -> Output {
    let empty = tempfile::tempdir().unwrap();
    program(empty.path()).args(arguments).output().unwrap()
}

/// Standard output of a successful run.
fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a failed run.
fn stderr_of_failure(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn help() {
    insta::assert_snapshot!("help", stdout(&["--help"]));
    insta::assert_snapshot!("help_of_serve", stdout(&["serve", "--help"]));
    insta::assert_snapshot!("help_of_work", stdout(&["work", "--help"]));
    insta::assert_snapshot!("help_of_cancel", stdout(&["cancel", "--help"]));
}

#[test]
fn licenses() {
    assert_eq!(stdout(&["--licenses"]), LICENSES);
}

/// `open` is the default engine.
#[test]
fn error_without_models_and_python_says_how_to_get_them() {
    for engine in [&["--engine", "open"][..], &[]] {
        let serve = ["serve", "--key", "test-key", "--listen", "127.0.0.1:0"];
        let stderr = stderr_of_failure(&[&serve, engine].concat());
        assert!(stderr.contains("cannot find Python"), "{stderr}");
        assert!(stderr.contains("`pyannote-server assets`"), "{stderr}");
    }
}

#[test]
fn too_many_threads_are_rejected_before_the_download() {
    let serve = ["serve", "--key", "test-key", "--listen", "127.0.0.1:0"];
    let stderr = stderr_of_failure(&[&serve[..], &["--threads", "100000"]].concat());
    let max = 8 * std::thread::available_parallelism().unwrap().get();
    assert_eq!(
        stderr,
        format!("error: too many threads: use at most {max} on this machine\n")
    );
}

#[test]
fn error_of_a_public_address_names_the_option() {
    let serve = ["serve", "--engine", "scripted", "--key", "test-key"];
    let stderr = stderr_of_failure(&[&serve[..], &["--listen", "0.0.0.0:0"]].concat());
    assert!(stderr.contains("--allow-public-bind"), "{stderr}");
    assert!(!stderr.contains(".allow_public_bind"), "{stderr}");
}

#[test]
fn workers_without_jobs_of_a_server_name_the_options() {
    let stderr = stderr_of_failure(&["work", "--engine", "scripted"]);
    assert_eq!(
        stderr,
        "error: workers need the jobs of a server: pass its --database, or its --data-dir\n"
    );
}

#[test]
fn cancel_ends_a_job_that_has_not_ended() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let cancel = |id: &str| ["cancel", id, "--data-dir", data_dir].map(str::to_owned);
    let fails = |id: &str| stderr_of_failure(&cancel(id).each_ref().map(String::as_str));
    let unknown = "00000000-0000-4000-8000-000000000000";
    assert_eq!(
        fails(unknown),
        format!("error: there are no jobs in {data_dir}\n")
    );
    let id = runtime.block_on(async {
        let store = Store::open(folder.path().join("jobs.sqlite"))
            .await
            .unwrap();
        let job = store.create("ada", JobKind::Diarize, Map::new()).await;
        job.unwrap().id.to_string()
    });
    assert_eq!(
        fails(unknown),
        format!("error: there is no job {unknown}\n")
    );
    assert_eq!(
        stdout(&cancel(&id).each_ref().map(String::as_str)),
        format!("The job {id} is canceled.\n")
    );
    assert_eq!(
        fails(&id),
        format!("error: the job {id} has already ended: its status is canceled\n")
    );
}

#[test]
fn scripted_engine_needs_no_models_and_says_that_results_are_invented() {
    let empty = tempfile::tempdir().unwrap();
    let mut server = program(empty.path())
        .args(["serve", "--key", "test-key", "--listen", "127.0.0.1:0"])
        .args(["--engine", "scripted"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(server.stdout.take().unwrap());
    let lines: Vec<_> = stdout.lines().take(2).map(Result::unwrap).collect();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(lines[0].starts_with("Listening on http://127.0.0.1:"));
    assert!(
        lines[1].starts_with("Engine: scripted (no model runs"),
        "{lines:?}"
    );
}
