//! Lenient parsing of request values that clients encode in more than one way.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

/// Decodes base64 in the standard or URL-safe alphabet, with or without padding. Returns `None` if `text` is invalid or
/// empty.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decode = |alphabet| GeneralPurpose::new(alphabet, CONFIG).decode(text).ok();
    decode(&STANDARD)
        .or_else(|| decode(&URL_SAFE))
        .filter(|bytes| !bytes.is_empty())
}

/// Reads a non-negative integer, also if it is written as a float such as `2.0`, which the schema accepts. Saturates at
/// `u64::MAX`.
pub(crate) fn non_negative_integer(value: &Value) -> Option<u64> {
    let from_float =
        |number: f64| (number >= 0.0 && number.fract() == 0.0).then_some(number as u64);
    value
        .as_u64()
        .or_else(|| value.as_f64().and_then(from_float))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn decodes_base64_in_both_alphabets_with_and_without_padding() {
        let bytes = [0xfb, 0xff, 0x01, 0x02];
        for text in ["+/8BAg==", "+/8BAg", "-_8BAg==", "-_8BAg"] {
            assert_eq!(
                decode_base64(text).as_deref(),
                Some(bytes.as_slice()),
                "{text}"
            );
        }
        for text in ["", "a", "+_8BAg", "+/8B Ag", "\u{e9}"] {
            assert_eq!(decode_base64(text), None, "{text}");
        }
    }

    #[test]
    fn reads_integers_written_as_integers_or_floats() {
        for (value, expected) in [
            (json!(2), Some(2)),
            (json!(2.0), Some(2)),
            (json!(0), Some(0)),
            (json!(u64::MAX), Some(u64::MAX)),
            (json!(1e300), Some(u64::MAX)),
            (json!(2.5), None),
            (json!(-1), None),
            (json!("2"), None),
        ] {
            assert_eq!(non_negative_integer(&value), expected, "{value}");
        }
    }
}
