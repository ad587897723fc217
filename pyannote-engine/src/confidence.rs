//! Confidence of frames and turns, 0 to 100, rounded to a tenth.

use std::ops::Range;

use pyannote_core::{FrameScores, Turn};

use crate::{Diarization, Scores};

impl Diarization {
    /// Returns the confidence in each frame: the probability of the least certain of its decisions, 0..100.
    ///
    /// The decisions in a frame are whether there is speech, and for each speaker whether they speak.
    ///
    /// ```
    /// use pyannote_core::Turn;
    /// use pyannote_engine::{Diarization, Scores};
    ///
    /// let diarization = Diarization {
    ///     turns: [Turn::new(0.0, 0.5, "SPEAKER_00")].into(),
    ///     scores: Scores {
    ///         resolution: 0.5,
    ///         speech: vec![0.9, 0.2],
    ///         overlap: vec![0.0, 0.0],
    ///         speakers: vec!["SPEAKER_00".to_owned()],
    ///         values: vec![0.75, 0.1],
    ///     },
    ///     ..Diarization::default()
    /// };
    /// assert_eq!(diarization.frame_confidence().score, [75.0, 80.0]);
    /// ```
    #[must_use]
    pub fn frame_confidence(&self) -> FrameScores {
        let scores = &self.scores;
        let columns = scores.speakers.len();
        let mut is_speech = vec![false; scores.speech.len()];
        let mut speaks = vec![false; scores.values.len()];
        for turn in &self.turns {
            let Some(column) = scores.column(&turn.speaker) else {
                continue;
            };
            for frame in frames_of_turn(scores, turn) {
                let decisions = [
                    is_speech.get_mut(frame),
                    speaks.get_mut(frame * columns + column),
                ];
                decisions
                    .into_iter()
                    .flatten()
                    .for_each(|decision| *decision = true);
            }
        }
        let mut speaks = speaks.iter();
        let speech = scores.speech.iter().zip(&is_speech);
        let least_certain = |(frame, speech): (&[f32], (&f32, &bool))| {
            let decisions = frame.iter().zip(&mut speaks).map(certainty);
            percent(decisions.fold(certainty(speech), f64::min)) as f32
        };
        let score = scores.frames().zip(speech).map(least_certain).collect();
        let is_valid = scores.resolution.is_finite();
        FrameScores::new(score, if is_valid { scores.resolution } else { 0.0 })
    }

    /// Adds the confidence of each speaker to each turn: the mean probability that they speak during the turn, 0..100.
    #[must_use]
    pub fn with_turn_confidence(mut self) -> Self {
        let speakers: Vec<&str> = self
            .speakers
            .iter()
            .map(|speaker| speaker.label.as_str())
            .collect();
        for turns in [&mut self.turns, &mut self.exclusive] {
            *turns = std::mem::take(turns)
                .into_iter()
                .map(|turn| {
                    let means = of_turn(&self.scores, &turn, &speakers);
                    turn.with_confidence(speakers.iter().copied().zip(means))
                })
                .collect();
        }
        self
    }
}

/// The certainty of a decision: the probability of the outcome that was chosen.
fn certainty((score, speaks): (&f32, &bool)) -> f64 {
    let probability = probability(*score);
    if *speaks {
        probability
    } else {
        1.0 - probability
    }
}

/// The mean probability of each speaker during a turn, 0..100.
fn of_turn(scores: &Scores, turn: &Turn, speakers: &[&str]) -> Vec<f64> {
    let columns: Vec<Option<usize>> = speakers.iter().map(|label| scores.column(label)).collect();
    let frames = frames_of_turn(scores, turn);
    let mut sums = vec![0.0; columns.len()];
    for frame in scores.frames().skip(frames.start).take(frames.len()) {
        for (sum, column) in sums.iter_mut().zip(&columns) {
            let score = column.and_then(|column| frame.get(column));
            *sum += probability(score.copied().unwrap_or_default());
        }
    }
    let count = frames.len().max(1) as f64;
    sums.into_iter().map(|sum| percent(sum / count)).collect()
}

/// The frames whose center is in the turn, or the frame that contains the center of the turn if there are none.
fn frames_of_turn(scores: &Scores, turn: &Turn) -> Range<usize> {
    let count = scores.frames().len();
    if scores.resolution.is_nan() || scores.resolution <= 0.0 {
        return 0..0;
    }
    // Casts saturate.
    let first_after = |time: f64| (time / scores.resolution - 0.5).ceil() as usize;
    let (start, end) = (first_after(turn.start), first_after(turn.end));
    let start = start.min(count);
    if start < end {
        return start..end.min(count);
    }
    let center = (f64::midpoint(turn.start, turn.end) / scores.resolution) as usize;
    center.min(count)..center.saturating_add(1).min(count)
}

/// A score as a probability. NaN counts as 0.
pub(crate) fn probability(score: f32) -> f64 {
    if score.is_nan() {
        0.0
    } else {
        f64::from(score).clamp(0.0, 1.0)
    }
}

/// Converts a probability to 0..100, rounded to a tenth.
pub(crate) fn percent(probability: f64) -> f64 {
    (probability * 1000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(speaker: usize, start: f64, end: f64) -> Turn {
        Turn::new(start, end, speaker.to_string())
    }

    fn scores(resolution: f64, speech: &[f32], speakers: usize, values: &[f32]) -> Scores {
        Scores {
            resolution,
            speech: speech.to_vec(),
            overlap: vec![0.0; speech.len()],
            speakers: (0..speakers).map(|index| index.to_string()).collect(),
            values: values.to_vec(),
        }
    }

    #[test]
    fn frame_confidence_is_that_of_the_least_certain_decision() {
        let diarization = Diarization {
            // Silence; speaker 0; both; speaker 1 with a low score.
            scores: scores(
                0.5,
                &[0.1, 1.0, 0.98, 0.9],
                2,
                &[0.1, 0.02, 0.9, 0.3, 0.8, 0.95, 0.0, 0.4],
            ),
            turns: [turn(0, 0.5, 1.5), turn(1, 1.0, 2.0), turn(9, 0.0, 2.0)].into(),
            ..Diarization::default()
        };
        let confidence = diarization.frame_confidence();
        assert_eq!(confidence.score, [90.0, 70.0, 80.0, 40.0]);
        assert_eq!(confidence.resolution, 0.5);
    }

    #[test]
    fn frame_confidence_includes_speech_detection() {
        // No speakers at all, then one speaker in half of the recording.
        let mut diarization = Diarization {
            scores: scores(0.5, &[0.0, 0.3, 0.75], 0, &[]),
            ..Diarization::default()
        };
        assert_eq!(diarization.frame_confidence().score, [100.0, 70.0, 25.0]);
        diarization.scores = scores(0.5, &[0.6, 0.7], 1, &[0.9, 0.1]);
        diarization.turns = [turn(0, 0.0, 0.5)].into();
        assert_eq!(diarization.frame_confidence().score, [60.0, 30.0]);
    }

    #[test]
    fn turn_confidence_is_the_mean_score_of_each_speaker() {
        let scores = scores(1.0, &[1.0; 3], 2, &[0.9, 0.0, 0.7, 0.5, 0.1, 1.0]);
        let mean = |start, end| of_turn(&scores, &turn(0, start, end), &["1", "0", "2"]);
        assert_eq!(mean(0.0, 2.0), [25.0, 80.0, 0.0]);
        assert_eq!(mean(0.4, 1.6), [25.0, 80.0, 0.0]);
        assert_eq!(mean(2.0, 9.0), [100.0, 10.0, 0.0]);
        // Between the centers of two frames.
        assert_eq!(mean(1.1, 1.4), [50.0, 70.0, 0.0]);
        assert_eq!(mean(7.0, 8.0), [0.0, 0.0, 0.0]);
    }

    #[test]
    fn invalid_scores_and_resolutions_do_not_panic() {
        for resolution in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300] {
            let diarization = Diarization {
                scores: scores(resolution, &[f32::NAN, 7.0], 2, &[f32::NAN, 7.0, -3.0]),
                turns: [turn(1, 0.0, 1e300), turn(0, -5.0, -1.0)].into(),
                ..Diarization::default()
            };
            let confidence = diarization.frame_confidence();
            assert!(confidence.resolution.is_finite());
            assert_eq!(confidence.score.len(), 2);
            for turn in &diarization.turns {
                for mean in of_turn(&diarization.scores, turn, &["0", "1", "unknown"]) {
                    assert!((0.0..=100.0).contains(&mean), "{mean}");
                }
            }
        }
        assert!(Diarization::default().frame_confidence().score.is_empty());
    }
}
