//! Incidental parts of an output, read whatever their form: none of them may make a result unreadable that was paid for.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A text for people; one of another form as its JSON.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}
