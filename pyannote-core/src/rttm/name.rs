//! Names that RTTM can hold.

/// What stands for a field without a value.
pub(super) const NONE: &str = "<NA>";

/// A name that RTTM can hold, made of any text: runs of white space and control characters become one `_`.
///
/// Names that differ only there become the same name. What is left empty, and `<NA>`, become `_`.
///
/// ```
/// use pyannote_core::rttm;
///
/// assert_eq!(rttm::name("Monday  meeting"), "Monday_meeting");
/// ```
#[must_use]
pub fn name(text: &str) -> String {
    let name = super::super::one_line::words(text)
        .collect::<Vec<_>>()
        .join("_");
    if fits(&name) { name } else { "_".to_owned() }
}

/// Whether `name` can be a field. Control characters are refused too: some readers split at them.
pub(super) fn fits(name: &str) -> bool {
    !name.is_empty()
        && name != NONE
        && !name.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::{fits, name};

    #[test]
    fn names_are_made_to_fit() {
        for (text, expected) in [
            ("SPEAKER_00", "SPEAKER_00"),
            ("Ada Lovelace", "Ada_Lovelace"),
            (" a\n\u{1c}b ", "a_b"),
            ("", "_"),
            ("<NA>", "_"),
        ] {
            assert_eq!(name(text), expected);
            assert!(fits(&name(text)));
        }
    }
}
