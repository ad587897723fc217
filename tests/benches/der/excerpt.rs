//! Recordings without their first seconds, one after the other.

use std::num::NonZero;

use pyannote::output::{Span, Turn};

use crate::child::Task;
use crate::recordings::Recording;

/// Seconds that are cut off the start of recordings: fractions of the hop between windows.
pub(crate) const STARTS_S: [f64; 3] = [0.0, 0.6, 1.2];

/// Recordings, each without its first seconds, one after the other.
pub(crate) struct Excerpt<'a> {
    recordings: &'a [&'a Recording],
    start_s: f64,
}

impl<'a> Excerpt<'a> {
    pub(crate) fn new(recordings: &'a [&'a Recording], start_s: f64) -> Self {
        Self {
            recordings,
            start_s,
        }
    }

    /// The task to diarize it.
    pub(crate) fn task(&self, threads: NonZero<usize>, is_accurate: bool) -> Task {
        let wavs = self
            .recordings
            .iter()
            .map(|recording| recording.wav.clone());
        Task {
            wavs: wavs.collect(),
            start_s: self.start_s,
            threads,
            is_accurate,
        }
    }

    /// The reference annotation: shifted like the audio, whose parts have these durations. A label is the same person
    /// in all recordings, as in the AMI corpus.
    pub(crate) fn reference(&self, durations_s: &[f64]) -> Recording {
        let (mut turns, mut scored) = (Vec::new(), Vec::new());
        let mut offset_s = 0.0;
        for (recording, duration_s) in self.recordings.iter().zip(durations_s) {
            let shifted = |start: f64, end: f64| {
                let start = (start - self.start_s).max(0.0);
                let end = (end - self.start_s).min(*duration_s);
                (start < end).then(|| Span::new(start + offset_s, end + offset_s))
            };
            turns.extend(recording.reference.iter().filter_map(|turn| {
                let span = shifted(turn.start, turn.end)?;
                Some(Turn::new(span.start, span.end, &turn.speaker))
            }));
            match &recording.scored {
                Some(spans) => {
                    scored.extend(
                        spans
                            .iter()
                            .filter_map(|span| shifted(span.start, span.end)),
                    );
                }
                None => scored.push(Span::new(offset_s, offset_s + duration_s)),
            }
            offset_s += duration_s;
        }
        Recording {
            name: String::new(),
            wav: Default::default(),
            reference: turns.into_iter().collect(),
            scored: Some(scored),
        }
    }
}
