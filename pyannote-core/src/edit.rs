//! Operations that return edited turns: cropping, renaming speakers, merging across gaps.

use std::collections::{BTreeMap, HashMap};

use crate::{Span, Turn, Turns};

impl Turns {
    /// Returns the speech between `start` and `end`, in seconds. Turns that extend beyond the range are cut.
    ///
    /// Times remain relative to the start of the recording; the order of the turns and their confidences do not change.
    /// Bounds may be infinite. The result is empty if `end` is not after `start`, or if either is NaN.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.0, 4.0, "A"), Turn::new(6.0, 9.0, "B")]);
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
                let speech = Span::of_turn(turn)?;
                let (start, end) = (speech.start.max(start), speech.end.min(end));
                (end > start).then(|| Turn {
                    start,
                    end,
                    ..turn.clone()
                })
            })
            .collect()
    }

    /// Returns the turns with every speaker renamed by `rename`, including the names in their confidences.
    ///
    /// `rename` is called more than once per speaker and must return the same name each time. If it gives two speakers
    /// the same name, a turn keeps the greater of their confidences.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.0, 4.0, "SPEAKER_00")]);
    /// let short = turns.map_speakers(|speaker| speaker.replace("SPEAKER_", "S"));
    /// assert_eq!(short.speakers(), ["S00"]);
    /// ```
    #[must_use]
    pub fn map_speakers(&self, mut rename: impl FnMut(&str) -> String) -> Self {
        self.iter()
            .map(|turn| Turn {
                start: turn.start,
                end: turn.end,
                speaker: rename(&turn.speaker),
                confidence: turn.confidence.as_ref().map(|confidence| {
                    let mut renamed = BTreeMap::new();
                    for (speaker, value) in confidence {
                        let greatest = renamed.entry(rename(speaker)).or_insert(*value);
                        *greatest = value.max(*greatest);
                    }
                    renamed
                }),
            })
            .collect()
    }

    /// Returns the turns with the speaker `from` renamed to `to`. See [`Turns::map_speakers`].
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.0, 4.0, "SPEAKER_00")]);
    /// assert_eq!(turns.rename_speaker("SPEAKER_00", "Ada")[0].speaker, "Ada");
    /// ```
    #[must_use]
    pub fn rename_speaker(&self, from: &str, to: &str) -> Self {
        self.map_speakers(|speaker| if speaker == from { to } else { speaker }.to_owned())
    }

    /// Merges turns of the same speaker that are separated by less than `max_gap` seconds.
    ///
    /// Turns of the same speaker that overlap or touch are always merged. A negative or NaN `max_gap` is treated as 0.
    /// Other speakers who speak in a gap do not prevent it from being filled; the result then overlaps with them.
    ///
    /// The result is sorted by start and omits turns whose duration is not positive and finite. The confidence of a
    /// merged turn is the mean over its parts by speaker, weighted by duration; parts without a value for a speaker do
    /// not count in that speaker's mean.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.0, 2.0, "A"), Turn::new(2.3, 4.0, "A"), Turn::new(5.0, 6.0, "A")]);
    /// assert_eq!(*turns.merge_gaps(0.5), [Turn::new(0.0, 4.0, "A"), Turn::new(5.0, 6.0, "A")]);
    /// ```
    #[must_use]
    pub fn merge_gaps(&self, max_gap: f64) -> Self {
        let mut turns: Vec<(&Turn, Span)> = self
            .iter()
            .filter_map(|turn| Some((turn, Span::of_turn(turn)?)))
            .collect();
        turns.sort_by(|a, b| (a.1.start + 0.0).total_cmp(&(b.1.start + 0.0)));
        let mut merged: Vec<MergedTurn<'_>> = Vec::new();
        let mut last_of_speaker: HashMap<&str, usize> = HashMap::new();
        for (turn, span) in turns {
            let previous = last_of_speaker
                .get(turn.speaker.as_str())
                .and_then(|index| merged.get_mut(*index));
            match previous {
                Some(previous) if previous.is_within_gap(span.start, max_gap) => {
                    previous.add(turn, span);
                }
                _ => {
                    last_of_speaker.insert(&turn.speaker, merged.len());
                    merged.push(MergedTurn::new(turn, span));
                }
            }
        }
        merged.into_iter().map(MergedTurn::into_turn).collect()
    }
}

/// Turns of the same speaker, merged into one.
struct MergedTurn<'a> {
    first: &'a Turn,
    end: f64,
    parts: usize,
    /// The mean confidence of each speaker so far, and the seconds that it covers.
    means: BTreeMap<&'a str, (f64, f64)>,
}

impl<'a> MergedTurn<'a> {
    fn new(turn: &'a Turn, span: Span) -> Self {
        let mut merged = Self {
            first: turn,
            end: span.end,
            parts: 0,
            means: BTreeMap::new(),
        };
        merged.add(turn, span);
        merged
    }

    fn is_within_gap(&self, start: f64, max_gap: f64) -> bool {
        start <= self.end || start - self.end < max_gap
    }

    fn add(&mut self, turn: &'a Turn, span: Span) {
        self.end = self.end.max(span.end);
        self.parts += 1;
        for (speaker, value) in turn.confidence.iter().flatten() {
            let (mean, seconds) = self.means.entry(speaker).or_insert((*value, 0.0));
            *seconds += span.duration();
            // Unlike a weighted sum, a running mean stays within the range of its values and cannot overflow.
            *mean += (value - *mean) * (span.duration() / *seconds);
        }
    }

    fn into_turn(self) -> Turn {
        let confidence = if self.parts == 1 {
            self.first.confidence.clone()
        } else {
            let means = self.means.into_iter();
            Some(
                means
                    .map(|(speaker, (mean, _))| (speaker.to_owned(), mean))
                    .collect(),
            )
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

    fn confident(start: f64, end: f64, speaker: &str, confidence: &[(&str, f64)]) -> Turn {
        Turn::new(start, end, speaker).with_confidence(confidence.iter().copied())
    }

    #[test]
    fn crop_cuts_turns_to_the_range() {
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
    fn crop_keeps_confidences() {
        let list = Turns::from(vec![confident(0.0, 4.0, "A", &[("A", 70.0)])]);
        assert_eq!(
            *list.crop(1.0, 2.0),
            [confident(1.0, 2.0, "A", &[("A", 70.0)])]
        );
    }

    #[test]
    fn rename_speaker_keeps_the_greater_of_two_confidences() {
        let list = Turns::from(vec![
            confident(0.0, 1.0, "A", &[("A", 60.0), ("B", 30.0), ("C", 10.0)]),
            confident(1.0, 2.0, "B", &[("A", 20.0), ("B", 80.0)]),
            Turn::new(2.0, 2.0, "A"),
        ]);
        let expected = [
            confident(0.0, 1.0, "B", &[("B", 60.0), ("C", 10.0)]),
            confident(1.0, 2.0, "B", &[("B", 80.0)]),
            Turn::new(2.0, 2.0, "B"),
        ];
        assert_eq!(*list.rename_speaker("A", "B"), expected);
        assert_eq!(list.rename_speaker("absent", "B"), list);
    }

    #[test]
    fn merge_gaps_merges_only_gaps_below_the_limit() {
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
    fn merge_gaps_merges_overlapping_turns_and_keeps_the_later_end() {
        let list = turns(&[
            (0.0, 9.0, "A"),
            (1.0, 2.0, "A"),
            (9.0, 10.0, "A"),
            (5.0, 5.0, "A"),
        ]);
        assert_eq!(list.merge_gaps(-1.0), turns(&[(0.0, 10.0, "A")]));
    }

    #[test]
    fn merge_gaps_weights_confidences_by_duration() {
        let list = Turns::from(vec![
            confident(0.0, 3.0, "A", &[("A", 80.0), ("B", 20.0)]),
            confident(3.0, 4.0, "A", &[("A", 40.0)]),
            Turn::new(4.0, 9.0, "A"),
        ]);
        assert_eq!(
            *list.merge_gaps(0.0),
            [confident(0.0, 9.0, "A", &[("A", 70.0), ("B", 20.0)])]
        );
        let unknown = turns(&[(0.0, 1.0, "A"), (1.0, 2.0, "A")]);
        assert_eq!(unknown.merge_gaps(0.0), turns(&[(0.0, 2.0, "A")]));
    }
}
