//! Text on one line. Names and words come from outside and may hold line breaks, which would end a line of a format.

/// The words of `text`: what stands between white space and control characters.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
}

/// `text` with every run of white space and control characters made one space, and none at its ends.
pub(super) fn one_line(text: &str) -> String {
    words(text).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn runs_become_one_space() {
        for (text, expected) in [
            ("", ""),
            (" \n\t ", ""),
            ("Ada", "Ada"),
            ("  Ada\r\n\tLovelace\u{0}\u{2028}", "Ada Lovelace"),
            ("a\u{a0}b", "a b"),
        ] {
            assert_eq!(one_line(text), expected, "{text:?}");
        }
    }
}
