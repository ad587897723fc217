//! Request validation is implemented independently in the SDK and in the server. Both must reject the same fields.

use std::collections::BTreeSet;

use pyannote::{Client, Error, HasTurns, JobKind, Request, Voiceprint};
use pyannote_server::{RateLimits, Server};
use serde_json::{Value, json};

use super::{AUDIO, builder, post};

/// The rejected fields.
type Fields = BTreeSet<String>;

fn rejected_fields(result: Result<(), Error>) -> Fields {
    match result {
        Ok(()) => Fields::new(),
        Err(error) => error
            .field_errors()
            .iter()
            .map(|error| error.field.clone())
            .collect(),
    }
}

async fn rejected_by_server(server: &Server, path: &str, body: &Value) -> Fields {
    let response = post(server, path, body).await;
    match response.status().as_u16() {
        200 => Fields::new(),
        400 => {
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["message"], "Invalid request");
            let errors = body["errors"].as_array().unwrap();
            assert!(!errors.is_empty());
            let fields = errors.iter().map(|error| {
                assert!(!error["message"].as_str().unwrap().is_empty());
                error["field"].as_str().unwrap().to_owned()
            });
            fields.collect()
        }
        other => panic!("{other}"),
    }
}

async fn unlimited() -> Server {
    builder()
        .rate_limits(RateLimits::off())
        .allow_private_networks()
        .start()
        .await
        .unwrap()
}

fn offline() -> Client {
    let builder = Client::builder()
        .api_key("key")
        .base_url("http://127.0.0.1:1");
    builder.build().unwrap()
}

/// A voiceprint that is not validated.
fn stored(text: &Value) -> Option<Voiceprint> {
    serde_json::from_value(text.clone()).ok()
}

/// Sets the fields in `body` that all kinds of requests have.
fn with_common_fields<T: JobKind>(mut request: Request<T>, body: &Value) -> Request<T> {
    if let Some(model) = body["model"].as_str() {
        request = request.model(model);
    }
    if let Some(url) = body["webhook"].as_str() {
        request = request.webhook(url);
    }
    if let Some(only) = body["webhookStatusOnly"].as_bool() {
        request = request.webhook_status_only(only);
    }
    request
}

/// Sets the numbers of speakers in `body`.
fn with_speaker_counts<T: HasTurns>(mut request: Request<T>, body: &Value) -> Request<T> {
    let number = |field: &str| {
        body[field]
            .as_u64()
            .map(|number| u32::try_from(number).unwrap())
    };
    if let Some(number) = number("numSpeakers") {
        request = request.num_speakers(number);
    }
    if let Some(number) = number("minSpeakers") {
        request = request.min_speakers(number);
    }
    if let Some(number) = number("maxSpeakers") {
        request = request.max_speakers(number);
    }
    request
}

/// Sets the scores and sensitivities in `body`.
fn with_scores<T: HasTurns>(mut request: Request<T>, body: &Value) -> Request<T> {
    type Flag<T> = fn(Request<T>, bool) -> Request<T>;
    let flags: [(&str, Flag<T>); 4] = [
        ("confidence", Request::confidence),
        ("speechProbability", Request::speech_probability),
        ("crosstalkProbability", Request::crosstalk_probability),
        ("speakerProbability", Request::speaker_probability),
    ];
    for (field, set) in flags {
        if let Some(include) = body[field].as_bool() {
            request = set(request, include);
        }
    }
    if let Some(sensitivity) = body["vadSensitivity"].as_f64() {
        request = request.vad_sensitivity(sensitivity);
    }
    if let Some(sensitivity) = body["crosstalkSensitivity"].as_f64() {
        request = request.crosstalk_sensitivity(sensitivity);
    }
    request
}

/// The fields that the SDK rejects in the request with this body.
fn rejected_by_sdk(path: &str, body: &Value) -> Fields {
    let client = offline();
    let url = body["url"].as_str().unwrap();
    match path {
        "/v1/diarize" => {
            let request = with_common_fields(client.diarize(url), body);
            let mut request = with_scores(with_speaker_counts(request, body), body);
            if let Some(include) = body["transcription"].as_bool() {
                request = request.transcription(include);
            }
            if let Some(model) = body["transcriptionConfig"]["model"].as_str() {
                request = request.transcription_model(model);
            }
            rejected_fields(request.validate())
        }
        "/v1/identify" => {
            let request = with_common_fields(client.identify(url), body);
            let mut request = with_scores(with_speaker_counts(request, body), body);
            for entry in body["voiceprints"].as_array().unwrap() {
                let voiceprint = stored(&entry["voiceprint"]).unwrap();
                request = request.voiceprint(entry["label"].as_str().unwrap(), &voiceprint);
            }
            if let Some(threshold) = body["matching"]["threshold"].as_f64() {
                request = request.threshold(threshold);
            }
            rejected_fields(request.validate())
        }
        _ => rejected_fields(with_common_fields(client.voiceprint(url), body).validate()),
    }
}

/// Asserts that both reject exactly the fields in `expected`.
async fn assert_rejected(server: &Server, path: &str, body: Value, expected: &[&str]) {
    let expected: Fields = expected.iter().map(|field| (*field).to_owned()).collect();
    let mut text = body.to_string();
    text.truncate(300);
    assert_eq!(
        rejected_by_server(server, path, &body).await,
        expected,
        "the server: {path} {text}"
    );
    assert_eq!(
        rejected_by_sdk(path, &body),
        expected,
        "the SDK: {path} {text}"
    );
}

fn voiceprint_entry(label: &str) -> Value {
    json!({ "label": label, "voiceprint": "U29tZVZvaWNlUHJpbnREYXRhMQ==" })
}

/// A request of each kind with these fields.
fn requests(fields: &Value) -> [(&'static str, Value); 3] {
    let with = |more: Value| {
        let mut body = json!({ "url": AUDIO });
        for object in [&more, fields] {
            for (name, value) in object.as_object().unwrap() {
                body[name] = value.clone();
            }
        }
        body
    };
    [
        ("/v1/diarize", with(json!({}))),
        (
            "/v1/identify",
            with(json!({ "voiceprints": [voiceprint_entry("Ada")] })),
        ),
        ("/v1/voiceprint", with(json!({}))),
    ]
}

#[tokio::test]
async fn fields_common_to_all_submissions() {
    let server = unlimited().await;
    let key = |length: usize| format!("media://{}", "a".repeat(length - 8));
    let url = |url: &str| json!({ "url": url });
    let webhook = |url: &str| json!({ "webhook": url });
    let cases: Vec<(Value, &[&str])> = vec![
        (url("https://example.com/a.wav"), &[]),
        (url("http://example.com/a.wav?signature=a"), &[]),
        (url("HTTPS://example.com/a.wav"), &[]),
        (url("media://a"), &[]),
        (url("media://calls/2025-11-06_a.wav"), &[]),
        (url(&key(255)), &[]),
        (url(&key(256)), &["url"]),
        (url("media://"), &["url"]),
        (url("media://a b"), &["url"]),
        (url("media://ä"), &["url"]),
        (url("media://a/../b"), &["url"]),
        (url("media://a//b"), &["url"]),
        (url("media:a"), &["url"]),
        (url("meeting.wav"), &["url"]),
        (url("/tmp/meeting.wav"), &["url"]),
        (url("file:///tmp/meeting.wav"), &["url"]),
        (url("ftp://example.com/a.wav"), &["url"]),
        (url("https://"), &["url"]),
        (url(""), &["url"]),
        (webhook("https://example.com/hook"), &[]),
        (webhook("http://127.0.0.1:3000/hook"), &[]),
        (webhook("http://localhost/hook"), &[]),
        (webhook("http://[::1]/hook"), &[]),
        (webhook("http://example.com/hook"), &["webhook"]),
        (webhook("http://localhost.example.com/hook"), &["webhook"]),
        (webhook("example.com/hook"), &["webhook"]),
        (webhook("ftp://localhost/hook"), &["webhook"]),
        (webhook(""), &["webhook"]),
        (json!({ "webhookStatusOnly": true }), &["webhookStatusOnly"]),
        (
            json!({ "webhookStatusOnly": false }),
            &["webhookStatusOnly"],
        ),
        (
            json!({ "webhookStatusOnly": true, "webhook": "https://example.com" }),
            &[],
        ),
        (json!({ "model": "precision-2" }), &[]),
        (json!({ "model": "precision-3" }), &[]),
        (json!({ "model": " " }), &["model"]),
        (json!({ "model": "" }), &["model"]),
    ];
    for (fields, expected) in cases {
        for (path, body) in requests(&fields) {
            assert_rejected(&server, path, body, expected).await;
        }
    }
    for (path, body) in requests(&json!({ "model": "community-1" })) {
        let expected: &[&str] = if path == "/v1/diarize" {
            &[]
        } else {
            &["model"]
        };
        assert_rejected(&server, path, body, expected).await;
    }
}

#[tokio::test]
async fn speaker_counts() {
    let server = unlimited().await;
    let cases: [(Value, &[&str]); 11] = [
        (json!({ "numSpeakers": 1 }), &[]),
        (json!({ "minSpeakers": 1 }), &[]),
        (json!({ "maxSpeakers": 1 }), &[]),
        (json!({ "minSpeakers": 2, "maxSpeakers": 2 }), &[]),
        (
            json!({ "minSpeakers": 3, "maxSpeakers": 2 }),
            &["minSpeakers"],
        ),
        (
            json!({ "numSpeakers": 2, "minSpeakers": 2 }),
            &["numSpeakers"],
        ),
        (
            json!({ "numSpeakers": 2, "maxSpeakers": 2 }),
            &["numSpeakers"],
        ),
        (
            json!({ "numSpeakers": 2, "minSpeakers": 3, "maxSpeakers": 2 }),
            &["numSpeakers", "minSpeakers"],
        ),
        (json!({ "numSpeakers": 0 }), &["numSpeakers"]),
        (
            json!({ "minSpeakers": 0, "maxSpeakers": 0 }),
            &["minSpeakers", "maxSpeakers"],
        ),
        (
            json!({ "minSpeakers": 1, "maxSpeakers": 0 }),
            &["maxSpeakers"],
        ),
    ];
    for (fields, expected) in cases {
        for (path, body) in requests(&fields).into_iter().take(2) {
            assert_rejected(&server, path, body, expected).await;
        }
    }
}

#[tokio::test]
async fn probabilities_and_sensitivities() {
    let server = unlimited().await;
    let cases: Vec<(Value, &[&str])> = vec![
        (
            json!({ "speechProbability": true, "crosstalkProbability": false, "speakerProbability": true }),
            &[],
        ),
        (
            json!({ "vadSensitivity": -5, "crosstalkSensitivity": 5.0 }),
            &[],
        ),
        (
            json!({ "vadSensitivity": 0.5, "model": "precision-3" }),
            &[],
        ),
        (
            json!({ "vadSensitivity": 0.5, "model": "precision-9" }),
            &[],
        ),
        (
            json!({ "vadSensitivity": 5.5, "crosstalkSensitivity": -5.001 }),
            &["vadSensitivity", "crosstalkSensitivity"],
        ),
        (
            json!({ "vadSensitivity": 0, "model": "precision-2" }),
            &["vadSensitivity"],
        ),
        (
            json!({ "confidence": true, "model": "precision-3" }),
            &["confidence"],
        ),
        (json!({ "confidence": false, "model": "precision-3" }), &[]),
        (json!({ "confidence": true, "model": "precision-9" }), &[]),
    ];
    for (fields, expected) in cases {
        for (path, body) in requests(&fields).into_iter().take(2) {
            assert_rejected(&server, path, body, expected).await;
        }
    }
    let (path, body) = &requests(&json!({ "crosstalkSensitivity": 1, "model": "community-1" }))[0];
    assert_rejected(&server, path, body.clone(), &["crosstalkSensitivity"]).await;
}

#[tokio::test]
async fn transcription() {
    let server = unlimited().await;
    let config = json!({ "model": "parakeet-tdt-0.6b-v3" });
    let cases: [(Value, &[&str]); 8] = [
        (json!({ "transcription": true }), &[]),
        (
            json!({ "transcription": true, "model": "precision-2" }),
            &[],
        ),
        (
            json!({ "transcription": true, "model": "precision-3" }),
            &[],
        ),
        (
            json!({ "transcription": false, "model": "community-1" }),
            &[],
        ),
        (
            json!({ "transcription": true, "model": "community-1" }),
            &["transcription"],
        ),
        (
            json!({ "transcription": true, "transcriptionConfig": config }),
            &[],
        ),
        (
            json!({ "transcriptionConfig": config }),
            &["transcriptionConfig"],
        ),
        (
            json!({ "transcription": false, "transcriptionConfig": { "model": "x" } }),
            &["transcriptionConfig"],
        ),
    ];
    for (fields, expected) in cases {
        let [(path, body), ..] = requests(&fields);
        assert_rejected(&server, path, body, expected).await;
    }
}

#[tokio::test]
async fn voiceprints_and_matching() {
    let server = unlimited().await;
    let people = |count: usize| {
        let people = (0..count).map(|index| voiceprint_entry(&format!("Person {index}")));
        json!({ "voiceprints": people.collect::<Vec<_>>() })
    };
    let label = |label: &str| json!({ "voiceprints": [voiceprint_entry("Grace"), voiceprint_entry(label)] });
    let voiceprint =
        |text: &str| json!({ "voiceprints": [{ "label": "Ada", "voiceprint": text }] });
    let threshold = |threshold: f64| json!({ "matching": { "threshold": threshold } });
    const LABEL: &[&str] = &["voiceprints[1].label"];
    const VOICEPRINT: &[&str] = &["voiceprints[0].voiceprint"];
    let cases: Vec<(Value, &[&str])> = vec![
        (people(0), &["voiceprints"]),
        (people(1), &[]),
        (people(50), &[]),
        (people(51), &["voiceprints"]),
        (label("Ada"), &[]),
        (label("The speaker_1"), &[]),
        (label("speaker"), &[]),
        (label(&"ä".repeat(100)), &[]),
        (label(&"ä".repeat(101)), LABEL),
        (label(""), LABEL),
        (label("  "), LABEL),
        (label("SPEAKER_01"), LABEL),
        (label("speaker_x"), LABEL),
        (label("sPeAkEr_"), LABEL),
        (label("Speaker_\nAda"), LABEL),
        (label("Grace"), LABEL),
        (voiceprint("U29tZQ=="), &[]),
        (voiceprint("U29tZQ"), &[]),
        (voiceprint("-_-_"), &[]),
        (voiceprint("+/+/"), &[]),
        (voiceprint(&"A".repeat(20_000)), &[]),
        (voiceprint(&"A".repeat(20_001)), VOICEPRINT),
        (voiceprint(""), VOICEPRINT),
        (voiceprint("not base64!"), VOICEPRINT),
        (voiceprint("A"), VOICEPRINT),
        (voiceprint("-/"), VOICEPRINT),
        (threshold(0.0), &[]),
        (threshold(62.5), &[]),
        (threshold(100.0), &[]),
        (threshold(100.1), &["matching.threshold"]),
        (threshold(-0.1), &["matching.threshold"]),
    ];
    for (fields, expected) in cases {
        let [_, (path, body), _] = requests(&fields);
        assert_rejected(&server, path, body, expected).await;
    }
}

#[tokio::test]
async fn bodies_that_builders_cannot_create() {
    let server = unlimited().await;
    let cases: Vec<(&str, Value, &[&str])> = vec![
        ("/v1/diarize", json!({}), &["url"]),
        ("/v1/diarize", json!({ "url": null }), &["url"]),
        ("/v1/identify", json!({}), &["url", "voiceprints"]),
        (
            "/v1/identify",
            json!({ "voiceprints": [voiceprint_entry("Ada")] }),
            &["url"],
        ),
        (
            "/v1/identify",
            json!({ "url": AUDIO, "voiceprints": [{ "label": "Ada" }, 1] }),
            &["voiceprints[0].voiceprint", "voiceprints[1]"],
        ),
        (
            "/v1/identify",
            json!({ "url": 1, "voiceprints": {}, "matching": { "threshold": "high", "exclusive": 1 } }),
            &[
                "url",
                "voiceprints",
                "matching.threshold",
                "matching.exclusive",
            ],
        ),
        (
            "/v1/diarize",
            json!({ "url": AUDIO, "numSpeakers": "2" }),
            &["numSpeakers"],
        ),
        (
            "/v1/diarize",
            json!({ "url": AUDIO, "numSpeakers": -1 }),
            &["numSpeakers"],
        ),
        (
            "/v1/diarize",
            json!({ "url": AUDIO, "transcriptionConfig": 1 }),
            &["transcriptionConfig"],
        ),
        (
            "/v1/voiceprint",
            json!({ "url": AUDIO, "model": 2, "webhook": [] }),
            &["model", "webhook"],
        ),
        (
            "/v1/voiceprint",
            json!({ "url": AUDIO, "model": null, "numSpeakers": null, "speechProbability": true }),
            &[],
        ),
    ];
    for (path, body, expected) in cases {
        let expected: Fields = expected.iter().map(|field| (*field).to_owned()).collect();
        assert_eq!(
            rejected_by_server(&server, path, &body).await,
            expected,
            "{path} {body}"
        );
    }
}
