//! Every kind of body, and that no body causes a panic or appears in debug output.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::super::{Signer, Verifier};
use super::*;

const SECRET: &str = "whs_0123456789abcdef";
const ID: &str = "3c8a89a5-dcc6-4edb-a75d-ffd64739674d";
const NOW: u64 = 1_700_000_000;

const DIARIZATION: &str = r#""diarization":[{"start":0.5,"end":2,"speaker":"SPEAKER_00"}]"#;
const IDENTIFICATION: &str = r#""identification":[{"start":0.5,"end":2,"speaker":"SPEAKER_00","diarizationSpeaker":"SPEAKER_00","match":"Ada"}]"#;
const MATCHES: &str =
    r#""voiceprints":[{"speaker":"SPEAKER_00","match":"Ada","confidence":{"Ada":88}}]"#;
const VOICEPRINT: &str = r#""voiceprint":"U29tZVZvaWNlUHJpbnREYXRhMQ==""#;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn verifier() -> Verifier {
    Verifier::new(SECRET).unwrap()
}

fn receive(body: impl AsRef<[u8]>) -> Result<Event, VerifyError> {
    let headers = Signer::new(SECRET).sign(NOW, &body);
    verifier().verify_at(&headers, body, at(NOW))
}

/// An event with this status and these other fields, if any.
fn event(status: &str, fields: &str) -> Event {
    let comma = if fields.is_empty() { "" } else { "," };
    receive(format!(
        r#"{{"jobId":"{ID}","status":"{status}"{comma}{fields}}}"#
    ))
    .unwrap()
}

fn output(parts: &[&str]) -> String {
    format!(r#""output":{{{}}}"#, parts.join(","))
}

/// Summarizes an outcome and its content.
fn summary(outcome: &Outcome) -> String {
    let with_error = |outcome: &str, error: &Option<String>| match error {
        Some(error) => format!("{outcome}: {error}"),
        None => outcome.to_owned(),
    };
    match outcome {
        Outcome::StatusOnly => "status only".to_owned(),
        Outcome::Diarization(it) => {
            let speaker = it.turns().iter().next().map(|turn| turn.speaker.as_str());
            format!("diarization {}", speaker.unwrap_or("without turns"))
        }
        Outcome::Identification(it) => {
            let speaker = it.turns().iter().next().map(|turn| turn.speaker.as_str());
            format!("identification {}", speaker.unwrap_or("without turns"))
        }
        Outcome::Voiceprint(it) => format!("voiceprint {}", it.as_base64()),
        Outcome::Failed { error } => with_error("failed", error),
        Outcome::Canceled { error } => with_error("canceled", error),
        Outcome::Other => "other".to_owned(),
    }
}

#[test]
fn every_outcome() {
    let unknown = r#""crosstalkProbability":{"resolution":0.02,"score":[1,2]}"#;
    for (status, fields, expected) in [
        ("succeeded", String::new(), "status only"),
        ("succeeded", r#""output":null"#.to_owned(), "status only"),
        (
            "succeeded",
            r#""model":"precision-3""#.to_owned(),
            "status only",
        ),
        (
            "succeeded",
            output(&[DIARIZATION]),
            "diarization SPEAKER_00",
        ),
        (
            "succeeded",
            output(&[unknown, DIARIZATION]),
            "diarization SPEAKER_00",
        ),
        (
            "succeeded",
            output(&[r#""diarization":[]"#]),
            "diarization without turns",
        ),
        (
            "succeeded",
            output(&[r#""identification":null"#, DIARIZATION]),
            "diarization SPEAKER_00",
        ),
        (
            "succeeded",
            output(&[DIARIZATION, IDENTIFICATION, MATCHES]),
            "identification Ada",
        ),
        ("succeeded", output(&[IDENTIFICATION]), "identification Ada"),
        (
            "succeeded",
            output(&[VOICEPRINT]),
            "voiceprint U29tZVZvaWNlUHJpbnREYXRhMQ==",
        ),
        (
            "succeeded",
            output(&[VOICEPRINT, unknown]),
            "voiceprint U29tZVZvaWNlUHJpbnREYXRhMQ==",
        ),
        ("succeeded", output(&[]), "other"),
        ("succeeded", output(&[unknown]), "other"),
        ("succeeded", r#""output":[[],[],[],[]]"#.to_owned(), "other"),
        ("succeeded", r#""output":"media://out""#.to_owned(), "other"),
        ("failed", String::new(), "failed"),
        ("failed", r#""output":null"#.to_owned(), "failed"),
        ("failed", output(&[]), "failed"),
        (
            "failed",
            output(&[r#""error":"no speech""#]),
            "failed: no speech",
        ),
        (
            "failed",
            output(&[r#""error":{"code":7}"#]),
            r#"failed: {"code":7}"#,
        ),
        (
            "failed",
            output(&[DIARIZATION, r#""error":"late""#]),
            "failed: late",
        ),
        ("failed", r#""output":"no speech""#.to_owned(), "failed"),
        ("canceled", String::new(), "canceled"),
        (
            "canceled",
            output(&[r#""error":"by hand""#]),
            "canceled: by hand",
        ),
        ("paused", String::new(), "other"),
        ("paused", output(&[DIARIZATION]), "other"),
        ("running", String::new(), "other"),
    ] {
        let event = event(status, &fields);
        assert_eq!(event.job_id().as_str(), ID);
        assert_eq!(event.status().as_str(), status);
        let has_output = fields.starts_with(r#""output":"#) && !fields.ends_with(":null");
        assert_eq!(event.has_output(), has_output, "{fields}");
        assert_eq!(
            summary(&event.outcome().unwrap()),
            expected,
            "{status} {fields}"
        );
    }
}

#[test]
fn outcome_of_an_unknown_form_is_a_decode_error_with_its_path() {
    for (parts, expected) in [
        (
            r#""diarization":[{"start":"soon"}]"#,
            "output.diarization[0].start",
        ),
        (MATCHES, "`identification`"),
        (r#""voiceprint":7"#, "output.voiceprint"),
    ] {
        let error = event("succeeded", &output(&[parts])).outcome().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(error.job_id().unwrap().as_str(), ID);
        assert_eq!(error.last_status(), Some(&JobStatus::Succeeded));
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn output_is_decoded_as_the_requested_kind() {
    let event = event(
        "succeeded",
        &output(&[DIARIZATION, IDENTIFICATION, MATCHES]),
    );
    let diarization = event.output::<Diarization>().unwrap().unwrap();
    assert_eq!(
        diarization.turns().iter().next().unwrap().speaker,
        "SPEAKER_00"
    );
    assert_eq!(diarization.job_id(), event.job_id());
    assert_eq!(diarization.raw(), None);
    let found = event.output::<Identification>().unwrap().unwrap();
    assert_eq!(found.matches().unwrap().len(), 1);
    let error = event.output::<Voiceprint>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("`voiceprint`"), "{error}");
}

#[test]
fn missing_output_is_none_for_every_kind() {
    for (status, fields) in [
        ("succeeded", ""),
        ("succeeded", r#""output":null"#),
        ("paused", ""),
        ("running", r#""output":{"diarization":[]}"#),
    ] {
        let event = event(status, fields);
        assert!(event.output::<Diarization>().unwrap().is_none(), "{status}");
        assert!(event.output::<Identification>().unwrap().is_none());
        assert!(event.output::<Voiceprint>().unwrap().is_none());
    }
}

#[test]
fn output_of_a_failed_job_is_an_error_with_the_reason() {
    for (status, fields, kind, expected) in [
        ("failed", String::new(), ErrorKind::JobFailed, "no reason"),
        (
            "failed",
            output(&[r#""error":"no speech""#]),
            ErrorKind::JobFailed,
            "no speech",
        ),
        (
            "failed",
            output(&[r#""error":{"code":7}"#]),
            ErrorKind::JobFailed,
            r#"{"code":7}"#,
        ),
        (
            "failed",
            r#""output":"no speech""#.to_owned(),
            ErrorKind::JobFailed,
            "no speech",
        ),
        (
            "canceled",
            String::new(),
            ErrorKind::JobCanceled,
            "no reason",
        ),
        (
            "canceled",
            output(&[r#""error":"by hand""#]),
            ErrorKind::JobCanceled,
            "by hand",
        ),
        (
            "canceled",
            output(&[r#""error":[]"#]),
            ErrorKind::JobCanceled,
            "canceled",
        ),
    ] {
        let event = event(status, &fields);
        for error in [
            event.output::<Diarization>().unwrap_err(),
            event.output::<Identification>().unwrap_err(),
            event.output::<Voiceprint>().unwrap_err(),
        ] {
            assert_eq!(error.kind(), kind, "{status} {fields}");
            assert_eq!(error.job_id(), Some(event.job_id()));
            assert_eq!(error.last_status(), Some(event.status()));
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}

#[test]
fn invalid_events_are_rejected() {
    let not_json = |line, column| VerifyError::NotJson { line, column };
    let not_an_event = |reason| VerifyError::NotAnEvent { reason };
    let job = not_an_event("`jobId` is missing, empty or not a string");
    let status = not_an_event("`status` is missing or not a string");
    let object = not_an_event("it is not a JSON object");
    for (body, expected) in [
        (&b""[..], not_json(1, 0)),
        (b"<html>", not_json(1, 1)),
        (br#"{"jobId":"1","#, not_json(1, 13)),
        (b"{\"jobId\":\"1\",\n\"status\":succeeded}", not_json(2, 10)),
        (br#"{"jobId":"1","status":"failed"} more"#, not_json(1, 33)),
        (
            b"{\"jobId\":\"1\",\"status\":\"failed\",\"output\":\"\xff\"}",
            not_json(1, 42),
        ),
        (b"{}", job.clone()),
        (br#"{"status":"succeeded"}"#, job.clone()),
        (br#"{"jobId":null,"status":"succeeded"}"#, job.clone()),
        (br#"{"jobId":7,"status":"succeeded"}"#, job.clone()),
        (br#"{"jobId":"","status":"succeeded"}"#, job.clone()),
        (br#"{"jobId":"\ud800","status":"succeeded"}"#, job.clone()),
        (br#"{"job_id":"1","status":"succeeded"}"#, job),
        (br#"{"jobId":"1"}"#, status.clone()),
        (br#"{"jobId":"1","status":2}"#, status),
        (br#"["1","succeeded",null]"#, object.clone()),
        (br#""1""#, object.clone()),
        (b"7", object.clone()),
        (b"null", object),
        (
            br#"{"jobId":"1","jobId":"2","status":"failed"}"#,
            not_an_event("it has a duplicate field"),
        ),
    ] {
        let text = String::from_utf8_lossy(body);
        assert_eq!(receive(body), Err(expected), "{text}");
    }
    // Surrounding white space is allowed.
    assert!(receive(b" \r\n{\"jobId\":\"1\",\"status\":\"failed\"}\n").is_ok());
}

#[test]
fn event_has_its_delivery_and_body() {
    let body = format!(r#"{{"jobId":"{ID}","status":"succeeded","novelty":1}}"#);
    let mut headers = Signer::new(SECRET).sign(NOW, &body);
    headers.insert("x-retry-num", http::HeaderValue::from_static("2"));
    let event = verifier().verify_at(&headers, &body, at(NOW + 1)).unwrap();
    assert_eq!(event.delivery().timestamp, at(NOW));
    assert_eq!(event.delivery().retry.as_ref().unwrap().number, 2);
    assert_eq!(event.raw(), body.as_bytes());
    assert_eq!(event.body(), body.as_bytes());
    let checked = verifier().check_at(&headers, body.as_bytes(), at(NOW));
    assert_eq!(&checked.unwrap(), event.delivery());
}

#[test]
fn verify_bytes_at_does_not_copy() {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let body = Bytes::from(format!(r#"{{"jobId":"{ID}","status":"succeeded"}}"#).into_bytes());
    let headers = Signer::new(SECRET).sign(now, &body);
    let event = verifier()
        .verify_bytes_at(&headers, body.clone(), SystemTime::now())
        .unwrap();
    assert_eq!(event.raw().as_ptr(), body.as_ptr());
    assert_eq!(event.clone().raw().as_ptr(), body.as_ptr());
}

#[test]
fn debug_omits_voiceprints() {
    let event = event("succeeded", &output(&[VOICEPRINT]));
    insta::assert_snapshot!(format!("{event:#?}"), @r#"
    Event {
        job_id: JobId(
            "3c8a89a5-dcc6-4edb-a75d-ffd64739674d",
        ),
        status: Succeeded,
        has_output: true,
        delivery: Delivery {
            timestamp: 1700000000s,
            retry: None,
            ..
        },
        body: <124 bytes>,
    }
    "#);
    insta::assert_snapshot!(format!("{:?}", event.outcome().unwrap()), @"Voiceprint(Voiceprint(<28 characters>))");
}

/// JSON that resembles an event, so that the tests get past the first checks.
fn near_event() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("1e999".to_owned()),
        Just(r#""x""#.to_owned()),
        Just(r#"[{"start":1e308,"end":-1,"speaker":""}]"#.to_owned()),
        Just(r#"[{"diarizationSpeaker":"a","match":null,"start":0,"end":1}]"#.to_owned()),
        (1_usize..2_000).prop_map(|depth| "[".repeat(depth) + &"]".repeat(depth)),
    ];
    let part = prop_oneof![
        Just("diarization"),
        Just("identification"),
        Just("voiceprints"),
        Just("voiceprint"),
        Just("error"),
        Just("warning"),
        Just("confidence"),
        Just("novelty"),
    ];
    let status = prop_oneof![
        Just("succeeded"),
        Just("succeeded"),
        Just("failed"),
        Just("canceled"),
        Just("paused"),
    ];
    let parts = proptest::collection::vec((part, value), 0..4);
    (status, parts).prop_map(|(status, parts)| {
        let parts: Vec<String> = parts
            .iter()
            .map(|(name, value)| format!(r#""{name}":{value}"#))
            .collect();
        let output = output(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        format!(r#"{{"jobId":"{ID}","status":"{status}",{output}}}"#)
    })
}

fn decode_all(event: &Event) {
    let _ = event.outcome();
    let _ = event.output::<Diarization>();
    let _ = event.output::<Identification>();
    let _ = event.output::<Voiceprint>();
    let _ = format!("{event:?}");
}

proptest! {
    #[test]
    fn arbitrary_signed_bytes_do_not_panic(body in any::<Vec<u8>>()) {
        if let Ok(event) = receive(&body) {
            decode_all(&event);
        }
    }

    #[test]
    fn near_events_are_events_and_do_not_panic(body in near_event()) {
        let event = receive(&body).unwrap();
        decode_all(&event);
        // A failed job is an outcome and not an error, and never has a result.
        if matches!(event.status(), JobStatus::Failed | JobStatus::Canceled) {
            prop_assert!(event.outcome().is_ok());
            prop_assert!(event.output::<Diarization>().is_err());
        }
    }

    #[test]
    fn damaged_events_do_not_panic(body in near_event(), index in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = body.into_bytes();
        let index = index.index(body.len());
        body[index] = byte;
        if let Ok(event) = receive(&body) {
            decode_all(&event);
        }
    }

    #[test]
    fn flipped_bit_of_an_event_is_rejected(body in near_event(), bit in any::<prop::sample::Index>()) {
        let headers = Signer::new(SECRET).sign(NOW, &body);
        let mut body = body.into_bytes();
        let bit = bit.index(body.len() * 8);
        body[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(
            verifier().verify_at(&headers, &body, at(NOW)),
            Err(VerifyError::BadSignature)
        );
    }

    #[test]
    fn debug_omits_the_output(secret in "[g-z]{20,60}") {
        let event = event("succeeded", &output(&[&format!(r#""voiceprint":"{secret}""#)]));
        let outcome = event.outcome().unwrap();
        let debug = format!("{event:?} {event:#?} {outcome:?}");
        prop_assert!(!debug.contains(&secret), "{}", debug);
    }
}
