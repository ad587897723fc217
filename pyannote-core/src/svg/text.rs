//! Text inside the picture: that it fits, and that XML can hold it.

/// `text` as XML holds it, in elements and in attributes. What XML forbids becomes U+FFFD.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push(char::REPLACEMENT_CHARACTER),
            // XML allows these three, of all below the space.
            '\t' | '\n' | '\r' => escaped.push(character),
            character if character < ' ' => escaped.push(char::REPLACEMENT_CHARACTER),
            character => escaped.push(character),
        }
    }
    escaped
}

/// `text`, or as much of its start as is likely to fit into `room` pixels at a font size of `size`, with an ellipsis.
///
/// The font is the reader's, so widths are estimates, on the wide side.
pub(super) fn fitted(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut fitted = String::new();
    let mut used = width("…", size);
    for character in text.chars() {
        used += advance(character) * size;
        if used > room {
            break;
        }
        fitted.push(character);
    }
    format!("{}…", fitted.trim_end())
}

/// An estimate of the width of `text`, in pixels.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// The width of a character, as a part of the font size.
fn advance(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '|' | '\'' | ' ' | '!' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.98,
        'A'..='Z' => 0.74,
        // Scripts of East Asia, symbols and emoji are about as wide as high.
        '\u{1100}'..='\u{11ff}' | '\u{2600}'.. => 1.05,
        _ => 0.63,
    }
}

#[cfg(test)]
mod tests {
    use super::{escaped, fitted, width};

    #[test]
    fn xml_can_hold_it() {
        assert_eq!(escaped("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;'");
        assert_eq!(
            escaped("a\u{0}\u{1b}\u{ffff}b\n"),
            "a\u{fffd}\u{fffd}\u{fffd}b\n"
        );
    }

    #[test]
    fn long_text_is_shortened() {
        assert_eq!(fitted("Ada", 10.0, 100.0), "Ada");
        let long = "Augusta Ada King, Countess of Lovelace";
        let short = fitted(long, 10.0, 100.0);
        assert!(short.ends_with('…') && long.starts_with(short.trim_end_matches('…')));
        assert!(
            width(&short, 10.0) <= 100.0 && width(&short, 10.0) > 80.0,
            "{short}"
        );
        assert!(fitted("山田太郎", 10.0, 31.0).chars().count() == 3);
        assert_eq!(fitted("abc", 10.0, 0.0), "…");
    }
}
