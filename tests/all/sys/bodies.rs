//! Every body of the five pages, and the bodies of errors, decoded.

use pyannote_api_sys::types::{
    DiarizationJob, ErrorBody, GetJobsResponseV2, IdentifyJob, JobBody, JobCreated, VoiceprintJob,
};
use pyannote_tests::body;
use serde::de::DeserializeOwned;

fn decode<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&body(name)).unwrap()
}

#[test]
fn an_accepted_job() {
    insta::assert_debug_snapshot!(decode::<JobCreated>("job_created"));
    insta::assert_debug_snapshot!(decode::<JobCreated>("identify_created"));
}

#[test]
fn a_voiceprint() {
    insta::assert_debug_snapshot!(decode::<VoiceprintJob>("voiceprint_succeeded"));
    assert_eq!(
        decode::<JobBody>("voiceprint_succeeded"),
        JobBody::Voiceprint(decode("voiceprint_succeeded"))
    );
}

#[test]
fn an_identification_with_and_without_a_match() {
    insta::assert_debug_snapshot!(decode::<IdentifyJob>("identify_succeeded"));
    assert_eq!(
        decode::<JobBody>("identify_succeeded"),
        JobBody::Identification(decode("identify_succeeded"))
    );
}

#[test]
fn a_diarization_with_every_part() {
    insta::assert_debug_snapshot!(decode::<DiarizationJob>("diarization_succeeded"));
    assert_eq!(
        decode::<JobBody>("diarization_succeeded"),
        JobBody::Diarization(decode("diarization_succeeded"))
    );
}

#[test]
fn a_failed_job() {
    insta::assert_debug_snapshot!(decode::<DiarizationJob>("diarization_failed"));
    insta::assert_debug_snapshot!(decode::<JobBody>("diarization_failed"));
}

#[test]
fn a_job_that_has_not_ended() {
    insta::assert_debug_snapshot!(decode::<JobBody>("running"));
}

#[test]
fn a_job_with_an_unknown_status_model_and_fields() {
    insta::assert_debug_snapshot!(decode::<JobBody>("newer"));
}

#[test]
fn a_job_whose_output_was_deleted() {
    let body: JobBody = serde_json::from_str(r#"{"jobId":"1","status":"succeeded"}"#).unwrap();
    assert!(matches!(&body, JobBody::Other(job) if job.output.is_none()));
    let body: JobBody =
        serde_json::from_str(r#"{"jobId":"1","status":"succeeded","output":{"gist":"Hello"}}"#)
            .unwrap();
    assert!(matches!(body, JobBody::Other(_)));
}

#[test]
fn a_job_body_is_written_as_it_was_read() {
    for name in [
        "diarization_failed",
        "identify_succeeded",
        "running",
        "voiceprint_succeeded",
    ] {
        let read: serde_json::Value = decode(name);
        let mut written = serde_json::to_value(decode::<JobBody>(name)).unwrap();
        assert_eq!(normal(&mut written), normal(&mut read.clone()), "{name}");
    }
}

/// Times without a fraction of a second that is zero, numbers as floats, nulls left out: what means the same.
fn normal(value: &mut serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            map.retain(|key, value| !value.is_null() || key == "match");
            map.values_mut().for_each(|value| *value = normal(value));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = normal(item)),
        Value::Number(number) => return Value::from(number.as_f64()),
        _ => {}
    }
    value.clone()
}

#[test]
fn a_page_of_the_listing_with_more_than_the_schema() {
    insta::assert_debug_snapshot!(decode::<GetJobsResponseV2>("job_list"));
}

#[test]
fn the_body_of_each_error() {
    for name in ["error_400", "error_402", "error_429"] {
        insta::assert_debug_snapshot!(name, decode::<ErrorBody>(name));
    }
}
