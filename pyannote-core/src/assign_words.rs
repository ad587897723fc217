//! Assigns the words of any speech recognizer to the speakers of a diarization.

use serde::{Deserialize, Serialize};

use crate::interval_index::IntervalIndex;
use crate::list::impl_list;
use crate::{Transcript, TranscriptSegment, Turns};

/// A word from a speech recognizer, without a speaker.
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
    /// Creates a word from `start` to `end`, in seconds.
    pub fn new(start: f64, end: f64, text: impl Into<String>) -> Self {
        Self {
            start,
            end,
            text: text.into(),
        }
    }
}

/// A word and its speaker.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AttributedWord {
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
    /// The word.
    pub text: String,
    /// Name of the speaker, or `None` if no turn is near enough.
    pub speaker: Option<String>,
}

impl AttributedWord {
    /// Creates a word from `start` to `end`, in seconds.
    pub fn new(start: f64, end: f64, text: impl Into<String>, speaker: Option<String>) -> Self {
        Self {
            start,
            end,
            text: text.into(),
            speaker,
        }
    }
}

/// A list of words with their speakers: the result of [`Turns::assign_words`].
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct AttributedWords(Vec<AttributedWord>);

impl_list!(AttributedWords, AttributedWord);

impl Turns {
    /// The greatest distance of a word from its speaker's turn for [`Turns::assign_words`], in seconds.
    ///
    /// Speech recognizers and diarization disagree on the boundaries of speech by some tenths of a second.
    pub const MAX_WORD_DISTANCE_S: f64 = 0.5;

    /// Assigns a speaker to each word: [`Turns::assign_words_within`] with [`Turns::MAX_WORD_DISTANCE_S`].
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns, Word};
    ///
    /// let turns = Turns::from([Turn::new(0.0, 2.0, "Ada"), Turn::new(2.0, 4.0, "Bob")]);
    /// let words = [Word::new(0.5, 1.0, "Good"), Word::new(1.0, 1.4, "morning."), Word::new(1.9, 2.3, "Hello.")];
    /// let transcript = turns.assign_words(words).turn_level("unknown", f64::INFINITY);
    /// let lines: Vec<_> = transcript.iter().map(|s| format!("{}: {}", s.speaker, s.text)).collect();
    /// assert_eq!(lines, ["Ada: Good morning.", "Bob: Hello."]);
    /// ```
    #[must_use]
    pub fn assign_words(&self, words: impl IntoIterator<Item = Word>) -> AttributedWords {
        self.assign_words_within(words, Self::MAX_WORD_DISTANCE_S)
    }

    /// Assigns to each word the speaker whose speech overlaps it most.
    ///
    /// If several speakers overlap a word equally, it goes to the one who appears first in the recording. A word that
    /// overlaps no turn goes to the speaker of the nearest turn (the earlier one if two are equally near), provided
    /// that it is at most `max_distance` seconds away. Otherwise the word has no speaker. A negative or NaN
    /// `max_distance` disables this rule.
    ///
    /// A word whose end is not after its start is treated as an instant. A word whose start is NaN has no speaker.
    /// The result contains every word, in the given order. O((n + m) log n) for n turns and m words that overlap few
    /// turns each.
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
            .flat_map(|(speaker, (_, spans))| spans.iter().map(move |span| (*span, speaker)));
        let index = IntervalIndex::new(spans);
        let speaker_of = |word: &Word| {
            if word.start.is_nan() {
                return None;
            }
            let speaker = index.greatest_overlap(word.start, word.end).or_else(|| {
                let (distance, speaker) = index.nearest(word.start, word.end)?;
                (distance <= max_distance).then_some(speaker)
            })?;
            speakers.get(speaker).map(|(name, _)| (*name).to_owned())
        };
        words
            .into_iter()
            .map(|word| AttributedWord {
                speaker: speaker_of(&word),
                start: word.start,
                end: word.end,
                text: word.text,
            })
            .collect()
    }
}

impl AttributedWords {
    /// Returns a transcript with one segment per word. Words without a speaker are attributed to `unknown_speaker`.
    #[must_use]
    pub fn word_level(&self, unknown_speaker: &str) -> Transcript {
        self.iter()
            .map(|word| {
                let speaker = word.speaker.as_deref().unwrap_or(unknown_speaker);
                TranscriptSegment::new(word.start, word.end, &*word.text, speaker)
            })
            .collect()
    }

    /// Returns a transcript with one segment per turn, joining consecutive words of the same speaker.
    ///
    /// Words without a speaker are attributed to `unknown_speaker`. A pause of more than `max_pause` seconds between
    /// two words starts a new segment; with infinity, only a change of speaker does. Words keep their order and are
    /// joined by a single space, or by none in scripts that have none, such as Chinese, Japanese and Thai. Blank words
    /// extend their segment but add no text.
    #[must_use]
    pub fn turn_level(&self, unknown_speaker: &str, max_pause: f64) -> Transcript {
        let mut segments: Vec<TranscriptSegment> = Vec::new();
        for word in self {
            let speaker = word.speaker.as_deref().unwrap_or(unknown_speaker);
            let text = word.text.trim();
            match segments.last_mut() {
                Some(last) if last.speaker == speaker && pause_before(word, last) <= max_pause => {
                    last.start = last.start.min(word.start);
                    last.end = last.end.max(word.end);
                    if has_space_between(&last.text, text) {
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

/// Whether two words are separated by a space. In scripts that have none, a recognizer's words are often characters.
fn has_space_between(before: &str, after: &str) -> bool {
    match (before.chars().next_back(), after.chars().next()) {
        (Some(last), Some(first)) => !(is_unspaced(last) && is_unspaced(first)),
        _ => false,
    }
}

/// Whether a character belongs to a script without spaces between words: Thai, Lao, Myanmar, Khmer, Japanese or
/// Chinese, or to their punctuation.
fn is_unspaced(character: char) -> bool {
    matches!(u32::from(character),
        0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff
        | 0x2e80..=0x30ff | 0x31f0..=0x31ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff
        | 0xf900..=0xfaff | 0xff00..=0xff9f | 0x20000..=0x3ffff)
}

/// The silence between a segment and the word after it, in seconds. 0 if they overlap, or if a time is NaN.
fn pause_before(word: &AttributedWord, segment: &TranscriptSegment) -> f64 {
    (word.start - segment.end).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Turn;

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
    fn words_go_to_the_greatest_overlap_then_to_the_nearest_turn() {
        let table = [
            ("inside one turn", 0.2, 0.8, Some("A")),
            ("overlaps B more", 1.5, 2.9, Some("B")),
            ("overlaps both equally", 1.5, 1.9, Some("A")),
            (
                "overlapping turns of one speaker count once",
                1.2,
                1.4,
                Some("A"),
            ),
            ("near the end of B", 3.2, 3.4, Some("B")),
            ("near the start of A", 4.4, 4.8, Some("A")),
            ("equally near to both", 3.5, 4.5, Some("B")),
            ("at the maximum distance", 3.5, 3.9, Some("B")),
            ("too far", 3.6, 4.4, None),
            ("instant in a turn", 2.5, 2.5, Some("B")),
            ("instant at a change of speaker", 6.0, 6.0, Some("C")),
            ("reversed", 2.5, 0.1, Some("B")),
            ("NaN start", f64::NAN, 1.0, None),
            ("NaN end", 0.5, f64::NAN, Some("A")),
            ("infinite end", 6.5, f64::INFINITY, Some("C")),
        ];
        for (name, start, end, expected) in table {
            let words = meeting().assign_words([Word::new(start, end, "w")]);
            assert_eq!(words[0].speaker.as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn max_distance_limits_the_nearest_turn() {
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
        let no_turns =
            Turns::default().assign_words_within([Word::new(0.0, 1.0, "w")], f64::INFINITY);
        assert_eq!(no_turns[0].speaker, None);
    }

    #[test]
    fn scripts_without_spaces_are_joined_without() {
        let joined = |words: &[&str]| {
            let word = |text: &&str| AttributedWord::new(0.0, 1.0, *text, None);
            let words: AttributedWords = words.iter().map(word).collect();
            words.turn_level("?", f64::INFINITY)[0].text.clone()
        };
        assert_eq!(joined(&["今", "日は", "。", "カメラ"]), "今日は。カメラ");
        assert_eq!(joined(&["สวัสดี", "ครับ"]), "สวัสดีครับ");
        assert_eq!(joined(&["今日", "Rust", "を"]), "今日 Rust を");
        assert_eq!(joined(&["안녕", "하세요"]), "안녕 하세요");
        assert_eq!(joined(&["Good", "", "day."]), "Good day.");
    }

    #[test]
    fn words_are_joined_until_the_speaker_changes_or_pauses() {
        let word = |start, end, text, speaker: Option<&str>| {
            AttributedWord::new(start, end, text, speaker.map(str::to_owned))
        };
        let words = AttributedWords::from(vec![
            word(0.0, 0.4, " Good", Some("A")),
            word(0.5, 0.6, " ", Some("A")),
            word(0.6, 0.9, "day. ", Some("A")),
            word(0.9, 1.0, "uh", None),
            word(2.0, 2.5, "Yes", Some("A")),
            word(4.0, 4.5, "sir", Some("A")),
        ]);
        let expected = [
            TranscriptSegment::new(0.0, 0.9, "Good day.", "A"),
            TranscriptSegment::new(0.9, 1.0, "uh", "?"),
            TranscriptSegment::new(2.0, 4.5, "Yes sir", "A"),
        ];
        assert_eq!(*words.turn_level("?", 1.5), expected);
        let split_at_pause = words.turn_level("?", 1.0);
        assert_eq!(split_at_pause.len(), 4);
        assert_eq!(
            split_at_pause[3],
            TranscriptSegment::new(4.0, 4.5, "sir", "A")
        );
        let word_level = words.word_level("?");
        assert_eq!(word_level.len(), words.len());
        assert_eq!(
            word_level[0],
            TranscriptSegment::new(0.0, 0.4, " Good", "A")
        );
        assert_eq!(word_level[3].speaker, "?");
    }
}
