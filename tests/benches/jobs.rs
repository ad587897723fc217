//! How long the server takes to list many jobs, and to send the result of a day of audio, and how long a submission waits
//! while such results are deleted: `cargo bench -p pyannote-tests --bench jobs`.
//!
//! The jobs are in an SQLite file, and in PostgreSQL if it is installed. Each request is repeated. The median counts,
//! and the slowest is shown beside it.
#![allow(clippy::unwrap_used)]

use std::pin::pin;
use std::time::{Duration, Instant};

use clap::Parser;
use pyannote_server::engine::{Engine, EngineFuture, EngineJob, JobKind, JobOutput};
use pyannote_server::store::Store;
use pyannote_server::{RateLimits, Server};
use pyannote_tests::many_jobs;
#[cfg(unix)]
use pyannote_tests::postgres::Cluster;
use pyannote_tests::process::memory_bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

const KEY: &str = "test-key";

/// Listings of many jobs, and the result of a day of audio
#[derive(Parser)]
struct Arguments {
    /// Number of jobs
    #[arg(long, default_value_t = 50_000)]
    jobs: i32,
    /// Requests of each kind
    #[arg(long, default_value_t = 50)]
    runs: usize,
    /// Speakers in the result, each with probabilities for 24 h: 20 MB each
    #[arg(long, default_value_t = 4)]
    speakers: usize,
    /// Results of a day that are deleted, each of which is on the disk twice for a time
    #[arg(long, default_value_t = 20)]
    deleted: usize,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "load before: {}",
        load.split(' ').next().unwrap_or("unknown")
    );
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.sqlite").display());
    measure("SQLite", &url, &arguments).await;
    #[cfg(unix)]
    if let Some(cluster) = Cluster::start() {
        measure("PostgreSQL", &cluster.url(), &arguments).await;
    }
}

async fn measure(database: &str, url: &str, arguments: &Arguments) {
    let store = Store::connect(url).await.unwrap();
    // Open jobs have the largest requests that there are: 50 voiceprints.
    let voiceprint = json!({ "label": "Ada", "voiceprint": "A".repeat(20_000) });
    let request = json!({ "url": "media://a", "voiceprints": vec![voiceprint; 50] });
    many_jobs::insert(url, arguments.jobs, &request.to_string()).await;
    let server = Server::builder()
        .engine(DayEngine::new(arguments.speakers))
        .key(KEY)
        .rate_limits(RateLimits::off())
        .max_recorded_requests(0)
        .store(store.clone());
    let server = server.start().await.unwrap();
    let client = Client {
        http: reqwest::Client::new(),
        url: server.url().to_owned(),
    };
    println!("\n{database}, {} jobs: median, slowest", arguments.jobs);
    let middle = many_jobs::id(u64::from(arguments.jobs.unsigned_abs()) / 2);
    let mut queries = vec![
        "limit=10".to_owned(),
        "limit=100".to_owned(),
        format!("limit=100&cursor={middle}"),
    ];
    for status in [
        "pending",
        "created",
        "running",
        "succeeded",
        "failed",
        "canceled",
    ] {
        queries.push(format!("limit=100&status={status}"));
    }
    queries.push(format!("limit=100&status=failed&cursor={middle}"));
    for query in queries {
        let mut times_ms = Vec::new();
        for _ in 0..arguments.runs {
            let start = Instant::now();
            client.get(&format!("/v2/jobs?{query}")).await;
            times_ms.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times_ms.sort_by(f64::total_cmp);
        let (median, slowest) = (times_ms[times_ms.len() / 2], times_ms[times_ms.len() - 1]);
        println!("{query:76} {median:8.2} ms {slowest:8.2} ms");
    }
    let job = client.submit().await;
    reset_peak();
    let before = memory_bytes("self", "VmHWM").unwrap_or(0);
    let start = Instant::now();
    let bytes = client.get(&format!("/v1/jobs/{job}")).await;
    let seconds = start.elapsed().as_secs_f64();
    let peak = memory_bytes("self", "VmHWM")
        .unwrap_or(0)
        .saturating_sub(before);
    println!(
        "a result of {:.0} MB: {seconds:.2} s, {:.0} MB of memory at most",
        bytes as f64 / 1e6,
        peak as f64 / 1e6,
    );
    for _ in 1..arguments.deleted {
        client.submit().await;
    }
    server.stop().await;
    measure_deletion(&store).await;
    store.close().await;
}

/// Submits jobs while all results are deleted.
async fn measure_deletion(store: &Store) {
    let start = Instant::now();
    let deletion = async {
        let deleted = store.expire_outputs(Duration::ZERO).await.unwrap();
        store.purge().await.unwrap();
        deleted
    };
    let mut deletion = pin!(deletion);
    let mut waits_ms = Vec::new();
    let deleted = loop {
        let submit = async {
            // The deletion takes its turns meanwhile.
            tokio::time::sleep(Duration::from_millis(2)).await;
            let start = Instant::now();
            let created = store.create("other", JobKind::Diarize, Map::new()).await;
            created.unwrap();
            start.elapsed().as_secs_f64() * 1e3
        };
        let mut submit = pin!(submit);
        tokio::select! {
            biased;
            wait_ms = &mut submit => waits_ms.push(wait_ms),
            deleted = &mut deletion => {
                waits_ms.push(submit.await);
                break deleted;
            }
        }
    };
    waits_ms.sort_by(f64::total_cmp);
    println!(
        "{deleted} results deleted in {:.1} s; a submission meanwhile: median {:.1} ms, slowest {:.0} ms",
        start.elapsed().as_secs_f64(),
        waits_ms[waits_ms.len() / 2],
        waits_ms[waits_ms.len() - 1],
    );
}

/// Returns the probabilities of a day.
struct DayEngine(Box<RawValue>);

impl DayEngine {
    fn new(speakers: usize) -> Self {
        let body = pyannote_tests::long_body_by_speaker(speakers, 4_320_000);
        let (_, output) = body.split_once("\"output\":").unwrap();
        let output = output.strip_suffix('}').unwrap().to_owned();
        Self(RawValue::from_string(output).unwrap())
    }
}

impl Engine for DayEngine {
    fn needs_audio(&self) -> bool {
        false
    }

    fn process(&self, _: EngineJob) -> EngineFuture<'_> {
        Box::pin(async { Ok(JobOutput::new(&self.0).unwrap()) })
    }
}

/// Resets the peak of resident memory, on Linux.
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    /// Reads a response without keeping it. Returns its size.
    async fn get(&self, path: &str) -> usize {
        let request = self
            .http
            .get(format!("{}{path}", self.url))
            .bearer_auth(KEY);
        let mut response = request.send().await.unwrap().error_for_status().unwrap();
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await.unwrap() {
            bytes += chunk.len();
        }
        bytes
    }

    /// Submits a job, and waits until it has ended. Returns its id.
    async fn submit(&self) -> String {
        let request = self
            .http
            .post(format!("{}/v1/diarize", self.url))
            .bearer_auth(KEY);
        let request = request.json(&json!({ "url": "media://a" }));
        let response = request.send().await.unwrap().error_for_status().unwrap();
        let body: Value = response.json().await.unwrap();
        let id = body["jobId"].as_str().unwrap().to_owned();
        // The body of a job that has not ended is short.
        while self.get(&format!("/v1/jobs/{id}")).await < 1_000 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        id
    }
}
