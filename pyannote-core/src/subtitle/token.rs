//! Splits a transcript into tokens: words, each with its own times.

use crate::span::clamp_to_recording;
use crate::whitespace::{collapse_whitespace, split_words};
use crate::{Span, Transcript};

/// A word, or a part of a word that is longer than a line.
pub(super) struct Token {
    pub(super) speaker: String,
    /// Start in seconds.
    pub(super) start: f64,
    /// End in seconds.
    pub(super) end: f64,
    pub(super) text: String,
    pub(super) chars: usize,
    /// Whether the token continues the word of the previous one, without a space between them.
    pub(super) continues_word: bool,
}

/// Returns the tokens of `transcript`, sorted by start.
///
/// `max_chars` is the maximum length of a token by speaker. Longer words, such as text in a script without spaces, are
/// split.
///
/// The time of a segment is divided among its tokens in proportion to their characters. This is an estimate, unless the
/// segment is a single word. Segments with invalid times are skipped.
pub(super) fn tokens(transcript: &Transcript, max_chars: impl Fn(&str) -> usize) -> Vec<Token> {
    let mut tokens = Vec::new();
    for segment in transcript {
        let Some(Span { start, end }) = clamp_to_recording(segment.start, segment.end) else {
            continue;
        };
        let speaker = collapse_whitespace(&segment.speaker);
        let parts = split_text(&segment.text, max_chars(&speaker).max(1));
        let total_chars: usize = parts.iter().map(|part| part.chars).sum();
        let time_at = |chars: usize| start + (end - start) * (chars as f64 / total_chars as f64);
        let mut chars_before = 0;
        for part in parts {
            let chars_after = chars_before + part.chars;
            tokens.push(Token {
                speaker: speaker.clone(),
                start: time_at(chars_before),
                end: if chars_after == total_chars {
                    end
                } else {
                    time_at(chars_after)
                },
                text: part.text,
                chars: part.chars,
                continues_word: part.continues_word,
            });
            chars_before = chars_after;
        }
    }
    // Interleaves the segments of speakers who speak at the same time. The sort is stable.
    tokens.sort_by(|a, b| a.start.total_cmp(&b.start));
    tokens
}

/// A token without speaker and times.
#[derive(Default)]
struct Part {
    text: String,
    chars: usize,
    continues_word: bool,
}

/// Splits `text` into words, and words of more than `max_chars` characters into parts.
fn split_text(text: &str, max_chars: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    for word in split_words(text) {
        let mut part = Part::default();
        for character in word.chars() {
            if part.chars == max_chars {
                let next = Part {
                    continues_word: true,
                    ..Part::default()
                };
                parts.push(std::mem::replace(&mut part, next));
            }
            part.text.push(character);
            part.chars += 1;
        }
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{split_text, tokens};
    use crate::{Transcript, TranscriptSegment};

    #[test]
    fn long_words_are_split_between_characters() {
        let texts = |text| -> Vec<_> {
            let parts = split_text(text, 3);
            parts
                .into_iter()
                .map(|part| (part.text, part.continues_word))
                .collect()
        };
        let part = |text: &str, continues_word| (text.to_owned(), continues_word);
        assert_eq!(texts("  a\nbc "), [part("a", false), part("bc", false)]);
        assert_eq!(
            texts("äöüß x"),
            [part("äöü", false), part("ß", true), part("x", false)]
        );
        assert_eq!(texts("abc"), [part("abc", false)]);
        assert_eq!(texts(" "), []);
    }

    #[test]
    fn segment_time_is_divided_by_characters() {
        let transcript = Transcript::from(vec![
            TranscriptSegment::new(10.0, 14.0, "a bcd", "A"),
            TranscriptSegment::new(f64::NAN, 1.0, "skipped", "A"),
            TranscriptSegment::new(3.0, 2.0, "skipped", "A"),
            TranscriptSegment::new(1.0, 2.0, "first", "B"),
        ]);
        let tokens = tokens(&transcript, |_| 42);
        let tokens: Vec<_> = tokens
            .iter()
            .map(|token| (token.text.as_str(), token.start, token.end))
            .collect();
        assert_eq!(
            tokens,
            [("first", 1.0, 2.0), ("a", 10.0, 11.0), ("bcd", 11.0, 14.0)]
        );
    }
}
