//! Live diarization of the sample recording.

use std::time::Duration;

use pyannote::output::{Der, LiveTurns, ScoringOptions, SpeakerEvent};
use pyannote_engine::{Engine, LiveOptions};

use super::{MODELS, reference, sample};

/// The events of the sample, each with the duration of the audio when it was returned, in seconds.
fn events(options: &LiveOptions, chunk_samples: usize) -> Vec<(SpeakerEvent, f64)> {
    let mut session = Engine::new(MODELS.clone()).live(options).unwrap();
    let sample = sample();
    let mut pushed = 0;
    let mut events = Vec::new();
    for chunk in sample.chunks(chunk_samples) {
        pushed += chunk.len();
        let now = pushed as f64 / 16_000.0;
        events.extend(
            session
                .push(chunk)
                .unwrap()
                .into_iter()
                .map(|event| (event, now)),
        );
    }
    let now = pushed as f64 / 16_000.0;
    events.extend(
        session
            .finish()
            .unwrap()
            .into_iter()
            .map(|event| (event, now)),
    );
    events
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn live_turns_of_the_sample_are_accurate_and_in_time() {
    let events = events(&LiveOptions::new(), 1_600);
    let mut turns = LiveTurns::new();
    for (event, now) in &events {
        turns.apply(event);
        // A chunk has 100 ms, and times are rounded to milliseconds.
        assert!(
            (-0.001..=1.101).contains(&(now - event.time())),
            "{event:?} at {now} s"
        );
    }
    assert!(events.is_sorted_by(|(a, _), (b, _)| a.time() <= b.time()));
    let turns = turns.turns(f64::INFINITY);
    let der = Der::score(&reference(), &turns, &ScoringOptions::new());
    assert!(der.rate() < 0.13, "{der:?}");
    assert_eq!(der.mapping.len(), 2);
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn live_events_do_not_depend_on_the_size_of_the_chunks() {
    let options = LiveOptions::new().latency(Duration::from_secs(2));
    let only = |events: Vec<(SpeakerEvent, f64)>| {
        events
            .into_iter()
            .map(|(event, _)| event)
            .collect::<Vec<_>>()
    };
    let events = only(events(&options, 1_600));
    assert!(events.len() > 4);
    assert_eq!(events, only(self::events(&options, 100_003)));
}
