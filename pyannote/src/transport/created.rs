//! The response to an accepted submission. A job that was accepted is billed, so its id is read from any response that
//! has one, whatever else is wrong with it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::job::id::JobId;

/// Objects in which a gateway may wrap the response.
const WRAPPERS: [&str; 3] = ["job", "data", "result"];
/// Maximum length of an id. Those of the service have 36.
const MAX_ID_BYTES: usize = 256;
/// How many of them may enclose each other.
const MAX_WRAPPERS: usize = 2;

/// What the service says about an accepted job.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Created {
    pub(crate) id: JobId,
    /// The warning of the service, if there is one.
    pub(crate) warning: Option<String>,
}

impl Created {
    /// Reads the body of a successful response. Returns `None` if it has no job id.
    ///
    /// The id may follow a byte order mark, be a number, be called `job_id` or `id`, or be in an object called `job`,
    /// `data` or `result`. All other fields may have any form, and the body may be cut off after the id. In an object
    /// that reports an error, `id` is not the id of a job. If the body is not valid JSON, the id is what follows `jobId`.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body);
        let (mut fields, is_valid) = complete_fields(text.get(text.find('{')?..)?);
        let mut id = job_id(&fields, MAX_WRAPPERS);
        if id.is_none() && !is_valid {
            let rest = text.get(text.find(r#""jobId""#)?..)?;
            (fields, _) = complete_fields(&format!("{{{rest}"));
            id = job_id(&fields, 0);
        }
        let id = id?;
        let warning = fields.get("warning").and_then(Value::as_str);
        Some(Self {
            id,
            warning: warning.map(str::to_owned),
        })
    }
}

fn job_id(fields: &Map<String, Value>, max_wrappers: usize) -> Option<JobId> {
    let is_error = fields.contains_key("error") || fields.contains_key("errors");
    let renamed = || {
        let mut fields = fields.iter().filter(|(name, _)| is_job_id(name));
        fields.find_map(|(_, value)| id(value))
    };
    let shortened = || fields.get("id").filter(|_| !is_error).and_then(id);
    let wrapped = || {
        let max_wrappers = max_wrappers.checked_sub(1)?;
        let mut wrappers = WRAPPERS
            .iter()
            .filter_map(|name| fields.get(*name)?.as_object());
        wrappers.find_map(|fields| job_id(fields, max_wrappers))
    };
    let documented = fields.get("jobId").and_then(id);
    documented
        .or_else(renamed)
        .or_else(shortened)
        .or_else(wrapped)
}

/// Whether a field is called `jobId` in some spelling, such as `job_id`.
fn is_job_id(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).eq("jobid".chars())
}

fn id(value: &Value) -> Option<JobId> {
    match value {
        Value::String(text) if is_usable(text.trim()) => Some(text.as_str().into()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string().into()),
        _ => None,
    }
}

/// Whether a text can be the id of a job. An id that cannot be one would hide that the job is lost.
fn is_usable(text: &str) -> bool {
    let is_invalid =
        |char: char| char.is_control() || char == char::REPLACEMENT_CHARACTER || char == '/';
    !text.is_empty() && text.len() <= MAX_ID_BYTES && !text.contains(is_invalid)
}

/// The fields of the JSON object at the start of a text, up to the first error, and whether there is none.
fn complete_fields(text: &str) -> (Map<String, Value>, bool) {
    let mut fields = Map::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let is_valid = Fields(&mut fields).deserialize(&mut deserializer).is_ok();
    (fields, is_valid)
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut last: Option<String> = None;
        loop {
            let name: String = match map.next_key() {
                Ok(Some(name)) => name,
                Ok(None) => return Ok(()),
                Err(error) => {
                    // The digits of a number may have been cut off.
                    if let Some(last) = last.filter(|last| self.0[last].is_number()) {
                        self.0.remove(&last);
                    }
                    return Err(error);
                }
            };
            let value = map.next_value()?;
            self.0.insert(name.clone(), value);
            last = Some(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_id_from_any_body_that_has_one() {
        for (body, expected) in [
            (r#"{"jobId":"1","status":"created"}"#, Some("1")),
            (r#"{"jobId":" 1\n"}"#, Some("1")),
            // Before and after the JSON.
            ("\u{feff}{\"jobId\":\"1\"}", Some("1")),
            (" \r\n\u{feff} {\"jobId\":\"1\"}", Some("1")),
            (")]}',\n{\"jobId\":\"1\"}", Some("1")),
            (r#"[{"jobId":"1"}]"#, Some("1")),
            ("{\"jobId\":\"1\"}\n{\"jobId\":\"2\"}", Some("1")),
            (r#"{"jobId":"1"}<!-- gateway -->"#, Some("1")),
            // Other fields of unexpected types.
            (
                r#"{"jobId":"1","status":5,"warning":{},"createdAt":[]}"#,
                Some("1"),
            ),
            (
                r#"{"warning":null,"output":{"error":"x"},"jobId":"1"}"#,
                Some("1"),
            ),
            (r#"{"error":"x","jobId":"1"}"#, Some("1")),
            // Numbers.
            (r#"{"jobId":12345}"#, Some("12345")),
            (
                r#"{"jobId":18446744073709551615}"#,
                Some("18446744073709551615"),
            ),
            (r#"{"jobId":1.5}"#, None),
            (r#"{"jobId":1e30}"#, None),
            // Other names and places.
            (r#"{"job_id":"1"}"#, Some("1")),
            (r#"{"JobID":"1"}"#, Some("1")),
            (r#"{"id":"1"}"#, Some("1")),
            (r#"{"id":"2","jobId":"1"}"#, Some("1")),
            (r#"{"JOB-ID":"2","jobId":"1"}"#, Some("1")),
            (r#"{"id":"1","jobId":null}"#, Some("1")),
            (r#"{"job":{"id":"1","status":"created"}}"#, Some("1")),
            (r#"{"data":{"job":{"jobId":"1"}}}"#, Some("1")),
            (r#"{"result":{"data":{"job":{"id":"1"}}}}"#, None),
            (r#"{"status":"created","data":{"jobId":7}}"#, Some("7")),
            // Other ids.
            (r#"{"requestId":"r-1"}"#, None),
            (r#"{"user":{"id":"u-1"}}"#, None),
            (r#"{"error":"busy","id":"r-1"}"#, None),
            (r#"{"errors":[],"id":"r-1"}"#, None),
            (r#"{"error":{"id":"e-1"},"requestId":"r-1"}"#, None),
            // Cut off.
            (r#"{"jobId":"1","status":"cre"#, Some("1")),
            (r#"{"jobId":"1","#, Some("1")),
            (r#"{"jobId":"1""#, Some("1")),
            (r#"{"jobId":"1"#, None),
            (r#"{"jobId":123,"status":"cre"#, Some("123")),
            (r#"{"jobId":123,"#, None),
            (r#"{"jobId":123"#, None),
            (r#"{"jobId":"#, None),
            (r#"{"job"#, None),
            // Not JSON.
            ("{\u{fffd}\"jobId\":\"1\",\"status\":5}", Some("1")),
            (r#"{status:"created","jobId":"1"}"#, Some("1")),
            (r#"{"job":{"jobId":"1","status":"cre"#, Some("1")),
            (r#"{"job":{"jobId":123"#, None),
            (r#"{"message":"no \"jobId\":\"1\"","#, None),
            (r#"{"error":"busy","existing":{"jobId":"1"}}"#, None),
            // No id.
            (r#"{"jobId":""}"#, None),
            (r#"{"jobId":" "}"#, None),
            (r#"{"jobId":null}"#, None),
            (r#"{"jobId":true}"#, None),
            (r#"{"jobId":["1"]}"#, None),
            ("{}", None),
            ("null", None),
            (r#""1""#, None),
            ("<html>Sign in to the hotel's network</html>", None),
            ("", None),
        ] {
            let id = Created::read(body.as_bytes()).map(|created| created.id);
            assert_eq!(id, expected.map(JobId::from), "{body}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_do_not_hide_the_id() {
        let body = b"{\"warning\":\"\xfc\",\"jobId\":\"1\"}";
        let created = Created::read(body).unwrap();
        assert_eq!(created.id.as_str(), "1");
        assert_eq!(created.warning.unwrap(), "\u{fffd}");
    }

    #[test]
    fn deep_nesting_after_the_id_does_not_hide_it() {
        let body = format!(r#"{{"jobId":"1","output":{}"#, "[".repeat(100_000));
        assert_eq!(Created::read(body.as_bytes()).unwrap().id.as_str(), "1");
    }

    proptest::proptest! {
        #[test]
        fn a_cut_body_has_the_whole_id_or_none(cut in 0..80_usize) {
            let body = r#"{"status":"created","jobId":"3c8a89a5-dcc6-4edb-a75d-ffd64739674d","n":1}"#;
            let body = body.get(..cut).unwrap_or(body);
            if let Some(created) = Created::read(body.as_bytes()) {
                assert_eq!(created.id.as_str(), "3c8a89a5-dcc6-4edb-a75d-ffd64739674d");
            }
        }
    }

    #[test]
    fn an_invalid_id_is_ignored() {
        for id in [
            " ",
            "a\\nb",
            "\\u0000",
            "../../v1/test",
            "a\u{fffd}b",
            &"a".repeat(257),
        ] {
            let body = format!(r#"{{"jobId":"{id}"}}"#);
            assert_eq!(Created::read(body.as_bytes()), None, "{id:.20}");
        }
        assert_eq!(Created::read(b"{\"jobId\":\"a\xffb\"}"), None);
    }
}
