//! Words from tokens.

use std::ops::Range;

use super::vocabulary::Vocabulary;

/// Languages that are written without spaces between words. Each character is a word.
const WITHOUT_SPACES: [&str; 7] = ["zh", "yue", "ja", "th", "lo", "my", "km"];
/// Punctuation that belongs to the word before it.
const CLOSING: &str = "\"'.。,，!！?？:：”)]}、";

/// A word and its tokens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WordTokens {
    /// The word with its punctuation, and with a space before it if it has one.
    pub(crate) text: String,
    /// The indices of its tokens.
    pub(crate) tokens: Range<usize>,
    /// The indices of its tokens without those of punctuation, which the pause after a word would be attributed to.
    pub(crate) spoken: Range<usize>,
}

/// Divides tokens into words with their punctuation.
pub(crate) fn split(vocabulary: &Vocabulary, tokens: &[u32], language: &str) -> Vec<WordTokens> {
    let characters = characters(vocabulary, tokens);
    let words = match WITHOUT_SPACES.contains(&language) {
        true => characters,
        false => join_parts(characters),
    };
    attach_punctuation(words)
}

/// Joins tokens until they are valid UTF-8.
fn characters(vocabulary: &Vocabulary, tokens: &[u32]) -> Vec<WordTokens> {
    let mut parts = Vec::new();
    let mut bytes = Vec::new();
    let mut start = 0;
    for (index, token) in tokens.iter().enumerate() {
        bytes.extend_from_slice(vocabulary.bytes(*token));
        let is_incomplete = match std::str::from_utf8(&bytes) {
            Ok(_) => false,
            Err(error) => error.error_len().is_none(),
        };
        if !is_incomplete || index + 1 == tokens.len() {
            parts.push(WordTokens {
                text: String::from_utf8_lossy(&bytes).into_owned(),
                tokens: start..index + 1,
                spoken: start..index + 1,
            });
            bytes.clear();
            start = index + 1;
        }
    }
    parts
}

/// Joins parts of words: a word starts with a space, or is punctuation.
fn join_parts(parts: Vec<WordTokens>) -> Vec<WordTokens> {
    let mut words: Vec<WordTokens> = Vec::new();
    for part in parts {
        let trimmed = part.text.trim();
        let is_punctuation =
            !trimmed.is_empty() && trimmed.chars().all(|c| c.is_ascii_punctuation());
        match words.last_mut() {
            Some(last) if !part.text.starts_with(' ') && !is_punctuation => {
                last.text.push_str(&part.text);
                last.tokens.end = part.tokens.end;
                last.spoken.end = part.spoken.end;
            }
            _ => words.push(part),
        }
    }
    words
}

/// Joins punctuation and the word before it. What is before a word has no space between, and is part of it already.
fn attach_punctuation(words: Vec<WordTokens>) -> Vec<WordTokens> {
    let mut joined: Vec<WordTokens> = Vec::new();
    for word in words {
        let is_punctuation = word
            .text
            .chars()
            .all(|character| CLOSING.contains(character));
        match joined.last_mut() {
            Some(last) if is_punctuation => {
                last.text.push_str(&word.text);
                last.tokens.end = word.tokens.end;
            }
            _ => joined.push(word),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::super::vocabulary::tests::vocabulary;
    use super::*;

    fn words(text: &[&str], language: &str) -> Vec<(String, Range<usize>)> {
        let vocabulary = vocabulary(text);
        let tokens: Vec<u32> = (0..text.len() as u32).collect();
        let words = split(&vocabulary, &tokens, language).into_iter();
        words.map(|word| (word.text, word.tokens)).collect()
    }

    #[test]
    fn punctuation_is_not_spoken() {
        let vocabulary = vocabulary(&["Ġ\"", "D", "iane", ".", "\"", "Ġx"]);
        let words = split(&vocabulary, &[0, 1, 2, 3, 4, 5], "en").into_iter();
        let ranges: Vec<_> = words.map(|word| (word.tokens, word.spoken)).collect();
        assert_eq!(ranges, [(0..5, 0..3), (5..6, 5..6)]);
    }

    fn table(expected: &[(&str, Range<usize>)]) -> Vec<(String, Range<usize>)> {
        let owned = |(text, range): &(&str, Range<usize>)| ((*text).to_owned(), range.clone());
        expected.iter().map(owned).collect()
    }

    #[test]
    fn words_have_all_their_tokens_and_punctuation() {
        let tokens = [
            "ĠD", "iane", ",", "Ġdon", "'t", "!", "Ġ\"", "Yes", ".\"", "ĠcafÃ", "©", "Ġ-", "Ġx",
        ];
        let expected = [
            (" Diane,", 0..3),
            (" don't!", 3..6),
            (" \"Yes.\"", 6..9),
            (" café", 9..11),
            (" -", 11..12),
            (" x", 12..13),
        ];
        assert_eq!(words(&tokens, "en"), table(&expected));
    }

    #[test]
    fn characters_are_words_of_languages_without_spaces() {
        // 日 is e6 97 a5: three bytes in two tokens.
        let tokens = ["æĹ", "¥", "æľ¬", "ãĢĤ"];
        assert_eq!(words(&tokens, "ja"), table(&[("日", 0..2), ("本。", 2..4)]));
    }

    #[test]
    fn invalid_bytes_are_replaced() {
        assert_eq!(words(&["Ġa", "Ã"], "en"), table(&[(" a\u{fffd}", 0..2)]));
        assert_eq!(words(&["Ã", "Ġa"], "en"), table(&[("\u{fffd} a", 0..2)]));
        assert!(words(&[], "en").is_empty());
        assert_eq!(words(&["Ġ\""], "en"), table(&[(" \"", 0..1)]));
    }
}
