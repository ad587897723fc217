//! Works on one recording in a process of its own, which is this program once more.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use pyannote::output::Turns;
use serde::{Deserialize, Serialize};

/// What a process is to do.
#[derive(Deserialize, Serialize)]
pub(crate) struct Work {
    wav: PathBuf,
    threads: usize,
    /// How many times the recording is heard, one after the other, as one.
    repeat: usize,
}

/// What it cost, and what came of it.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(crate) struct Measured {
    pub(crate) turns: Turns,
    /// How long the audio is, in seconds.
    pub(crate) audio: f64,
    /// How long the work took, in seconds.
    pub(crate) work: f64,
    /// The most memory that the process ever had, in bytes, where the platform tells.
    pub(crate) peak: Option<u64>,
}

/// Has a process work on a recording.
pub(crate) fn measure(wav: &Path, threads: usize, repeat: usize) -> Measured {
    let work = Work {
        wav: wav.to_owned(),
        threads,
        repeat,
    };
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--work", &serde_json::to_string(&work).unwrap()])
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}: {}",
        wav.display(),
        output.status
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

impl Work {
    /// Does it, in this process, with what `engine` makes for so many threads.
    pub(crate) fn run<D: Fn(&[f32]) -> Turns>(&self, engine: impl FnOnce(usize) -> D) -> Measured {
        let samples = pyannote_local::audio::decode(&self.wav).unwrap().samples;
        let samples = if self.repeat > 1 {
            samples.repeat(self.repeat)
        } else {
            samples
        };
        let diarize = engine(self.threads);
        let start = Instant::now();
        let turns = diarize(&samples);
        Measured {
            work: start.elapsed().as_secs_f64(),
            audio: samples.len() as f64 / f64::from(pyannote_local::engine::SAMPLE_RATE),
            turns,
            peak: peak(),
        }
    }
}

/// The most memory that this process ever had, in bytes. Linux tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
