//! A live diarization with the open models: which samples are processed when, and what is decided.

use pyannote_core::SpeakerEvent;

use super::buffer::Buffer;
use super::last_window::LastWindow;
use super::networks::LiveNetworks;
use super::speakers::Speakers;
use super::turn_finder::{Change, TurnFinder};
use super::{LiveDiarization, LiveOptions, local};
use crate::models::{FRAME_STEP_SAMPLES, POWERSET_CLASSES};
use crate::pipeline::frames;
use crate::pipeline::windows::{Window, frame_count, powerset_to_multilabel};
use crate::{DiarizeError, SAMPLE_RATE, normalize};

/// Maximum time between windows.
const MAX_HOP_S: f64 = 0.5;
/// Shorter turns are not reported.
const MIN_LIVE_TURN_S: f64 = 0.2;
/// Shorter gaps between two turns of a speaker are not reported.
const MIN_LIVE_GAP_S: f64 = 0.25;

/// A live diarization in progress.
///
/// Half of the latency, but at most [`MAX_HOP_S`], passes between windows. The rest is the audio that follows every
/// frame when it is decided.
pub(crate) struct Session<N> {
    networks: N,
    /// Samples from the end of a window to the end of the next one.
    hop_samples: usize,
    /// Frames at the end of a window that are not decided yet.
    undecided_frames: usize,
    /// Samples since the last window.
    pending: Vec<f32>,
    buffer: Buffer,
    speakers: Speakers,
    last_window: LastWindow,
    turns: TurnFinder,
    is_finished: bool,
}

impl<N: LiveNetworks> Session<N> {
    /// Starts a session, with valid options.
    pub(crate) fn new(networks: N, options: &LiveOptions) -> Self {
        let in_frames = |duration_s: f64| (duration_s / frames::STEP_S) as usize;
        let latency_frames = in_frames(options.latency.as_secs_f64());
        let hop_frames = (latency_frames / 2).clamp(1, in_frames(MAX_HOP_S));
        let undecided_frames = latency_frames.saturating_sub(hop_frames);
        Self {
            networks,
            hop_samples: hop_frames * FRAME_STEP_SAMPLES,
            undecided_frames,
            pending: Vec::new(),
            buffer: Buffer::default(),
            speakers: Speakers::new(options.max_speakers),
            last_window: LastWindow::default(),
            turns: TurnFinder::new(
                in_frames(MIN_LIVE_TURN_S).min(undecided_frames),
                in_frames(MIN_LIVE_GAP_S).min(undecided_frames),
            ),
            is_finished: false,
        }
    }

    /// Processes the pending samples.
    fn step(&mut self) {
        let is_silent = self.buffer.push(&self.pending);
        self.pending.clear();
        // The frames before the silence are in the last window.
        if !is_silent {
            self.add_window();
        }
    }

    /// Runs the networks on the window.
    fn add_window(&mut self) {
        let samples = self.buffer.window();
        let posteriors = self.networks.posteriors(&samples);
        let window = Window {
            first_frame: self.buffer.first_frame(),
            activity: posteriors
                .chunks_exact(POWERSET_CLASSES)
                .map(powerset_to_multilabel)
                .collect(),
        };
        let known_frames = self
            .last_window
            .end_frame()
            .saturating_sub(window.first_frame);
        let continued = self.last_window.continued(&window);
        let locals = local::find(
            &self.networks,
            &samples,
            &window.activity,
            known_frames,
            continued,
        );
        let assigned = self.speakers.assign(&locals, window.first_frame == 0);
        self.last_window = LastWindow::new(window, &posteriors);
        for (local, speaker) in locals.iter().zip(assigned) {
            self.last_window.speakers[local.index] = speaker;
            self.last_window.embeddings[local.index] = local.embedding;
        }
    }

    /// Decides the frames before `end_frame`.
    fn decide(&mut self, end_frame: usize) -> Vec<SpeakerEvent> {
        let known_end = self.buffer.first_frame() + frame_count(self.buffer.len());
        let active: Vec<_> = (self.turns.next_frame()..known_end)
            .map(|frame| self.last_window.active(frame))
            .collect();
        let changes = self.turns.advance(&active, end_frame);
        self.events(&changes)
    }

    fn events(&self, changes: &[Change]) -> Vec<SpeakerEvent> {
        let duration_s = self.buffer.stream_samples() as f64 / f64::from(SAMPLE_RATE);
        let event = |change: &Change| {
            let time_s = frames::start_s(change.frame).min(duration_s);
            let label = normalize::name(change.speaker);
            match change.starts {
                true => SpeakerEvent::start(time_s, label),
                false => SpeakerEvent::end(time_s, label),
            }
        };
        changes.iter().map(event).collect()
    }
}

impl<N: LiveNetworks> LiveDiarization for Session<N> {
    fn push(&mut self, mut samples: &[f32]) -> Result<Vec<SpeakerEvent>, DiarizeError> {
        let mut events = Vec::new();
        while !self.is_finished && !samples.is_empty() {
            let missing = self.hop_samples - self.pending.len();
            let (now, later) = samples.split_at(missing.min(samples.len()));
            self.pending.extend_from_slice(now);
            samples = later;
            if self.pending.len() == self.hop_samples {
                self.step();
                let frames = self.buffer.stream_samples() / FRAME_STEP_SAMPLES;
                events.extend(self.decide(frames.saturating_sub(self.undecided_frames)));
            }
        }
        Ok(events)
    }

    fn finish(&mut self) -> Result<Vec<SpeakerEvent>, DiarizeError> {
        if self.is_finished {
            return Ok(Vec::new());
        }
        self.is_finished = true;
        if !self.pending.is_empty() {
            self.step();
        }
        let mut events = self.decide(usize::MAX);
        let changes = self.turns.finish();
        events.extend(self.events(&changes));
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use proptest::prelude::*;
    use pyannote_core::{LiveTurns, Turns};

    use super::*;
    use crate::models::{EMBEDDING_DIM, RECEPTIVE_FIELD_SAMPLES, WINDOW_FRAMES};
    use crate::pipeline::embeddings::EmbeddingVector;
    use crate::pipeline::windows::MAX_LOCAL_SPEAKERS;

    /// Reads who speaks from the samples, which [`audio`] has written there, and counts the windows.
    #[derive(Clone, Default)]
    struct Script(Arc<AtomicUsize>);

    /// Audio of speakers: who speaks until when, in seconds. Each is a ratio of even and odd samples.
    fn audio(spoken: &[(Option<usize>, f64)]) -> Vec<f32> {
        let mut samples = Vec::new();
        for (speaker, until_s) in spoken {
            let pair = speaker.map_or([0.0; 2], |speaker| [0.4, 0.02 * (speaker + 1) as f32]);
            samples.resize((until_s * 8_000.0) as usize, pair);
        }
        samples.into_flattened()
    }

    /// Who speaks at an even position.
    fn speaker_at(samples: &[f32], position: usize) -> Option<usize> {
        let speaker = samples[position + 1] / samples[position] * 20.0 - 1.0;
        speaker.is_finite().then(|| speaker.round() as usize)
    }

    impl LiveNetworks for Script {
        fn posteriors(&self, window: &[f32]) -> Vec<f32> {
            let windows = self.0.fetch_add(1, Ordering::Relaxed);
            let frames = window
                .len()
                .checked_sub(RECEPTIVE_FIELD_SAMPLES)
                .map_or(0, |rest| rest / FRAME_STEP_SAMPLES + 1);
            let mut locals = Vec::new();
            let mut posteriors = vec![0.0; frames * POWERSET_CLASSES];
            for (frame, row) in posteriors.chunks_exact_mut(POWERSET_CLASSES).enumerate() {
                let class =
                    speaker_at(window, frame * FRAME_STEP_SAMPLES + 496).map_or(0, |speaker| {
                        if !locals.contains(&speaker) {
                            locals.push(speaker);
                        }
                        let local = locals.iter().position(|other| *other == speaker).unwrap();
                        // The order of the local speakers differs between windows.
                        1 + (local + windows) % MAX_LOCAL_SPEAKERS
                    });
                row[class] = 1.0;
            }
            posteriors
        }

        fn embedding(&self, parts: &[&[f32]]) -> Option<EmbeddingVector> {
            let part = parts.last()?;
            let mut embedding = [0.0; EMBEDDING_DIM];
            embedding[speaker_at(part, part.len() / 4 * 2)?] = 1.0;
            Some(embedding)
        }
    }

    fn options(latency_s: f64) -> LiveOptions {
        LiveOptions::new().latency(Duration::from_secs_f64(latency_s))
    }

    /// The events, each with the number of samples that were pushed when it was returned.
    fn run(
        samples: &[f32],
        options: &LiveOptions,
        chunks: impl Iterator<Item = usize>,
    ) -> Vec<(SpeakerEvent, usize)> {
        let mut session = Session::new(Script::default(), options);
        let mut events = Vec::new();
        let mut position = 0;
        for chunk in chunks {
            let end = (position + chunk).min(samples.len());
            let found = session.push(&samples[position..end]).unwrap();
            position = end;
            events.extend(found.into_iter().map(|event| (event, position)));
            if position == samples.len() {
                break;
            }
        }
        assert_eq!(position, samples.len());
        events.extend(
            session
                .finish()
                .unwrap()
                .into_iter()
                .map(|event| (event, position)),
        );
        assert_eq!(session.finish(), Ok(Vec::new()));
        assert_eq!(session.push(samples), Ok(Vec::new()));
        events
    }

    fn turns(samples: &[f32], options: &LiveOptions) -> Turns {
        let mut turns = LiveTurns::new();
        for (event, _) in run(samples, options, std::iter::repeat(1_600)) {
            turns.apply(&event);
        }
        assert_eq!(turns.speaking().count(), 0, "all turns have ended");
        turns.turns(f64::INFINITY)
    }

    /// Asserts the turns, within a tenth of a second. The first turn of a speaker may start later; so may others, if
    /// the latency is too short for an embedding.
    fn assert_turns(found: &Turns, expected: &[(f64, f64, usize)], latency_s: f64) {
        let mut known = Vec::new();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (turn, (start, end, speaker)) in found.iter().zip(expected) {
            let delay = match known.contains(speaker) {
                true => 0.1_f64.max(0.8 - latency_s),
                false => 1.0,
            };
            known.push(*speaker);
            assert_eq!(turn.speaker, normalize::name(*speaker));
            assert!(
                turn.start > start - 0.1 && turn.start < start + delay,
                "{turn:?}"
            );
            assert!((turn.end - end).abs() < 0.1, "{turn:?}");
        }
    }

    const CONVERSATION: [(Option<usize>, f64); 7] = [
        (None, 1.0),
        (Some(3), 4.0),
        (None, 4.5),
        (Some(5), 8.0),
        (Some(3), 12.0),
        (None, 40.0),
        (Some(5), 43.21),
    ];

    #[test]
    fn speakers_keep_their_labels() {
        for latency_s in [0.2, 0.5, 1.0, 2.0, 5.0] {
            let found = turns(&audio(&CONVERSATION), &options(latency_s));
            assert_turns(
                &found,
                &[
                    (1.0, 4.0, 0),
                    (4.5, 8.0, 1),
                    (8.0, 12.0, 0),
                    (40.0, 43.21, 1),
                ],
                latency_s,
            );
        }
    }

    #[test]
    fn speakers_who_return_after_ten_minutes_keep_their_labels() {
        for between in [None, Some(9)] {
            let spoken = [
                (Some(3), 3.0),
                (Some(5), 6.0),
                (between, 606.0),
                (Some(5), 609.0),
                (Some(3), 612.0),
            ];
            let mut expected = vec![(0.0, 3.0, 0), (3.0, 6.0, 1)];
            expected.extend(between.map(|_| (6.0, 606.0, 2)));
            expected.extend([(606.0, 609.0, 1), (609.0, 612.0, 0)]);
            assert_turns(&turns(&audio(&spoken), &options(1.0)), &expected, 1.0);
        }
    }

    #[test]
    fn events_are_returned_within_the_latency_and_in_order() {
        for latency_s in [0.2, 0.5, 1.0, 2.0, 5.0] {
            let events = run(
                &audio(&CONVERSATION),
                &options(latency_s),
                std::iter::repeat(160),
            );
            assert_eq!(events.len(), 8);
            assert!(events.is_sorted_by(|(a, _), (b, _)| a.time() <= b.time()));
            for (event, pushed) in events {
                let after_s = pushed as f64 / 16_000.0 - event.time();
                // 10 ms are pushed at a time.
                assert!(
                    (0.0..=latency_s + 0.01).contains(&after_s),
                    "{event:?} after {after_s} s"
                );
            }
        }
    }

    #[test]
    fn there_are_at_most_eight_speakers() {
        let spoken: Vec<_> = (0..12).map(|n| (Some(n), 3.0 * (n + 1) as f64)).collect();
        let samples = audio(&spoken);
        let count = |options: &LiveOptions| {
            let found = turns(&samples, options);
            let speech: f64 = found.iter().map(|turn| turn.end - turn.start).sum();
            assert!(speech > 30.0, "{speech} s");
            let speakers: std::collections::BTreeSet<_> =
                found.iter().map(|turn| turn.speaker.clone()).collect();
            speakers.len()
        };
        assert_eq!(count(&LiveOptions::new()), 8);
        assert_eq!(count(&LiveOptions::new().max_speakers(2)), 2);
        assert_eq!(count(&LiveOptions::new().max_speakers(1)), 1);
    }

    #[test]
    fn streams_without_speech_have_no_events() {
        for samples in [
            vec![],
            vec![0.3],
            vec![0.0; 500_000],
            vec![f32::NAN; 100_000],
            vec![f32::INFINITY; 10_001],
        ] {
            assert!(turns(&samples, &LiveOptions::new()).is_empty());
        }
    }

    #[test]
    fn samples_that_are_not_finite_are_silence() {
        let silent = audio(&[(Some(0), 3.0), (None, 5.0), (Some(0), 8.0)]);
        let broken: Vec<f32> = silent
            .iter()
            .map(|x| if *x == 0.0 { f32::NAN } else { *x })
            .collect();
        assert_eq!(
            turns(&broken, &LiveOptions::new()),
            turns(&silent, &LiveOptions::new())
        );
    }

    #[test]
    fn silence_is_not_processed() {
        let script = Script::default();
        let mut session = Session::new(script.clone(), &LiveOptions::new());
        session.push(&audio(&[(Some(0), 3.0)])).unwrap();
        let windows = script.0.load(Ordering::Relaxed);
        assert!(windows > 0);
        let events = session.push(&vec![0.0; 16_000 * 600]).unwrap();
        assert_eq!(events.len(), 1, "the turn has ended");
        assert!(script.0.load(Ordering::Relaxed) <= windows + 1);
    }

    #[test]
    fn memory_does_not_grow_with_the_stream() {
        let mut session = Session::new(Script::default(), &options(5.0));
        let spoken = audio(&[(Some(0), 2.0), (None, 3.0), (Some(1), 5.0)]);
        for _ in 0..200 {
            session.push(&spoken).unwrap();
            assert!(session.pending.capacity() < 16_000);
            assert!(session.buffer.len() <= 160_000);
            assert!(
                session.last_window.end_frame() - session.buffer.first_frame() <= WINDOW_FRAMES
            );
            assert!(session.last_window.end_frame() - session.turns.next_frame() < 300);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]

        #[test]
        fn the_size_of_the_chunks_makes_no_difference(chunks in prop::collection::vec(0_usize..30_000, 1..10)) {
            let samples = audio(&CONVERSATION[..5]);
            let events = |chunks: &[usize]| -> Vec<SpeakerEvent> {
                let chunks = chunks.iter().copied().chain(std::iter::repeat(7_777));
                run(&samples, &LiveOptions::new(), chunks).into_iter().map(|(event, _)| event).collect()
            };
            prop_assert_eq!(events(&chunks), events(&[usize::MAX / 2]));
        }
    }
}
