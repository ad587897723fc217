//! Turns, as the API has them: named speakers, and seconds to the millisecond.

use std::collections::HashMap;

use super::confidence;
use super::options::Options;
use super::schema::Segment;
use crate::engine::{Scores, Turn};

/// What speakers are called: `SPEAKER_00` and so on, by their first turns.
pub(super) struct Names(HashMap<usize, usize>);

impl Names {
    pub(super) fn by_first_turns<'a>(turns: impl Iterator<Item = &'a Turn>) -> Self {
        let mut places = HashMap::new();
        for turn in turns {
            let next = places.len();
            places.entry(turn.speaker).or_insert(next);
        }
        Self(places)
    }

    /// The speakers who have a turn, in the order of their names.
    pub(super) fn speakers(&self) -> Vec<usize> {
        let mut speakers: Vec<usize> = self.0.keys().copied().collect();
        speakers.sort_unstable_by_key(|speaker| self.0.get(speaker));
        speakers
    }

    /// The name of one of them.
    pub(super) fn of(&self, speaker: usize) -> String {
        let place = self.0.get(&speaker).copied().unwrap_or(speaker);
        format!("SPEAKER_{place:02}")
    }
}

/// Puts turns in the order of their starts, without those that are shorter than a millisecond, or that never end.
pub(super) fn tidy(turns: &mut Vec<Turn>) {
    // JSON has no number that is not finite.
    let ends = |turn: &Turn| turn.start.is_finite() && turn.end.is_finite();
    turns.retain(|turn| ends(turn) && milliseconds(turn.start) < milliseconds(turn.end));
    turns.sort_by(|a, b| a.start.total_cmp(&b.start));
}

pub(super) fn segments(
    turns: &[Turn],
    names: &Names,
    options: &Options,
    scores: &Scores,
) -> Vec<Segment> {
    let speakers = names.speakers();
    let segment = |turn: &Turn| Segment {
        speaker: names.of(turn.speaker),
        start: milliseconds(turn.start),
        end: milliseconds(turn.end),
        confidence: options.turn_confidence.then(|| {
            let means = confidence::of_turn(scores, turn, &speakers);
            let names = speakers.iter().map(|speaker| names.of(*speaker));
            names.zip(means).collect()
        }),
    };
    turns.iter().map(segment).collect()
}

/// Seconds, to the millisecond.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn turn(speaker: usize, start: f64, end: f64) -> Turn {
        Turn {
            speaker,
            start,
            end,
        }
    }

    #[test]
    fn speakers_are_named_by_their_first_turns() {
        let turns = [(7, 0.0), (2, 1.0), (7, 2.0), (4, 3.0)];
        let turns = turns.map(|(speaker, start)| turn(speaker, start, start + 1.0));
        let names = Names::by_first_turns(turns.iter());
        assert_eq!(names.speakers(), [7, 2, 4]);
        let named: Vec<String> = turns.iter().map(|turn| names.of(turn.speaker)).collect();
        assert_eq!(
            named,
            ["SPEAKER_00", "SPEAKER_01", "SPEAKER_00", "SPEAKER_02"]
        );
    }

    #[test]
    fn turns_of_no_length_go() {
        let mut turns = vec![
            turn(0, 1.0, 2.0),
            turn(1, 0.5, 0.5004),
            turn(2, 3.0, 2.0),
            turn(3, f64::NAN, 2.0),
            turn(4, 0.0004, f64::INFINITY),
            turn(5, 0.0, 0.001),
        ];
        tidy(&mut turns);
        let left: Vec<usize> = turns.iter().map(|turn| turn.speaker).collect();
        assert_eq!(left, [5, 0]);
        assert_eq!(milliseconds(1.234_56), 1.235);
    }
}
