//! Probabilities of speech, overlapping speech and each speaker over time, 0 to 100, rounded to a tenth.

use pyannote_core::{FrameScores, SpeakerScores};

use crate::Diarization;
use crate::confidence::{percent, probability};

/// Duration of a frame, in seconds: that of the API. Frame `i` starts at `i * RESOLUTION_S`.
const RESOLUTION_S: f64 = 0.02;

impl Diarization {
    /// Returns the probability of speech in each frame of 20 ms, 0..100. Sensitivities do not change it.
    ///
    /// ```
    /// use pyannote_engine::{Diarization, Scores};
    ///
    /// let diarization = Diarization {
    ///     scores: Scores {
    ///         resolution: 0.04,
    ///         speech: vec![0.9, 0.2],
    ///         ..Scores::default()
    ///     },
    ///     duration_s: 0.07,
    ///     ..Diarization::default()
    /// };
    /// assert_eq!(diarization.speech_probability().score, [90.0, 90.0, 20.0, 20.0]);
    /// ```
    #[must_use]
    pub fn speech_probability(&self) -> FrameScores {
        let speech = &self.scores.speech;
        FrameScores::new(
            self.frames(speech.len(), |frame| speech[frame]),
            RESOLUTION_S,
        )
    }

    /// Returns the probability of overlapping speech in each frame of 20 ms, 0..100. Sensitivities do not change it.
    #[must_use]
    pub fn crosstalk_probability(&self) -> FrameScores {
        let overlap = &self.scores.overlap;
        FrameScores::new(
            self.frames(overlap.len(), |frame| overlap[frame]),
            RESOLUTION_S,
        )
    }

    /// Returns the probability of each speaker in each frame of 20 ms, 0..100. Sensitivities do not change it.
    ///
    /// It takes 4 bytes per frame and speaker: 17 MB per speaker for 24 h.
    #[must_use]
    pub fn speaker_probability(&self) -> SpeakerScores {
        let scores = &self.scores;
        let columns = scores.speakers.len();
        let rows = scores.values.len().checked_div(columns).unwrap_or_default();
        let speakers = self.speakers.iter().map(|speaker| {
            let column = scores.column(&speaker.label);
            // A speaker without scores has a turn nevertheless, so that nothing is known.
            let frames = match column {
                Some(column) => self.frames(rows, |row| scores.values[row * columns + column]),
                None => self.frames(0, |_| 0.0),
            };
            (speaker.label.clone(), frames)
        });
        SpeakerScores::new(speakers, RESOLUTION_S)
    }

    /// Converts scores, of which there are `count`, to the frames of the result: each is the mean of those that it
    /// covers, weighted by how much of them. The last score also stands for what is after it.
    fn frames(&self, count: usize, score: impl Fn(usize) -> f32) -> Vec<f32> {
        // Without rounding errors of the division, which would add a frame.
        let frames = (self.duration_s / RESOLUTION_S - 1e-6).ceil();
        // The cast saturates.
        let frames = if frames.is_finite() {
            frames as usize
        } else {
            0
        };
        let step = RESOLUTION_S / self.scores.resolution;
        let Some(last) = count
            .checked_sub(1)
            .filter(|_| step > 0.0 && step.is_finite())
        else {
            return vec![0.0; frames];
        };
        let at = |index: usize| probability(score(index));
        (0..frames)
            .map(|frame| {
                let (start, end) = (frame as f64 * step, (frame + 1) as f64 * step);
                let first = (start as usize).min(last);
                let after = (end.ceil() as usize).clamp(first + 1, count);
                let (mut sum, mut weights) = (0.0, 0.0);
                for index in first..after {
                    let weight = end.min((index + 1) as f64) - start.max(index as f64);
                    sum += at(index) * weight;
                    weights += weight;
                }
                let mean = if weights > 0.0 {
                    sum / weights
                } else {
                    at(first)
                };
                percent(mean) as f32
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scores, Speaker};

    fn diarization(duration_s: f64, resolution: f64, speech: &[f32]) -> Diarization {
        Diarization {
            scores: Scores {
                resolution,
                speech: speech.to_vec(),
                overlap: speech.iter().map(|speech| speech / 2.0).collect(),
                ..Scores::default()
            },
            duration_s,
            ..Diarization::default()
        }
    }

    #[test]
    fn frames_start_at_multiples_of_20_ms_and_cover_the_recording() {
        for (duration_s, expected) in [
            (0.0, 0),
            (0.001, 1),
            (0.02, 1),
            (0.020_1, 2),
            (0.06, 3),
            (30.0, 1_500),
            (29.999, 1_500),
            (86_400.0, 4_320_000),
        ] {
            let found = diarization(duration_s, 0.016_875, &[0.5]);
            let speech = found.speech_probability();
            assert_eq!(speech.score.len(), expected, "{duration_s}");
            assert_eq!(speech.resolution, 0.02);
            assert!(speech.score.iter().all(|score| *score == 50.0));
        }
        // A step of the probability is at the same time in both.
        let scores: Vec<f32> = (0..1_778).map(|frame| f32::from(frame >= 800)).collect();
        let speech = diarization(30.0, 0.016_875, &scores).speech_probability();
        let edge = 800.0 * 0.016_875;
        for (frame, score) in speech.score.iter().enumerate() {
            let start = frame as f64 * 0.02;
            if start >= edge {
                assert_eq!(*score, 100.0, "{start}");
            } else if start + 0.02 <= edge {
                assert_eq!(*score, 0.0, "{start}");
            }
        }
    }

    #[test]
    fn a_frame_is_the_weighted_mean_of_the_scores_that_it_covers() {
        let found = diarization(0.06, 0.015, &[0.2, 0.8, 0.4, f32::NAN]);
        // 3/4 of 0.2 and 1/4 of 0.8, and so on; NaN counts as 0.
        assert_eq!(found.speech_probability().score, [35.0, 60.0, 10.0]);
        assert_eq!(found.crosstalk_probability().score, [17.5, 30.0, 5.0]);
        let coarse = diarization(0.06, 0.04, &[0.2, 7.0]);
        assert_eq!(coarse.speech_probability().score, [20.0, 20.0, 100.0]);
    }

    #[test]
    fn speakers_have_the_labels_of_the_diarization() {
        let speaker = |label: &str| Speaker {
            label: label.to_owned(),
            ..Speaker::default()
        };
        let found = Diarization {
            scores: Scores {
                resolution: 0.02,
                speech: vec![1.0; 2],
                speakers: ["B", "A", "without a turn"].map(str::to_owned).to_vec(),
                values: vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
                ..Scores::default()
            },
            speakers: ["A", "B", "C"].map(speaker).to_vec(),
            duration_s: 0.04,
            ..Diarization::default()
        };
        let probability = found.speaker_probability();
        let found: Vec<_> = probability
            .iter()
            .map(|(speaker, scores)| (speaker, scores.score.as_slice()))
            .collect();
        assert_eq!(
            found,
            [
                ("A", &[20.0, 50.0][..]),
                ("B", &[10.0, 40.0]),
                ("C", &[0.0, 0.0])
            ]
        );
    }

    #[test]
    fn invalid_scores_and_resolutions_do_not_panic() {
        for resolution in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300, 1e300] {
            let found = diarization(0.05, resolution, &[0.5, 0.7]);
            assert_eq!(found.speech_probability().score.len(), 3, "{resolution}");
        }
        for duration_s in [-1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let found = diarization(duration_s, 0.02, &[0.5]);
            assert!(found.crosstalk_probability().score.is_empty());
        }
        assert_eq!(
            diarization(0.05, 0.02, &[]).speech_probability().score,
            [0.0; 3]
        );
    }
}
