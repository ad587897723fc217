//! What every body says, and that no body panics or shows.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::super::{Signer, Verifier};
use super::*;
use crate::{Diarization, Identification, Voiceprint};

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

fn receive(body: impl AsRef<[u8]>) -> Result<Event, VerifyError> {
    let headers = Signer::new(SECRET).sign(NOW, &body);
    Verifier::new(SECRET).verify_at(&headers, body, at(NOW))
}

/// An event of a job with this status and, unless empty, with these further fields.
fn event(status: &str, rest: &str) -> Event {
    let comma = if rest.is_empty() { "" } else { "," };
    receive(format!(
        r#"{{"jobId":"{ID}","status":"{status}"{comma}{rest}}}"#
    ))
    .unwrap()
}

fn output(parts: &[&str]) -> String {
    format!(r#""output":{{{}}}"#, parts.join(","))
}

/// An outcome in a word, with what tells that it was read.
fn word(outcome: &Outcome) -> String {
    let said = |what: &str, error: &Option<String>| match error {
        Some(error) => format!("{what}: {error}"),
        None => what.to_owned(),
    };
    match outcome {
        Outcome::StatusOnly => "status only".to_owned(),
        Outcome::Diarization(it) => {
            let speaker = it.turns().iter().next().map(|turn| turn.speaker.as_str());
            format!("diarization {}", speaker.unwrap_or("of nobody"))
        }
        Outcome::Identification(it) => {
            let speaker = it.turns().iter().next().map(|turn| turn.speaker.as_str());
            format!("identification {}", speaker.unwrap_or("of nobody"))
        }
        Outcome::Voiceprint(it) => format!("voiceprint {}", it.as_base64()),
        Outcome::Failed { error } => said("failed", error),
        Outcome::Canceled { error } => said("canceled", error),
        Outcome::Other => "other".to_owned(),
    }
}

#[test]
fn every_outcome() {
    let unknown = r#""crosstalkProbability":{"resolution":0.02,"score":[1,2]}"#;
    for (status, rest, expected) in [
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
            "diarization of nobody",
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
        let event = event(status, &rest);
        assert_eq!(event.job_id().as_str(), ID);
        assert_eq!(event.status().as_str(), status);
        let brought = rest.starts_with(r#""output":"#) && !rest.ends_with(":null");
        assert_eq!(event.has_output(), brought, "{rest}");
        assert_eq!(word(&event.outcome().unwrap()), expected, "{status} {rest}");
    }
}

#[test]
fn an_outcome_of_a_known_kind_and_an_unknown_form_says_where() {
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
fn an_output_is_read_as_what_is_asked_for() {
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
fn where_there_is_no_output_there_is_none_of_any_kind() {
    for (status, rest) in [
        ("succeeded", ""),
        ("succeeded", r#""output":null"#),
        ("paused", ""),
        ("running", r#""output":{"diarization":[]}"#),
    ] {
        let event = event(status, rest);
        assert!(event.output::<Diarization>().unwrap().is_none(), "{status}");
        assert!(event.output::<Identification>().unwrap().is_none());
        assert!(event.output::<Voiceprint>().unwrap().is_none());
    }
}

#[test]
fn to_ask_a_failed_job_for_its_output_is_an_error_that_says_why() {
    for (status, rest, kind, expected) in [
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
        let event = event(status, &rest);
        for error in [
            event.output::<Diarization>().unwrap_err(),
            event.output::<Identification>().unwrap_err(),
            event.output::<Voiceprint>().unwrap_err(),
        ] {
            assert_eq!(error.kind(), kind, "{status} {rest}");
            assert_eq!(error.job_id(), Some(event.job_id()));
            assert_eq!(error.last_status(), Some(event.status()));
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}

#[test]
fn a_body_that_is_no_event_is_refused() {
    let not_json = |line, column| VerifyError::NotJson { line, column };
    let why = |why| VerifyError::NotAnEvent { why };
    let job = why("`jobId` is missing, empty or not a string");
    let status = why("`status` is missing or not a string");
    let object = why("it is not a JSON object");
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
            why("it has a field twice"),
        ),
    ] {
        let shown = String::from_utf8_lossy(body);
        assert_eq!(receive(body), Err(expected), "{shown}");
    }
    // White space around it changes nothing.
    assert!(receive(b" \r\n{\"jobId\":\"1\",\"status\":\"failed\"}\n").is_ok());
}

#[test]
fn an_event_has_its_delivery_and_its_body() {
    let body = format!(r#"{{"jobId":"{ID}","status":"succeeded","novelty":1}}"#);
    let mut headers = Signer::new(SECRET).sign(NOW, &body);
    headers.insert("x-retry-num", http::HeaderValue::from_static("2"));
    let event = Verifier::new(SECRET)
        .verify_at(&headers, &body, at(NOW + 1))
        .unwrap();
    assert_eq!(event.delivery().timestamp, at(NOW));
    assert_eq!(event.delivery().retry.as_ref().unwrap().number, 2);
    assert_eq!(event.raw(), body.as_bytes());
    assert_eq!(event.body(), body.as_bytes());
    let checked = Verifier::new(SECRET).check_at(&headers, body.as_bytes(), at(NOW));
    assert_eq!(&checked.unwrap(), event.delivery());
}

#[test]
fn bytes_are_not_copied() {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let body = Bytes::from(format!(r#"{{"jobId":"{ID}","status":"succeeded"}}"#).into_bytes());
    let headers = Signer::new(SECRET).sign(now, &body);
    let event = Verifier::new(SECRET)
        .verify_bytes(&headers, body.clone())
        .unwrap();
    assert_eq!(event.raw().as_ptr(), body.as_ptr());
    assert_eq!(event.clone().raw().as_ptr(), body.as_ptr());
}

#[test]
fn debug_shows_no_voiceprint() {
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

/// JSON that comes close to an event, so that the tests get beyond the first look.
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

fn read_all(event: &Event) {
    let _ = event.outcome();
    let _ = event.output::<Diarization>();
    let _ = event.output::<Identification>();
    let _ = event.output::<Voiceprint>();
    let _ = format!("{event:?}");
}

proptest! {
    #[test]
    fn no_signed_bytes_panic(body in any::<Vec<u8>>()) {
        if let Ok(event) = receive(&body) {
            read_all(&event);
        }
    }

    #[test]
    fn no_signed_event_panics_and_every_one_is_an_event(body in near_event()) {
        let event = receive(&body).unwrap();
        read_all(&event);
        // A job that failed is never an error of the outcome, nor ever a result.
        if matches!(event.status(), JobStatus::Failed | JobStatus::Canceled) {
            prop_assert!(event.outcome().is_ok());
            prop_assert!(event.output::<Diarization>().is_err());
        }
    }

    #[test]
    fn no_damaged_event_panics(body in near_event(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = body.into_bytes();
        let place = place.index(body.len());
        body[place] = byte;
        if let Ok(event) = receive(&body) {
            read_all(&event);
        }
    }

    #[test]
    fn one_flipped_bit_of_an_event_is_refused(body in near_event(), bit in any::<prop::sample::Index>()) {
        let headers = Signer::new(SECRET).sign(NOW, &body);
        let mut body = body.into_bytes();
        let bit = bit.index(body.len() * 8);
        body[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(
            Verifier::new(SECRET).verify_at(&headers, &body, at(NOW)),
            Err(VerifyError::BadSignature)
        );
    }

    #[test]
    fn debug_has_nothing_of_the_output(secret in "[g-z]{20,60}") {
        let event = event("succeeded", &output(&[&format!(r#""voiceprint":"{secret}""#)]));
        let outcome = event.outcome().unwrap();
        let shown = format!("{event:?} {event:#?} {outcome:?}");
        prop_assert!(!shown.contains(&secret), "{}", shown);
    }
}
