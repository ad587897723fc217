//! Speed of uploads relative to `curl -T`, and what a call costs relative to reqwest, against a server on loopback:
//! `cargo bench -p pyannote-tests --bench transfers`.
//!
//! The server and each upload are processes of their own. All that is compared runs in turns, and the fastest run of each
//! counts: whatever else the machine does can only make it slower.
#![allow(clippy::unwrap_used)]

mod calls;
mod process;
mod server;
mod uploads;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use pyannote::{Client, RateLimit};

use server::Server;
use uploads::Uploader;

/// The speed of uploads, and what a call costs
#[derive(Parser)]
struct Arguments {
    /// Size of the upload, in MiB
    #[arg(long, default_value_t = 1024)]
    mib: usize,
    /// Runs of each, of which the fastest counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Number of calls in each run
    #[arg(long, default_value_t = 20_000)]
    calls: usize,
    /// Number of calls at a time
    #[arg(long, default_value_t = 256)]
    concurrency: usize,
    /// The same as --mib 64 --runs 3 --calls 2000
    #[arg(long, conflicts_with_all = ["mib", "runs", "calls"])]
    short: bool,
    #[arg(long, hide = true)]
    serve: bool,
    #[arg(long, hide = true, requires_all = ["url", "file"])]
    upload: Option<Uploader>,
    #[arg(long, hide = true)]
    url: Option<String>,
    #[arg(long, hide = true)]
    file: Option<PathBuf>,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let mut arguments = Arguments::parse();
    if arguments.serve {
        return server::serve();
    }
    if let (Some(uploader), Some(url), Some(file)) =
        (arguments.upload, &arguments.url, &arguments.file)
    {
        return uploads::upload(uploader, url, file).await;
    }
    if arguments.short {
        (arguments.mib, arguments.runs, arguments.calls) = (64, 3, 2_000);
    }
    let server = Server::start();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "upload of {} MiB, {} calls, fastest of {} runs; load before: {}",
        arguments.mib,
        arguments.calls,
        arguments.runs,
        load.split(' ').next().unwrap_or("unknown"),
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.wav");
    write_noise(&path, arguments.mib);
    uploads::compare(&server.url, &path, arguments.runs);
    let Arguments {
        calls,
        concurrency,
        runs,
        ..
    } = arguments;
    calls::compare(&server.url, calls, concurrency, runs).await;
}

fn client(url: &str) -> Client {
    Client::builder()
        .api_key("key")
        .base_url(url)
        .rate_limit(RateLimit::off())
        .build()
        .unwrap()
}

/// Writes a file of which no two pages are the same.
fn write_noise(path: &Path, mib: usize) {
    let mut file = std::fs::File::create(path).unwrap();
    let mut state: u64 = 1;
    for _ in 0..mib {
        let block: Vec<u8> = (0..1024 * 1024 / 8)
            .flat_map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                state.to_le_bytes()
            })
            .collect();
        file.write_all(&block).unwrap();
    }
    file.sync_all().unwrap();
}

fn fastest(times: Vec<f64>) -> f64 {
    times.into_iter().fold(f64::INFINITY, f64::min)
}
