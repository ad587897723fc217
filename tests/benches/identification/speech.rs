//! Speech without overlap.

use std::path::Path;

use pyannote_engine::SAMPLE_RATE;
use pyannote_engine::audio;

use crate::recordings::Recording;

/// Minimum duration of the speech of a speaker, in seconds.
const MIN_SPEECH_S: f64 = 6.0;
/// Minimum duration of a segment, in seconds. Shorter segments are dropped.
const MIN_SEGMENT_S: f64 = 0.3;

/// The speech of one speaker, without overlap.
pub(crate) struct Speech {
    pub(crate) speaker: String,
    samples: Vec<f32>,
}

impl Speech {
    /// The speech of each speaker with at least [`MIN_SPEECH_S`] of it.
    pub(crate) fn of(recording: &Recording) -> Vec<Self> {
        let samples = audio::decode(&recording.wav).unwrap().samples(..).unwrap();
        let reference = &recording.reference;
        let mut speakers: Vec<&String> = reference.iter().map(|turn| &turn.speaker).collect();
        speakers.sort_unstable();
        speakers.dedup();
        let mut edges: Vec<f64> = reference
            .iter()
            .flat_map(|turn| [turn.start, turn.end])
            .collect();
        edges.sort_by(f64::total_cmp);
        let speech = |speaker: &String| {
            let segments = edges.windows(2).filter(|span| {
                let middle = (span[0] + span[1]) / 2.0;
                let mut speaking = reference
                    .iter()
                    .filter(|turn| turn.start < middle && middle < turn.end);
                let first = speaking.next();
                first.is_some_and(|turn| turn.speaker == *speaker)
                    && speaking.next().is_none()
                    && recording.is_scored(middle, middle)
            });
            let index =
                |seconds: f64| ((seconds * f64::from(SAMPLE_RATE)) as usize).min(samples.len());
            let segments = segments.filter(|span| span[1] - span[0] >= MIN_SEGMENT_S);
            let samples = segments.flat_map(|span| &samples[index(span[0])..index(span[1])]);
            Self {
                speaker: speaker.clone(),
                samples: samples.copied().collect(),
            }
        };
        let all = speakers.into_iter().map(speech);
        all.filter(|speech| seconds(&speech.samples) >= MIN_SPEECH_S)
            .collect()
    }

    /// The first and the second half.
    pub(crate) fn halves(&self) -> [Vec<f32>; 2] {
        let (first, second) = self.samples.split_at(self.samples.len() / 2);
        [first, second].map(<[f32]>::to_vec)
    }
}

/// Duration of samples, in seconds.
pub(crate) fn seconds(samples: &[f32]) -> f64 {
    samples.len() as f64 / f64::from(SAMPLE_RATE)
}

/// Writes samples to a WAV file.
pub(crate) fn write(path: &Path, samples: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut file = hound::WavWriter::create(path, spec).unwrap();
    for sample in samples {
        file.write_sample(*sample).unwrap();
    }
    file.finalize().unwrap();
}
