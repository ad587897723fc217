//! Works on one recording in a process of its own, which is this program once more.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use pyannote::output::Turns;
use serde::{Deserialize, Serialize};

/// What a process is to do.
#[derive(Deserialize, Serialize)]
pub(crate) struct Work {
    wav: PathBuf,
    threads: NonZero<usize>,
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

/// Has two processes work on a recording, one after the other: with one thread, and with two.
pub(crate) fn measure(wav: &Path, repeat: usize) -> [Measured; 2] {
    [
        NonZero::<usize>::MIN,
        NonZero::<usize>::MIN.saturating_add(1),
    ]
    .map(|threads| {
        let work = Work {
            wav: wav.to_owned(),
            threads,
            repeat,
        };
        work.apart()
    })
}

impl Work {
    /// Does it, in a process of its own.
    fn apart(&self) -> Measured {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--work", &serde_json::to_string(self).unwrap()])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let (wav, status) = (self.wav.display(), output.status);
        assert!(status.success(), "{wav}: {status}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Does it, in this process. Loading the engine is not measured.
    pub(crate) fn run<D: Fn(&[f32]) -> Turns>(
        &self,
        engine: impl Fn(NonZero<usize>) -> D,
    ) -> Measured {
        let samples = pyannote_engine::audio::decode(&self.wav).unwrap().samples;
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
            audio: samples.len() as f64 / f64::from(pyannote_engine::SAMPLE_RATE),
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
