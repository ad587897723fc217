//! Words of a running speech recognizer and their speakers.

use std::collections::VecDeque;
use std::time::Duration;

use super::{LiveTurns, SpeakerEvent};
use crate::{AttributedWord, Turns, Word};

/// Default delay of the diarization.
const DEFAULT_DELAY: Duration = Duration::from_millis(1_500);
/// Default time in which the speaker of a word is corrected.
const DEFAULT_CORRECTION_TIME: Duration = Duration::from_secs(10);
/// How long turns are kept for the words of a slow recognizer.
const MAX_WORD_DELAY_S: f64 = 300.0;

/// Assigns the words of a running speech recognizer to the speakers of a live diarization.
///
/// The two run side by side on the same audio, and either may be ahead. A word is assigned once the diarization can no
/// longer be behind it: [`delay`](Self::delay) after its end. If a later event changes its speaker, a
/// correction follows.
///
/// The rule is that of [`Turns::assign_words`]: the speaker whose speech overlaps the word most, or else the nearest
/// one.
///
/// ```
/// use pyannote_core::{LiveWords, SpeakerEvent, Word, WordEvent};
///
/// let mut words = LiveWords::new();
/// words.apply(&SpeakerEvent::start(0.4, "SPEAKER_00"));
/// words.push(Word::new(0.5, 0.9, "Hello."));
/// assert!(words.advance(1.0).is_empty()); // SPEAKER_00 may have stopped at 0.5 s
/// let events = words.advance(2.5);
/// let WordEvent::Assigned { word, .. } = &events[0] else { unreachable!() };
/// assert_eq!(word.speaker.as_deref(), Some("SPEAKER_00"));
/// ```
///
/// Memory does not grow with the length of the stream: a word is forgotten when it can no longer be corrected, and a
/// word that arrives more than 5 minutes after it was spoken has no speaker.
#[derive(Clone, Debug)]
pub struct LiveWords {
    turns: LiveTurns,
    words: VecDeque<Pending>,
    /// Number of words so far.
    count: u64,
    /// Time of the audio so far, in seconds.
    now: f64,
    delay_s: f64,
    correction_s: f64,
}

/// A word that may still be assigned or corrected.
#[derive(Clone, Debug)]
struct Pending {
    index: u64,
    word: Word,
    /// What was returned for the word: its speaker, if it has one.
    assigned: Option<Option<String>>,
}

/// The speaker of a word.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WordEvent {
    /// The word is assigned to a speaker, or has none.
    Assigned {
        /// The position of the word among all words, from 0.
        index: u64,
        /// The word with its speaker.
        word: AttributedWord,
    },
    /// The speaker of a word is not the one that was reported.
    Corrected {
        /// The position of the word among all words, from 0.
        index: u64,
        /// The word with its speaker.
        word: AttributedWord,
    },
}

impl Default for LiveWords {
    fn default() -> Self {
        Self {
            turns: LiveTurns::new(),
            words: VecDeque::new(),
            count: 0,
            now: 0.0,
            delay_s: DEFAULT_DELAY.as_secs_f64(),
            correction_s: DEFAULT_CORRECTION_TIME.as_secs_f64(),
        }
    }
}

impl LiveWords {
    /// Creates an instance without words.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long after the audio the events of the diarization arrive. The default is 1.5 s.
    ///
    /// A longer delay gives fewer corrections.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay_s = delay.as_secs_f64();
        self
    }

    /// Sets how long after the assignment of a word its speaker can be corrected. The default is 10 s.
    #[must_use]
    pub fn correction_time(mut self, time: Duration) -> Self {
        self.correction_s = time.as_secs_f64();
        self
    }

    /// Adds a word, and returns its index. Words should be final: the recognizer no longer changes them.
    pub fn push(&mut self, word: Word) -> u64 {
        let index = self.count;
        self.count += 1;
        self.words.push_back(Pending {
            index,
            word,
            assigned: None,
        });
        index
    }

    /// Applies an event of the diarization.
    pub fn apply(&mut self, event: &SpeakerEvent) {
        self.turns.apply(event);
    }

    /// Ends all turns at `time`, in seconds: see [`LiveTurns::restart`].
    pub fn restart(&mut self, time: f64) {
        self.turns.restart(time);
    }

    /// Sets the duration of the audio so far, in seconds. Returns the assignments and corrections since the last call.
    pub fn advance(&mut self, now: f64) -> Vec<WordEvent> {
        // A NaN has no effect.
        self.now = self.now.max(now);
        self.update(self.now - self.delay_s)
    }

    /// Ends the stream: all events of the diarization have arrived. Returns the assignments and corrections since the
    /// last call, after which all words are assigned.
    pub fn finish(mut self) -> Vec<WordEvent> {
        self.update(f64::INFINITY)
    }

    /// Assigns and corrects words, given that the diarization is complete up to `known_until`, in seconds.
    fn update(&mut self, known_until: f64) -> Vec<WordEvent> {
        let turns = self.turns.turns(self.now);
        let words = self.words.iter().map(|pending| pending.word.clone());
        let words = turns.assign_words(words).into_vec();
        let overlapping =
            turns.assign_words_within(self.words.iter().map(|pending| pending.word.clone()), -1.0);
        let mut events = Vec::new();
        for ((pending, word), overlapping) in self.words.iter_mut().zip(words).zip(&overlapping) {
            let index = pending.index;
            match &pending.assigned {
                Some(speaker) if *speaker == word.speaker => {}
                Some(_) => {
                    pending.assigned = Some(word.speaker.clone());
                    events.push(WordEvent::Corrected { index, word });
                }
                None => {
                    // A turn that starts soon may be nearer than the one before the word.
                    let distance = match overlapping.speaker {
                        Some(_) => 0.0,
                        None => Turns::MAX_WORD_DISTANCE_S,
                    };
                    if last_time(&pending.word) + distance <= known_until {
                        pending.assigned = Some(word.speaker.clone());
                        events.push(WordEvent::Assigned { index, word });
                    }
                }
            }
        }
        let final_until = known_until - self.correction_s;
        self.words
            .retain(|pending| pending.assigned.is_none() || last_time(&pending.word) > final_until);
        self.turns
            .forget_before(final_until.min(known_until - MAX_WORD_DELAY_S));
        events
    }
}

/// The latest time of a word, in seconds, or minus infinity if its times are not finite: nothing is to be waited for.
fn last_time(word: &Word) -> f64 {
    match (word.start.is_finite(), word.end.is_finite()) {
        (true, true) => word.start.max(word.end),
        (true, false) => word.start,
        _ => f64::NEG_INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn word(start: f64, end: f64) -> Word {
        Word::new(start, end, "w")
    }

    /// Kind, index and speaker of each event.
    fn brief(events: Vec<WordEvent>) -> Vec<(&'static str, u64, Option<String>)> {
        let brief = |event| match event {
            WordEvent::Assigned { index, word } => ("assigned", index, word.speaker),
            WordEvent::Corrected { index, word } => ("corrected", index, word.speaker),
        };
        events.into_iter().map(brief).collect()
    }

    fn assigned(index: u64, speaker: &str) -> (&'static str, u64, Option<String>) {
        ("assigned", index, Some(speaker.to_owned()))
    }

    #[test]
    fn a_word_is_assigned_after_the_delay() {
        let mut words = LiveWords::new().delay(Duration::from_secs(1));
        words.apply(&SpeakerEvent::start(0.0, "A"));
        assert_eq!(words.push(word(0.5, 1.0)), 0);
        assert_eq!(brief(words.advance(1.9)), []);
        assert_eq!(brief(words.advance(f64::NAN)), []);
        assert_eq!(brief(words.advance(2.0)), [assigned(0, "A")]);
        assert_eq!(brief(words.advance(2.5)), []);
        assert_eq!(words.push(word(1.5, 1.9)), 1);
        assert_eq!(brief(words.finish()), [assigned(1, "A")]);
    }

    #[test]
    fn a_word_between_turns_waits_for_the_next_turn() {
        let mut words = LiveWords::new().delay(Duration::ZERO);
        words.apply(&SpeakerEvent::start(0.0, "A"));
        words.apply(&SpeakerEvent::end(0.7, "A"));
        words.push(word(1.0, 1.2));
        assert_eq!(brief(words.advance(1.5)), []);
        words.apply(&SpeakerEvent::start(1.4, "B"));
        assert_eq!(brief(words.advance(1.7)), [assigned(0, "B")]);
    }

    #[test]
    fn late_events_correct_words_for_some_time() {
        let mut words = LiveWords::new()
            .delay(Duration::ZERO)
            .correction_time(Duration::from_secs(3));
        words.apply(&SpeakerEvent::start(0.0, "A"));
        words.push(word(1.0, 2.0));
        assert_eq!(brief(words.advance(2.0)), [assigned(0, "A")]);
        words.apply(&SpeakerEvent::end(0.9, "A"));
        words.apply(&SpeakerEvent::start(1.0, "B"));
        let corrected = ("corrected", 0, Some("B".to_owned()));
        assert_eq!(brief(words.advance(2.5)), [corrected]);
        assert_eq!(brief(words.advance(6.0)), []);
        words.apply(&SpeakerEvent::end(0.5, "B"));
        assert_eq!(brief(words.advance(7.0)), []);
    }

    #[test]
    fn words_after_an_interruption_are_of_other_speakers() {
        let mut words = LiveWords::new().delay(Duration::ZERO);
        words.apply(&SpeakerEvent::start(0.0, "A"));
        words.restart(2.0);
        words.apply(&SpeakerEvent::start(3.0, "A"));
        words.push(word(1.0, 1.5));
        words.push(word(3.5, 4.0));
        assert_eq!(
            brief(words.advance(5.0)),
            [assigned(0, "A"), assigned(1, "A-2")]
        );
    }

    #[test]
    fn odd_words_are_assigned() {
        let mut words = LiveWords::new();
        words.apply(&SpeakerEvent::start(0.0, "A"));
        words.push(word(f64::NAN, 1.0));
        words.push(word(1.0, f64::INFINITY));
        words.push(word(f64::NEG_INFINITY, f64::NAN));
        words.push(word(2.0, 1.0));
        let speakers: Vec<_> = brief(words.advance(10.0))
            .into_iter()
            .map(|(_, _, s)| s)
            .collect();
        assert_eq!(speakers.len(), 4);
        assert_eq!(
            (speakers[0].clone(), speakers[3].clone()),
            (None, Some("A".to_owned()))
        );
    }

    #[test]
    fn memory_does_not_grow_with_the_stream() {
        let mut words = LiveWords::new();
        for second in 0..10_000 {
            let start = f64::from(second);
            words.apply(&SpeakerEvent::start(start, "A"));
            words.apply(&SpeakerEvent::end(start + 0.5, "A"));
            words.push(word(start, start + 0.4));
            words.advance(start + 1.0);
        }
        assert!(words.words.len() < 20, "{}", words.words.len());
        let turns = words.turns.turns(f64::INFINITY).len();
        assert!((300..320).contains(&turns), "{turns}");
    }

    proptest! {
        /// Whatever the order in which words and events arrive, the last report of each word is what the finished turns
        /// say.
        #[test]
        fn the_last_report_of_each_word_is_that_of_the_finished_turns(
            turns in prop::collection::vec((0.0..30.0, 0.0..5.0, "[A-C]", 0.0..4.0), 0..12),
            spoken in prop::collection::vec((0.0..30.0, 0.0..1.0, 0.0..6.0), 0..20),
        ) {
            let mut arrivals: Vec<(f64, Result<SpeakerEvent, Word>)> = Vec::new();
            for (start, duration, speaker, delay) in turns {
                let events = [SpeakerEvent::start(start, speaker.clone()), SpeakerEvent::end(start + duration, speaker)];
                arrivals.extend(events.map(|event| (event.time() + delay, Ok(event))));
            }
            for (start, duration, delay) in spoken {
                arrivals.push((start + duration + delay, Err(word(start, start + duration))));
            }
            arrivals.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut live = LiveTurns::new();
            let mut words = LiveWords::new().correction_time(Duration::from_secs(1_000));
            let mut pushed = Vec::new();
            let mut reports = BTreeMap::new();
            let mut report = |events| for (kind, index, speaker) in brief(events) {
                let first = reports.insert(index, speaker).is_none();
                assert_eq!(first, kind == "assigned");
            };
            for (time, arrival) in arrivals {
                match arrival {
                    Ok(event) => {
                        live.apply(&event);
                        words.apply(&event);
                    }
                    Err(word) => {
                        pushed.push(word.clone());
                        words.push(word);
                    }
                }
                report(words.advance(time));
            }
            report(words.advance(100.0));
            report(words.finish());
            let expected = live.turns(100.0).assign_words(pushed).into_vec();
            let expected: Vec<_> = expected.into_iter().map(|word| word.speaker).collect();
            prop_assert_eq!(reports.into_values().collect::<Vec<_>>(), expected);
        }
    }
}
