//! The words of each turn, from a transcript that knows its speakers.

use std::collections::BTreeMap;

use super::intervals::Intervals;
use super::{Span, Transcript, TranscriptSegment, Turn, Turns};

/// A turn, and the words that were said in it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TurnWords<'a> {
    /// The turn.
    pub turn: &'a Turn,
    /// Its words, in the order of the transcript; empty where it has none.
    pub words: Vec<&'a TranscriptSegment>,
}

/// The words of a transcript by turn. Each word is in exactly one place.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct WordsByTurn<'a> {
    /// Every turn, in the order of the list, with its words.
    pub turns: Vec<TurnWords<'a>>,
    /// The words that no turn of their speaker overlaps, in the order of the transcript.
    pub unplaced: Vec<&'a TranscriptSegment>,
}

impl Turns {
    /// The words of each turn: a word belongs to the turn of its own speaker that overlaps it most.
    ///
    /// Between equals it is the first in the list. A word whose end is not after its start is the moment of its start.
    /// Turns that hold no speech have no words. O((n + m) log n) for n turns and m words.
    ///
    /// ```
    /// use pyannote_core::{Transcript, TranscriptSegment, Turn, Turns};
    ///
    /// let turns: Turns = [Turn::new(0.0, 2.0, "A"), Turn::new(1.0, 3.0, "B")].into_iter().collect();
    /// let words = Transcript::from(vec![
    ///     TranscriptSegment::new(0.5, 1.0, "Hello", "A"),
    ///     TranscriptSegment::new(1.2, 1.5, "Hi", "B"),
    ///     TranscriptSegment::new(1.5, 1.9, "there", "A"),
    /// ]);
    /// let by_turn = turns.words(&words);
    /// let first: Vec<_> = by_turn.turns[0].words.iter().map(|word| word.text.as_str()).collect();
    /// assert_eq!(first, ["Hello", "there"]);
    /// assert!(by_turn.unplaced.is_empty());
    /// ```
    #[must_use]
    pub fn words<'a>(&'a self, transcript: &'a Transcript) -> WordsByTurn<'a> {
        let mut spans: BTreeMap<&str, Vec<(Span, usize)>> = BTreeMap::new();
        for (place, turn) in self.iter().enumerate() {
            let span = Span::of(turn).map(|span| (span, place));
            spans.entry(&turn.speaker).or_default().extend(span);
        }
        let index: BTreeMap<&str, Intervals<usize>> = spans
            .into_iter()
            .map(|(speaker, spans)| (speaker, Intervals::new(spans)))
            .collect();
        let empty = |turn| TurnWords {
            turn,
            words: Vec::new(),
        };
        let mut result = WordsByTurn {
            turns: self.iter().map(empty).collect(),
            unplaced: Vec::new(),
        };
        for word in transcript {
            let place = index
                .get(word.speaker.as_str())
                .and_then(|spans| spans.greatest_overlap(word.start, word.end));
            match place.and_then(|place| result.turns.get_mut(place)) {
                Some(turn) => turn.words.push(word),
                None => result.unplaced.push(word),
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_to_the_turn_of_their_own_speaker() {
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
        for (word, (_, _, _, place)) in transcript.iter().zip(words) {
            let found = by_turn
                .turns
                .iter()
                .position(|turn| turn.words.iter().any(|held| std::ptr::eq(*held, word)));
            assert_eq!(found, place, "{word:?}");
            let unplaced = by_turn
                .unplaced
                .iter()
                .any(|held| std::ptr::eq(*held, word));
            assert_eq!(unplaced, place.is_none(), "{word:?}");
        }
    }
}
