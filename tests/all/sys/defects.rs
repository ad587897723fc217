//! The defects of the published specification, one test for each. The numbers are those of `openapi/overlay.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;

use pyannote_api_sys::hooks::{Executor, Inner, ResponseFuture};
use pyannote_api_sys::types::{
    DiarizationJob, DiarizationSegment, DiarizeRequest, GetMediaUploadUrlUrl, IdentifyJob,
    IdentifyRequest, JobBody, JobCreated, JobStatus, MatchingOptions, Voiceprint, VoiceprintJob,
    VoiceprintLabel,
};
use pyannote_api_sys::{Client, ClientInfo};
use pyannote_tests::{body, bundle};
use serde_json::json;
use xtask::{document, lower};

use super::client::{client, server};

#[test]
fn defect_01_one_error_body_per_operation() {
    let bodies = |document: &serde_json::Value| -> usize {
        let operations = document::operations(document).unwrap();
        let counts = operations.iter().map(|operation| {
            let responses = operation.value["responses"].as_object().unwrap();
            let errors = responses
                .iter()
                .filter(|(status, _)| !status.starts_with('2'));
            let bodies = errors
                .map(|(_, response)| response["content"]["application/json"]["schema"].to_string());
            bodies.collect::<BTreeSet<_>>().len()
        });
        counts.max().unwrap()
    };
    assert_eq!(
        bodies(&bundle()),
        2,
        "the specification still has the defect"
    );
    assert_eq!(bodies(&lower::lower(&bundle()).unwrap().document), 1);
}

#[test]
fn defect_02_identifications_are_not_deserialized_as_diarizations() {
    let JobBody::Identification(job) = serde_json::from_str(&body("identify_succeeded")).unwrap()
    else {
        panic!("not an identification");
    };
    let matched = &job.output.unwrap().identification.unwrap()[0];
    assert_eq!(matched.match_.as_deref(), Some("John Doe"));
}

#[test]
fn defect_03_speaker_without_a_match() {
    let job: IdentifyJob = serde_json::from_str(&body("identify_succeeded")).unwrap();
    assert_eq!(job.output.unwrap().voiceprints.unwrap()[1].match_, None);
}

#[test]
fn defect_04_media_urls() {
    for valid in ["media://a", "media://meetings/2025-11-06_a.wav"] {
        GetMediaUploadUrlUrl::try_from(valid).unwrap();
    }
    let long = format!("media://{}", "a".repeat(248));
    for invalid in [
        "media://",
        "/media://a/",
        "https://a",
        "media://a b",
        "media://ä",
        &long,
    ] {
        GetMediaUploadUrlUrl::try_from(invalid).unwrap_err();
    }
}

#[test]
fn defect_05_labels_must_not_start_with_speaker() {
    for invalid in ["SPEAKER_01", "speaker_01", "Speaker_x"] {
        VoiceprintLabel::try_from(invalid).unwrap_err();
    }
    for valid in ["Ada", "The speaker_1", "speaker", "SPEAKER 01"] {
        VoiceprintLabel::try_from(valid).unwrap();
    }
}

#[test]
fn defect_06_unknown_statuses_survive() {
    let created: JobCreated = serde_json::from_str(r#"{"jobId":"1","status":"queued"}"#).unwrap();
    assert!(matches!(&created.status, JobStatus::Unknown(_)));
    assert_eq!(
        serde_json::to_value(&created).unwrap(),
        json!({ "jobId": "1", "status": "queued" })
    );
    let body: JobBody = serde_json::from_str(&body("newer")).unwrap();
    assert_eq!(body.status().unwrap().as_str(), "queued");
}

#[test]
fn defect_07_failed_jobs() {
    let text = r#"{"status":"failed","output":{"error":"no speech"}}"#;
    let diarization: DiarizationJob = serde_json::from_str(text).unwrap();
    assert_eq!(
        diarization.output.unwrap().error.as_deref(),
        Some("no speech")
    );
    let voiceprint: VoiceprintJob = serde_json::from_str(text).unwrap();
    assert_eq!(
        voiceprint.output.unwrap().error.as_deref(),
        Some("no speech")
    );
    let JobBody::Failed(job) = serde_json::from_str(text).unwrap() else {
        panic!("not a failed job");
    };
    assert_eq!(job.output.unwrap().error.as_deref(), Some("no speech"));
}

#[test]
fn defect_08_numbers_and_lengths_are_validated() {
    let error =
        |request: serde_json::Value| serde_json::from_value::<DiarizeRequest>(request).unwrap_err();
    for number in [json!(0.5), json!(0), json!(-1)] {
        error(json!({ "url": "https://example.com/a.wav", "numSpeakers": number }));
    }
    for threshold in [json!(250), json!(-1), json!(100.5)] {
        serde_json::from_value::<MatchingOptions>(json!({ "threshold": threshold })).unwrap_err();
    }
    let voiceprint = json!({ "label": "Ada", "voiceprint": "AAAA" });
    for (count, is_valid) in [(0, false), (1, true), (50, true), (51, false)] {
        let request = json!({ "voiceprints": vec![voiceprint.clone(); count] });
        assert_eq!(
            serde_json::from_value::<IdentifyRequest>(request).is_ok(),
            is_valid,
            "{count}"
        );
    }
    let long = json!({ "label": "Ada", "voiceprint": "A".repeat(20_001) });
    serde_json::from_value::<Voiceprint>(long).unwrap_err();

    let mut request: DiarizeRequest = serde_json::from_value(json!({ "url": "a" })).unwrap();
    assert!(request.check_speaker_count().is_empty());
    (request.min_speakers, request.max_speakers) = (NonZeroU64::new(5), NonZeroU64::new(2));
    request.num_speakers = NonZeroU64::new(3);
    let fields: Vec<String> = request
        .check_speaker_count()
        .into_iter()
        .map(|violation| violation.message)
        .collect();
    assert_eq!(
        fields,
        [
            "cannot be used together with minSpeakers",
            "cannot be used together with maxSpeakers",
            "must be at most maxSpeakers (2), got 5",
        ]
    );
}

#[test]
fn defect_09_null_missing_and_empty_parts() {
    let decode = |output: &str| -> DiarizationJob {
        serde_json::from_str(&format!(r#"{{"output":{output}}}"#)).unwrap()
    };
    let output = decode(r#"{"exclusiveDiarization":null,"confidence":null}"#)
        .output
        .unwrap();
    assert_eq!(
        (output.exclusive_diarization, output.confidence),
        (None, None)
    );
    assert_eq!(decode("{}").output.unwrap().diarization, None);
    assert_eq!(
        decode(r#"{"diarization":[]}"#).output.unwrap().diarization,
        Some(vec![])
    );
    let turn = r#"{"speaker":"A","start":0,"end":1,"confidence":null}"#;
    let turn: DiarizationSegment = serde_json::from_str(turn).unwrap();
    assert_eq!(turn.confidence, None);
}

#[test]
fn defect_10_confidences_of_turns_are_numbers() {
    let job: DiarizationJob = serde_json::from_str(&body("diarization_succeeded")).unwrap();
    let turn = job.output.unwrap().diarization.unwrap().remove(0);
    let confidence: BTreeMap<String, f64> = turn.confidence.unwrap();
    assert_eq!(confidence["SPEAKER_00"], 91.5);
}

// Defect 11, the memory for a long body, is tested in `isolated/body_memory.rs`.

#[tokio::test]
async fn defect_12_no_api_version_header() {
    let server = server(200, r#"{"status":"OK","message":"valid"}"#).await;
    client(&server).test_key().send().await.unwrap();
    assert!(server.requests()[0].headers.get("api-version").is_none());
    assert_eq!(
        Client::api_version(),
        "local",
        "the generator no longer sets the header"
    );
}

#[test]
fn defect_13_no_total_timeout() {
    struct Never;
    impl Executor for Never {
        fn execute<'a>(&'a self, _: reqwest::Request, _: &'static str) -> ResponseFuture<'a> {
            unreachable!("nothing is sent")
        }
    }
    // reqwest exposes the timeouts of a client only in its debug output.
    let timeouts = |client: &Client| {
        let text = format!("{:?}", client.client());
        (text.contains("TotalTimeout"), text.contains("read_timeout"))
    };
    let generated = Client::new("https://api.pyannote.ai", Inner::new(Arc::new(Never)));
    assert_eq!(
        timeouts(&generated),
        (true, false),
        "the defaults of progenitor"
    );
    let ours = Client::bearer("https://api.pyannote.ai", "key").unwrap();
    assert_eq!(timeouts(&ours), (false, true));
}
