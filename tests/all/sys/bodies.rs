//! Deserialization of every documented response body, and of error bodies.

use pyannote_api_sys::types::{
    DiarizationJob, ErrorBody, GetJobsResponseV2, IdentifyJob, JobBody, JobCreated, VoiceprintJob,
};
use pyannote_tests::body;
use serde::de::DeserializeOwned;

fn decode<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&body(name)).unwrap()
}

#[test]
fn created_job() {
    insta::assert_debug_snapshot!(decode::<JobCreated>("job_created"));
    insta::assert_debug_snapshot!(decode::<JobCreated>("identify_created"));
}

#[test]
fn voiceprint_job() {
    insta::assert_debug_snapshot!(decode::<VoiceprintJob>("voiceprint_succeeded"));
    assert_eq!(
        decode::<JobBody>("voiceprint_succeeded"),
        JobBody::Voiceprint(decode("voiceprint_succeeded"))
    );
}

#[test]
fn identification_with_and_without_a_match() {
    insta::assert_debug_snapshot!(decode::<IdentifyJob>("identify_succeeded"));
    assert_eq!(
        decode::<JobBody>("identify_succeeded"),
        JobBody::Identification(decode("identify_succeeded"))
    );
}

#[test]
fn diarization_with_all_fields() {
    insta::assert_debug_snapshot!(decode::<DiarizationJob>("diarization_succeeded"));
    assert_eq!(
        decode::<JobBody>("diarization_succeeded"),
        JobBody::Diarization(decode("diarization_succeeded"))
    );
}

#[test]
fn failed_job() {
    insta::assert_debug_snapshot!(decode::<DiarizationJob>("diarization_failed"));
    insta::assert_debug_snapshot!(decode::<JobBody>("diarization_failed"));
}

#[test]
fn running_job() {
    insta::assert_debug_snapshot!(decode::<JobBody>("running"));
}

#[test]
fn unknown_status_model_and_fields() {
    insta::assert_debug_snapshot!(decode::<JobBody>("newer"));
}

#[test]
fn job_without_output_or_with_an_unknown_one() {
    let body: JobBody = serde_json::from_str(r#"{"jobId":"1","status":"succeeded"}"#).unwrap();
    assert!(matches!(&body, JobBody::Other(job) if job.output.is_none()));
    let body: JobBody =
        serde_json::from_str(r#"{"jobId":"1","status":"succeeded","output":{"gist":"Hello"}}"#)
            .unwrap();
    assert!(matches!(body, JobBody::Other(_)));
}

#[test]
fn job_bodies_round_trip() {
    for name in [
        "diarization_failed",
        "identify_succeeded",
        "running",
        "voiceprint_succeeded",
    ] {
        let original: serde_json::Value = decode(name);
        let mut written = serde_json::to_value(decode::<JobBody>(name)).unwrap();
        assert_eq!(
            normalized(&mut written),
            normalized(&mut original.clone()),
            "{name}"
        );
    }
}

/// A normal form for comparisons: numbers as floats, without nulls other than `match`.
fn normalized(value: &mut serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            map.retain(|key, value| !value.is_null() || key == "match");
            map.values_mut()
                .for_each(|value| *value = normalized(value));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = normalized(item)),
        Value::Number(number) => return Value::from(number.as_f64()),
        _ => {}
    }
    value.clone()
}

#[test]
fn job_list_with_unknown_fields() {
    insta::assert_debug_snapshot!(decode::<GetJobsResponseV2>("job_list"));
}

#[test]
fn error_bodies() {
    for name in ["error_400", "error_402", "error_429"] {
        insta::assert_debug_snapshot!(name, decode::<ErrorBody>(name));
    }
}
