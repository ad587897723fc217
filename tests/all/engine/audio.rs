//! Audio of every kind: nothing is too short, too quiet or too odd.

use pyannote_engine::{CancelToken, DiarizeError, Diarizer, OpenModels, Options};

use super::{MODELS, assets, sample};

fn turns(samples: &[f32]) -> usize {
    let found = MODELS.diarize(samples, &mut Options::new()).unwrap();
    let seconds = samples.len() as f64 / 16_000.0;
    for turn in found.turns.iter().chain(&found.exclusive) {
        assert!(
            turn.start < turn.end && turn.end <= seconds,
            "{turn:?} of {seconds} s"
        );
        assert!(turn.speaker < found.speakers.len());
    }
    assert!(
        found
            .scores
            .values
            .iter()
            .chain(&found.scores.speech)
            .all(|score| (0.0..=1.0).contains(score))
    );
    // There are scores of all of it, whoever speaks.
    let scored = found.scores.frames().len() as f64 * found.scores.resolution;
    assert!((seconds..seconds + found.scores.resolution).contains(&scored));
    found.turns.len()
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn where_nobody_speaks_there_are_no_turns() {
    assert_eq!(turns(&[]), 0);
    assert_eq!(turns(&[0.0; 100]), 0);
    assert_eq!(turns(&[0.0; 16_000 * 12]), 0);
    // A quiet tone.
    let tone: Vec<f32> = (0..16_000 * 5)
        .map(|n| 0.01 * (n as f32 * 0.2).sin())
        .collect();
    assert_eq!(turns(&tone), 0);
    let broken = [f32::NAN, f32::INFINITY, -f32::INFINITY, f32::MAX].repeat(10_000);
    assert_eq!(turns(&broken), 0);
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn loudness_makes_no_difference() {
    let samples = sample();
    let usual = turns(&samples);
    assert!(usual > 5);
    for gain in [1e-4, 30.0] {
        let changed: Vec<f32> = samples.iter().map(|sample| sample * gain).collect();
        assert_eq!(turns(&changed), usual, "{gain}");
    }
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn a_piece_of_any_length_is_heard() {
    let samples = sample();
    // Somebody speaks at 12 s.
    for length in [1, 400, 990, 991, 3_000, 16_000, 40_000, 159_999, 160_001] {
        let found = turns(&samples[12 * 16_000..][..length]);
        assert!(length < 16_000 || found > 0, "{length}");
    }
    let damaged: Vec<f32> = samples
        .iter()
        .enumerate()
        .map(|(n, sample)| if n % 1000 == 0 { f32::NAN } else { *sample })
        .collect();
    assert!(turns(&damaged) > 5);
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn the_number_of_threads_makes_no_difference() {
    let one = OpenModels::load_with(&assets(), std::num::NonZero::<usize>::MIN).unwrap();
    let samples = sample();
    let found = MODELS.diarize(&samples, &mut Options::new()).unwrap();
    let alone = one.diarize(&samples, &mut Options::new()).unwrap();
    assert_eq!(found.turns, alone.turns);
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn cancelled_token_ends_the_run() {
    let token = CancelToken::new();
    token.cancel();
    let result = MODELS.diarize(&sample(), &mut Options::new().cancel_token(&token));
    assert_eq!(result.unwrap_err(), DiarizeError::Cancelled);
}

/// Eleven minutes are two blocks: the people of the first are known again in the second.
#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn a_long_recording_has_no_more_speakers_than_a_short_one() {
    let samples = sample().repeat(22);
    let found = MODELS.diarize(&samples, &mut Options::new()).unwrap();
    assert_eq!(found.speakers.len(), 2);
    assert!(found.turns.len() > 200);
}
