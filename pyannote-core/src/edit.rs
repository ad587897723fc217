//! Turns made of other turns: cropped, renamed, joined. The list that is edited stays as it is.

use std::collections::{BTreeMap, HashMap};

use super::{Span, Turn, Turns};

impl Turns {
    /// The speech between `start` and `end`, in seconds; turns that reach over the range are cut.
    ///
    /// Times stay those of the recording, the order and the confidences stay as they are. An infinite bound leaves its
    /// side open. Where `end` is not after `start`, or one is no number, nothing is left.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns: Turns = [Turn::new(0.0, 4.0, "A"), Turn::new(6.0, 9.0, "B")].into_iter().collect();
    /// let cropped = turns.crop(3.0, 7.0);
    /// assert_eq!(*cropped, [Turn::new(3.0, 4.0, "A"), Turn::new(6.0, 7.0, "B")]);
    /// ```
    #[must_use]
    pub fn crop(&self, start: f64, end: f64) -> Self {
        if start.is_nan() || end.is_nan() {
            return Self::default();
        }
        self.iter()
            .filter_map(|turn| {
                let speech = Span::of(turn)?;
                let (from, to) = (speech.start.max(start), speech.end.min(end));
                (to > from).then(|| Turn {
                    start: from,
                    end: to,
                    ..turn.clone()
                })
            })
            .collect()
    }

    /// The turns with each speaker named anew, in the turns and in their confidences.
    ///
    /// `name` may be asked more than once for a speaker, and is expected to answer the same. Where two speakers get one
    /// name, a turn's confidences of the two become the greater one. Every turn is kept.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns: Turns = [Turn::new(0.0, 4.0, "SPEAKER_00")].into_iter().collect();
    /// let short = turns.map_speakers(|speaker| speaker.replace("SPEAKER_", "S"));
    /// assert_eq!(short.speakers(), ["S00"]);
    /// ```
    #[must_use]
    pub fn map_speakers(&self, mut name: impl FnMut(&str) -> String) -> Self {
        self.iter()
            .map(|turn| Turn {
                start: turn.start,
                end: turn.end,
                speaker: name(&turn.speaker),
                confidence: turn.confidence.as_ref().map(|old| {
                    let mut new = BTreeMap::new();
                    for (speaker, value) in old {
                        let kept = new.entry(name(speaker)).or_insert(*value);
                        *kept = value.max(*kept);
                    }
                    new
                }),
            })
            .collect()
    }

    /// The turns with the speaker `from` called `to`, as [`Turns::map_speakers`] does it.
    #[must_use]
    pub fn rename(&self, from: &str, to: &str) -> Self {
        self.map_speakers(|speaker| if speaker == from { to } else { speaker }.to_owned())
    }

    /// The turns with those of one speaker joined where the silence between them is shorter than `max_gap` seconds.
    ///
    /// Turns of one speaker that overlap or touch are always joined, with a `max_gap` of 0 as well; a negative one, or
    /// one that is no number, is as 0. The silences that were filled are all that is added, and no speech is lost.
    /// What other speakers say in the silence does not keep it from being filled: the two then overlap.
    ///
    /// The result is sorted by start; turns that hold no speech are left out. The confidences of a joined turn are the
    /// means of its parts by speaker, weighted by the parts' durations; parts that say nothing of a speaker do not
    /// count in that speaker's mean.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns: Turns = [Turn::new(0.0, 2.0, "A"), Turn::new(2.3, 4.0, "A"), Turn::new(5.0, 6.0, "A")]
    ///     .into_iter()
    ///     .collect();
    /// assert_eq!(*turns.merge_gaps(0.5), [Turn::new(0.0, 4.0, "A"), Turn::new(5.0, 6.0, "A")]);
    /// ```
    #[must_use]
    pub fn merge_gaps(&self, max_gap: f64) -> Self {
        let mut turns: Vec<(&Turn, Span)> = self
            .iter()
            .filter_map(|turn| Some((turn, Span::of(turn)?)))
            .collect();
        turns.sort_by(|a, b| (a.1.start + 0.0).total_cmp(&(b.1.start + 0.0)));
        let mut joined: Vec<Joined<'_>> = Vec::new();
        let mut last: HashMap<&str, usize> = HashMap::new();
        for (turn, span) in turns {
            let before = last
                .get(turn.speaker.as_str())
                .and_then(|at| joined.get_mut(*at));
            match before {
                Some(before) if before.reaches(span.start, max_gap) => before.add(turn, span),
                _ => {
                    last.insert(&turn.speaker, joined.len());
                    joined.push(Joined::new(turn, span));
                }
            }
        }
        joined.into_iter().map(Joined::into_turn).collect()
    }
}

/// Turns of one speaker on their way to become one turn.
struct Joined<'a> {
    first: &'a Turn,
    end: f64,
    parts: usize,
    /// The mean of each speaker's confidence so far, and the seconds that it stands for.
    means: BTreeMap<&'a str, (f64, f64)>,
}

impl<'a> Joined<'a> {
    fn new(turn: &'a Turn, span: Span) -> Self {
        let mut joined = Self {
            first: turn,
            end: span.end,
            parts: 0,
            means: BTreeMap::new(),
        };
        joined.add(turn, span);
        joined
    }

    fn reaches(&self, start: f64, max_gap: f64) -> bool {
        start <= self.end || start - self.end < max_gap
    }

    fn add(&mut self, turn: &'a Turn, span: Span) {
        self.end = self.end.max(span.end);
        self.parts += 1;
        for (speaker, value) in turn.confidence.iter().flatten() {
            let (mean, seconds) = self.means.entry(speaker).or_insert((*value, 0.0));
            *seconds += span.duration();
            // A running mean stays between the values that it is of, whatever their weights.
            *mean += (value - *mean) * (span.duration() / *seconds);
        }
    }

    fn into_turn(self) -> Turn {
        let confidence = if self.parts == 1 {
            self.first.confidence.clone()
        } else {
            let mean = |(speaker, (mean, _)): (&str, (f64, f64))| (speaker.to_owned(), mean);
            Some(self.means.into_iter().map(mean).collect())
                .filter(|means: &BTreeMap<_, _>| !means.is_empty())
        };
        Turn {
            end: self.end,
            confidence,
            ..Turn::new(self.first.start, self.end, &*self.first.speaker)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(list: &[(f64, f64, &str)]) -> Turns {
        list.iter()
            .map(|&(a, b, speaker)| Turn::new(a, b, speaker))
            .collect()
    }

    fn sure(start: f64, end: f64, speaker: &str, confidence: &[(&str, f64)]) -> Turn {
        let confidence = confidence.iter().map(|&(s, v)| (s.to_owned(), v)).collect();
        Turn {
            confidence: Some(confidence),
            ..Turn::new(start, end, speaker)
        }
    }

    #[test]
    fn crop_cuts_and_drops() {
        let list = turns(&[
            (5.0, 9.0, "B"),
            (0.0, 4.0, "A"),
            (2.0, 3.0, "C"),
            (3.0, 3.0, "D"),
        ]);
        type List = &'static [(f64, f64, &'static str)];
        let table: [(f64, f64, List); 6] = [
            (1.0, 2.5, &[(1.0, 2.5, "A"), (2.0, 2.5, "C")]),
            (4.0, 5.0, &[]),
            (f64::NEG_INFINITY, 1.0, &[(0.0, 1.0, "A")]),
            (8.0, f64::INFINITY, &[(8.0, 9.0, "B")]),
            (6.0, 5.5, &[]),
            (f64::NAN, 5.5, &[]),
        ];
        for (start, end, expected) in table {
            assert_eq!(list.crop(start, end), turns(expected), "{start}..{end}");
        }
        assert!(list.crop(0.0, f64::NAN).is_empty());
    }

    #[test]
    fn crop_keeps_confidence() {
        let list = Turns::from(vec![sure(0.0, 4.0, "A", &[("A", 70.0)])]);
        assert_eq!(*list.crop(1.0, 2.0), [sure(1.0, 2.0, "A", &[("A", 70.0)])]);
    }

    #[test]
    fn rename_reaches_confidences_and_keeps_the_greater() {
        let list = Turns::from(vec![
            sure(0.0, 1.0, "A", &[("A", 60.0), ("B", 30.0), ("C", 10.0)]),
            sure(1.0, 2.0, "B", &[("A", 20.0), ("B", 80.0)]),
            Turn::new(2.0, 2.0, "A"),
        ]);
        let expected = [
            sure(0.0, 1.0, "B", &[("B", 60.0), ("C", 10.0)]),
            sure(1.0, 2.0, "B", &[("B", 80.0)]),
            Turn::new(2.0, 2.0, "B"),
        ];
        assert_eq!(*list.rename("A", "B"), expected);
        assert_eq!(list.rename("nobody", "B"), list);
    }

    #[test]
    fn merge_gaps_joins_below_the_bound_alone() {
        let list = turns(&[
            (3.0, 4.0, "A"),
            (0.0, 2.0, "A"),
            (2.0, 3.5, "B"),
            (4.5, 5.0, "A"),
        ]);
        type List = &'static [(f64, f64, &'static str)];
        let table: [(f64, List); 5] = [
            (
                0.5,
                &[
                    (0.0, 2.0, "A"),
                    (2.0, 3.5, "B"),
                    (3.0, 4.0, "A"),
                    (4.5, 5.0, "A"),
                ],
            ),
            (0.6, &[(0.0, 2.0, "A"), (2.0, 3.5, "B"), (3.0, 5.0, "A")]),
            (1.1, &[(0.0, 5.0, "A"), (2.0, 3.5, "B")]),
            (f64::INFINITY, &[(0.0, 5.0, "A"), (2.0, 3.5, "B")]),
            (
                f64::NAN,
                &[
                    (0.0, 2.0, "A"),
                    (2.0, 3.5, "B"),
                    (3.0, 4.0, "A"),
                    (4.5, 5.0, "A"),
                ],
            ),
        ];
        for (max_gap, expected) in table {
            assert_eq!(list.merge_gaps(max_gap), turns(expected), "{max_gap}");
        }
    }

    #[test]
    fn merge_gaps_joins_what_overlaps_and_keeps_the_later_end() {
        let list = turns(&[
            (0.0, 9.0, "A"),
            (1.0, 2.0, "A"),
            (9.0, 10.0, "A"),
            (5.0, 5.0, "A"),
        ]);
        assert_eq!(list.merge_gaps(-1.0), turns(&[(0.0, 10.0, "A")]));
    }

    #[test]
    fn merge_gaps_weighs_confidences_by_duration() {
        let list = Turns::from(vec![
            sure(0.0, 3.0, "A", &[("A", 80.0), ("B", 20.0)]),
            sure(3.0, 4.0, "A", &[("A", 40.0)]),
            Turn::new(4.0, 9.0, "A"),
        ]);
        assert_eq!(
            *list.merge_gaps(0.0),
            [sure(0.0, 9.0, "A", &[("A", 70.0), ("B", 20.0)])]
        );
        let none = turns(&[(0.0, 1.0, "A"), (1.0, 2.0, "A")]);
        assert_eq!(none.merge_gaps(0.0), turns(&[(0.0, 2.0, "A")]));
    }
}
