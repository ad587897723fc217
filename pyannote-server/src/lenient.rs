//! Values that clients write in more than one way.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

/// The bytes of a base64 text in either alphabet, padded or not. None where it is no base64, or empty.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = |alphabet| GeneralPurpose::new(alphabet, CONFIG).decode(text).ok();
    decoded(&STANDARD)
        .or_else(|| decoded(&URL_SAFE))
        .filter(|bytes| !bytes.is_empty())
}

/// A whole number that is not negative, also as `2.0`, which the schema takes. One beyond all bounds is the greatest.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    let of_float = |number: f64| (number >= 0.0 && number.fract() == 0.0).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(of_float))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn base64_in_each_way() {
        let bytes = [0xfb, 0xff, 0x01, 0x02];
        for text in ["+/8BAg==", "+/8BAg", "-_8BAg==", "-_8BAg"] {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_slice()), "{text}");
        }
        for text in ["", "a", "+_8BAg", "+/8B Ag", "\u{e9}"] {
            assert_eq!(base64(text), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_in_each_way() {
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
            assert_eq!(whole(&value), expected, "{value}");
        }
    }
}
