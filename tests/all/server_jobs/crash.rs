//! Worker processes that are killed with SIGKILL.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyannote_server::engine::{Engine, EngineFuture, EngineJob};
use pyannote_server::store::{Status, Store};
use pyannote_server::worker::{WorkerConfig, Workers};
use serde_json::json;

use super::{submit, timing};

const URL: &str = "TEST_STORE_URL";
const LOG: &str = "TEST_RUN_LOG";
const JOBS: usize = 20;

/// An engine that takes 50 ms, and logs the start and end of each run.
struct LoggingEngine(PathBuf);

/// Logs the end of a run when dropped, so not if the process is killed.
struct EndGuard<'a>(&'a Path, String);

fn write(log: &Path, line: &str) {
    let mut file = std::fs::OpenOptions::new();
    let mut file = file.append(true).create(true).open(log).unwrap();
    // A single write, so that lines of several processes do not interleave.
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

impl Drop for EndGuard<'_> {
    fn drop(&mut self) {
        write(self.0, &format!("end {} {}", self.1, std::process::id()));
    }
}

impl Engine for LoggingEngine {
    fn needs_audio(&self) -> bool {
        false
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        Box::pin(async move {
            write(&self.0, &format!("start {} {}", job.id, std::process::id()));
            let _guard = EndGuard(&self.0, job.id);
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(json!({ "diarization": [] }).into())
        })
    }
}

/// The process that is killed. It runs until all jobs have ended.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "only run as a subprocess of the other tests"]
async fn worker_process() {
    let (Ok(url), Ok(log)) = (std::env::var(URL), std::env::var(LOG)) else {
        return;
    };
    let store = Store::connect(&url).await.unwrap();
    let config = WorkerConfig {
        store: store.clone(),
        engine: Arc::new(LoggingEngine(log.into())),
        audio: None,
        webhook_secret: None,
        allow_private_networks: true,
        faults: Default::default(),
        concurrency: 2,
    };
    let workers = Workers::start_with(config, timing()).await.unwrap();
    while open(&store).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    workers.stop().await;
}

async fn open(store: &Store) -> u64 {
    let counts = store.counts().await.unwrap();
    let open = counts.iter().filter(|(status, _)| !status.is_final());
    open.map(|(_, jobs)| jobs).sum()
}

/// A worker process, killed when dropped.
struct Worker(Child);

impl Worker {
    fn start(url: &str, log: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["server_jobs::crash::worker_process", "--exact", "--ignored"])
            .env(URL, url)
            .env(LOG, log)
            .stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// Kills it with SIGKILL.
    fn kill(mut self, log: &Path) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        write(log, &format!("killed - {}", self.0.id()));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lines(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Waits until this many runs have ended.
async fn wait_for_ends(log: &Path, count: usize) {
    let start = Instant::now();
    while lines(log)
        .iter()
        .filter(|line| line.starts_with("end"))
        .count()
        < count
    {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "the workers do not make progress"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asserts that no job was started while a live process was running it.
fn assert_no_concurrent_runs(log: &Path) {
    let mut running = HashMap::<String, String>::new();
    for line in lines(log) {
        let words: Vec<_> = line.split(' ').collect();
        let (job, process) = (words[1].to_owned(), words[2].to_owned());
        match words[0] {
            "start" => {
                let other = running.insert(job, process);
                assert_eq!(other, None, "concurrent runs: {line}");
            }
            "end" => assert_eq!(running.remove(&job), Some(process), "{line}"),
            _ => running.retain(|_, running_in| *running_in != process),
        }
    }
    assert!(running.is_empty(), "{running:?}");
}

/// Runs 20 jobs in several processes, two of which are killed.
///
/// All jobs must succeed, without concurrent runs of one job.
pub(crate) async fn survive(url: &str, processes: usize) {
    let folder = tempfile::tempdir().unwrap();
    let log = &folder.path().join("log");
    let store = Store::connect(url).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..JOBS {
        ids.push(submit(&store, json!({})).await);
    }
    let mut workers: Vec<_> = (0..processes).map(|_| Worker::start(url, log)).collect();
    for done in [4, 9] {
        wait_for_ends(log, done).await;
        workers.remove(0).kill(log);
        workers.push(Worker::start(url, log));
    }
    let start = Instant::now();
    while open(&store).await > 0 {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "not all jobs end"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for worker in &mut workers {
        assert!(worker.0.wait().unwrap().success());
    }
    assert_no_concurrent_runs(log);
    let mut retries = 0;
    for id in ids {
        let job = super::ended(&store, id).await;
        assert_eq!(job.status, Status::Succeeded, "{job:?}");
        retries += job.attempts - 1;
    }
    assert!(retries > 0, "no process was killed during a job");
}

#[tokio::test]
async fn sqlite_jobs_survive_kills() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    survive(&url, 1).await;
}

#[tokio::test]
async fn sqlite_jobs_of_two_processes_survive_kills() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    survive(&url, 2).await;
}
