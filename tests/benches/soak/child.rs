//! The process of the server and the proxy.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pyannote_server::engine::{EngineFuture, EngineJob};
use pyannote_server::store::Store;
use pyannote_server::{Engine, EngineError, RateLimits, Server};
use pyannote_tests::fault_proxy::{Exchange, FaultProxy, seeded};
use pyannote_tests::soak::{JobRecord, mark_of};
use serde_json::json;
use uuid::Uuid;

use crate::ledger::{Lines, read};

/// The API key of the server.
pub(crate) const API_KEY: &str = "soak-key";

/// Requests per minute that the server allows: never the limit of a run, but what the client's limiter counts.
const REQUESTS_PER_MINUTE: u32 = 60_000;
/// Number of jobs that are processed at once.
const CONCURRENCY: usize = 32;
/// No submission is in progress any more after this time without one: retries are at most 2 s apart.
const QUIET_TIME: Duration = Duration::from_secs(4);
/// Maximum time until all submissions and jobs have ended.
const MAX_SETTLE_TIME: Duration = Duration::from_secs(120);

/// One job of this many fails.
const FAILING: u64 = 23;

/// Whether the job of a submission fails.
pub(crate) fn fails(mark: u64) -> bool {
    mark % FAILING == FAILING - 1
}

/// The child process.
pub(crate) struct Child {
    process: std::process::Child,
    url: String,
    folder: PathBuf,
}

impl Child {
    pub(crate) fn start(folder: &Path, seed: u64, faults: f64) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                format!("--seed={seed}"),
                format!("--faults={faults}"),
                "--serve".to_owned(),
            ])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut url).unwrap();
        Self {
            process,
            url: url.trim().to_owned(),
            folder: folder.to_owned(),
        }
    }

    /// The base URL of the proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until no submission is in progress and all jobs have ended. Returns the records of the proxy and the server.
    pub(crate) fn finish(mut self) -> (Vec<Exchange>, Vec<JobRecord>) {
        drop(self.process.stdin.take());
        let status = self.process.wait().unwrap();
        assert!(status.success(), "the server's process failed: {status}");
        (
            read(&self.folder.join("exchanges")),
            read(&self.folder.join("jobs")),
        )
    }
}

/// Runs the server and the proxy until stdin is closed.
#[tokio::main]
pub(crate) async fn serve(folder: &Path, seed: u64, faults: f64) {
    let store = Store::open(folder.join("jobs.sqlite")).await.unwrap();
    let server = Server::builder()
        .engine(MarkedEngine)
        .key(API_KEY)
        .store(store.clone())
        .rate_limits(RateLimits {
            posts_per_minute: Some(REQUESTS_PER_MINUTE),
            job_reads_per_minute: Some(REQUESTS_PER_MINUTE),
        })
        .concurrency(CONCURRENCY)
        .max_recorded_requests(0)
        .start()
        .await
        .unwrap();
    let address = server.url().trim_start_matches("http://").parse().unwrap();
    let exchanges = Arc::new(Lines::create(&folder.join("exchanges")));
    let log = Box::new(move |exchange| exchanges.add(&exchange));
    let proxy = FaultProxy::start(address, seeded(seed, faults, mark_of), log)
        .await
        .unwrap();
    println!("{}", proxy.url());

    let end_of_stdin = || std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    tokio::task::spawn_blocking(end_of_stdin)
        .await
        .unwrap()
        .unwrap();
    let settled = async {
        while proxy.quiet_time() < QUIET_TIME || has_unfinished_jobs(&store).await {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    // If they do not end, the judge says which of them.
    let _ = tokio::time::timeout(MAX_SETTLE_TIME, settled).await;
    write_record(&store, &folder.join("jobs")).await;
    std::process::exit(0);
}

async fn has_unfinished_jobs(store: &Store) -> bool {
    let counts = store.counts().await.unwrap();
    counts
        .iter()
        .any(|(status, jobs)| !status.is_final() && *jobs > 0)
}

/// Writes down which jobs the server has, and of which submissions.
async fn write_record(store: &Store, path: &Path) {
    let record = Lines::create(path);
    for job in store.list(TEAM, usize::MAX, None, None).await.unwrap() {
        record.add(&JobRecord {
            id: job.id.to_string(),
            mark: mark(store, job.id).await,
            created_at_ms: u64::try_from(job.created_at.timestamp_millis()).unwrap(),
            has_ended: job.status.is_final(),
        });
    }
}

/// The team of the API key.
const TEAM: &str = "local";

/// The mark of a job, from its output.
async fn mark(store: &Store, id: Uuid) -> Option<u64> {
    let output = store.get(TEAM, id).await.unwrap()?.output?.to_value();
    let failed = || output["error"].as_str()?.rsplit(' ').next()?.parse().ok();
    let start = output["diarization"][0]["start"].as_u64();
    start.or_else(failed)
}

/// An engine whose outputs have the mark of their submission.
struct MarkedEngine;

impl Engine for MarkedEngine {
    fn needs_audio(&self) -> bool {
        false
    }

    fn process(&self, job: EngineJob) -> EngineFuture<'_> {
        Box::pin(async move {
            let url = job.request.get("url").and_then(|url| url.as_str());
            let mark = url.and_then(mark_of).unwrap();
            // Short, or longer than the first delays between polls.
            tokio::time::sleep(Duration::from_millis(mark * 37 % 1_000)).await;
            match fails(mark) {
                true => Err(EngineError(failure(mark))),
                false => Ok(json!({
                    "diarization": [{ "speaker": "SPEAKER_00", "start": mark, "end": mark + 1 }],
                })
                .into()),
            }
        })
    }
}

/// The reason why the job of a submission fails.
pub(crate) fn failure(mark: u64) -> String {
    format!("the scripted failure of {mark}")
}
