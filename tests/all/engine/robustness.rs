//! Audio that is silent, quiet, loud, short, long or corrupted.

use std::time::Duration;

use pyannote_engine::{
    CancelToken, Diarization, DiarizeError, Diarizer, OpenModels, Options, Recording,
    RecordingWriter,
};

use super::{MODELS, assets, sample};

fn diarize(recording: &Recording) -> Diarization {
    MODELS.diarize(recording, &mut Options::new()).unwrap()
}

fn turns(samples: &[f32]) -> usize {
    let diarization = diarize(&Recording::new(samples.to_vec()));
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
    let recording = Recording::new(sample());
    let single_threaded = one.diarize(&recording, &mut Options::new()).unwrap();
    assert_eq!(diarize(&recording).turns, single_threaded.turns);
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn cancelled_token_ends_the_run() {
    let token = CancelToken::new();
    token.cancel();
    let mut options = Options::new().cancel_token(&token);
    let result = MODELS.diarize(&Recording::new(sample()), &mut options);
    assert_eq!(result.unwrap_err(), DiarizeError::Cancelled);
}

/// Eleven minutes are clustered in two blocks, whose speakers must be linked.
#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn speakers_are_linked_across_blocks() {
    let diarization = diarize(&Recording::new(sample().repeat(22)));
    assert_eq!(diarization.speakers.len(), 2);
    assert!(diarization.turns.len() > 200);
}

/// Long recordings are read from a file, which must make no difference, not even in the last bit.
#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn recordings_in_memory_and_in_a_file_have_the_same_diarization() {
    let samples = sample().repeat(3);
    let mut writer = RecordingWriter::new().max_in_memory(Duration::from_secs(10));
    for block in samples.chunks(7_777) {
        writer.push(block).unwrap();
    }
    let spooled = diarize(&writer.finish().unwrap());
    assert!(spooled.turns.len() > 20);
    assert_eq!(spooled, diarize(&Recording::new(samples)));
}
