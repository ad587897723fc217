//! Audio that is silent, quiet, loud, short, long or corrupted.

use pyannote_engine::{CancelToken, DiarizeError, Diarizer, OpenModels, Options};

use super::{MODELS, assets, sample};

fn turns(samples: &[f32]) -> usize {
    let diarization = MODELS.diarize(samples, &mut Options::new()).unwrap();
    let seconds = samples.len() as f64 / 16_000.0;
    for turn in diarization.turns.iter().chain(&diarization.exclusive) {
        assert!(
            turn.start < turn.end && turn.end <= seconds,
            "{turn:?} of {seconds} s"
        );
        let mut speakers = diarization.speakers.iter();
        assert!(speakers.any(|speaker| speaker.label == turn.speaker));
    }
    assert!(
        diarization
            .scores
            .values
            .iter()
            .chain(&diarization.scores.speech)
            .all(|score| (0.0..=1.0).contains(score))
    );
    // The scores cover the whole recording.
    let scored = diarization.scores.frames().len() as f64 * diarization.scores.resolution;
    assert!((seconds..seconds + diarization.scores.resolution).contains(&scored));
    diarization.turns.len()
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn no_turns_without_speech() {
    assert_eq!(turns(&[]), 0);
    assert_eq!(turns(&[0.0; 100]), 0);
    assert_eq!(turns(&[0.0; 16_000 * 12]), 0);
    let tone: Vec<f32> = (0..16_000 * 5)
        .map(|n| 0.01 * (n as f32 * 0.2).sin())
        .collect();
    assert_eq!(turns(&tone), 0);
    let invalid = [f32::NAN, f32::INFINITY, -f32::INFINITY, f32::MAX].repeat(10_000);
    assert_eq!(turns(&invalid), 0);
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn turns_do_not_depend_on_the_gain() {
    let samples = sample();
    let expected = turns(&samples);
    assert!(expected > 5);
    for gain in [1e-4, 30.0] {
        let changed: Vec<f32> = samples.iter().map(|sample| sample * gain).collect();
        assert_eq!(turns(&changed), expected, "{gain}");
    }
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn any_duration_is_diarized() {
    let samples = sample();
    // There is speech at 12 s.
    for length in [1, 400, 990, 991, 3_000, 16_000, 40_000, 159_999, 160_001] {
        let count = turns(&samples[12 * 16_000..][..length]);
        assert!(length < 16_000 || count > 0, "{length}");
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
fn turns_do_not_depend_on_the_number_of_threads() {
    let one = OpenModels::load_with(&assets(), std::num::NonZero::<usize>::MIN).unwrap();
    let samples = sample();
    let diarization = MODELS.diarize(&samples, &mut Options::new()).unwrap();
    let single_threaded = one.diarize(&samples, &mut Options::new()).unwrap();
    assert_eq!(diarization.turns, single_threaded.turns);
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn cancelled_token_ends_the_run() {
    let token = CancelToken::new();
    token.cancel();
    let result = MODELS.diarize(&sample(), &mut Options::new().cancel_token(&token));
    assert_eq!(result.unwrap_err(), DiarizeError::Cancelled);
}

/// Eleven minutes are clustered in two blocks, whose speakers must be linked.
#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn speakers_are_linked_across_blocks() {
    let samples = sample().repeat(22);
    let diarization = MODELS.diarize(&samples, &mut Options::new()).unwrap();
    assert_eq!(diarization.speakers.len(), 2);
    assert!(diarization.turns.len() > 200);
}
