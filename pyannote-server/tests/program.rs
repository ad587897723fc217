//! Runs the program `pyannote-server`.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use pyannote_engine::assets::LICENSES;
use pyannote_engine::{Diarization, DiarizeError, Diarizer, Options, Recording};
use pyannote_server::Server;
use pyannote_server::engine::{DiarizerEngine, JobKind};
use pyannote_server::store::Store;
use serde_json::Map;
use support::Program;

/// The program without access to the models.
fn program(assets_dir: &Path) -> Command {
    let mut program = support::command();
    program
        .env("PYANNOTE_ASSETS_DIR", assets_dir)
        .env("PYANNOTE_PYTHON", assets_dir.join("no-python"));
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

/// None of them means anything else, such as 1.
#[test]
fn options_out_of_range_are_rejected() {
    let threads = format!(
        "1..={}",
        8 * std::thread::available_parallelism().unwrap().get()
    );
    for (option, value, range) in [
        ("--concurrency", "0", "1..=64"),
        ("--concurrency", "200000", "1..=64"),
        ("--max-connections", "0", "1..=100000"),
        ("--max-connections", "99999999", "1..=100000"),
        ("--live-streams", "1001", "0..=1000"),
        ("--live-duration", "0s", "1s to 7days"),
        ("--live-duration", "1000y", "1s to 7days"),
        ("--retention", "0s", "1m to 3650days"),
        ("--grace-period", "25h", "0s to 1day"),
        ("--threads", "0", &*threads),
        ("--threads", "100000", &*threads),
        ("--threads", "-1", "invalid digit"),
        ("--concurrency", "-1", "invalid digit"),
        ("--max-connections", "", "empty string"),
        ("--live-streams", "99999999999999999999999", "too large"),
        ("--max-uploads", "0", "1.0 MiB to 1.0 PiB"),
        ("--max-uploads", "1000000000000000000", "1.0 MiB to 1.0 PiB"),
        ("--max-uploads", "-1", "such as 500MB or 1GiB"),
        ("--max-uploads", "", "such as 500MB or 1GiB"),
        ("--free-space", "99999999999999999999EB", "0 B to 1.0 PiB"),
        ("--retention", "1000000000000000000s", "1m to 3650days"),
        ("--retention", "5", "time unit needed"),
        ("--live-latency", "0s", "200ms to 5s"),
        (
            "--transcription-model",
            "/no/such/folder",
            "there is no such folder",
        ),
        ("--transcription-model", "", "there is no such folder"),
        ("--data-dir", "", "a value is required"),
        ("--listen", "nowhere", "such as 127.0.0.1:8000"),
    ] {
        let output = run(&["serve", "--key", "test-key", option, value]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{option} {value}: {stderr}");
        let is_complete = stderr.contains(option) && stderr.contains(range);
        assert!(is_complete, "{option} {value}: {stderr}");
    }
}

/// Before the models are loaded, which are missing here.
#[test]
fn errors_of_the_start_name_the_option() {
    let running = Program::start("error", &[]);
    let file = running.data.path().join("jobs.sqlite");
    let file = file.to_str().unwrap();
    for (arguments, expected) in [
        (["--listen", "0.0.0.0:0"], "pass --allow-public-bind"),
        (
            ["--listen", &*running.address],
            "(--listen selects another address)",
        ),
        (["--key", "two words"], "invalid --key: "),
        (["--key", ""], "invalid --key: "),
        (["--operator-key", "two words"], "invalid --operator-key: "),
        (["--operator-key", ""], "invalid --operator-key: "),
        (
            ["--operator-key", "test-key"],
            "--operator-key is the same as --key",
        ),
        (["--webhook-secret", ""], "invalid --webhook-secret: "),
        (
            ["--ffmpeg", "/no/such/program"],
            "--ffmpeg: /no/such/program is not ffmpeg",
        ),
        (["--ffmpeg", file], "is not ffmpeg"),
        (
            ["--models", "/no/such/folder"],
            "cannot use the folder of community-1 that --models names: cannot find /no/such/folder: ",
        ),
        (["--data-dir", file], "cannot open the data directory"),
        (["--database", ""], "--database: a database URL must be"),
        (
            ["--database", "sqlite:"],
            "--database: a database URL must be",
        ),
        (
            ["--database", "sqlite:/no/such/file"],
            "--database: cannot open the database",
        ),
        (["--media", "s3://"], "--media: "),
        (
            ["--public-url", "diarization.example"],
            "invalid --public-url: ",
        ),
        (
            ["--public-url", "https://a:two words@host"],
            "invalid --public-url: ",
        ),
    ] {
        let mut command = vec!["serve", "--listen", "127.0.0.1:0"];
        if arguments.contains(&"--listen") {
            command.truncate(1);
        }
        if !arguments.contains(&"--key") {
            command.extend(["--key", "test-key"]);
        }
        command.extend(arguments);
        let stderr = stderr_of_failure(&command);
        assert!(stderr.contains(expected), "{stderr}");
        for absent in [".allow_public_bind", "two words"] {
            assert!(!stderr.contains(absent), "{stderr}");
        }
    }
}

#[test]
fn the_address_may_be_a_name_or_a_port() {
    for address in ["localhost:0", "0"] {
        let program = Program::start("error", &["--listen", address]);
        assert!(program.address.starts_with("127.0.0.1:"), "{address}");
    }
}

/// A job's status, as the server reports it.
fn status(server: &Program, job: &str) -> String {
    let head = format!("GET /v1/jobs/{job} HTTP/1.1\r\nauthorization: Bearer test-key");
    let response = server.request(&head, b"");
    let (_, rest) = response.split_once(r#""status":""#).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[cfg(unix)]
#[test]
fn workers_process_the_jobs_of_a_server_without_workers() {
    let server = Program::start("error", &["--no-work"]);
    let job = submit(&server);
    for _ in 0..20 {
        assert_eq!(status(&server, &job), "created");
    }
    let mut workers = server.start_workers(&[]);
    while status(&server, &job) != "succeeded" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    support::signal(&workers, "TERM");
    assert_eq!(support::exit_code(&mut workers), Some(0));
}

#[cfg(unix)]
#[test]
fn workers_with_an_address_serve_health_and_metrics_and_nothing_else() {
    let server = Program::start("error", &["--no-work"]);
    let mut workers = server.start_workers(&["--listen", "127.0.0.1:0"]);
    let line = support::read_line(&mut workers.stdout);
    let (_, address) = line.trim().rsplit_once("http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    let get = |path: &str| support::request(address, &format!("GET {path} HTTP/1.1"), b"");
    let health = get("/healthz");
    assert!(
        health.starts_with("HTTP/1.1 200") && health.ends_with("\r\n\r\nOK"),
        "{health}"
    );
    let job = submit(&server);
    while status(&server, &job) != "succeeded" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let metrics = get("/metrics");
    for line in [
        r#"pyannote_jobs{status="succeeded"} 1"#,
        r#"pyannote_jobs_ended_total{status="succeeded"} 1"#,
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(!metrics.contains("pyannote_requests"), "{metrics}");
    for path in ["/", "/v1/test", "/openapi.yaml", "/v2/jobs"] {
        assert!(get(path).starts_with("HTTP/1.1 404"), "{path}");
    }
    support::signal(&workers, "TERM");
    assert_eq!(support::exit_code(&mut workers), Some(0));
}

/// Submits a job, and returns its id.
fn submit(server: &Program) -> String {
    let response = server.post("/v1/diarize", r#"{"url":"https://example.com/a.wav"}"#);
    let (_, rest) = response.split_once(r#""jobId":""#).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// The jobs wait, since there are no workers.
#[test]
fn canceling_a_waiting_job_is_logged_and_counted() {
    let options = ["--no-work", "--operator-key", "operator"];
    let mut server = Program::start("info", &options);
    let job = submit(&server);
    let accepted = server.stderr_line();
    assert!(accepted.contains("the job was accepted"), "{accepted}");
    let head =
        format!("POST /operator/jobs/{job}/cancel HTTP/1.1\r\nauthorization: Bearer operator");
    assert!(server.request(&head, b"").starts_with("HTTP/1.1 200"));
    for message in ["the operator cancels a job", "the job was canceled"] {
        let line = server.stderr_line();
        assert!(line.contains(message) && line.contains(&job), "{line}");
    }
    let metrics = server.request("GET /metrics HTTP/1.1", b"");
    let count = r#"pyannote_jobs_ended_total{status="canceled"} 1"#;
    assert!(metrics.contains(count), "{metrics}");

    // Another process logs it, but cannot count it for the server.
    let job = submit(&server);
    let output = support::command()
        .env("RUST_LOG", "info")
        .args(["cancel", &job, "--data-dir"])
        .arg(server.data.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    let is_logged = stderr.contains("the job was canceled") && stderr.contains(&job);
    assert!(is_logged, "{stderr}");
}

#[test]
fn a_bucket_cannot_limit_uploads() {
    let serve = ["serve", "--key", "test-key", "--max-uploads", "1GB"];
    let output = run(&[&serve[..], &["--media", "s3://recordings/media"]].concat());
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("'--max-uploads <SIZE>' cannot be used with '--media <URL>'"),
        "{stderr}"
    );
}

/// They would wait forever, for jobs that nobody can submit.
#[test]
fn workers_without_jobs_of_a_server_name_the_options() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    let missing = folder.path().join("missing");
    let missing = missing.to_str().unwrap();
    let database = format!("sqlite:{missing}");
    for (options, expected) in [
        (
            &[][..],
            "error: workers need the jobs of a server: pass its --database, or its --data-dir\n",
        ),
        (
            &["--data-dir", missing],
            "pass the --data-dir of a server\n",
        ),
        (
            &["--data-dir", empty],
            "pass the --database or the --data-dir of a server that has been started\n",
        ),
        (
            &["--database", &database],
            "pass their --media, or their --data-dir\n",
        ),
        (
            &["--database", &database, "--data-dir", empty],
            "missing: pass the --database or the --data-dir of a server that has been started\n",
        ),
    ] {
        // Before the models are loaded, which are missing here.
        let stderr = stderr_of_failure(&[&["work"], options].concat());
        assert!(stderr.ends_with(expected), "{stderr}");
    }
    assert_eq!(std::fs::read_dir(empty).unwrap().count(), 0);
}

/// The scripted engine would invent the results of jobs that were submitted for models.
#[cfg(unix)]
#[test]
fn workers_warn_of_another_engine_of_the_same_jobs() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = Program::start("error", &["--no-work"]);
    let engine = DiarizerEngine::new(Silent);
    let builder = Server::builder().data_dir(server.data.path());
    let models = runtime.block_on(builder.engine(engine).start_workers());
    let models = models.unwrap();
    let mut workers = server.start_workers_logging("warn", &[]);
    let line = support::read_line(&mut workers.stderr);
    for part in ["WARN", r#"engine="scripted""#, r#"other="no models""#] {
        assert!(line.contains(part), "{line}");
    }
    support::signal(&workers, "TERM");
    assert_eq!(support::exit_code(&mut workers), Some(0));
    runtime.block_on(models.stop());
}

/// Has no models.
struct Silent;

impl Diarizer for Silent {
    fn models(&self) -> &str {
        "no models"
    }

    fn embedding_model(&self) -> &str {
        "none"
    }

    fn diarize(&self, _: &Recording, _: &mut Options<'_>) -> Result<Diarization, DiarizeError> {
        Ok(Diarization::default())
    }

    fn same_speaker_probability(&self, _: f32) -> f32 {
        0.5
    }
}

#[test]
fn a_server_without_workers_whose_jobs_nobody_finds_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}/jobs", folder.path().display());
    for (options, expected) in [
        (&[][..], "without --data-dir or --database\n"),
        (
            &["--database", &database],
            "without --data-dir or --media\n",
        ),
    ] {
        let serve = ["serve", "--key", "test-key", "--no-work"];
        let stderr = stderr_of_failure(&[&serve[..], options].concat());
        assert!(stderr.ends_with(expected), "{stderr}");
    }
}

/// Whether the program is named, or missing.
/// Shells and service managers often set a lower one than the process may have.
#[cfg(target_os = "linux")]
#[test]
fn the_limit_of_open_files_is_raised() {
    let data = tempfile::tempdir().unwrap();
    let limit_first = "ulimit -S -n 100; exec \"$0\" \"$@\"";
    let mut server = Command::new("sh")
        .args(["-c", limit_first, env!("CARGO_BIN_EXE_pyannote-server")])
        .args(["serve", "--engine", "scripted", "--key", "test-key"])
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    support::read_line(&mut server.stdout);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut numbers = line
        .unwrap()
        .split_whitespace()
        .skip(3)
        .map(|number| number.parse::<u64>().unwrap_or(u64::MAX));
    let (soft, hard) = (numbers.next().unwrap(), numbers.next().unwrap());
    assert_eq!(soft, hard.min(10_240));
}

#[test]
fn the_log_says_which_ffmpeg_is_used() {
    for (ffmpeg, expected) in [("off", "no ffmpeg: jobs fail"), ("", "ffmpeg")] {
        let serve = ["serve", "--key", "test-key", "--listen", "127.0.0.1:0"];
        let empty = tempfile::tempdir().unwrap();
        let mut program = program(empty.path());
        let output = program
            .args(serve)
            .args(["--ffmpeg", ffmpeg])
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let lines = stderr.lines().filter(|line| line.contains("INFO"));
        assert_eq!(
            lines.filter(|line| line.contains(expected)).count(),
            1,
            "{stderr}"
        );
    }
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
        format!(
            "error: there are no jobs in {data_dir}: pass the --database or the --data-dir of a server that has been started\n"
        )
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
fn a_damaged_database_is_one_error_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let database = folder.path().join("jobs.sqlite");
    std::fs::write(&database, "a letter, and no database\n".repeat(100)).unwrap();
    let job = "00000000-0000-4000-8000-000000000000";
    let serve = [
        "serve", "--engine", "scripted", "--key", "key", "--listen", "0",
    ];
    for command in [
        &serve[..],
        &["work", "--engine", "scripted"],
        &["cancel", job],
    ] {
        let stderr = stderr_of_failure(&[command, &["--data-dir", data_dir]].concat());
        let remedy = "restore it from a backup, or move it away to start without jobs";
        assert!(
            stderr.contains(database.to_str().unwrap()) && stderr.contains(remedy),
            "{stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[cfg(feature = "engine")]
#[test]
fn options_of_the_models_are_refused_with_the_scripted_engine() {
    for options in [
        &["--models", "community-1"][..],
        &["--transcription-model", "off"],
        &["--accurate"],
        &["--threads", "1"],
    ] {
        let serve = [
            "serve", "--engine", "scripted", "--key", "key", "--listen", "0",
        ];
        let stderr = stderr_of_failure(&[&serve[..], options].concat());
        let expected = format!("{} has no effect on --engine scripted", options[0]);
        assert!(stderr.contains(&expected), "{stderr}");
    }
}

#[test]
fn scripted_engine_needs_no_models_and_says_that_results_are_invented() {
    let mut program = Program::start("error", &[]);
    let line = program.stdout_line();
    assert!(
        line.starts_with("Engine: scripted (no model runs"),
        "{line}"
    );
}

/// Standard error is not a terminal here.
#[test]
fn the_log_has_no_colors_and_says_what_happens_to_a_job() {
    let mut program = Program::start("info", &[]);
    let id = &submit(&program);
    let mut lines = [(); 4].map(|()| program.stderr_line());
    // The job may be taken before its acceptance is logged.
    lines.sort_by_key(|line| !line.contains("the job was accepted"));
    let messages = [
        "was accepted",
        "a worker took",
        "began to compute",
        "succeeded",
    ];
    for (line, message) in lines.iter().zip(messages) {
        assert!(line.contains(message) && line.contains(id), "{lines:?}");
        assert!(!line.contains('\x1b'), "{line:?}");
    }
}
