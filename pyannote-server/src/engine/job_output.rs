//! The output of a job as JSON text.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// The `output` of a job: JSON, as text.
///
/// With the probabilities of many speakers, an output has millions of numbers, which take five times as much memory as
/// a [`Value`]. `Debug` shows only the length, because an output may contain voiceprints.
///
/// ```
/// use pyannote_server::engine::JobOutput;
/// use serde_json::json;
///
/// let output = JobOutput::from(json!({ "diarization": [] }));
/// assert_eq!(output.as_json(), r#"{"diarization":[]}"#);
/// assert_eq!(output.to_value()["diarization"], json!([]));
/// ```
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub struct JobOutput(Box<RawValue>);

impl JobOutput {
    /// Serializes an output.
    ///
    /// # Errors
    ///
    /// If the value cannot be represented as JSON.
    pub fn new(output: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(output).map(Self)
    }

    /// Checks that a text is JSON.
    pub(crate) fn from_text(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self)
    }

    /// Returns the output as JSON.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// Parses the output.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // Only numbers that are out of range cannot be parsed.
        serde_json::from_str(self.as_json()).unwrap_or_default()
    }
}

impl From<Value> for JobOutput {
    fn from(output: Value) -> Self {
        #[expect(clippy::expect_used, reason = "the text of a value is JSON")]
        Self::from_text(output.to_string()).expect("a value is JSON")
    }
}

/// Outputs are equal if their texts are.
impl PartialEq for JobOutput {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl fmt::Debug for JobOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobOutput(<{} bytes>)", self.as_json().len())
    }
}
