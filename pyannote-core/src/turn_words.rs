//! Groups the words of a transcript by the turns of a diarization.

use std::collections::BTreeMap;

use crate::interval_index::IntervalIndex;
use crate::{Span, Transcript, TranscriptSegment, Turn, Turns};

/// A turn and the words spoken in it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TurnWords<'a> {
    /// The turn.
    pub turn: &'a Turn,
    /// The words of the turn, in the order of the transcript.
    pub words: Vec<&'a TranscriptSegment>,
}

/// The words of a transcript grouped by turn: the result of [`Turns::words`].
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct WordsByTurn<'a> {
    /// Every turn with its words, in the order of the turns.
    pub turns: Vec<TurnWords<'a>>,
    /// The words that overlap no turn of their speaker, in the order of the transcript.
    pub unassigned: Vec<&'a TranscriptSegment>,
}

impl Turns {
    /// Groups the words of a transcript by turn: each word goes to the turn of its speaker that overlaps it most.
    ///
    /// If several turns overlap a word equally, it goes to the first of them in the list. A word whose end is not after
    /// its start is treated as an instant. O((n + m) log n) for n turns and m words.
    ///
    /// ```
    /// use pyannote_core::{Transcript, TranscriptSegment, Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.0, 2.0, "A"), Turn::new(1.0, 3.0, "B")]);
    /// let transcript = Transcript::from([
    ///     TranscriptSegment::new(0.5, 1.0, "Hello", "A"),
    ///     TranscriptSegment::new(1.2, 1.5, "Hi", "B"),
    ///     TranscriptSegment::new(1.5, 1.9, "there", "A"),
    /// ]);
    /// let by_turn = turns.words(&transcript);
    /// let words: Vec<_> = by_turn.turns[0].words.iter().map(|word| word.text.as_str()).collect();
    /// assert_eq!(words, ["Hello", "there"]);
    /// assert!(by_turn.unassigned.is_empty());
    /// ```
    #[must_use]
    pub fn words<'a>(&'a self, transcript: &'a Transcript) -> WordsByTurn<'a> {
        let mut spans: BTreeMap<&str, Vec<(Span, usize)>> = BTreeMap::new();
        for (index, turn) in self.iter().enumerate() {
            let span = Span::of_turn(turn).map(|span| (span, index));
            spans.entry(&turn.speaker).or_default().extend(span);
        }
        let index_by_speaker: BTreeMap<&str, IntervalIndex<usize>> = spans
            .into_iter()
            .map(|(speaker, spans)| (speaker, IntervalIndex::new(spans)))
            .collect();
        let without_words = |turn| TurnWords {
            turn,
            words: Vec::new(),
        };
        let mut result = WordsByTurn {
            turns: self.iter().map(without_words).collect(),
            unassigned: Vec::new(),
        };
        for word in transcript {
            let index = index_by_speaker
                .get(word.speaker.as_str())
                .and_then(|turns| turns.greatest_overlap(word.start, word.end));
            match index.and_then(|index| result.turns.get_mut(index)) {
                Some(turn) => turn.words.push(word),
                None => result.unassigned.push(word),
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_to_the_overlapping_turn_of_their_speaker() {
        let turns: Turns = [
            Turn::new(4.0, 6.0, "A"),
            Turn::new(0.0, 3.0, "A"),
            Turn::new(0.0, 9.0, "B"),
            Turn::new(9.0, 8.0, "B"),
            Turn::new(1.0, 2.0, "A"),
        ]
        .into_iter()
        .collect();
        let words = [
            (2.8, 4.5, "A", Some(0)),
            (2.0, 4.1, "A", Some(1)),
            (1.2, 1.4, "A", Some(1)),
            (4.2, 4.4, "B", Some(2)),
            (5.0, 5.0, "A", Some(0)),
            (3.2, 3.9, "A", None),
            (1.0, 2.0, "C", None),
            (f64::NAN, 2.0, "A", None),
            (10.0, 11.0, "B", None),
        ];
        let segment = |&(start, end, speaker, _): &(f64, f64, &str, Option<usize>)| {
            TranscriptSegment::new(start, end, "w", speaker)
        };
        let transcript = Transcript::from(words.iter().map(segment).collect::<Vec<_>>());
        let by_turn = turns.words(&transcript);
        assert_eq!(by_turn.turns.len(), turns.len());
        for (word, (_, _, _, expected)) in transcript.iter().zip(words) {
            let found = by_turn
                .turns
                .iter()
                .position(|turn| turn.words.iter().any(|other| std::ptr::eq(*other, word)));
            assert_eq!(found, expected, "{word:?}");
            let unassigned = by_turn
                .unassigned
                .iter()
                .any(|other| std::ptr::eq(*other, word));
            assert_eq!(unassigned, expected.is_none(), "{word:?}");
        }
    }
}
