//! Diarizes one recording in a subprocess, which runs this program again.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use pyannote::output::Turns;
use pyannote_tests::process::memory_bytes;
use serde::{Deserialize, Serialize};

/// The input of a subprocess.
#[derive(Deserialize, Serialize)]
pub(crate) struct Task {
    wav: PathBuf,
    threads: NonZero<usize>,
    /// How many times the recording is repeated.
    repeat: usize,
}

/// The output of a subprocess.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(crate) struct Measured {
    pub(crate) turns: Turns,
    /// Duration of the audio, in seconds.
    pub(crate) audio_s: f64,
    /// Duration of the diarization, in seconds.
    pub(crate) elapsed_s: f64,
    /// Peak memory of the process in bytes, on platforms that report it.
    pub(crate) peak_bytes: Option<u64>,
}

/// Diarizes a recording in two subprocesses, one after the other, with one thread and with two.
pub(crate) fn measure(wav: &Path, repeat: usize) -> [Measured; 2] {
    [
        NonZero::<usize>::MIN,
        NonZero::<usize>::MIN.saturating_add(1),
    ]
    .map(|threads| {
        let task = Task {
            wav: wav.to_owned(),
            threads,
            repeat,
        };
        task.run_in_subprocess()
    })
}

impl Task {
    /// Runs the task in a subprocess.
    fn run_in_subprocess(&self) -> Measured {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--task", &serde_json::to_string(self).unwrap()])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let (wav, status) = (self.wav.display(), output.status);
        assert!(status.success(), "{wav}: {status}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs the task in this process. Loading the engine is not measured.
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
            elapsed_s: start.elapsed().as_secs_f64(),
            audio_s: samples.len() as f64 / f64::from(pyannote_engine::SAMPLE_RATE),
            turns,
            peak_bytes: memory_bytes("self", "VmHWM"),
        }
    }
}
