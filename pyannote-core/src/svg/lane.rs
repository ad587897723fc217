//! Turns by speaker, and how long they speak.

use std::collections::HashMap;

use super::super::Turns;
use super::super::shown::shown;

/// A stretch of time, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) start: f64,
    pub(super) end: f64,
    /// How many turns it is made of.
    pub(super) turns: usize,
}

impl Stretch {
    pub(super) fn seconds(&self) -> f64 {
        self.end - self.start
    }
}

/// One speaker's stretches, by their start, none of which overlap.
#[derive(Debug)]
pub(super) struct Lane<'a> {
    pub(super) speaker: &'a str,
    pub(super) stretches: Vec<Stretch>,
}

/// The lanes of `turns`, in the order in which the speakers first speak.
pub(super) fn lanes(turns: &Turns) -> Vec<Lane<'_>> {
    let mut lanes: Vec<Lane<'_>> = Vec::new();
    let mut places = HashMap::new();
    let mut sorted: Vec<_> = turns
        .iter()
        .filter_map(|turn| Some((shown(turn.start, turn.end)?, turn.speaker.as_str())))
        .collect();
    sorted.sort_by(|((a, _), _), ((b, _), _)| a.total_cmp(b));
    for ((start, end), speaker) in sorted {
        let place = *places.entry(speaker).or_insert(lanes.len());
        if place == lanes.len() {
            lanes.push(Lane {
                speaker,
                stretches: Vec::new(),
            });
        }
        if let Some(lane) = lanes.get_mut(place) {
            lane.add(start, end);
        }
    }
    lanes
}

impl Lane<'_> {
    /// Adds a turn that starts no earlier than those before. What the speaker says twice at once is one stretch.
    fn add(&mut self, start: f64, end: f64) {
        match self.stretches.last_mut() {
            Some(last) if start < last.end => {
                last.end = last.end.max(end);
                last.turns += 1;
            }
            _ => self.stretches.push(Stretch {
                start,
                end,
                turns: 1,
            }),
        }
    }
}

/// `stretches` within `range`, and cut to it.
pub(super) fn within(stretches: &[Stretch], range: (f64, f64)) -> Vec<Stretch> {
    stretches
        .iter()
        .filter(|stretch| stretch.start <= range.1 && stretch.end >= range.0)
        .map(|stretch| Stretch {
            start: stretch.start.max(range.0),
            end: stretch.end.min(range.1),
            turns: stretch.turns,
        })
        .collect()
}

/// Seconds of all `stretches`. Infinite where they are too long for a number, as only made-up times are.
pub(super) fn seconds(stretches: &[Stretch]) -> f64 {
    // A sum of nothing would be -0, and written with its sign.
    stretches
        .iter()
        .map(Stretch::seconds)
        .fold(0.0, |a, b| a + b)
}

/// The time in which `least` speakers or more speak at once.
pub(super) fn at_once(lanes: &[Vec<Stretch>], least: usize) -> Vec<Stretch> {
    // Who starts when another ends is, in either order, no overlap: a stretch without length is not kept.
    let mut edges: Vec<(f64, bool)> = lanes
        .iter()
        .flatten()
        .filter(|stretch| stretch.start < stretch.end)
        .flat_map(|stretch| [(stretch.start, true), (stretch.end, false)])
        .collect();
    edges.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut found = Vec::new();
    let (mut speaking, mut since) = (0_usize, 0.0);
    for (time, starts) in edges {
        if starts {
            speaking += 1;
            if speaking == least {
                since = time;
            }
        } else {
            if speaking == least && since < time {
                found.push(Stretch {
                    start: since,
                    end: time,
                    turns: 1,
                });
            }
            speaking = speaking.saturating_sub(1);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::{Turn, Turns};
    use super::{Stretch, at_once, lanes, seconds, within};

    fn stretches(times: &[(f64, f64)]) -> Vec<Stretch> {
        let stretch = |&(start, end)| Stretch {
            start,
            end,
            turns: 1,
        };
        times.iter().map(stretch).collect()
    }

    #[test]
    fn lanes_are_in_the_order_of_the_first_turns() {
        let turns = Turns::from(vec![
            Turn::new(5.0, 6.0, "B"),
            Turn::new(4.0, 5.5, "B"),
            Turn::new(1.0, 2.0, "A"),
            Turn::new(f64::NAN, 2.0, "C"),
            Turn::new(6.0, 7.0, "B"),
        ]);
        let lanes = lanes(&turns);
        let speakers: Vec<_> = lanes.iter().map(|lane| lane.speaker).collect();
        assert_eq!(speakers, ["A", "B"]);
        let times: Vec<_> = lanes[1]
            .stretches
            .iter()
            .map(|s| (s.start, s.end, s.turns))
            .collect();
        assert_eq!(times, [(4.0, 6.0, 2), (6.0, 7.0, 1)]);
    }

    #[test]
    fn overlaps_are_found() {
        let lanes = [
            stretches(&[(0.0, 4.0), (6.0, 8.0)]),
            stretches(&[(3.0, 7.0)]),
            stretches(&[(3.5, 3.75), (8.0, 9.0)]),
        ];
        assert_eq!(at_once(&lanes, 2), stretches(&[(3.0, 4.0), (6.0, 7.0)]));
        assert_eq!(at_once(&lanes, 3), stretches(&[(3.5, 3.75)]));
        assert_eq!(seconds(&at_once(&lanes, 1)), 9.0);
    }

    #[test]
    fn a_range_cuts() {
        let cut = within(
            &stretches(&[(0.0, 1.0), (2.0, 5.0), (6.0, 7.0)]),
            (3.0, 6.5),
        );
        assert_eq!(cut, stretches(&[(3.0, 5.0), (6.0, 6.5)]));
    }
}
