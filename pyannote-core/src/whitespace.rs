//! White space normalization. Names and words are arbitrary text, and may contain line breaks that would end a line of
//! an exported file.

/// Splits `text` at white space and control characters, skipping empty words.
pub(crate) fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
}

/// Replaces each run of white space and control characters by one space, and trims both ends.
pub(crate) fn collapse_whitespace(text: &str) -> String {
    split_words(text).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::collapse_whitespace;

    #[test]
    fn runs_of_whitespace_become_one_space() {
        for (text, expected) in [
            ("", ""),
            (" \n\t ", ""),
            ("Ada", "Ada"),
            ("  Ada\r\n\tLovelace\u{0}\u{2028}", "Ada Lovelace"),
            ("a\u{a0}b", "a b"),
        ] {
            assert_eq!(collapse_whitespace(text), expected, "{text:?}");
        }
    }
}
