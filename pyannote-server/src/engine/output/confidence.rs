//! How sure the engine is, 0 to 100, to a tenth: of each frame, and of each turn.

use std::ops::Range;

use super::schema::Confidence;
use crate::engine::{Diarization, Scores, Turn};

/// How sure the turns are of each frame: the probability of the least certain of the decisions that were made there,
/// which are that somebody speaks, or nobody, and that each speaker does, or does not.
pub(super) fn of_frames(diarization: &Diarization) -> Confidence {
    let scores = &diarization.scores;
    let mut somebody = vec![false; scores.speech.len()];
    let mut speaks = vec![false; scores.values.len()];
    let known = |turn: &&Turn| turn.speaker < scores.speakers;
    for turn in diarization.turns.iter().filter(known) {
        for frame in frames(scores, turn) {
            let places = [
                somebody.get_mut(frame),
                speaks.get_mut(frame * scores.speakers + turn.speaker),
            ];
            places.into_iter().flatten().for_each(|place| *place = true);
        }
    }
    let mut speaks = speaks.iter();
    let speech = scores.speech.iter().zip(&somebody);
    let least = |(frame, speech): (&[f32], (&f32, &bool))| {
        let decisions = frame.iter().zip(&mut speaks).map(sure);
        percent(decisions.fold(sure(speech), f64::min))
    };
    Confidence {
        score: scores.frames().zip(speech).map(least).collect(),
        resolution: if scores.resolution.is_finite() {
            scores.resolution
        } else {
            0.0
        },
    }
}

/// How sure it is that somebody speaks, where that was decided, or that they do not.
fn sure((score, speaks): (&f32, &bool)) -> f64 {
    let speech = probability(*score);
    if *speaks { speech } else { 1.0 - speech }
}

/// How sure each speaker is to speak in a turn: the mean of their probabilities.
pub(super) fn of_turn(scores: &Scores, turn: &Turn, speakers: &[usize]) -> Vec<f64> {
    let frames = frames(scores, turn);
    let mut sums = vec![0.0; speakers.len()];
    let values = scores.frames().skip(frames.start).take(frames.len());
    for frame in values {
        for (sum, speaker) in sums.iter_mut().zip(speakers) {
            *sum += probability(frame.get(*speaker).copied().unwrap_or_default());
        }
    }
    let number = frames.len().max(1) as f64;
    sums.into_iter().map(|sum| percent(sum / number)).collect()
}

/// The frames whose middle is in the turn; in one that holds no middle, the frame that holds the turn's.
fn frames(scores: &Scores, turn: &Turn) -> Range<usize> {
    let known = scores.frames().len();
    if scores.resolution.is_nan() || scores.resolution <= 0.0 {
        return 0..0;
    }
    // A conversion that cannot be made is 0, or the greatest number.
    let first_behind = |time: f64| (time / scores.resolution - 0.5).ceil() as usize;
    let (start, end) = (first_behind(turn.start), first_behind(turn.end));
    let start = start.min(known);
    if start < end {
        return start..end.min(known);
    }
    let middle = (f64::midpoint(turn.start, turn.end) / scores.resolution) as usize;
    middle.min(known)..middle.saturating_add(1).min(known)
}

/// A score as a probability. One that is no number tells nothing.
fn probability(score: f32) -> f64 {
    if score.is_nan() {
        0.0
    } else {
        f64::from(score).clamp(0.0, 1.0)
    }
}

/// A probability as 0 to 100, to a tenth.
fn percent(probability: f64) -> f64 {
    (probability * 1000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::turns::tests::turn;
    use super::*;

    fn scores(resolution: f64, speech: &[f32], speakers: usize, values: &[f32]) -> Scores {
        Scores {
            resolution,
            speech: speech.to_vec(),
            speakers,
            values: values.to_vec(),
        }
    }

    #[test]
    fn a_frame_is_as_sure_as_its_least_certain_decision() {
        let diarization = Diarization {
            // Silence; the first speaks; both do; the second alone, of whom the scores are not sure.
            scores: scores(
                0.5,
                &[0.1, 1.0, 0.98, 0.9],
                2,
                &[0.1, 0.02, 0.9, 0.3, 0.8, 0.95, 0.0, 0.4],
            ),
            turns: vec![turn(0, 0.5, 1.5), turn(1, 1.0, 2.0), turn(9, 0.0, 2.0)],
            ..Diarization::default()
        };
        let confidence = of_frames(&diarization);
        assert_eq!(confidence.score, [90.0, 70.0, 80.0, 40.0]);
        assert_eq!(confidence.resolution, 0.5);
    }

    #[test]
    fn whether_anybody_speaks_is_a_decision_too() {
        // Nobody was found in all of it, and somebody in half of it.
        let mut diarization = Diarization {
            scores: scores(0.5, &[0.0, 0.3, 0.75], 0, &[]),
            ..Diarization::default()
        };
        assert_eq!(of_frames(&diarization).score, [100.0, 70.0, 25.0]);
        diarization.scores = scores(0.5, &[0.6, 0.7], 1, &[0.9, 0.1]);
        diarization.turns = vec![turn(0, 0.0, 0.5)];
        assert_eq!(of_frames(&diarization).score, [60.0, 30.0]);
    }

    #[test]
    fn a_turn_has_the_mean_of_each_speaker() {
        let scores = scores(1.0, &[1.0; 3], 2, &[0.9, 0.0, 0.7, 0.5, 0.1, 1.0]);
        let mean = |start, end| of_turn(&scores, &turn(0, start, end), &[1, 0, 2]);
        assert_eq!(mean(0.0, 2.0), [25.0, 80.0, 0.0]);
        assert_eq!(mean(0.4, 1.6), [25.0, 80.0, 0.0]);
        assert_eq!(mean(2.0, 9.0), [100.0, 10.0, 0.0]);
        // Between the middles of two frames.
        assert_eq!(mean(1.1, 1.4), [50.0, 70.0, 0.0]);
        assert_eq!(mean(7.0, 8.0), [0.0, 0.0, 0.0]);
    }

    #[test]
    fn odd_scores_are_survived() {
        for resolution in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300] {
            let diarization = Diarization {
                scores: scores(resolution, &[f32::NAN, 7.0], 2, &[f32::NAN, 7.0, -3.0]),
                turns: vec![turn(1, 0.0, 1e300), turn(0, -5.0, -1.0)],
                ..Diarization::default()
            };
            let confidence = of_frames(&diarization);
            assert!(confidence.resolution.is_finite());
            assert_eq!(confidence.score.len(), 2);
            for turn in &diarization.turns {
                for mean in of_turn(&diarization.scores, turn, &[0, 1, usize::MAX]) {
                    assert!((0.0..=100.0).contains(&mean), "{mean}");
                }
            }
        }
        assert!(of_frames(&Diarization::default()).score.is_empty());
    }
}
