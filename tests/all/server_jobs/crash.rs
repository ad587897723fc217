//! Servers that are killed in the middle (SIGKILL), as processes of their own.

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

const URL: &str = "LOCAL_JOBS_URL";
const LOG: &str = "LOCAL_JOBS_LOG";
const JOBS: usize = 20;

/// Takes a while, and writes down when it begins and ends.
struct Slow(PathBuf);

/// A run that is written down, however it ends; unless the process is killed.
struct Written<'a>(&'a Path, String);

fn write(log: &Path, line: &str) {
    let mut file = std::fs::OpenOptions::new();
    let mut file = file.append(true).create(true).open(log).unwrap();
    // One write, so that lines of several processes do not mix.
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        write(self.0, &format!("end {} {}", self.1, std::process::id()));
    }
}

impl Engine for Slow {
    fn needs_audio(&self) -> bool {
        false
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        Box::pin(async move {
            write(&self.0, &format!("start {} {}", job.id, std::process::id()));
            let _written = Written(&self.0, job.id);
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(json!({ "diarization": [] }))
        })
    }
}

/// The process that is killed. It works until no job is left.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the tests that kill it"]
async fn worker_process() {
    let (Ok(url), Ok(log)) = (std::env::var(URL), std::env::var(LOG)) else {
        return;
    };
    let store = Store::connect(&url).await.unwrap();
    let config = WorkerConfig {
        store: store.clone(),
        engine: Arc::new(Slow(log.into())),
        audio: None,
        webhook_secret: None,
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

/// A process that is killed when the test ends, whatever comes.
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

async fn ends(log: &Path, wanted: usize) {
    let begun = Instant::now();
    while lines(log)
        .iter()
        .filter(|line| line.starts_with("end"))
        .count()
        < wanted
    {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "the workers work"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether no job began while it ran in a process that lived.
fn check(log: &Path) {
    let mut running = HashMap::<String, String>::new();
    for line in lines(log) {
        let words: Vec<_> = line.split(' ').collect();
        let (job, process) = (words[1].to_owned(), words[2].to_owned());
        match words[0] {
            "start" => {
                let other = running.insert(job, process);
                assert_eq!(other, None, "twice at once: {line}");
            }
            "end" => assert_eq!(running.remove(&job), Some(process), "{line}"),
            _ => running.retain(|_, in_process| *in_process != process),
        }
    }
    assert!(running.is_empty(), "{running:?}");
}

/// Twenty jobs, `together` processes, two kills: all end, and none runs twice at once.
pub(crate) async fn survive(url: &str, together: usize) {
    let folder = tempfile::tempdir().unwrap();
    let log = &folder.path().join("log");
    let store = Store::connect(url).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..JOBS {
        ids.push(submit(&store, json!({})).await);
    }
    let mut workers: Vec<_> = (0..together).map(|_| Worker::start(url, log)).collect();
    for done in [4, 9] {
        ends(log, done).await;
        workers.remove(0).kill(log);
        workers.push(Worker::start(url, log));
    }
    let begun = Instant::now();
    while open(&store).await > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "all jobs end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for worker in &mut workers {
        assert!(worker.0.wait().unwrap().success());
    }
    check(log);
    let mut again = 0;
    for id in ids {
        let job = super::ended(&store, id).await;
        assert_eq!(job.status, Status::Succeeded, "{job:?}");
        again += job.attempts - 1;
    }
    assert!(again > 0, "the kills came while jobs were running");
}

#[tokio::test]
async fn jobs_in_a_file_survive_kills() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    survive(&url, 1).await;
}

#[tokio::test]
async fn two_processes_on_one_file_survive_kills() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    survive(&url, 2).await;
}
