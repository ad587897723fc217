//! Lenient decoding of incidental parts of an output, which must not make a billed result undecodable.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Decodes a human-readable text. A value of another type becomes its JSON.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}
