//! Parsing without silent loss: duplicate keys are errors, and merge keys of YAML are applied.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A value whose maps had no duplicate keys.
pub(super) struct Unique(pub(super) Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON can represent")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let mut merged = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            let Unique(value) = entries.next_value()?;
            match (key.as_str(), value) {
                ("<<", Value::Array(others)) => merged.extend(others),
                ("<<", other) => merged.push(other),
                (_, value) => {
                    if map.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format!(
                            "the key `{key}` occurs twice: remove one of them in the source"
                        )));
                    }
                }
            }
        }
        for other in merged {
            let Value::Object(other) = other else {
                return Err(A::Error::custom(
                    "the merge key `<<` needs a map or a list of maps",
                ));
            };
            for (key, value) in other {
                map.entry(key).or_insert(value);
            }
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::Unique;

    #[test]
    fn duplicate_keys_are_errors_with_their_place() {
        for text in ["a:\n  b: 1\n  c: 2\n  b: 3\n", r#"{"a": {"b": 1, "b": 2}}"#] {
            let error = yaml_serde::from_str::<Unique>(text)
                .err()
                .unwrap()
                .to_string();
            assert!(error.starts_with("a: the key `b` occurs twice"), "{error}");
            assert!(error.contains("at line "), "{error}");
        }
    }

    #[test]
    fn merge_keys_are_applied() {
        let text = "base: &base {a: 1, b: 2}\nother:\n  <<: *base\n  b: 3\n";
        let Unique(value) = yaml_serde::from_str(text).unwrap();
        assert_eq!(value["other"], json!({"a": 1, "b": 3}));
    }
}
