//! Requests: the JSON that is sent, and validation before anything is sent.

use std::collections::BTreeMap;

use pyannote::{
    Client, Error, ErrorKind, HasTurns, Identification, JobKind, Model, Request,
    TranscriptionModel, Voiceprint,
};
use pyannote_tests::http::{Response, TestServer};
use serde_json::{Value, json};

use super::{AUDIO, CREATED, client};

fn offline() -> Client {
    Client::builder()
        .api_key("key")
        .base_url("http://127.0.0.1:1")
        .build()
        .unwrap()
}

fn voiceprint() -> Voiceprint {
    Voiceprint::from_base64("U29tZVZvaWNlUHJpbnREYXRhMQ==").unwrap()
}

/// The fields with violations.
fn fields(result: Result<(), Error>) -> Vec<String> {
    match result {
        Ok(()) => Vec::new(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Validation);
            assert!(!error.field_errors().is_empty());
            error
                .field_errors()
                .iter()
                .map(|error| error.field.clone())
                .collect()
        }
    }
}

#[tokio::test]
async fn minimal_and_full_requests() {
    let client = offline();
    insta::assert_json_snapshot!(client.diarize(AUDIO).to_json().unwrap(), @r#"
    {
      "url": "https://example.com/a.wav"
    }
    "#);
    insta::assert_json_snapshot!(
        "diarize",
        client
            .diarize("media://a.wav")
            .model(Model::Precision2)
            .num_speakers(2)
            .turn_level_confidence(true)
            .exclusive(true)
            .confidence(true)
            .transcription(true)
            .transcription_model(TranscriptionModel::FasterWhisperLargeV3Turbo)
            .webhook("https://example.com/hook")
            .webhook_status_only(true)
            .transcription_extra("language", "en")
            .extra("gain", -2)
            .extra("musicProbability", true)
            .to_json()
            .unwrap()
    );
    insta::assert_json_snapshot!(
        "identify_minimal",
        client
            .identify(AUDIO)
            .voiceprint("Ada", &voiceprint())
            .to_json()
            .unwrap()
    );
    insta::assert_json_snapshot!(
        "identify",
        client
            .identify(AUDIO)
            .model("precision-3")
            .min_speakers(2)
            .max_speakers(4)
            .turn_level_confidence(true)
            .exclusive(false)
            .speech_probability(true)
            .crosstalk_probability(true)
            .speaker_probability(false)
            .vad_sensitivity(-0.7)
            .crosstalk_sensitivity(5.0)
            .voiceprint("Ada", &voiceprint())
            .voiceprints([("Grace", voiceprint()), ("Радость", voiceprint())])
            .threshold(62.5)
            .exclusive_matching(false)
            .matching_extra("strategy", "best")
            .webhook("http://127.0.0.1:3000/hook")
            .extra("emotionProbability", true)
            .to_json()
            .unwrap()
    );
    insta::assert_json_snapshot!(
        "voiceprint",
        client
            .voiceprint("https://example.com/ada.wav")
            .model("precision-2")
            .webhook("https://example.com/hook")
            .extra("language", json!(["en"]))
            .to_json()
            .unwrap()
    );
}

#[tokio::test]
async fn all_requests_are_operations_of_the_specification() {
    let bundle = pyannote_tests::bundle();
    let operations = xtask::document::operations(&bundle).unwrap();
    let server = TestServer::with_responses([Response::ok(CREATED)]).await;
    let (client, _) = client(&server);
    client.diarize(AUDIO).submit().await.unwrap();
    client
        .identify(AUDIO)
        .voiceprint("Ada", &voiceprint())
        .submit()
        .await
        .unwrap();
    client.voiceprint(AUDIO).submit().await.unwrap();
    client.test_key().await.unwrap();
    let _ = client.jobs().page(None).await;
    let _ = client.job::<Voiceprint>("1").status().await;
    let _ = client.upload(vec![1_u8]).key("a.wav").await;
    let lines: Vec<String> = server
        .request_lines()
        .iter()
        .map(|line| {
            line.split('?')
                .next()
                .unwrap()
                .replace("/jobs/1", "/jobs/{jobId}")
        })
        .collect();
    assert!(lines.len() >= 7, "{lines:?}");
    for line in lines {
        assert!(
            operations
                .iter()
                .any(|operation| operation.to_string() == line),
            "{line}"
        );
    }
}

#[test]
fn every_violation_is_reported_at_once() {
    let request = offline()
        .identify("meeting.wav")
        .num_speakers(0)
        .min_speakers(5)
        .max_speakers(2)
        .voiceprint("SPEAKER_00", &voiceprint())
        .voiceprint("", &voiceprint())
        .threshold(250.0)
        .model("community-1")
        .webhook("http://example.com")
        .extra("url", "twice");
    let error = request.validate().unwrap_err();
    insta::assert_snapshot!(error);
}

#[test]
fn urls() {
    let long_key = |length: usize| format!("media://{}", "a".repeat(length - 8));
    for (url, is_valid) in [
        ("https://example.com/a.wav", true),
        ("http://example.com/a.wav?signature=a", true),
        ("HTTPS://example.com/a.wav", true),
        ("media://a", true),
        ("media://calls/2025-11-06_a.wav", true),
        (long_key(255).as_str(), true),
        (long_key(256).as_str(), false),
        ("media://", false),
        ("media://a b", false),
        ("media://ä", false),
        ("media://a/../b", false),
        ("media://a//b", false),
        ("MEDIA://a", false),
        (" https://example.com/a.wav\n", true),
        ("media:a", false),
        ("meeting.wav", false),
        ("/tmp/meeting.wav", false),
        ("file:///tmp/meeting.wav", false),
        ("ftp://example.com/a.wav", false),
        ("https://", false),
        ("", false),
    ] {
        let invalid = fields(offline().diarize(url).validate());
        assert_eq!(invalid.is_empty(), is_valid, "{url}: {invalid:?}");
        assert!(invalid.iter().all(|field| field == "url"), "{invalid:?}");
    }
}

#[test]
fn webhooks() {
    for (url, is_valid) in [
        ("https://example.com/hook", true),
        ("http://127.0.0.1:3000/hook", true),
        ("http://localhost/hook", true),
        ("http://[::1]/hook", true),
        ("http://example.com/hook", false),
        ("example.com/hook", false),
        ("", false),
    ] {
        let invalid = fields(offline().diarize(AUDIO).webhook(url).validate());
        assert_eq!(invalid.is_empty(), is_valid, "{url}: {invalid:?}");
    }
    assert_eq!(
        fields(
            offline()
                .diarize(AUDIO)
                .webhook_status_only(true)
                .validate()
        ),
        ["webhookStatusOnly"]
    );
    assert_eq!(
        fields(
            offline()
                .voiceprint(AUDIO)
                .webhook_status_only(false)
                .validate()
        ),
        ["webhookStatusOnly"]
    );
}

#[test]
fn speaker_counts() {
    type Case = (
        Option<u32>,
        Option<u32>,
        Option<u32>,
        &'static [&'static str],
    );
    let cases: [Case; 11] = [
        (None, None, None, &[]),
        (Some(1), None, None, &[]),
        (None, Some(1), None, &[]),
        (None, None, Some(1), &[]),
        (None, Some(2), Some(2), &[]),
        (None, Some(3), Some(2), &["minSpeakers"]),
        (Some(2), Some(2), None, &["numSpeakers"]),
        (Some(2), None, Some(2), &["numSpeakers"]),
        (
            Some(2),
            Some(3),
            Some(2),
            &["numSpeakers", "numSpeakers", "minSpeakers"],
        ),
        (Some(0), None, None, &["numSpeakers"]),
        (None, Some(0), Some(0), &["minSpeakers", "maxSpeakers"]),
    ];
    for (num, min, max, expected) in cases {
        let mut diarize = offline().diarize(AUDIO);
        let mut identify = offline().identify(AUDIO).voiceprint("Ada", &voiceprint());
        if let Some(number) = num {
            diarize = diarize.num_speakers(number);
            identify = identify.num_speakers(number);
        }
        if let Some(number) = min {
            diarize = diarize.min_speakers(number);
            identify = identify.min_speakers(number);
        }
        if let Some(number) = max {
            diarize = diarize.max_speakers(number);
            identify = identify.max_speakers(number);
        }
        assert_eq!(
            fields(diarize.validate()),
            expected,
            "{num:?} {min:?} {max:?}"
        );
        assert_eq!(
            fields(identify.validate()),
            expected,
            "{num:?} {min:?} {max:?}"
        );
    }
}

#[test]
fn probabilities_and_sensitivities() {
    let sensitivities = [
        (0.0, true),
        (-5.0, true),
        (5.0, true),
        (0.1, true),
        (5.01, false),
        (-5.01, false),
        (f64::NAN, false),
        (f64::INFINITY, false),
        (f64::NEG_INFINITY, false),
    ];
    for (value, is_valid) in sensitivities {
        for model in ["precision-3", "precision-9"] {
            let diarize = offline().diarize(AUDIO).model(model);
            let identify = offline().identify(AUDIO).model(model);
            let identify = identify.voiceprint("Ada", &voiceprint());
            let expected: &[&str] = match is_valid {
                true => &[],
                false => &["vadSensitivity", "crosstalkSensitivity"],
            };
            let diarize = diarize.vad_sensitivity(value).crosstalk_sensitivity(value);
            let identify = identify.vad_sensitivity(value).crosstalk_sensitivity(value);
            assert_eq!(fields(diarize.validate()), expected, "{value}");
            assert_eq!(fields(identify.validate()), expected, "{value}");
        }
    }
    let request = || offline().diarize(AUDIO);
    for (request, expected) in [
        (request().vad_sensitivity(1.0), vec![]),
        (
            request().vad_sensitivity(1.0).model(Model::Precision2),
            vec!["vadSensitivity"],
        ),
        (
            request().crosstalk_sensitivity(0.0).model("community-1"),
            vec!["crosstalkSensitivity"],
        ),
        (
            request()
                .vad_sensitivity(9.0)
                .crosstalk_sensitivity(-9.0)
                .model(Model::Other("precision-2".to_owned())),
            vec![
                "vadSensitivity",
                "vadSensitivity",
                "crosstalkSensitivity",
                "crosstalkSensitivity",
            ],
        ),
        (request().confidence(true).model("precision-2"), vec![]),
        (request().confidence(true).model("precision-9"), vec![]),
        (request().confidence(false).model("precision-3"), vec![]),
        (
            request().confidence(true).model("precision-3"),
            vec!["confidence"],
        ),
        (
            request()
                .speech_probability(true)
                .crosstalk_probability(true)
                .speaker_probability(true)
                .turn_level_confidence(true)
                .model("precision-3"),
            vec![],
        ),
        (
            request().speech_probability(true).model("precision-2"),
            vec![],
        ),
    ] {
        assert_eq!(fields(request.validate()), expected, "{request:?}");
    }
}

#[test]
fn transcription() {
    let request = || offline().diarize(AUDIO);
    for (request, expected) in [
        (request().transcription(true), vec![]),
        (request().transcription(true).model("precision-2"), vec![]),
        (request().transcription(true).model("precision-3"), vec![]),
        (request().transcription(false).model("community-1"), vec![]),
        (
            request().transcription(true).model("community-1"),
            vec!["transcription"],
        ),
        (
            request()
                .transcription(true)
                .transcription_model("parakeet-tdt-0.6b-v3"),
            vec![],
        ),
        (
            request().transcription_model("parakeet-tdt-0.6b-v3"),
            vec!["transcriptionConfig"],
        ),
        (
            request().transcription(false).transcription_model("x"),
            vec!["transcriptionConfig"],
        ),
        (request().model(" "), vec!["model"]),
    ] {
        assert_eq!(fields(request.validate()), expected, "{request:?}");
    }
    let voiceprint = voiceprint();
    let identify = offline()
        .identify(AUDIO)
        .voiceprint("Ada", &voiceprint)
        .model("community-1");
    assert_eq!(fields(identify.validate()), ["model"]);
    assert_eq!(
        fields(offline().voiceprint(AUDIO).model("community-1").validate()),
        ["model"]
    );
}

#[test]
fn labels_and_counts_of_voiceprints() {
    for (label, is_valid) in [
        ("Ada".to_owned(), true),
        ("The speaker_1".to_owned(), true),
        ("ä".repeat(100), true),
        ("ä".repeat(101), false),
        (String::new(), false),
        ("  ".to_owned(), false),
        ("SPEAKER_01".to_owned(), false),
        ("speaker_x".to_owned(), false),
        ("sPeAkEr_".to_owned(), false),
        ("speaker".to_owned(), true),
    ] {
        let invalid = fields(
            offline()
                .identify(AUDIO)
                .voiceprint(label.clone(), &voiceprint())
                .validate(),
        );
        assert_eq!(invalid.is_empty(), is_valid, "{label}: {invalid:?}");
    }
    for (count, is_valid) in [(0, false), (1, true), (50, true), (51, false)] {
        let people = (0..count).map(|index| (format!("Person {index}"), voiceprint()));
        let invalid = fields(offline().identify(AUDIO).voiceprints(people).validate());
        assert_eq!(invalid.is_empty(), is_valid, "{count}: {invalid:?}");
    }
    let twice = offline()
        .identify(AUDIO)
        .voiceprint("Ada", &voiceprint())
        .voiceprint("Ada", &voiceprint());
    assert_eq!(fields(twice.validate()), ["voiceprints[1].label"]);
}

#[test]
fn voiceprints() {
    for (text, is_valid) in [
        ("U29tZQ==".to_owned(), true),
        ("U29tZQ".to_owned(), true),
        ("-_-_".to_owned(), true),
        ("+/+/".to_owned(), true),
        ("A".repeat(20_000), true),
        ("A".repeat(20_001), false),
        (String::new(), false),
        ("not base64!".to_owned(), false),
        ("A".to_owned(), false),
        ("U29tZQ==\n".to_owned(), true),
        ("-/".to_owned(), false),
    ] {
        let result = Voiceprint::from_base64(text.clone()).map(drop);
        assert_eq!(fields(result).is_empty(), is_valid, "{}", text.len());
    }
    // A stored voiceprint that was damaged.
    let stored: Voiceprint = serde_json::from_value(json!("not base64!")).unwrap();
    let request = offline().identify(AUDIO).voiceprint("Ada", &stored);
    let error = request.validate().unwrap_err();
    assert_eq!(error.field_errors()[0].field, "voiceprints[0].voiceprint");
    assert!(!error.to_string().contains("not base64!"), "{error}");
}

#[test]
fn thresholds() {
    for (threshold, is_valid) in [
        (0.0, true),
        (-0.0, true),
        (62.5, true),
        (100.0, true),
        (100.1, false),
        (-0.1, false),
        (f64::NAN, false),
        (f64::INFINITY, false),
    ] {
        let request = offline()
            .identify(AUDIO)
            .voiceprint("Ada", &voiceprint())
            .threshold(threshold);
        let invalid = fields(request.validate());
        assert_eq!(invalid.is_empty(), is_valid, "{threshold}: {invalid:?}");
    }
}

#[test]
fn extra_fields_must_not_be_known_fields() {
    let request = offline().diarize(AUDIO).extra("gain", -2);
    assert_eq!(request.to_json().unwrap()["gain"], Value::from(-2));
    for field in [
        "url",
        "model",
        "numSpeakers",
        "transcriptionConfig",
        "webhook",
    ] {
        assert_eq!(
            fields(offline().diarize(AUDIO).extra(field, 1).validate()),
            [field]
        );
    }
    assert_eq!(
        fields(offline().voiceprint(AUDIO).extra("url", 1).validate()),
        ["url"]
    );
}

#[test]
fn extra_fields_of_nested_objects() {
    let request = || offline().diarize(AUDIO);
    let nested = request()
        .transcription(true)
        .transcription_extra("language", "en");
    assert_eq!(
        nested.to_json().unwrap()["transcriptionConfig"],
        json!({"language": "en"})
    );
    let nested = request()
        .transcription(true)
        .transcription_extra("model", "x");
    assert_eq!(fields(nested.validate()), ["transcriptionConfig.model"]);
    let nested = request().transcription_extra("language", "en");
    assert_eq!(fields(nested.validate()), ["transcriptionConfig"]);
    let nested = offline()
        .identify(AUDIO)
        .voiceprint("Ada", &voiceprint())
        .matching_extra("threshold", 1);
    assert_eq!(fields(nested.validate()), ["matching.threshold"]);
    let renamed = request()
        .transcription(true)
        .model(Model::Other("community-1".to_owned()));
    assert_eq!(fields(renamed.validate()), ["transcription"]);
}

#[tokio::test]
async fn invalid_requests_are_not_sent() {
    let server = TestServer::with_responses([Response::ok(CREATED)]).await;
    let (client, _) = client(&server);
    client.diarize("meeting.wav").await.unwrap_err();
    client.identify(AUDIO).submit().await.unwrap_err();
    client.voiceprint("").submit().await.unwrap_err();
    let error = client.jobs().page_size(101).page(None).await.unwrap_err();
    assert_eq!(
        error.field_errors()[0].message,
        "must be from 1 to 100, got 101"
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn on_accepted_is_called_before_the_wait() {
    let server =
        TestServer::with_responses([Response::ok(CREATED), Response::new(401, "{}")]).await;
    let (client, _) = client(&server);
    let (sender, receiver) = std::sync::mpsc::channel();
    let error = client
        .diarize(AUDIO)
        .on_accepted(move |id| sender.send(id.clone()).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(error.job_id(), Some(&receiver.recv().unwrap()));
}

#[test]
fn headers() {
    for (name, value, is_valid) in [
        ("x-request-id", "1", true),
        ("traceparent", "00-1", true),
        ("Authorization", "Bearer private-value", false),
        ("content-type", "private-value", false),
        ("Content-Length", "3", false),
        ("host", "example.com", false),
        ("bad name", "private-value", false),
        ("x-a", "private-value\n", false),
    ] {
        let request = offline().voiceprint(AUDIO).header(name, value);
        let error = request.validate().err();
        assert_eq!(error.is_none(), is_valid, "{name}: {error:?}");
        if let Some(error) = error {
            let text = format!("{error:#} {error:?} {request:?}");
            assert!(!text.contains("private-value"), "{text}");
            assert_eq!(fields(Err(error)), ["header"], "{name}");
        }
    }
}

#[test]
fn voiceprints_from_maps() {
    let json = |request: Request<Identification>| request.to_json().unwrap();
    let expected = json(
        offline()
            .identify(AUDIO)
            .voiceprint("Ada", &voiceprint())
            .voiceprint("Grace", &voiceprint()),
    );
    let map = BTreeMap::from([("Ada", voiceprint()), ("Grace", voiceprint())]);
    assert_eq!(json(offline().identify(AUDIO).voiceprints(&map)), expected);
    let owned: BTreeMap<String, Voiceprint> = map
        .into_iter()
        .map(|(label, voiceprint)| (label.to_owned(), voiceprint))
        .collect();
    assert_eq!(
        json(offline().identify(AUDIO).voiceprints(&owned)),
        expected
    );
    assert_eq!(json(offline().identify(AUDIO).voiceprints(owned)), expected);
}

fn with_model<T: JobKind>(request: Request<T>) -> Request<T> {
    request.model("precision-3")
}

fn with_speakers<T: HasTurns>(request: Request<T>) -> Request<T> {
    request.num_speakers(2)
}

#[test]
fn requests_are_cloned_and_configured_generically() {
    let diarize = with_speakers(with_model(offline().diarize(AUDIO)));
    let exclusive = diarize.clone().exclusive(true);
    assert_eq!(
        diarize.to_json().unwrap(),
        json!({"url": AUDIO, "model": "precision-3", "numSpeakers": 2})
    );
    assert_eq!(exclusive.to_json().unwrap()["exclusive"], true);
    let identify = offline().identify(AUDIO).voiceprint("Ada", &voiceprint());
    assert_eq!(with_speakers(identify).to_json().unwrap()["numSpeakers"], 2);
    let voiceprint = with_model(offline().voiceprint(AUDIO));
    assert_eq!(voiceprint.to_json().unwrap()["model"], "precision-3");
}

#[tokio::test]
async fn on_accepted_is_called_for_each_clone() {
    let server = TestServer::with_responses([Response::ok(CREATED)]).await;
    let (client, _) = client(&server);
    let (sender, receiver) = std::sync::mpsc::channel();
    let request = client
        .diarize(AUDIO)
        .on_accepted(move |id| sender.send(id.clone()).unwrap());
    let first = request.clone().submit().await.unwrap();
    let second = request.submit().await.unwrap();
    assert_eq!(
        receiver.try_iter().collect::<Vec<_>>(),
        [first.id().clone(), second.id().clone()]
    );
}
