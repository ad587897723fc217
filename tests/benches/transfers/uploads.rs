//! Speed and memory of uploads, each in a process of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pyannote_tests::process::memory_bytes;
use serde::{Deserialize, Serialize};

use super::process::cpu_s;
use super::{client, fastest};

/// The peak of resident memory.
const PEAK: &str = "VmHWM";
/// How often the memory of curl is read.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(5);

/// What uploads a file.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
pub(crate) enum Uploader {
    /// The SDK, with a key of the caller.
    Key,
    /// The SDK, with a digest of the content as key.
    Digest,
    /// `curl -T`.
    Curl,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
struct Measured {
    elapsed_s: f64,
    /// Time on processors, in seconds, on Linux. Other programs hardly change it.
    cpu_s: Option<f64>,
    /// Peak memory of the process in bytes, on Linux.
    peak_bytes: Option<u64>,
}

/// Uploads a file again and again, and prints the fastest runs.
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
        bytes / 1e6 / fastest(measured.iter().map(|it| it.elapsed_s).collect())
    };
    let speeds: Vec<f64> = uploaders.iter().map(|(_, _, it)| speed(it)).collect();
    let curl = uploaders.iter().position(|it| it.1 == Uploader::Curl);
    for ((name, _, measured), speed) in uploaders.iter().zip(&speeds) {
        let ratio = |other: usize| format!("{:.2}", speed / speeds[other]);
        let peak = measured.iter().filter_map(|it| it.peak_bytes).max();
        let cpu: Vec<f64> = measured.iter().filter_map(|it| it.cpu_s).collect();
        println!(
            "{name:20} {speed:7.0} MB/s   {} of the SDK with its own key   {} of curl   {} s on processors   peak {} MB",
            ratio(0),
            curl.map_or("-".to_owned(), ratio),
            match cpu.is_empty() {
                true => "-".to_owned(),
                false => format!("{:.2}", fastest(cpu)),
            },
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
    let (start, cpu_before) = (Instant::now(), cpu_s("self"));
    upload.await.unwrap();
    let elapsed_s = start.elapsed().as_secs_f64();
    let measured = Measured {
        elapsed_s,
        cpu_s: cpu_s("self")
            .zip(cpu_before)
            .map(|(end, start)| end - start),
        peak_bytes: memory_bytes("self", PEAK),
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
    let process = curl.id().to_string();
    let (mut peak_bytes_seen, mut cpu_seen) = (None, None);
    // curl may have ended, and its entry may be incomplete then.
    while curl.try_wait().unwrap().is_none() {
        peak_bytes_seen = peak_bytes_seen.max(memory_bytes(&process, PEAK));
        cpu_seen = cpu_s(&process).or(cpu_seen);
        std::thread::sleep(SAMPLE_INTERVAL);
    }
    let output = curl.wait_with_output().unwrap();
    assert!(output.status.success());
    Measured {
        elapsed_s: str::from_utf8(&output.stdout).unwrap().parse().unwrap(),
        cpu_s: cpu_seen,
        peak_bytes: peak_bytes_seen,
    }
}
