//! Measures of a diarization: speech time, overlapped speech, silence.
//!
//! Turns whose duration is not positive and finite contain no speech and are ignored here.

use std::collections::{BTreeMap, BTreeSet};

use crate::span::{regions_with_depth, subtract, total_duration};
use crate::{Span, Turn, Turns};

impl Turns {
    /// Returns the speakers in order of appearance: by the start of their first turn, then by position in the list.
    ///
    /// Speakers whose turns contain no speech are included.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(3.0, 5.0, "Ada"), Turn::new(0.0, 4.0, "Bob")]);
    /// assert_eq!(turns.speakers(), ["Bob", "Ada"]);
    /// ```
    #[must_use]
    pub fn speakers(&self) -> Vec<&str> {
        let mut turns: Vec<&Turn> = self.iter().collect();
        // NaN starts come last, whatever their sign.
        turns.sort_by(|a, b| {
            let by_nan = a.start.is_nan().cmp(&b.start.is_nan());
            by_nan.then((a.start + 0.0).total_cmp(&(b.start + 0.0)))
        });
        let mut seen = BTreeSet::new();
        turns
            .into_iter()
            .map(|turn| turn.speaker.as_str())
            .filter(|speaker| seen.insert(*speaker))
            .collect()
    }

    /// Returns the time in which at least one speaker speaks, in seconds. Overlapped speech counts once.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.0, 4.0, "Bob"), Turn::new(3.0, 5.0, "Ada")]);
    /// assert_eq!(turns.speech_time(), 5.0);
    /// ```
    #[must_use]
    pub fn speech_time(&self) -> f64 {
        total_duration(&self.speech())
    }

    /// Returns the speech time of each speaker in seconds, in order of appearance as in [`Turns::speakers`].
    ///
    /// Overlapping turns of the same speaker count once.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([
    ///     Turn::new(0.0, 4.0, "Bob"),
    ///     Turn::new(3.0, 5.0, "Ada"),
    ///     Turn::new(3.5, 6.0, "Bob"),
    /// ]);
    /// assert_eq!(turns.speech_time_by_speaker(), [("Bob", 6.0), ("Ada", 2.0)]);
    /// ```
    #[must_use]
    pub fn speech_time_by_speaker(&self) -> Vec<(&str, f64)> {
        self.speech_by_speaker()
            .into_iter()
            .map(|(speaker, spans)| (speaker, total_duration(&spans)))
            .collect()
    }

    /// Returns the regions in which two or more speakers speak at the same time: sorted and disjoint.
    ///
    /// ```
    /// use pyannote_core::{Span, Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.0, 4.0, "Bob"), Turn::new(3.0, 5.0, "Ada")]);
    /// assert_eq!(turns.overlap(), [Span::new(3.0, 4.0)]);
    /// ```
    #[must_use]
    pub fn overlap(&self) -> Vec<Span> {
        // The spans of one speaker are disjoint, so spans that overlap belong to different speakers.
        regions_with_depth(
            self.speech_by_speaker()
                .into_iter()
                .flat_map(|(_, spans)| spans),
            2,
        )
    }

    /// Returns the time in which two or more speakers speak at the same time, in seconds.
    #[must_use]
    pub fn overlap_time(&self) -> f64 {
        total_duration(&self.overlap())
    }

    /// Returns the regions of silence between the first start and the last end: sorted and disjoint.
    ///
    /// ```
    /// use pyannote_core::{Span, Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.0, 2.0, "Ada"), Turn::new(3.0, 5.0, "Bob")]);
    /// assert_eq!(turns.gaps(), [Span::new(2.0, 3.0)]);
    /// ```
    #[must_use]
    pub fn gaps(&self) -> Vec<Span> {
        let speech = self.speech();
        let extent = match (speech.first(), speech.last()) {
            (Some(first), Some(last)) => Span::new(first.start, last.end),
            _ => return Vec::new(),
        };
        subtract(&[extent], &speech)
    }

    /// Returns the turns whose speaker has a confidence below `threshold`, 0..100.
    ///
    /// Turns without a confidence for their own speaker are not included.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([
    ///     Turn::new(0.0, 1.0, "A").with_confidence([("A", 90.0), ("B", 10.0)]),
    ///     Turn::new(1.0, 2.0, "B").with_confidence([("A", 45.0), ("B", 55.0)]),
    ///     Turn::new(2.0, 3.0, "A"),
    /// ]);
    /// let to_review: Vec<f64> = turns.below_confidence(60.0).map(|turn| turn.start).collect();
    /// assert_eq!(to_review, [1.0]);
    /// ```
    pub fn below_confidence(&self, threshold: f64) -> impl Iterator<Item = &Turn> {
        self.iter().filter(move |turn| {
            turn.speaker_confidence()
                .is_some_and(|confidence| confidence < threshold)
        })
    }

    /// The regions in which at least one speaker speaks: sorted and disjoint.
    fn speech(&self) -> Vec<Span> {
        regions_with_depth(self.iter().filter_map(Span::of_turn), 1)
    }

    /// The speech of each speaker, in order of appearance. The spans of a speaker are sorted and disjoint.
    pub(crate) fn speech_by_speaker(&self) -> Vec<(&str, Vec<Span>)> {
        let mut spans: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
        for turn in self {
            spans
                .entry(&turn.speaker)
                .or_default()
                .extend(Span::of_turn(turn));
        }
        self.speakers()
            .into_iter()
            .map(|speaker| {
                let spans = spans.remove(speaker).unwrap_or_default();
                (speaker, regions_with_depth(spans, 1))
            })
            .collect()
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

    fn meeting() -> Turns {
        turns(&[
            (5.0, 8.0, "B"),
            (0.0, 4.0, "A"),
            (3.0, 6.0, "A"),
            (5.5, 7.0, "C"),
            (10.0, 11.0, "A"),
        ])
    }

    #[test]
    fn speakers_are_sorted_by_first_start_then_by_position() {
        assert_eq!(meeting().speakers(), ["A", "B", "C"]);
        let ties = turns(&[
            (1.0, 2.0, "Z"),
            (1.0, 2.0, "A"),
            (0.0, 0.0, "M"),
            (f64::NAN, 1.0, "N"),
            (-0.0, 1.0, "L"),
        ]);
        assert_eq!(ties.speakers(), ["M", "L", "Z", "A", "N"]);
        let negative_nan = turns(&[(-f64::NAN, 1.0, "N"), (f64::INFINITY, 1.0, "I")]);
        assert_eq!(negative_nan.speakers(), ["I", "N"]);
    }

    #[test]
    fn speech_time_counts_overlapped_speech_once() {
        assert_eq!(meeting().speech_time(), 9.0);
        assert_eq!(
            meeting().speech_time_by_speaker(),
            [("A", 7.0), ("B", 3.0), ("C", 1.5)]
        );
    }

    #[test]
    fn overlap_needs_two_different_speakers() {
        assert_eq!(meeting().overlap(), [Span::new(5.0, 7.0)]);
        assert_eq!(meeting().overlap_time(), 2.0);
        assert!(
            turns(&[(0.0, 4.0, "A"), (1.0, 3.0, "A")])
                .overlap()
                .is_empty()
        );
    }

    #[test]
    fn gaps_are_between_first_start_and_last_end() {
        assert_eq!(meeting().gaps(), [Span::new(8.0, 10.0)]);
        assert!(Turns::default().gaps().is_empty());
        assert!(turns(&[(2.0, 4.0, "A")]).gaps().is_empty());
    }

    #[test]
    fn invalid_turns_contain_no_speech() {
        let invalid = turns(&[
            (4.0, 2.0, "A"),
            (1.0, 1.0, "A"),
            (f64::NAN, 9.0, "A"),
            (0.0, f64::INFINITY, "A"),
            (-f64::MAX, f64::MAX, "A"),
            (1.0, 2.0, "B"),
        ]);
        assert_eq!(invalid.speech_time(), 1.0);
        assert_eq!(invalid.speech_time_by_speaker(), [("A", 0.0), ("B", 1.0)]);
        assert!(invalid.gaps().is_empty());
    }

    #[test]
    fn durations_are_never_negative_zero() {
        for list in [
            Turns::new(),
            turns(&[(0.0, -0.0, "A")]),
            turns(&[(2.0, 1.0, "A"), (f64::NAN, 1.0, "B")]),
        ] {
            assert!(list.speech_time().is_sign_positive(), "{list:?}");
            assert!(list.overlap_time().is_sign_positive(), "{list:?}");
            for (speaker, time) in list.speech_time_by_speaker() {
                assert!(time.is_sign_positive(), "{speaker}");
            }
            for turn in &list {
                assert!(turn.duration().is_sign_positive(), "{turn:?}");
            }
        }
    }

    #[test]
    fn below_confidence_uses_the_turns_own_speaker() {
        let turn = Turn::new(0.0, 1.0, "A");
        let with = |own, other| turn.clone().with_confidence([("A", own), ("B", other)]);
        let list = Turns::from(vec![
            with(50.0, 10.0),
            with(49.0, 90.0),
            turn.clone().with_confidence([("B", 1.0)]),
            turn.clone(),
        ]);
        let found: Vec<_> = list.below_confidence(50.0).collect();
        assert_eq!(found, [&list[1]]);
        assert_eq!(list.below_confidence(f64::NAN).count(), 0);
    }
}
