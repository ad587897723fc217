//! Turns from the events of a live diarization.

use std::collections::BTreeMap;

use super::SpeakerEvent;
use crate::{Turn, Turns};

/// The turns of a live diarization so far.
///
/// ```
/// use pyannote_core::{LiveTurns, SpeakerEvent, Turn};
///
/// let mut live = LiveTurns::new();
/// live.apply(&SpeakerEvent::start(0.5, "SPEAKER_00"));
/// live.apply(&SpeakerEvent::start(2.0, "SPEAKER_01"));
/// live.apply(&SpeakerEvent::end(3.0, "SPEAKER_00"));
/// assert_eq!(live.speaking().collect::<Vec<_>>(), ["SPEAKER_01"]);
/// // The turn of SPEAKER_01 has not ended.
/// let turns = live.turns(4.0);
/// assert_eq!(*turns, [Turn::new(0.5, 3.0, "SPEAKER_00"), Turn::new(2.0, 4.0, "SPEAKER_01")]);
/// ```
///
/// The events may be inconsistent: a start of a speaker who is speaking already, an end without a start, and times that
/// are not finite are ignored. A turn that ends before it starts is dropped.
#[derive(Clone, Debug, Default)]
pub struct LiveTurns {
    /// Turns that have ended, in the order of their ends.
    ended: Vec<Turn>,
    /// The start of the turn of each speaker who is speaking.
    open: BTreeMap<String, f64>,
    /// Number of interruptions.
    restarts: u32,
}

impl LiveTurns {
    /// Creates an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies an event.
    pub fn apply(&mut self, event: &SpeakerEvent) {
        if !event.time().is_finite() {
            return;
        }
        let label = self.label(event.speaker());
        match event {
            SpeakerEvent::Start { time, .. } => {
                self.open.entry(label).or_insert(*time);
            }
            SpeakerEvent::End { time, .. } => {
                if let Some(start) = self.open.remove(&label) {
                    self.push(start, *time, label);
                }
            }
        }
    }

    /// Ends all turns at `time`, in seconds, because the stream was interrupted: from now on, a label such as
    /// `SPEAKER_00` may be of a different speaker.
    ///
    /// To keep the speakers apart, `-2` is appended to labels after the first interruption, `-3` after the second, and
    /// so on.
    pub fn restart(&mut self, time: f64) {
        for (label, start) in std::mem::take(&mut self.open) {
            self.push(start, time, label);
        }
        self.restarts = self.restarts.saturating_add(1);
    }

    /// Returns the name of a speaker in [`turns`](Self::turns), for a label in the events since the last interruption.
    #[must_use]
    pub fn label(&self, speaker: &str) -> String {
        match self.restarts {
            0 => speaker.to_owned(),
            restarts => format!("{speaker}-{}", u64::from(restarts) + 1),
        }
    }

    /// Returns who is speaking, by name.
    pub fn speaking(&self) -> impl Iterator<Item = &str> {
        self.open.keys().map(String::as_str)
    }

    /// Returns all turns, by their starts. Those that have not ended are returned as ending at `now`, in seconds.
    #[must_use]
    pub fn turns(&self, now: f64) -> Turns {
        let open = self.open.iter();
        let open = open.filter_map(|(label, start)| turn(*start, now, label.clone()));
        let mut turns: Vec<Turn> = self.ended.iter().cloned().chain(open).collect();
        turns.sort_by(|a, b| {
            a.start
                .total_cmp(&b.start)
                .then_with(|| a.speaker.cmp(&b.speaker))
        });
        turns.into()
    }

    /// Drops turns that ended before `time`, in seconds.
    pub(super) fn forget_before(&mut self, time: f64) {
        self.ended.retain(|turn| turn.end >= time);
    }

    fn push(&mut self, start: f64, end: f64, speaker: String) {
        self.ended.extend(turn(start, end, speaker));
    }
}

/// A turn, if it has a duration.
fn turn(start: f64, end: f64, speaker: String) -> Option<Turn> {
    (start < end).then(|| Turn::new(start, end, speaker))
}

impl<'a> Extend<&'a SpeakerEvent> for LiveTurns {
    fn extend<T: IntoIterator<Item = &'a SpeakerEvent>>(&mut self, events: T) {
        for event in events {
            self.apply(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(time: f64, speaker: &str) -> SpeakerEvent {
        SpeakerEvent::start(time, speaker)
    }

    fn end(time: f64, speaker: &str) -> SpeakerEvent {
        SpeakerEvent::end(time, speaker)
    }

    fn turns(events: &[SpeakerEvent], now: f64) -> Vec<(f64, f64, String)> {
        let mut live = LiveTurns::new();
        live.extend(events);
        let turns = live.turns(now).into_vec().into_iter();
        turns
            .map(|turn| (turn.start, turn.end, turn.speaker))
            .collect()
    }

    #[test]
    fn events_become_turns() {
        let (a, b) = ("A".to_owned(), "B".to_owned());
        for (name, events, expected) in [
            ("none", vec![], vec![]),
            ("open", vec![start(1.0, "A")], vec![(1.0, 9.0, a.clone())]),
            ("opens in the future", vec![start(10.0, "A")], vec![]),
            (
                "sorted by start",
                vec![
                    start(2.0, "B"),
                    start(1.0, "A"),
                    end(3.0, "B"),
                    end(4.0, "A"),
                ],
                vec![(1.0, 4.0, a.clone()), (2.0, 3.0, b.clone())],
            ),
            (
                "second start",
                vec![start(1.0, "A"), start(2.0, "A"), end(3.0, "A")],
                vec![(1.0, 3.0, a.clone())],
            ),
            ("end without start", vec![end(1.0, "A")], vec![]),
            ("reversed", vec![start(2.0, "A"), end(1.0, "A")], vec![]),
            (
                "not finite",
                vec![
                    start(f64::NAN, "A"),
                    start(1.0, "A"),
                    end(f64::INFINITY, "A"),
                    end(2.0, "A"),
                ],
                vec![(1.0, 2.0, a)],
            ),
        ] {
            assert_eq!(turns(&events, 9.0), expected, "{name}");
        }
    }

    #[test]
    fn labels_after_an_interruption_are_of_other_speakers() {
        let mut live = LiveTurns::new();
        live.extend(&[start(1.0, "A"), start(1.0, "B"), end(2.0, "A")]);
        live.restart(3.0);
        live.extend(&[start(4.0, "A"), end(5.0, "B"), end(6.0, "A")]);
        live.restart(7.0);
        live.apply(&start(8.0, "A"));
        assert_eq!(live.speaking().collect::<Vec<_>>(), ["A-3"]);
        let expected = [
            Turn::new(1.0, 2.0, "A"),
            Turn::new(1.0, 3.0, "B"),
            Turn::new(4.0, 6.0, "A-2"),
            Turn::new(8.0, 9.0, "A-3"),
        ];
        assert_eq!(*live.turns(9.0), expected);
    }
}
