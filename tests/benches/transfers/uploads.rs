//! Speed and memory of uploads, each in a process of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{client, median};

/// How often the memory of curl is read.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(5);

/// What uploads a file.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
pub(crate) enum Uploader {
    /// The SDK, with a key of the caller.
    Key,
    /// The SDK, with the default key.
    Digest,
    /// `curl -T`.
    Curl,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
struct Measured {
    elapsed_s: f64,
    /// Peak memory of the process in bytes, on Linux.
    peak_bytes: Option<u64>,
}

/// Uploads a file again and again, and prints the medians.
pub(crate) fn compare(url: &str, path: &Path, runs: usize) {
    let mut uploaders = vec![
        ("SDK, own key", Uploader::Key, Vec::new()),
        ("SDK, digest as key", Uploader::Digest, Vec::new()),
    ];
    match Command::new("curl").arg("--version").output() {
        Ok(_) => uploaders.push(("curl -T", Uploader::Curl, Vec::new())),
        Err(_) => println!("curl is missing"),
    }
    for _ in 0..runs {
        for (_, uploader, measured) in &mut uploaders {
            measured.push(match uploader {
                Uploader::Curl => curl(url, path),
                _ => in_subprocess(*uploader, url, path),
            });
        }
    }
    let bytes = std::fs::metadata(path).unwrap().len() as f64;
    let speed = |measured: &[Measured]| {
        bytes / 1e6 / median(measured.iter().map(|it| it.elapsed_s).collect())
    };
    let speeds: Vec<f64> = uploaders.iter().map(|(_, _, it)| speed(it)).collect();
    let curl = uploaders.iter().position(|it| it.1 == Uploader::Curl);
    for ((name, _, measured), speed) in uploaders.iter().zip(&speeds) {
        let ratio = |other: usize| format!("{:.2}", speed / speeds[other]);
        let peak = measured.iter().filter_map(|it| it.peak_bytes).max();
        println!(
            "{name:20} {speed:7.0} MB/s   {} of the SDK with its own key   {} of curl   peak {} MB",
            ratio(0),
            curl.map_or("-".to_owned(), ratio),
            peak.map_or("-".to_owned(), |bytes| (bytes / 1_000_000).to_string()),
        );
    }
}

fn in_subprocess(uploader: Uploader, url: &str, path: &Path) -> Measured {
    let key = match uploader {
        Uploader::Digest => "digest",
        _ => "key",
    };
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--upload", key, "--url", url, "--file"])
        .arg(path)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Uploads a file in this process, and prints what was measured as JSON.
pub(crate) async fn upload(uploader: Uploader, url: &str, path: &Path) {
    let client = client(url);
    // Connects, which is not measured.
    client.test_key().await.unwrap();
    let mut upload = client.upload(path);
    if uploader == Uploader::Key {
        upload = upload.key("recording.wav");
    }
    let start = Instant::now();
    upload.await.unwrap();
    let measured = Measured {
        elapsed_s: start.elapsed().as_secs_f64(),
        peak_bytes: peak_bytes("self"),
    };
    println!("{}", serde_json::to_string(&measured).unwrap());
}

fn curl(url: &str, path: &Path) -> Measured {
    let mut curl = Command::new("curl")
        .args([
            "--silent",
            "--fail",
            "--noproxy",
            "*",
            "--write-out",
            "%{time_total}",
        ])
        .arg("--upload-file")
        .arg(path)
        .arg(format!("{url}/object?signature=1"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut peak_bytes_seen = None;
    while curl.try_wait().unwrap().is_none() {
        peak_bytes_seen = peak_bytes_seen.max(peak_bytes(&curl.id().to_string()));
        std::thread::sleep(SAMPLE_INTERVAL);
    }
    let output = curl.wait_with_output().unwrap();
    assert!(output.status.success());
    Measured {
        elapsed_s: str::from_utf8(&output.stdout).unwrap().parse().unwrap(),
        peak_bytes: peak_bytes_seen,
    }
}

fn peak_bytes(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
