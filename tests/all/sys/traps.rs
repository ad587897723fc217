//! The defects of the published specification, a test each. The numbers are those of openapi/overlay.yaml.

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
fn trap_01_each_operation_has_one_error_body_for_the_generator() {
    let bodies = |document: &serde_json::Value| -> usize {
        let operations = document::operations(document).unwrap();
        let most = operations.iter().map(|operation| {
            let responses = operation.value["responses"].as_object().unwrap();
            let errors = responses
                .iter()
                .filter(|(status, _)| !status.starts_with('2'));
            let bodies = errors
                .map(|(_, answer)| answer["content"]["application/json"]["schema"].to_string());
            bodies.collect::<BTreeSet<_>>().len()
        });
        most.max().unwrap()
    };
    assert_eq!(bodies(&bundle()), 2, "the defect is still published");
    assert_eq!(bodies(&lower::lower(&bundle()).unwrap().document), 1);
}

#[test]
fn trap_02_an_identification_is_not_taken_for_a_diarization() {
    let JobBody::Identification(job) = serde_json::from_str(&body("identify_succeeded")).unwrap()
    else {
        panic!("the identification is lost");
    };
    let matched = &job.output.unwrap().identification.unwrap()[0];
    assert_eq!(matched.match_.as_deref(), Some("John Doe"));
}

#[test]
fn trap_03_a_speaker_without_a_match_decodes() {
    let job: IdentifyJob = serde_json::from_str(&body("identify_succeeded")).unwrap();
    assert_eq!(job.output.unwrap().voiceprints.unwrap()[1].match_, None);
}

#[test]
fn trap_04_media_urls_are_accepted() {
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
fn trap_05_a_label_does_not_look_like_a_speaker() {
    for invalid in ["SPEAKER_01", "speaker_01", "Speaker_x"] {
        VoiceprintLabel::try_from(invalid).unwrap_err();
    }
    for valid in ["Ada", "The speaker_1", "speaker", "SPEAKER 01"] {
        VoiceprintLabel::try_from(valid).unwrap();
    }
}

#[test]
fn trap_06_a_new_status_survives() {
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
fn trap_07_a_failed_job_decodes() {
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
        panic!("the failure is not seen");
    };
    assert_eq!(job.output.unwrap().error.as_deref(), Some("no speech"));
}

#[test]
fn trap_08_numbers_and_lengths_are_checked() {
    let refused =
        |request: serde_json::Value| serde_json::from_value::<DiarizeRequest>(request).unwrap_err();
    for number in [json!(0.5), json!(0), json!(-1)] {
        refused(json!({ "url": "https://example.com/a.wav", "numSpeakers": number }));
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
    assert!(request.check_speakers().is_empty());
    (request.min_speakers, request.max_speakers) = (NonZeroU64::new(5), NonZeroU64::new(2));
    request.num_speakers = NonZeroU64::new(3);
    let fields: Vec<String> = request
        .check_speakers()
        .into_iter()
        .map(|violation| violation.message)
        .collect();
    assert_eq!(
        fields,
        [
            "cannot be used together with minSpeakers",
            "cannot be used together with maxSpeakers",
            "must be at most maxSpeakers, which is 2, and is 5",
        ]
    );
}

#[test]
fn trap_09_null_absent_and_empty_parts() {
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
fn trap_10_the_confidences_of_a_turn_are_numbers() {
    let job: DiarizationJob = serde_json::from_str(&body("diarization_succeeded")).unwrap();
    let turn = job.output.unwrap().diarization.unwrap().remove(0);
    let confidence: BTreeMap<String, f64> = turn.confidence.unwrap();
    assert_eq!(confidence["SPEAKER_00"], 91.5);
}

// Trap 11, the memory for a long body, is in isolated/body_memory.rs.

#[tokio::test]
async fn trap_12_no_stray_header_is_sent() {
    let server = server(200, r#"{"status":"OK","message":"valid"}"#).await;
    client(&server).test_key().send().await.unwrap();
    assert!(server.requests()[0].headers.get("api-version").is_none());
    assert_eq!(
        Client::api_version(),
        "local",
        "the generator would still send it"
    );
}

#[test]
fn trap_13_there_is_no_limit_on_the_whole_of_an_answer() {
    struct Never;
    impl Executor for Never {
        fn execute<'a>(&'a self, _: reqwest::Request, _: &'static str) -> ResponseFuture<'a> {
            unreachable!("nothing is sent")
        }
    }
    // reqwest shows the timeouts of a client in its debug output, and nowhere else.
    let limits = |client: &Client| {
        let shown = format!("{:?}", client.client());
        (
            shown.contains("TotalTimeout"),
            shown.contains("read_timeout"),
        )
    };
    let generated = Client::new("https://api.pyannote.ai", Inner::new(Arc::new(Never)));
    assert_eq!(limits(&generated), (true, false), "what progenitor sets up");
    let ours = Client::bearer("https://api.pyannote.ai", "key").unwrap();
    assert_eq!(limits(&ours), (false, true));
}
