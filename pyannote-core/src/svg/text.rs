//! Truncation of text to a width.

/// Truncates `text` to a width of `max_width_px` with an ellipsis.
///
/// The font depends on the viewer, so widths are estimates, and rather too large than too small.
pub(super) fn truncate(text: &str, font_size_px: f64, max_width_px: f64) -> String {
    if width_px(text, font_size_px) <= max_width_px {
        return text.to_owned();
    }
    let mut truncated = String::new();
    let mut width = width_px("…", font_size_px);
    for character in text.chars() {
        width += advance_em(character) * font_size_px;
        if width > max_width_px {
            break;
        }
        truncated.push(character);
    }
    format!("{}…", truncated.trim_end())
}

/// Estimates the width of `text`, in pixels.
pub(super) fn width_px(text: &str, font_size_px: f64) -> f64 {
    text.chars().map(advance_em).sum::<f64>() * font_size_px
}

/// Estimates the width of a character, in multiples of the font size.
fn advance_em(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '|' | '\'' | ' ' | '!' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.98,
        'A'..='Z' => 0.74,
        // East Asian scripts, symbols and emoji.
        '\u{1100}'..='\u{11ff}' | '\u{2600}'.. => 1.05,
        _ => 0.63,
    }
}

#[cfg(test)]
mod tests {
    use super::{truncate, width_px};

    #[test]
    fn long_text_is_truncated() {
        assert_eq!(truncate("Ada", 10.0, 100.0), "Ada");
        let long = "Augusta Ada King, Countess of Lovelace";
        let truncated = truncate(long, 10.0, 100.0);
        assert!(truncated.ends_with('…') && long.starts_with(truncated.trim_end_matches('…')));
        assert!(
            width_px(&truncated, 10.0) <= 100.0 && width_px(&truncated, 10.0) > 80.0,
            "{truncated}"
        );
        assert!(truncate("山田太郎", 10.0, 31.0).chars().count() == 3);
        assert_eq!(truncate("abc", 10.0, 0.0), "…");
    }
}
