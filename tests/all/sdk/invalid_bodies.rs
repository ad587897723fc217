//! No response body causes a panic.

use bytes::Bytes;
use proptest::prelude::*;
use pyannote::testing::result_of;
use pyannote::{Diarization, Identification, Voiceprint};
use pyannote_api_sys::types::{ErrorBody, GetJobsResponseV2, JobBody};
use pyannote_tests::body;

/// Deserializes a body as every type that could be expected.
fn deserialize_as_all(body: &[u8]) {
    let bytes = Bytes::copy_from_slice(body);
    for error in [
        result_of::<Diarization>(bytes.clone()).err(),
        result_of::<Identification>(bytes.clone()).err(),
        result_of::<Voiceprint>(bytes).err(),
    ]
    .into_iter()
    .flatten()
    {
        assert!(!error.to_string().is_empty());
    }
    let _ = serde_json::from_slice::<JobBody>(body);
    let _ = serde_json::from_slice::<ErrorBody>(body);
    let _ = serde_json::from_slice::<GetJobsResponseV2>(body);
}

fn real_body() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![
        "diarization_failed",
        "diarization_succeeded",
        "identify_succeeded",
        "job_list",
        "newer",
        "running",
        "voiceprint_succeeded",
    ])
    .prop_map(|name| body(name).into_bytes())
}

proptest! {
    #[test]
    fn arbitrary_bytes(body in prop::collection::vec(any::<u8>(), 0..300)) {
        deserialize_as_all(&body);
    }

    #[test]
    fn real_bodies_with_changed_bytes(
        mut body in real_body(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for (index, byte) in changes {
            let index = index.index(body.len());
            body[index] = byte;
        }
        deserialize_as_all(&body);
    }

    #[test]
    fn real_bodies_with_changed_values(
        body in real_body(),
        index in any::<prop::sample::Index>(),
        value in prop::sample::select(vec!["null", "true", "-1", "1e999", "\"\"", "[]", "{}", "[[[[]]]]"]),
    ) {
        // Replaces the value after some colon.
        let text = String::from_utf8(body).unwrap();
        let colons: Vec<usize> = text.match_indices(": ").map(|(at, _)| at + 2).collect();
        let start = colons[index.index(colons.len())];
        let end = start + text[start..].find(['\n', ',']).unwrap_or(text.len() - start);
        let text = format!("{}{value}{}", &text[..start], &text[end..]);
        deserialize_as_all(text.as_bytes());
    }

    #[test]
    fn truncated_real_bodies(body in real_body(), index in any::<prop::sample::Index>()) {
        deserialize_as_all(&body[..index.index(body.len())]);
    }
}

#[test]
fn deep_nesting() {
    let deep = "[".repeat(100_000);
    deserialize_as_all(deep.as_bytes());
    deserialize_as_all(format!(r#"{{"output":{deep}"#).as_bytes());
}
