//! Names of recordings and speakers in RTTM and UEM.

use crate::whitespace::split_words;

/// Placeholder for a field without a value.
const NOT_AVAILABLE: &str = "<NA>";

/// What [`is_valid_name`] requires, for error messages.
pub(crate) const NAME_RULE: &str = "names must not be empty or `<NA>`, nor contain white space or control characters; \
                                    use `rttm::sanitize_name`";

/// Turns any text into a valid RTTM name, replacing each run of white space and control characters by one `_`.
///
/// Names that differ only in white space become equal. Blank text and `<NA>` become `_`.
///
/// ```
/// use pyannote_core::rttm;
///
/// assert_eq!(rttm::sanitize_name("Monday  meeting"), "Monday_meeting");
/// ```
#[must_use]
pub fn sanitize_name(text: &str) -> String {
    let name = split_words(text).collect::<Vec<_>>().join("_");
    if is_valid_name(&name) {
        name
    } else {
        "_".to_owned()
    }
}

/// Whether `name` can be a field of RTTM or UEM. Control characters are invalid because some parsers split at them.
pub(crate) fn is_valid_name(name: &str) -> bool {
    !name.is_empty()
        && name != NOT_AVAILABLE
        && !name.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::{is_valid_name, sanitize_name};

    #[test]
    fn sanitized_names_are_valid() {
        for (text, expected) in [
            ("SPEAKER_00", "SPEAKER_00"),
            ("Ada Lovelace", "Ada_Lovelace"),
            (" a\n\u{1c}b ", "a_b"),
            ("", "_"),
            ("<NA>", "_"),
        ] {
            assert_eq!(sanitize_name(text), expected);
            assert!(is_valid_name(&sanitize_name(text)));
        }
    }
}
