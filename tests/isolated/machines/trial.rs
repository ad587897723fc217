//! 20 jobs, amid which a process is killed.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hound::{WavReader, WavSpec, WavWriter};
use pyannote::webhook::Verifier;
use pyannote::{Client, JobId, JobStatus};
use pyannote_engine::assets::Assets;
use pyannote_server::store::{Status, Store};
use pyannote_tests::http::{Response, TestServer};
use pyannote_tests::postgres::Cluster;
use pyannote_tests::s3::S3;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use super::process::Process;

pub(crate) const KEY: &str = "test-key";
pub(crate) const SECRET: &str = "whs_test";
/// The team of [`KEY`].
const TEAM: &str = "local";
const JOBS: usize = 20;
/// How many jobs have ended before a process is killed.
const JOBS_BEFORE_KILL: usize = 5;
/// How long no webhook has arrived before a process is killed, so that it is not killed while sending one: the receiver
/// would get it twice. Each of four jobs takes a second.
const QUIET: Duration = Duration::from_millis(150);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// The services of all machines, and a receiver of webhooks.
pub(crate) struct Trial<'a> {
    database: &'a Cluster,
    storage: &'a S3,
    folder: TempDir,
    store: Store,
    receiver: TestServer,
    /// Recording that is uploaded.
    recording: PathBuf,
    has_open_models: bool,
}

impl<'a> Trial<'a> {
    pub(crate) async fn new(database: &'a Cluster, storage: &'a S3) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("recording.wav");
        write_tone(&recording);
        Self {
            store: Store::connect(&database.url()).await.unwrap(),
            receiver: TestServer::with_responses([Response::ok("")]).await,
            has_open_models: false,
            database,
            storage,
            folder,
            recording,
        }
    }

    pub(crate) async fn with_open_models(database: &'a Cluster, storage: &'a S3) -> Self {
        let assets = Assets::locate().unwrap();
        assert!(assets.ready(), "run `cargo xtask assets` first");
        let trial = Self::new(database, storage).await;
        write_excerpt(&assets.sample().wav, &trial.recording);
        Self {
            has_open_models: true,
            ..trial
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn database(&self) -> String {
        self.database.url()
    }

    pub(crate) fn storage(&self) -> &S3 {
        self.storage
    }

    pub(crate) fn has_open_models(&self) -> bool {
        self.has_open_models
    }

    /// Submits jobs to the servers in turn, and kills the first of the processes that work.
    pub(crate) async fn run(&self, servers: Vec<Process>, workers: Vec<Process>) {
        let clients: Vec<Client> = servers
            .iter()
            .map(|server| {
                let builder = Client::builder().api_key(KEY).base_url(&server.url);
                builder.build().unwrap()
            })
            .collect();
        self.check_presigned_urls(&servers[0].url).await;
        let mut ids = Vec::new();
        for number in 0..JOBS {
            let client = &clients[number % clients.len()];
            let upload = client.upload(&*self.recording);
            let media = upload.key(format!("calls/{number}.wav")).await.unwrap();
            let request = client.diarize(&media).webhook(self.receiver.url());
            ids.push(request.submit().await.unwrap().id().clone());
        }
        let stored = self.storage.keys();
        for number in 0..JOBS {
            let key = format!("{TEAM}/calls/{number}.wav");
            assert!(stored.contains(&key), "{stored:?}");
        }
        let mut processes: Vec<Process> = workers.into_iter().chain(servers).collect();
        self.wait_for_a_moment_between_webhooks().await;
        processes[0].kill();
        let retries = self.wait_for_the_end(&ids).await;
        assert!(retries > 0, "no process was killed during a job");
        self.check_webhooks(&ids).await;
        // The last server has not been killed.
        let job = clients[clients.len() - 1].job::<pyannote::Diarization>(ids[0].clone());
        assert_eq!(job.status().await.unwrap(), JobStatus::Succeeded);
        for process in processes {
            let log = process.log();
            assert!(log.len() > 1_000, "{log}");
            assert!(!self.storage.is_secret_in(&log));
        }
    }

    /// The URLs are those of the bucket, and allow nothing but what they were made for.
    async fn check_presigned_urls(&self, server: &str) {
        let http = reqwest::Client::new();
        let presigned = async |direction: &str, key: &str| {
            let request = http.post(format!("{server}/v1/media/{direction}"));
            let body = json!({ "url": format!("media://{key}") });
            let response = request.bearer_auth(KEY).json(&body).send().await.unwrap();
            let status = response.status();
            let body: Value = response.json().await.unwrap();
            (status, body["url"].as_str().unwrap_or_default().to_owned())
        };
        let (status, _) = presigned("output", "a/b").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let (status, put) = presigned("input", "a/b").await;
        assert_eq!(status, StatusCode::CREATED);
        let path = format!("{}/recordings/media/{TEAM}/a/b?", self.storage.endpoint());
        assert!(put.starts_with(&path), "{put}");

        let unsigned = put.split('?').next().unwrap();
        let other_key = put.replace("/a/b?", "/a/c?");
        for url in [unsigned, &other_key] {
            let response = http.put(url).body("other").send().await.unwrap();
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{url}");
        }
        let response = http.put(&put).body("content").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        // The URL allows an upload, and no download.
        let response = http.get(&put).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        let (status, get) = presigned("output", "a/b").await;
        assert_eq!(status, StatusCode::CREATED);
        let response = http.get(&get).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "content");
    }

    async fn wait_for_a_moment_between_webhooks(&self) {
        let start = Instant::now();
        let (mut count, mut since) = (0, Instant::now());
        while count < JOBS_BEFORE_KILL || since.elapsed() < QUIET {
            assert!(start.elapsed() < TIME_LIMIT, "no progress: {count}");
            if self.receiver.request_count() > count {
                count = self.receiver.request_count();
                since = Instant::now();
            }
            sleep(POLL_INTERVAL).await;
        }
        assert!(count < JOBS, "all jobs have ended before the kill");
    }

    /// Waits until all jobs have succeeded. Returns how many were run again.
    async fn wait_for_the_end(&self, ids: &[JobId]) -> u32 {
        let start = Instant::now();
        let mut retries = 0;
        for id in ids {
            let id = id.as_str().parse().unwrap();
            let job = loop {
                let job = self.store.get(TEAM, id).await.unwrap().unwrap();
                if job.status.is_final() {
                    break job;
                }
                assert!(start.elapsed() < TIME_LIMIT, "a job does not end");
                sleep(POLL_INTERVAL).await;
            };
            assert_eq!(job.status, Status::Succeeded, "{:?}", job.output);
            retries += job.attempts - 1;
        }
        retries
    }

    /// Waits until no webhook is left to be sent, and checks that there was one for each job.
    async fn check_webhooks(&self, ids: &[JobId]) {
        let start = Instant::now();
        while !self.has_sent_all_webhooks() {
            assert!(start.elapsed() < TIME_LIMIT, "webhooks are not sent");
            sleep(Duration::from_millis(200)).await;
        }
        let verifier = Verifier::new(SECRET).unwrap();
        let mut webhooks = BTreeMap::<String, usize>::new();
        for request in self.receiver.requests() {
            let event = verifier.verify(&request.headers, &request.body).unwrap();
            assert_eq!(event.status(), &JobStatus::Succeeded);
            *webhooks.entry(event.job_id().to_string()).or_default() += 1;
        }
        assert!(webhooks.values().all(|count| *count == 1), "{webhooks:?}");
        let delivered: HashSet<&str> = webhooks.keys().map(String::as_str).collect();
        assert_eq!(delivered, ids.iter().map(JobId::as_str).collect());
    }

    /// Whether the table of deliveries is empty.
    fn has_sent_all_webhooks(&self) -> bool {
        let dump = String::from_utf8(self.database.dump()).unwrap();
        let (_, deliveries) = dump.split_once("COPY public.deliveries ").unwrap();
        let (_, rows) = deliveries.split_once('\n').unwrap();
        rows.starts_with("\\.")
    }
}

/// Writes the first seconds of a recording: the models are slow in a debug build.
fn write_excerpt(recording: &Path, excerpt: &Path) {
    let mut recording = WavReader::open(recording).unwrap();
    let spec = recording.spec();
    let samples = 5 * spec.sample_rate as usize * usize::from(spec.channels);
    let mut file = WavWriter::create(excerpt, spec).unwrap();
    for sample in recording.samples::<i16>().take(samples) {
        file.write_sample(sample.unwrap()).unwrap();
    }
    file.finalize().unwrap();
}

/// Writes a recording of two seconds.
fn write_tone(path: &Path) {
    let spec = WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = WavWriter::create(path, spec).unwrap();
    for index in 0..32_000 {
        file.write_sample((index % 200) as i16 * 50).unwrap();
    }
    file.finalize().unwrap();
}
