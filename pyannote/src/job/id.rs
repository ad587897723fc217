//! Job ids.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of a job.
///
/// Store it: any process with the same team's API key can wait for the job by its id, until 24 h after its end.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    /// Returns the id as the service spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The empty id, of a result that was deserialized without one.
    pub(crate) fn unknown() -> Self {
        Self(String::new())
    }

    /// The id as one segment of a URL path: see [`path_segment`].
    pub(crate) fn path_segment(&self) -> Option<String> {
        path_segment(&self.0)
    }
}

/// Percent-encodes an id as one segment of a URL path. Returns `None` for an id that cannot be a segment: empty, `.` or
/// `..`.
pub(crate) fn path_segment(id: &str) -> Option<String> {
    if matches!(id, "" | "." | "..") {
        return None;
    }
    let mut segment = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                segment.push(byte.into())
            }
            other => segment.push_str(&format!("%{other:02X}")),
        }
    }
    Some(segment)
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for JobId {
    fn from(id: &str) -> Self {
        // An id that was read from a file often ends with a line break.
        Self(id.trim().to_owned())
    }
}

impl From<String> for JobId {
    fn from(id: String) -> Self {
        Self::from(id.as_str())
    }
}

impl From<&Self> for JobId {
    fn from(id: &Self) -> Self {
        id.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_an_id_as_one_path_segment() {
        for (id, segment) in [
            (
                "3c8a89a5-dcc6-4edb-a75d-ffd64739674d",
                Some("3c8a89a5-dcc6-4edb-a75d-ffd64739674d"),
            ),
            ("a/../b?c#d", Some("a%2F..%2Fb%3Fc%23d")),
            ("ä b", Some("%C3%A4%20b")),
            ("", None),
            (".", None),
            ("..", None),
            ("...", Some("...")),
        ] {
            assert_eq!(JobId::from(id).path_segment().as_deref(), segment, "{id}");
        }
    }
}
