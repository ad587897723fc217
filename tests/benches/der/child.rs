//! Diarizes recordings in a subprocess, which runs this program, or a build of another commit.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use pyannote::output::Turns;
use pyannote_engine::audio::{DecodeOptions, Limits, decode_with};
use pyannote_engine::{Diarizer, OpenModels, Options, Recording, SAMPLE_RATE};
use pyannote_tests::process::{memory_bytes, processor_time};
use serde::{Deserialize, Serialize};

/// The input of a subprocess.
#[derive(Deserialize, Serialize)]
pub(crate) struct Task {
    /// Recordings, to diarize one after the other as a single one.
    pub(crate) wavs: Vec<PathBuf>,
    /// Duration to cut off the start of each, in seconds.
    pub(crate) start_s: f64,
    pub(crate) threads: NonZero<usize>,
    pub(crate) is_accurate: bool,
}

/// The output of a subprocess.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(crate) struct Measured {
    pub(crate) turns: Turns,
    /// Duration of each recording after the cut, in seconds.
    pub(crate) durations_s: Vec<f64>,
    /// Duration of decoding, in seconds.
    pub(crate) decode_s: f64,
    /// Duration of the diarization, in seconds.
    pub(crate) elapsed_s: f64,
    /// Processor time of the diarization in seconds, on platforms that report it.
    pub(crate) processor_s: Option<f64>,
    /// How much of the duration had passed at the end of segmentation and of embedding extraction, in seconds.
    pub(crate) phase_ends_s: [f64; 2],
    /// Peak memory of the process in bytes, on platforms that report it.
    pub(crate) peak_bytes: Option<u64>,
}

impl Measured {
    /// Duration of the audio, in seconds.
    pub(crate) fn audio_s(&self) -> f64 {
        self.durations_s.iter().sum()
    }
}

impl Task {
    /// Runs the task in a subprocess of this program.
    pub(crate) fn run_in_subprocess(&self) -> Measured {
        self.run_in(&std::env::current_exe().unwrap())
    }

    /// Runs the task in a subprocess of a build of this program.
    pub(crate) fn run_in(&self, program: &Path) -> Measured {
        let output = Command::new(program)
            .args(["--task", &serde_json::to_string(self).unwrap()])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let (wavs, status) = (&self.wavs, output.status);
        assert!(status.success(), "{wavs:?}: {status}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Progress at which segmentation and embedding extraction end.
    fn phases(&self) -> [f64; 2] {
        match self.is_accurate {
            true => [0.7, 0.98],
            false => [0.4, 0.98],
        }
    }

    /// Decodes the recordings. Returns them as one, and the duration of each.
    fn decode(&self) -> (Recording, Vec<f64>) {
        // A day of WAV is larger than files may be.
        let limits = Limits {
            bytes: u64::MAX,
            ..Limits::default()
        };
        let decode = |wav| decode_with(wav, &DecodeOptions::new().limits(limits)).unwrap();
        if let ([wav], 0.0) = (self.wavs.as_slice(), self.start_s) {
            // Not in memory, if it is long.
            let recording = decode(wav);
            let duration_s = recording.duration();
            return (recording, vec![duration_s]);
        }
        let first = (self.start_s * f64::from(SAMPLE_RATE)).round() as usize;
        let parts = self.wavs.iter();
        let parts: Vec<Vec<f32>> = parts
            .map(|wav| decode(wav).samples(first..).unwrap())
            .collect();
        let durations_s = parts
            .iter()
            .map(|part| part.len() as f64 / f64::from(SAMPLE_RATE));
        (Recording::new(parts.concat()), durations_s.collect())
    }

    /// Runs the task in this process. Loading the models is not measured.
    pub(crate) fn run(&self, load: impl FnOnce(NonZero<usize>) -> OpenModels) -> Measured {
        let start = Instant::now();
        let (recording, durations_s) = self.decode();
        let decode_s = start.elapsed().as_secs_f64();
        let models = load(self.threads);
        let (start, processor_start) = (Instant::now(), processor_time());
        let mut phase_ends_s = [0.0; 2];
        let mut options = Options::new()
            .accurate(self.is_accurate)
            .on_progress(|fraction| {
                for (end_s, phase) in phase_ends_s.iter_mut().zip(self.phases()) {
                    if *end_s == 0.0 && fraction > phase - 1e-9 {
                        *end_s = start.elapsed().as_secs_f64();
                    }
                }
            });
        let turns = models.diarize(&recording, &mut options).unwrap().turns;
        drop(options);
        let processor_times = processor_start.zip(processor_time());
        Measured {
            turns,
            durations_s,
            decode_s,
            elapsed_s: start.elapsed().as_secs_f64(),
            processor_s: processor_times.map(|(before, after)| (after - before).as_secs_f64()),
            phase_ends_s,
            peak_bytes: memory_bytes("self", "VmHWM"),
        }
    }
}
