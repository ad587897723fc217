//! How long short jobs take while a server processes a long one: `cargo xtask bench lanes PROGRAM…`.
//!
//! Each program is a build of `pyannote-server`, which runs with its default options. The sample recording is submitted
//! once, repeated to an hour, and then eight times as it is. The long job also runs alone, to see what the others cost.
#![allow(clippy::unwrap_used)]

#[path = "repeated.rs"]
mod repeated;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use futures_util::future::join_all;
use pyannote::{Client, Diarization, JobStatus, MediaUrl, RateLimit};
use pyannote_engine::assets::Assets;

use repeated::repeated;

const KEY: &str = "test-key";
/// How often the status of a job is read.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The header and the delimiter row of the table.
const HEADER: &str = "\
| program | long job alone, s | long job, s | short jobs: first, s | median, s | last, s |
| --- | ---: | ---: | ---: | ---: | ---: |";

/// Measures short jobs behind a long one
#[derive(Parser)]
#[command(name = "cargo xtask bench lanes")]
struct Arguments {
    /// Builds of pyannote-server
    #[arg(required = true)]
    programs: Vec<PathBuf>,
    /// Duration of the long recording, in hours
    #[arg(long, default_value_t = 1.0)]
    hours: f64,
    /// Number of short jobs
    #[arg(long, default_value_t = 8)]
    short: usize,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// A running server, which is killed on drop.
struct Server {
    process: Child,
    client: Client,
}

impl Server {
    fn start(program: &Path) -> Self {
        let mut process = Command::new(program)
            .args(["serve", "--key", KEY, "--listen", "127.0.0.1:0"])
            .arg("--no-rate-limits")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("Listening on ").unwrap();
        let client = Client::builder()
            .api_key(KEY)
            .base_url(url)
            .rate_limit(RateLimit::off());
        Self {
            client: client.build().unwrap(),
            process,
        }
    }

    /// Submits a job, and returns the seconds until it has succeeded.
    async fn job_s(&self, media: &MediaUrl) -> f64 {
        let start = Instant::now();
        let job = self.client.diarize(media).submit().await;
        let job: pyannote::Job<Diarization> = job.unwrap();
        loop {
            match job.status().await.unwrap() {
                JobStatus::Created | JobStatus::Running => {
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
                status => {
                    assert_eq!(status, JobStatus::Succeeded);
                    return start.elapsed().as_secs_f64();
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let assets = Assets::locate().unwrap();
    assets
        .ensure(&mut |progress| eprintln!("{progress}"))
        .unwrap();
    let sample = assets.sample().wav;
    let long_wav = repeated(&sample, arguments.hours);
    println!("{HEADER}");
    for program in &arguments.programs {
        let server = Server::start(program);
        let upload = async |path: &Path, key: &str| {
            let media = server.client.upload(path).key(key).await;
            media.unwrap()
        };
        let long = upload(long_wav.path(), "long.wav").await;
        let short = upload(&sample, "short.wav").await;
        let alone_s = server.job_s(&long).await;
        let short_jobs = async {
            // The long job is submitted first.
            tokio::time::sleep(POLL_INTERVAL).await;
            let jobs = (0..arguments.short).map(|_| server.job_s(&short));
            join_all(jobs).await
        };
        let (long_s, mut short_s) = tokio::join!(server.job_s(&long), short_jobs);
        short_s.sort_by(f64::total_cmp);
        let quantile = |share: f64| {
            let index = (share * short_s.len().saturating_sub(1) as f64).round() as usize;
            short_s.get(index).copied().unwrap_or(f64::NAN)
        };
        println!(
            "| {} | {alone_s:.1} | {long_s:.1} | {:.1} | {:.1} | {:.1} |",
            program.display(),
            quantile(0.0),
            quantile(0.5),
            quantile(1.0),
        );
    }
}
