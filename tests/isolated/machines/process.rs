//! A server or workers in a process of their own.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::Parser;
use pyannote_server::cli::{self, Serve, Work};
use pyannote_server::engine::DiarizerEngine;
use pyannote_server::media::MediaStore;
use pyannote_server::store::Store;
use pyannote_server::{RateLimits, Server};

use super::slow_diarizer::SlowDiarizer;
use super::trial::{KEY, SECRET, Trial};

const ROLE: &str = "TEST_ROLE";
const DATABASE: &str = "TEST_DATABASE";
const MEDIA: &str = "TEST_MEDIA";
const READY: &str = "TEST_READY";
const OPEN_MODELS: &str = "TEST_OPEN_MODELS";
/// How often the start is checked, and how often at most: loading the models takes time.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const MAX_POLLS: usize = 6_000;

/// A process, killed when dropped.
pub(crate) struct Process {
    child: Child,
    /// Base URL of a server, or empty.
    pub(crate) url: String,
    log: PathBuf,
}

impl Process {
    /// Starts a process, and waits until it is ready. `role` is `serve`, `serve --no-work` or `work`.
    pub(crate) fn start(role: &str, trial: &Trial<'_>) -> Self {
        let folder = tempfile::tempdir_in(trial.folder()).unwrap().keep();
        let (ready, log) = (folder.join("ready"), folder.join("log"));
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["machine", "--exact", "--ignored", "--nocapture"])
            .env(ROLE, role)
            .env(DATABASE, trial.database())
            .env(MEDIA, trial.storage().url())
            .env(READY, &ready)
            .env("RUST_LOG", "trace,pyannote_engine=info")
            .envs(trial.storage().environment())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        if trial.has_open_models() {
            command.env(OPEN_MODELS, "1");
        }
        let mut process = Self {
            child: command.spawn().unwrap(),
            url: String::new(),
            log,
        };
        process.url = process.wait_until_ready(&ready);
        process
    }

    fn wait_until_ready(&mut self, ready: &Path) -> String {
        for _ in 0..MAX_POLLS {
            if let Ok(url) = fs::read_to_string(ready) {
                return url;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the process has ended: {status}\n{}", self.log());
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        panic!("the process does not start\n{}", self.log());
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The commands of the program `pyannote-server`.
#[derive(Parser)]
enum Program {
    Serve(Box<Serve>),
    Work(Box<Work>),
}

/// Runs the process until it is killed.
pub(crate) async fn run() {
    let Ok(role) = env::var(ROLE) else {
        return;
    };
    let role: Vec<&str> = role.split(' ').collect();
    let value = |name| env::var(name).unwrap();
    match env::var_os(OPEN_MODELS) {
        Some(_) => run_program(&role, &value(DATABASE), &value(MEDIA)).await,
        None => run_library(&role, &value(DATABASE), &value(MEDIA)).await,
    }
}

/// Tells the test that the process is ready. Renaming is atomic.
fn report(url: &str) {
    let ready = PathBuf::from(env::var_os(READY).unwrap());
    let incomplete = ready.with_extension("incomplete");
    fs::write(&incomplete, url).unwrap();
    fs::rename(incomplete, ready).unwrap();
}

/// As the program `pyannote-server`, with the open models.
async fn run_program(role: &[&str], database: &str, media: &str) {
    let mut arguments = vec!["pyannote-server"];
    arguments.extend(role);
    arguments.extend(["--database", database, "--media", media]);
    arguments.extend(["--webhook-secret", SECRET, "--allow-private-networks"]);
    if role[0] == "serve" {
        arguments.extend(["--key", KEY, "--listen", "127.0.0.1:0", "--no-rate-limits"]);
    }
    cli::init_logging();
    let stopped = match Program::parse_from(arguments) {
        Program::Serve(options) => {
            cli::serve(*options, "pyannote-server assets", |started| {
                report(started.url);
            })
            .await
        }
        Program::Work(options) => {
            cli::work(*options, "pyannote-server assets", |_| report("")).await
        }
    };
    stopped.unwrap();
}

/// As a library, without models.
async fn run_library(role: &[&str], database: &str, media: &str) {
    cli::init_logging();
    let mut builder = Server::builder()
        .engine(DiarizerEngine::new(SlowDiarizer))
        .store(Store::connect(database).await.unwrap())
        .media(MediaStore::bucket(media).await.unwrap())
        .key(KEY)
        .webhook_secret(SECRET)
        .rate_limits(RateLimits::off())
        .allow_private_networks()
        .concurrency(2);
    if role.contains(&"--no-work") {
        builder = builder.no_work();
    }
    let (_server, _workers);
    match role[0] {
        "serve" => {
            _server = builder.start().await.unwrap();
            report(_server.url());
        }
        _ => {
            _workers = builder.start_workers().await.unwrap();
            report("");
        }
    }
    std::future::pending::<()>().await;
}
