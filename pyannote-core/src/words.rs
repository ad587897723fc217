//! Another recogniser's words, given to the speakers of a diarization.

use serde::{Deserialize, Serialize};

use super::intervals::Intervals;
use super::{Transcript, TranscriptSegment, Turns};

/// A word of a speech recogniser that does not know who speaks.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Word {
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
    /// The word.
    pub text: String,
}

impl Word {
    /// A word from `start` to `end`, in seconds.
    pub fn new(start: f64, end: f64, text: impl Into<String>) -> Self {
        Self {
            start,
            end,
            text: text.into(),
        }
    }
}

/// A word, and who says it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AttributedWord {
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
    /// The word.
    pub text: String,
    /// Who says it; none where no turn is near enough.
    pub speaker: Option<String>,
}

/// Words with their speakers: every word that went in, in the order in which it went in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct AttributedWords(Vec<AttributedWord>);

impl Turns {
    /// How far from every turn a word may be, in seconds, for [`Turns::assign_words`] to give it to the nearest one.
    ///
    /// Recognisers and diarization place the edges of speech some tenths of a second apart.
    pub const WORD_DISTANCE: f64 = 0.5;

    /// Says for each word who speaks it: [`Turns::assign_words_within`] with [`Turns::WORD_DISTANCE`].
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns, Word};
    ///
    /// let turns: Turns = [Turn::new(0.0, 2.0, "Ada"), Turn::new(2.0, 4.0, "Bob")].into_iter().collect();
    /// let words = [Word::new(0.5, 1.0, "Good"), Word::new(1.0, 1.4, "morning."), Word::new(1.9, 2.3, "Hello.")];
    /// let transcript = turns.assign_words(words).turn_level("unknown", f64::INFINITY);
    /// let lines: Vec<_> = transcript.iter().map(|s| format!("{}: {}", s.speaker, s.text)).collect();
    /// assert_eq!(lines, ["Ada: Good morning.", "Bob: Hello."]);
    /// ```
    #[must_use]
    pub fn assign_words(&self, words: impl IntoIterator<Item = Word>) -> AttributedWords {
        self.assign_words_within(words, Self::WORD_DISTANCE)
    }

    /// Says for each word who speaks it: the speaker whose speech overlaps it most.
    ///
    /// Between equals it is the one who appears first in the recording. A word that no turn overlaps goes to the speaker
    /// of the nearest turn, the earlier one between equals, if that is at most `max_distance` seconds away; otherwise it
    /// has no speaker. With a `max_distance` that is negative or no number, such words have none.
    ///
    /// A word whose end is not after its start is the moment of its start. One whose start is no number has no speaker.
    /// O((n + m) log n) for n turns and m words that overlap few turns each.
    #[must_use]
    pub fn assign_words_within(
        &self,
        words: impl IntoIterator<Item = Word>,
        max_distance: f64,
    ) -> AttributedWords {
        let speakers = self.speech_by_speaker();
        let spans = speakers
            .iter()
            .enumerate()
            .flat_map(|(rank, (_, spans))| spans.iter().map(move |span| (*span, rank)));
        let index = Intervals::new(spans);
        let speaker_of = |word: &Word| {
            if word.start.is_nan() {
                return None;
            }
            let rank = index.greatest_overlap(word.start, word.end).or_else(|| {
                let (distance, rank) = index.nearest(word.start, word.end)?;
                (distance <= max_distance).then_some(rank)
            })?;
            speakers.get(rank).map(|(speaker, _)| (*speaker).to_owned())
        };
        let words = words.into_iter().map(|word| AttributedWord {
            speaker: speaker_of(&word),
            start: word.start,
            end: word.end,
            text: word.text,
        });
        AttributedWords(words.collect())
    }
}

impl AttributedWords {
    /// A transcript with a segment for each word. Words without a speaker get the label `unknown`.
    #[must_use]
    pub fn word_level(&self, unknown: &str) -> Transcript {
        let segment = |word: &AttributedWord| {
            let speaker = word.speaker.as_deref().unwrap_or(unknown);
            TranscriptSegment::new(word.start, word.end, &*word.text, speaker)
        };
        Transcript::from(self.iter().map(segment).collect::<Vec<_>>())
    }

    /// A transcript with a segment for each row of words of one speaker. Words without one get the label `unknown`.
    ///
    /// A pause of more than `max_pause` seconds between two words starts a new segment; with infinity, only a change of
    /// speaker does. Words are joined in their order, without the white space around them, by one space; words of white
    /// space alone lengthen their segment and add no text.
    #[must_use]
    pub fn turn_level(&self, unknown: &str, max_pause: f64) -> Transcript {
        let mut segments: Vec<TranscriptSegment> = Vec::new();
        for word in self {
            let speaker = word.speaker.as_deref().unwrap_or(unknown);
            let text = word.text.trim();
            match segments.last_mut() {
                Some(last) if last.speaker == speaker && pause(last, word) <= max_pause => {
                    last.start = last.start.min(word.start);
                    last.end = last.end.max(word.end);
                    if !last.text.is_empty() && !text.is_empty() {
                        last.text.push(' ');
                    }
                    last.text.push_str(text);
                }
                _ => segments.push(TranscriptSegment::new(word.start, word.end, text, speaker)),
            }
        }
        Transcript::from(segments)
    }
}

/// The silence from a segment to the word after it, in seconds; 0 where there is none, or where a time is no number.
fn pause(segment: &TranscriptSegment, word: &AttributedWord) -> f64 {
    (word.start - segment.end).max(0.0)
}

crate::list::impl_list!(AttributedWords, AttributedWord);

#[cfg(test)]
mod tests {
    use super::super::Turn;
    use super::*;

    fn meeting() -> Turns {
        [
            Turn::new(0.0, 2.0, "A"),
            Turn::new(1.0, 3.0, "B"),
            Turn::new(1.2, 1.4, "B"),
            Turn::new(5.0, 6.0, "A"),
            Turn::new(6.0, 7.0, "C"),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn a_word_goes_to_the_greatest_overlap_then_to_the_nearest() {
        let table = [
            ("inside one", 0.2, 0.8, Some("A")),
            ("more of B", 1.5, 2.9, Some("B")),
            ("as much of both", 1.5, 1.9, Some("A")),
            ("own overlap counts once", 1.2, 1.4, Some("A")),
            ("near the end of B", 3.2, 3.4, Some("B")),
            ("near the start of A", 4.4, 4.8, Some("A")),
            ("between, equally near", 3.5, 4.5, Some("B")),
            ("at the bound", 3.5, 3.9, Some("B")),
            ("too far", 3.6, 4.4, None),
            ("a moment in a turn", 2.5, 2.5, Some("B")),
            ("a moment at a change", 6.0, 6.0, Some("C")),
            ("reversed", 2.5, 0.1, Some("B")),
            ("start is no number", f64::NAN, 1.0, None),
            ("end is no number", 0.5, f64::NAN, Some("A")),
            ("without end", 6.5, f64::INFINITY, Some("C")),
        ];
        for (name, start, end, expected) in table {
            let words = meeting().assign_words([Word::new(start, end, "w")]);
            assert_eq!(words[0].speaker.as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn the_distance_is_an_option() {
        let speaker = |start, end, distance| {
            let words = meeting().assign_words_within([Word::new(start, end, "w")], distance);
            words.into_vec().remove(0).speaker
        };
        assert_eq!(speaker(100.0, 101.0, f64::INFINITY).as_deref(), Some("C"));
        assert_eq!(speaker(-9.0, -8.0, 8.0).as_deref(), Some("A"));
        assert_eq!(speaker(7.0, 7.5, 0.0).as_deref(), Some("C"));
        assert_eq!(speaker(7.0, 7.5, -1.0), None);
        assert_eq!(speaker(7.0, 7.5, f64::NAN), None);
        assert_eq!(speaker(6.5, 7.5, -1.0).as_deref(), Some("C"));
        let nobody =
            Turns::default().assign_words_within([Word::new(0.0, 1.0, "w")], f64::INFINITY);
        assert_eq!(nobody[0].speaker, None);
    }

    #[test]
    fn words_join_until_speaker_or_pause_change() {
        let word = |start, end, text: &str, speaker: Option<&str>| AttributedWord {
            start,
            end,
            text: text.to_owned(),
            speaker: speaker.map(str::to_owned),
        };
        let words = AttributedWords::from(vec![
            word(0.0, 0.4, " Good", Some("A")),
            word(0.5, 0.6, " ", Some("A")),
            word(0.6, 0.9, "day. ", Some("A")),
            word(0.9, 1.0, "uh", None),
            word(2.0, 2.5, "Yes", Some("A")),
            word(4.0, 4.5, "sir", Some("A")),
        ]);
        let long = [
            TranscriptSegment::new(0.0, 0.9, "Good day.", "A"),
            TranscriptSegment::new(0.9, 1.0, "uh", "?"),
            TranscriptSegment::new(2.0, 4.5, "Yes sir", "A"),
        ];
        assert_eq!(*words.turn_level("?", 1.5), long);
        let short = words.turn_level("?", 1.0);
        assert_eq!(short.len(), 4);
        assert_eq!(short[3], TranscriptSegment::new(4.0, 4.5, "sir", "A"));
        let each = words.word_level("?");
        assert_eq!(each.len(), words.len());
        assert_eq!(each[0], TranscriptSegment::new(0.0, 0.4, " Good", "A"));
        assert_eq!(each[3].speaker, "?");
    }
}
