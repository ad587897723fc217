//! Measures of a diarization: who speaks, how long, where they overlap, where it is silent.
//!
//! A turn holds speech where its duration is positive and finite. Other turns count for nothing here, and no input
//! makes these methods fail.

use std::collections::{BTreeMap, BTreeSet};

use super::span::{covered, total, without};
use super::{Span, Turn, Turns};

impl Turns {
    /// The speakers in the order in which they appear: by their first start, then by their place in the list.
    ///
    /// A speaker whose turns hold no speech is named as well.
    #[must_use]
    pub fn speakers(&self) -> Vec<&str> {
        let mut turns: Vec<&Turn> = self.iter().collect();
        // A start that is no number comes last: nothing is known of when it was.
        turns.sort_by(|a, b| {
            let by_number = a.start.is_nan().cmp(&b.start.is_nan());
            by_number.then((a.start + 0.0).total_cmp(&(b.start + 0.0)))
        });
        let mut seen = BTreeSet::new();
        turns
            .into_iter()
            .map(|turn| turn.speaker.as_str())
            .filter(|speaker| seen.insert(*speaker))
            .collect()
    }

    /// How long at least one speaker speaks, in seconds. Overlapped speech counts once.
    #[must_use]
    pub fn speech_time(&self) -> f64 {
        total(&self.speech())
    }

    /// How long each speaker speaks, in seconds, by order of appearance as in [`Turns::speakers`].
    ///
    /// Where turns of one speaker overlap, that time counts once. A list and no map, because it keeps the order that
    /// people expect to read; `.into_iter().collect()` makes a map of it.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns: Turns = [Turn::new(0.0, 4.0, "Bob"), Turn::new(3.0, 5.0, "Ada"), Turn::new(3.5, 6.0, "Bob")]
    ///     .into_iter()
    ///     .collect();
    /// assert_eq!(turns.speech_time_by_speaker(), [("Bob", 6.0), ("Ada", 2.0)]);
    /// assert_eq!(turns.speech_time(), 6.0);
    /// assert_eq!(turns.overlap_time(), 2.0);
    /// ```
    #[must_use]
    pub fn speech_time_by_speaker(&self) -> Vec<(&str, f64)> {
        self.speech_by_speaker()
            .into_iter()
            .map(|(speaker, spans)| (speaker, total(&spans)))
            .collect()
    }

    /// Where two or more different speakers speak at once: sorted, disjoint.
    #[must_use]
    pub fn overlap(&self) -> Vec<Span> {
        // The speech of one speaker is disjoint, so two spans on each other are two speakers.
        covered(
            self.speech_by_speaker()
                .into_iter()
                .flat_map(|(_, spans)| spans),
            2,
        )
    }

    /// How long two or more different speakers speak at once, in seconds.
    #[must_use]
    pub fn overlap_time(&self) -> f64 {
        total(&self.overlap())
    }

    /// The silences between the first start and the last end: sorted, disjoint.
    #[must_use]
    pub fn gaps(&self) -> Vec<Span> {
        let speech = self.speech();
        let extent = match (speech.first(), speech.last()) {
            (Some(first), Some(last)) => Span::new(first.start, last.end),
            _ => return Vec::new(),
        };
        without(&[extent], &speech)
    }

    /// The turns whose own speaker is less sure than `threshold`, 0..100.
    ///
    /// A turn without confidence, or whose confidences do not name its own speaker, is not among them.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let mut sure = Turn::new(0.0, 1.0, "A");
    /// sure.confidence = Some([("A".to_owned(), 90.0), ("B".to_owned(), 10.0)].into());
    /// let mut unsure = Turn::new(1.0, 2.0, "B");
    /// unsure.confidence = Some([("A".to_owned(), 45.0), ("B".to_owned(), 55.0)].into());
    /// let turns = Turns::from(vec![sure, unsure, Turn::new(2.0, 3.0, "A")]);
    /// let review: Vec<_> = turns.below_confidence(60.0).map(|turn| turn.start).collect();
    /// assert_eq!(review, [1.0]);
    /// ```
    pub fn below_confidence(&self, threshold: f64) -> impl Iterator<Item = &Turn> {
        self.iter()
            .filter(move |turn| turn.speaker_confidence().is_some_and(|own| own < threshold))
    }

    /// Where at least one speaker speaks: sorted, disjoint.
    fn speech(&self) -> Vec<Span> {
        covered(self.iter().filter_map(Span::of), 1)
    }

    /// Where each speaker speaks, by order of appearance; each speaker's spans are sorted and disjoint.
    pub(super) fn speech_by_speaker(&self) -> Vec<(&str, Vec<Span>)> {
        let mut spans: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
        for turn in self {
            spans
                .entry(&turn.speaker)
                .or_default()
                .extend(Span::of(turn));
        }
        self.speakers()
            .into_iter()
            .map(|speaker| {
                (
                    speaker,
                    covered(spans.remove(speaker).unwrap_or_default(), 1),
                )
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
    fn speakers_come_by_first_start_then_by_place() {
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
    fn times_count_each_instant_once() {
        assert_eq!(meeting().speech_time(), 9.0);
        assert_eq!(
            meeting().speech_time_by_speaker(),
            [("A", 7.0), ("B", 3.0), ("C", 1.5)]
        );
    }

    #[test]
    fn overlap_is_of_different_speakers() {
        assert_eq!(meeting().overlap(), [Span::new(5.0, 7.0)]);
        assert_eq!(meeting().overlap_time(), 2.0);
        assert!(
            turns(&[(0.0, 4.0, "A"), (1.0, 3.0, "A")])
                .overlap()
                .is_empty()
        );
    }

    #[test]
    fn gaps_lie_between_first_start_and_last_end() {
        assert_eq!(meeting().gaps(), [Span::new(8.0, 10.0)]);
        assert!(Turns::default().gaps().is_empty());
        assert!(turns(&[(2.0, 4.0, "A")]).gaps().is_empty());
    }

    #[test]
    fn turns_without_speech_count_for_nothing() {
        let odd = turns(&[
            (4.0, 2.0, "A"),
            (1.0, 1.0, "A"),
            (f64::NAN, 9.0, "A"),
            (0.0, f64::INFINITY, "A"),
            (-f64::MAX, f64::MAX, "A"),
            (1.0, 2.0, "B"),
        ]);
        assert_eq!(odd.speech_time(), 1.0);
        assert_eq!(odd.speech_time_by_speaker(), [("A", 0.0), ("B", 1.0)]);
        assert!(odd.gaps().is_empty());
    }

    #[test]
    fn times_are_never_negative_zero() {
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
    fn below_confidence_reads_the_own_speaker() {
        let with = |own: f64, other: f64| {
            let mut turn = Turn::new(0.0, 1.0, "A");
            turn.confidence = Some([("A".to_owned(), own), ("B".to_owned(), other)].into());
            turn
        };
        let mut other_only = Turn::new(0.0, 1.0, "A");
        other_only.confidence = Some([("B".to_owned(), 1.0)].into());
        let list = Turns::from(vec![
            with(50.0, 10.0),
            with(49.0, 90.0),
            other_only,
            Turn::new(0.0, 1.0, "A"),
        ]);
        let found: Vec<_> = list.below_confidence(50.0).collect();
        assert_eq!(found, [&list[1]]);
        assert_eq!(list.below_confidence(f64::NAN).count(), 0);
    }
}
