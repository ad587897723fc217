//! Text in XML and HTML.

/// Escapes `text` for elements and double-quoted attributes of XML and HTML. Characters that XML does not allow become
/// U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push(char::REPLACEMENT_CHARACTER),
            // The only control characters that XML allows.
            '\t' | '\n' | '\r' => escaped.push(character),
            character if character < ' ' => escaped.push(char::REPLACEMENT_CHARACTER),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn escaped_text_is_valid_xml() {
        assert_eq!(escape("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;'");
        assert_eq!(
            escape("a\u{0}\u{1b}\u{ffff}b\n"),
            "a\u{fffd}\u{fffd}\u{fffd}b\n"
        );
    }
}
