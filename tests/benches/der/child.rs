//! Diarizes one recording in a subprocess, which runs this program, or a build of another commit.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use pyannote::output::Turns;
use pyannote_engine::audio::{DecodeOptions, Limits, decode_with};
use pyannote_engine::{Diarizer, OpenModels, Options};
use pyannote_tests::process::memory_bytes;
use serde::{Deserialize, Serialize};

/// Progress at which segmentation and embedding extraction end.
const PHASES: [f64; 2] = [0.4, 0.98];

/// The input of a subprocess.
#[derive(Deserialize, Serialize)]
pub(crate) struct Task {
    pub(crate) wav: PathBuf,
    pub(crate) threads: NonZero<usize>,
}

/// The output of a subprocess.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(crate) struct Measured {
    pub(crate) turns: Turns,
    /// Duration of the audio, in seconds.
    pub(crate) audio_s: f64,
    /// Duration of decoding, in seconds.
    pub(crate) decode_s: f64,
    /// Duration of the diarization, in seconds.
    pub(crate) elapsed_s: f64,
    /// How much of it had passed at the end of segmentation and of embedding extraction, in seconds.
    pub(crate) phase_ends_s: [f64; 2],
    /// Peak memory of the process in bytes, on platforms that report it.
    pub(crate) peak_bytes: Option<u64>,
}

/// Diarizes a recording in two subprocesses, one after the other, with one thread and with two.
pub(crate) fn measure(wav: &Path) -> [Measured; 2] {
    let one = NonZero::<usize>::MIN;
    [one, one.saturating_add(1)].map(|threads| {
        let task = Task {
            wav: wav.to_owned(),
            threads,
        };
        task.run_in_subprocess(&std::env::current_exe().unwrap())
    })
}

impl Task {
    /// Runs the task in a subprocess.
    pub(crate) fn run_in_subprocess(&self, program: &Path) -> Measured {
        let output = Command::new(program)
            .args(["--task", &serde_json::to_string(self).unwrap()])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let (wav, status) = (self.wav.display(), output.status);
        assert!(status.success(), "{wav}: {status}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs the task in this process. Loading the models is not measured.
    pub(crate) fn run(&self, load: impl FnOnce(NonZero<usize>) -> OpenModels) -> Measured {
        let start = Instant::now();
        // A day of WAV is larger than files may be.
        let limits = Limits {
            bytes: u64::MAX,
            ..Limits::default()
        };
        let recording = decode_with(&self.wav, &DecodeOptions::new().limits(limits)).unwrap();
        let decode_s = start.elapsed().as_secs_f64();
        let models = load(self.threads);
        let start = Instant::now();
        let mut phase_ends_s = [0.0; 2];
        let mut options = Options::new().on_progress(|fraction| {
            for (end_s, phase) in phase_ends_s.iter_mut().zip(PHASES) {
                if *end_s == 0.0 && fraction > phase - 1e-9 {
                    *end_s = start.elapsed().as_secs_f64();
                }
            }
        });
        let turns = models.diarize(&recording, &mut options).unwrap().turns;
        drop(options);
        Measured {
            turns,
            audio_s: recording.duration(),
            decode_s,
            elapsed_s: start.elapsed().as_secs_f64(),
            phase_ends_s,
            peak_bytes: memory_bytes("self", "VmHWM"),
        }
    }
}
