//! JSON whose form may differ from the expected one: each value is kept as text until its form is known.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Returns the body without a byte order mark, which some servers write and JSON does not allow.
pub(crate) fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Returns the values of the named fields of an object, or `None` if `json` is not an object.
///
/// A field that is null counts as missing. Of duplicate fields, the last counts.
pub(crate) fn fields<'a, const N: usize>(
    json: &'a RawValue,
    names: [&str; N],
) -> Option<[Option<&'a RawValue>; N]> {
    let mut values = [None; N];
    for_each_field(json, |name, value| {
        if let Some(index) = names.iter().position(|known| *known == name) {
            values[index] = (value.get() != "null").then_some(value);
        }
    })?;
    Some(values)
}

/// Calls `f` with the name and the value of each field of an object. Returns `None` if `json` is not an object.
pub(crate) fn for_each_field<'a>(
    json: &'a RawValue,
    f: impl FnMut(&str, &'a RawValue),
) -> Option<()> {
    struct Fields<F>(F);

    impl<'de, F: FnMut(&str, &'de RawValue)> Visitor<'de> for Fields<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some((Text(name), value)) = map.next_entry()? {
                (self.0)(&name, value);
            }
            Ok(())
        }
    }

    serde_json::Deserializer::from_str(json.get())
        .deserialize_map(Fields(f))
        .ok()
}

/// Calls `f` with each item of an array. Returns `None` if `json` is not an array.
pub(crate) fn for_each_item<'a>(json: &'a RawValue, f: impl FnMut(&'a RawValue)) -> Option<()> {
    struct Items<F>(F);

    impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Items<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
            while let Some(item) = items.next_element()? {
                (self.0)(item);
            }
            Ok(())
        }
    }

    serde_json::Deserializer::from_str(json.get())
        .deserialize_seq(Items(f))
        .ok()
}

/// Returns a finite number, also one in a string.
pub(crate) fn number(json: &RawValue) -> Option<f64> {
    let number = || serde_json::from_str(json.get()).ok();
    let in_string = || string(json)?.trim().parse().ok();
    number()
        .or_else(in_string)
        .filter(|number: &f64| number.is_finite())
}

/// Returns the text of a string, or the JSON of a number or a boolean.
pub(crate) fn text(json: &RawValue) -> Option<String> {
    match json.get().as_bytes().first()? {
        b'"' => string(json),
        b'[' | b'{' | b'n' => None,
        _ => Some(json.get().to_owned()),
    }
}

/// Returns the text of a string. Surrogates without their other half, which Rust's strings cannot contain, become
/// replacement characters.
pub(crate) fn string(json: &RawValue) -> Option<String> {
    serde_json::from_str(json.get())
        .ok()
        .map(|Text(text)| text.into_owned())
}

/// Describes the type of a value. Never quotes it.
pub(crate) fn type_name(json: &RawValue) -> &'static str {
    match json.get().as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'[') => "an array",
        Some(b'{') => "an object",
        Some(b'n') => "null",
        Some(b't' | b'f') => "a boolean",
        _ if number(json).is_none() => "a number that is too large",
        _ => "a number",
    }
}

/// A string, decoded as [`string`] does.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(Text(String::from_utf8_lossy(bytes)))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(
                    String::from_utf8_lossy(bytes).into_owned(),
                )))
            }

            // serde_json reads bytes from an array, too.
            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
                Err(A::Error::custom("not a string"))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_in_any_notation() {
        for (json, expected) in [
            ("5", Some(5.0)),
            ("-0.5e1", Some(-5.0)),
            ("\"1.5\"", Some(1.5)),
            ("\" 1.5 \"", Some(1.5)),
            ("18446744073709551616", Some(18_446_744_073_709_551_616.0)),
            ("1e999", None),
            ("\"1e999\"", None),
            ("\"inf\"", None),
            ("\"NaN\"", None),
            ("\"\"", None),
            ("\"one\"", None),
            ("null", None),
            ("true", None),
            ("[1]", None),
            ("{}", None),
        ] {
            assert_eq!(number(raw(json)), expected, "{json}");
        }
    }

    #[test]
    fn texts_of_any_scalar() {
        for (json, expected) in [
            (r#""Ada""#, Some("Ada")),
            (r#""A\u0064\u0061""#, Some("Ada")),
            (r#""a\ud800b""#, Some("a\u{fffd}\u{fffd}\u{fffd}b")),
            (r#""\ud83d\ude00""#, Some("\u{1f600}")),
            ("7", Some("7")),
            ("true", Some("true")),
            ("null", None),
            ("[1,2]", None),
            ("{}", None),
        ] {
            assert_eq!(text(raw(json)).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn fields_of_objects() {
        let object = raw(r#"{"a":1,"b":null,"\ud800":0,"a":[2],"\u0063":3}"#);
        let [a, b, c, d] = fields(object, ["a", "b", "c", "d"]).unwrap();
        assert_eq!(a.unwrap().get(), "[2]");
        assert!(b.is_none());
        assert_eq!(c.unwrap().get(), "3");
        assert!(d.is_none());
        for other in ["[]", "[1]", "5", "null", r#""a""#] {
            assert!(fields(raw(other), ["a"]).is_none(), "{other}");
        }
    }

    #[test]
    fn names_of_types() {
        for (json, expected) in [
            ("null", "null"),
            ("true", "a boolean"),
            ("-1", "a number"),
            ("1e999", "a number that is too large"),
            (r#""1""#, "a string"),
            ("[]", "an array"),
            ("{}", "an object"),
        ] {
            assert_eq!(type_name(raw(json)), expected);
        }
    }
}
