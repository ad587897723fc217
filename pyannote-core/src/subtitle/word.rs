//! A transcript as single words, each with its own times.

use super::super::Transcript;
use super::super::one_line::{one_line, words};
use super::super::shown::shown;

/// A word, or a piece of a word that is longer than a line.
pub(super) struct Word {
    pub(super) speaker: String,
    /// In seconds.
    pub(super) start: f64,
    /// In seconds.
    pub(super) end: f64,
    pub(super) text: String,
    pub(super) chars: usize,
    /// Whether it goes on the word before it, without a space.
    pub(super) glued: bool,
}

/// The words of `transcript` by their start. `room` is how many characters a word of a speaker may have; what is
/// longer, as text in a script without spaces is, is cut in pieces.
///
/// The words of a segment share its time in proportion to their characters: an estimate, exact where the segment is a
/// word. Segments whose times cannot be shown are left out.
pub(super) fn words_of(transcript: &Transcript, room: impl Fn(&str) -> usize) -> Vec<Word> {
    let mut found = Vec::new();
    for segment in transcript {
        let Some((start, end)) = shown(segment.start, segment.end) else {
            continue;
        };
        let speaker = one_line(&segment.speaker);
        let pieces = pieces(&segment.text, room(&speaker).max(1));
        let total: usize = pieces.iter().map(|(_, chars, _)| chars).sum();
        let at = |chars: usize| start + (end - start) * (chars as f64 / total as f64);
        let mut before = 0;
        for (text, chars, glued) in pieces {
            let after = before + chars;
            found.push(Word {
                speaker: speaker.clone(),
                start: at(before),
                end: if after == total { end } else { at(after) },
                text,
                chars,
                glued,
            });
            before = after;
        }
    }
    // Words of speakers who talk at the same time come one segment after the other. The sort is stable.
    found.sort_by(|a, b| a.start.total_cmp(&b.start));
    found
}

/// The words of `text` in pieces of at most `room` characters: text, its length, and whether it goes on a word.
fn pieces(text: &str, room: usize) -> Vec<(String, usize, bool)> {
    let mut pieces: Vec<(String, usize, bool)> = Vec::new();
    for word in words(text) {
        let mut piece = (String::new(), 0, false);
        for character in word.chars() {
            if piece.1 == room {
                pieces.push(std::mem::replace(&mut piece, (String::new(), 0, true)));
            }
            piece.0.push(character);
            piece.1 += 1;
        }
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::super::super::{Transcript, TranscriptSegment};
    use super::{pieces, words_of};

    #[test]
    fn long_words_are_cut_at_characters() {
        let texts = |text| -> Vec<_> {
            let pieces = pieces(text, 3);
            pieces
                .into_iter()
                .map(|(text, _, glued)| (text, glued))
                .collect()
        };
        let piece = |text: &str, glued| (text.to_owned(), glued);
        assert_eq!(texts("  a\nbc "), [piece("a", false), piece("bc", false)]);
        assert_eq!(
            texts("äöüß x"),
            [piece("äöü", false), piece("ß", true), piece("x", false)]
        );
        assert_eq!(texts("abc"), [piece("abc", false)]);
        assert_eq!(texts(" "), []);
    }

    #[test]
    fn words_share_the_time_of_their_segment() {
        let transcript = Transcript::from(vec![
            TranscriptSegment::new(10.0, 14.0, "a bcd", "A"),
            TranscriptSegment::new(f64::NAN, 1.0, "lost", "A"),
            TranscriptSegment::new(3.0, 2.0, "lost", "A"),
            TranscriptSegment::new(1.0, 2.0, "first", "B"),
        ]);
        let words = words_of(&transcript, |_| 42);
        let words: Vec<_> = words
            .iter()
            .map(|w| (w.text.as_str(), w.start, w.end))
            .collect();
        assert_eq!(
            words,
            [("first", 1.0, 2.0), ("a", 10.0, 11.0), ("bcd", 11.0, 14.0)]
        );
    }
}
