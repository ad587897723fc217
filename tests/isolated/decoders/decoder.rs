//! The decoders, their inputs, and what must hold for their results.

use bytes::Bytes;
use fastrand::Rng;
use http::{HeaderMap, HeaderValue, StatusCode};
use pyannote::output::{rttm, uem};
use pyannote::testing::{page, presigned_url, rejection, result_of, submission};
use pyannote::webhook::{Event, RetryReason, Signer, Verifier};
use pyannote::{
    Diarization, Error, Identification, JobKind, JobStatus, JobSummary, Model, TranscriptionModel,
    Voiceprint,
};
use pyannote_api_sys::types::{ErrorBody, GetJobsResponseV2, JobBody};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::mutation::{mutate_bytes, mutate_json};

/// Secrets in the inputs: a voiceprint, a signature and a token.
pub(crate) const SECRETS: [&str; 3] = [
    "uH8Zq0/3xKf1WbT9pL2mY7cR4nVd6sJ5aGhE/8kXoQwZ1yMtB3eUiP0rDfNvCgS7lIjKzAxWqHbY5uT2mOp9L4RnE6V1c8s+ZdJ0aG3k",
    "5b7d3f9a1c8e2046b8d0f2a4c6e8091b3d5f7a9c1e3046587a9bcbdedfe0f102",
    "eyJhbGciOiJIUzI1NiJ9eyJzdWIiOiJzdHJlYW0iLCJleHAiOjE3MDAwMDAwMDB9xUzkR3vM8tQ",
];

/// Memory that does not depend on the input: messages, headers, buffers.
const CONSTANT_BYTES: usize = 64 * 1024;

/// A decoder of a kind of input.
pub(crate) struct Decoder {
    pub(crate) name: &'static str,
    /// Maximum of memory, in bytes per byte of as dense an input as possible.
    bytes_per_byte: usize,
    inputs: Vec<Input>,
    decode: fn(&Context, &[u8]) -> Vec<String>,
    context: Context,
}

enum Input {
    Json(Value),
    Text(String),
}

struct Context {
    signer: Signer,
    verifier: Verifier,
    now: u64,
}

impl Decoder {
    pub(crate) fn all() -> Vec<Self> {
        type Decode = fn(&Context, &[u8]) -> Vec<String>;
        let json = |bodies: Vec<Value>| bodies.into_iter().map(Input::Json).collect();
        let text = |texts: Vec<String>| texts.into_iter().map(Input::Text).collect();
        let stored = job_bodies().into_iter().map(stored).collect();
        // Results can have millions of scores. All other bodies are small, and are decoded to values of any type, of which
        // an array takes at least 128 bytes.
        let list: [(_, _, Vec<Input>, Decode); 9] = [
            ("job", 12, json(job_bodies()), decode_job),
            ("stored", 12, json(stored), decode_stored),
            ("bindings", 64, json(job_bodies()), decode_bindings),
            ("event", 12, json(job_bodies()), decode_event),
            (
                "event_headers",
                12,
                text(event_headers()),
                decode_event_headers,
            ),
            ("response", 200, json(responses()), decode_response),
            ("rejection", 200, json(rejections()), decode_rejection),
            (
                "rate_headers",
                12,
                text(rate_headers()),
                decode_rate_headers,
            ),
            ("text", 12, text(texts()), decode_text),
        ];
        list.into_iter()
            .map(|(name, bytes_per_byte, inputs, decode)| Self {
                name,
                bytes_per_byte,
                inputs,
                decode,
                context: Context::new(),
            })
            .collect()
    }

    /// A mutated input.
    pub(crate) fn input(&self, rng: &mut Rng) -> Vec<u8> {
        match &self.inputs[rng.usize(..self.inputs.len())] {
            Input::Json(json) => mutate_json(json, rng),
            Input::Text(text) => {
                let mut bytes = text.clone().into_bytes();
                mutate_bytes(&mut bytes, rng);
                bytes
            }
        }
    }

    /// Decodes an input. Returns what a program may log of it.
    pub(crate) fn decode(&self, input: &[u8]) -> Vec<String> {
        (self.decode)(&self.context, input)
    }

    /// The memory that decoding an input may take, in bytes.
    pub(crate) fn max_bytes(&self, input: &[u8]) -> usize {
        self.bytes_per_byte * input.len() + CONSTANT_BYTES
    }

    /// Checks the result of an input.
    pub(crate) fn check(&self, input: &[u8]) {
        if self.name == "job" {
            check_job(input);
        }
    }
}

impl Context {
    fn new() -> Self {
        Self {
            signer: Signer::new("whs_test"),
            verifier: Verifier::new("whs_test").unwrap(),
            now: std::time::UNIX_EPOCH.elapsed().unwrap().as_secs(),
        }
    }
}

fn body(name: &str) -> Value {
    serde_json::from_str(&pyannote_tests::body(name)).unwrap()
}

/// Real bodies of jobs, with secrets where there can be some.
fn job_bodies() -> Vec<Value> {
    let mut voiceprint = body("voiceprint_succeeded");
    voiceprint["output"]["voiceprint"] = format!("{0}//{0}", SECRETS[0]).into();
    let mut failed = body("diarization_failed");
    failed["output"]["error"] = format!(
        "cannot fetch https://storage.example.com/a?X-Amz-Signature={}",
        SECRETS[1]
    )
    .into();
    let mut newer = body("newer");
    newer["output"]["voiceprint"] = SECRETS[0].into();
    let turns: Vec<Value> = (0..5)
        .map(|n| json!({"start": n, "end": n + 2, "speaker": "A", "confidence": {"A": 90, "B": 10.5}}))
        .collect();
    vec![
        body("diarization_succeeded"),
        body("identify_succeeded"),
        body("running"),
        json!({"status": "succeeded", "output": {"diarization": turns}}),
        json!({"output": {"identification": [
            {"start": 0, "end": 1.5, "diarizationSpeaker": "A", "match": null},
            {"start": 1, "end": 2.5, "diarizationSpeaker": "B", "match": "Ada", "confidence": {"Ada": 80}},
        ], "confidence": {"score": [1, 2, 3], "resolution": 0.02}, "warning": "noisy"}}),
        voiceprint,
        failed,
        newer,
    ]
    .into_iter()
    .map(|mut body| {
        if body.get("jobId").is_none() {
            body["jobId"] = "1".into();
        }
        body
    })
    .collect()
}

/// The result that a program stores of a body.
fn stored(mut body: Value) -> Value {
    let mut output = body["output"].take();
    if output.is_object() {
        output["jobId"] = body["jobId"].take();
    }
    output
}

fn error_texts(error: &Error) -> Vec<String> {
    assert!(!error.to_string().is_empty());
    vec![
        format!("{error:#}"),
        format!("{error:?}"),
        error.body().unwrap_or_default().to_owned(),
    ]
}

fn decode_job(_: &Context, input: &[u8]) -> Vec<String> {
    fn texts<T: JobKind>(body: Bytes) -> Vec<String> {
        result_of::<T>(body)
            .err()
            .iter()
            .flat_map(error_texts)
            .collect()
    }
    let body = Bytes::copy_from_slice(input);
    let mut printed = texts::<Diarization>(body.clone());
    printed.extend(texts::<Identification>(body.clone()));
    printed.extend(texts::<Voiceprint>(body.clone()));
    let voiceprint = result_of::<Voiceprint>(body).ok().flatten();
    printed.extend(voiceprint.map(|voiceprint| format!("{voiceprint:?}")));
    printed
}

fn check_job(input: &[u8]) {
    let has_times = |item: &Value| item["start"].is_f64() && item["end"].is_f64();
    check_result::<Diarization>(
        input,
        "diarization",
        |turn| has_times(turn) && turn["speaker"].is_string(),
        |result| (result.turns().len(), result.decode_warnings().len()),
    );
    check_result::<Identification>(
        input,
        "identification",
        |turn| has_times(turn) && turn["diarizationSpeaker"].is_string(),
        |result| (result.turns().len(), result.decode_warnings().len()),
    );
}

/// Compares a result with what the JSON contains: every item that is as specified is in the result, and there is a
/// warning if others are not. A program can store the result.
fn check_result<T: JobKind + std::fmt::Debug + Serialize + DeserializeOwned>(
    input: &[u8],
    required: &str,
    is_valid: impl Fn(&Value) -> bool,
    counts: fn(&T) -> (usize, usize),
) {
    let decoded = result_of::<T>(Bytes::copy_from_slice(input));
    let json = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
    if let Ok(body @ Value::Object(_)) = serde_json::from_slice::<Value>(json)
        && (body["status"].is_null() || body["status"] == "succeeded")
        && let Some(items) = body["output"][required].as_array()
    {
        let valid = items.iter().filter(|item| is_valid(item)).count();
        if valid > 0 || items.is_empty() {
            let result = decoded.as_ref().unwrap().as_ref().unwrap();
            let (found, warnings) = counts(result);
            assert!((valid..=items.len()).contains(&found), "{found} items");
            assert!(found == items.len() || warnings > 0, "no warning");
        }
    }
    if let Ok(Some(result)) = decoded {
        let stored = serde_json::to_string(&result).unwrap();
        assert!(serde_json::from_str::<T>(&stored).is_ok(), "{stored}");
    }
}

fn decode_stored(_: &Context, input: &[u8]) -> Vec<String> {
    let _ = serde_json::from_slice::<Diarization>(input);
    let _ = serde_json::from_slice::<Identification>(input);
    let voiceprint = serde_json::from_slice::<Voiceprint>(input);
    for value in [
        serde_json::from_slice::<JobStatus>(input).map(|value| value.to_string()),
        serde_json::from_slice::<Model>(input).map(|value| value.to_string()),
        serde_json::from_slice::<TranscriptionModel>(input).map(|value| value.to_string()),
        serde_json::from_slice::<RetryReason>(input).map(|value| value.to_string()),
    ] {
        let expected = serde_json::from_slice::<String>(input);
        assert_eq!(value.ok(), expected.ok(), "open enums keep every string");
    }
    vec![format!("{voiceprint:?}")]
}

fn decode_bindings(_: &Context, input: &[u8]) -> Vec<String> {
    let _ = serde_json::from_slice::<JobBody>(input);
    let _ = serde_json::from_slice::<ErrorBody>(input);
    let _ = serde_json::from_slice::<GetJobsResponseV2>(input);
    Vec::new()
}

fn decode_event(context: &Context, input: &[u8]) -> Vec<String> {
    let headers = context.signer.sign(context.now, input);
    match context.verifier.verify(&headers, input) {
        Ok(event) => event_texts(&event),
        Err(error) => vec![format!("{error} {error:?}")],
    }
}

fn event_texts(event: &Event) -> Vec<String> {
    let mut printed = Vec::new();
    // Ids and statuses are printed as they are.
    if event.status().is_final() && event.job_id().as_str().len() < 40 {
        printed.push(format!("{event:?}"));
    }
    printed.extend(event.outcome().err().iter().flat_map(error_texts));
    printed.extend(
        event
            .output::<Diarization>()
            .err()
            .iter()
            .flat_map(error_texts),
    );
    printed.extend(
        event
            .output::<Identification>()
            .err()
            .iter()
            .flat_map(error_texts),
    );
    printed.extend(
        event
            .output::<Voiceprint>()
            .err()
            .iter()
            .flat_map(error_texts),
    );
    printed
}

/// Reads `name: value` lines. Invalid ones are ignored, as no HTTP library would deliver them.
fn headers(input: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = http::HeaderName::from_bytes(parts.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(parts.next().unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

fn event_headers() -> Vec<String> {
    let signature = "0123456789abcdef".repeat(4);
    [
        format!("x-signature:{signature}\nx-request-timestamp:1700000000\nx-retry-num:1\nx-retry-reason:http_error"),
        format!("x-signature:v0={signature}\nx-request-timestamp:99999999999999999999"),
        "x-signature:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nx-request-timestamp:0\nx-retry-num:3".to_owned(),
    ]
    .into()
}

fn decode_event_headers(context: &Context, input: &[u8]) -> Vec<String> {
    let body = r#"{"jobId":"1","status":"failed"}"#;
    let mutated = headers(input);
    let error = context.verifier.verify(&mutated, body).unwrap_err();
    // Headers that are not signed change nothing but what they say.
    let mut signed = context.signer.sign(context.now, body);
    for name in ["x-retry-num", "x-retry-reason"] {
        if let Some(value) = mutated.get(name) {
            signed.insert(name, value.clone());
        }
    }
    let event = context.verifier.verify(&signed, body).unwrap();
    vec![format!("{error} {error:?}"), format!("{event:?}")]
}

fn responses() -> Vec<Value> {
    let url = format!(
        "https://storage.example.com/a?X-Amz-Signature={}&b=1",
        SECRETS[1]
    );
    let many: Vec<Value> = (0..6)
        .map(|n| json!({"id": n.to_string(), "status": "running", "createdAt": "2025-11-06T09:07:49.932Z"}))
        .collect();
    [
        body("job_created"),
        body("identify_created"),
        body("job_list"),
        json!({"items": many, "nextCursor": "c-2"}),
        json!({"jobId": "1", "status": "created", "warning": "deprecated"}),
        json!({"url": url}),
        json!({"id": "1", "url": format!("wss://live.example.com/?token={}", SECRETS[2])}),
    ]
    .into()
}

fn decode_response(_: &Context, input: &[u8]) -> Vec<String> {
    let mut printed = Vec::new();
    if let Some(id) = submission(input) {
        assert!(!id.as_str().trim().is_empty());
    }
    match page(input) {
        Ok(page) => assert!(page.items.iter().all(|job| !job.id.as_str().is_empty())),
        Err(error) => printed.extend(error_texts(&error)),
    }
    let _ = serde_json::from_slice::<JobSummary>(input);
    match presigned_url(Bytes::copy_from_slice(input)) {
        Ok(debug) => printed.push(debug),
        Err(error) => printed.extend(error_texts(&error)),
    }
    printed
}

fn rejections() -> Vec<Value> {
    let errors: Vec<Value> = (0..5)
        .map(|n| json!({"field": format!("voiceprints[{n}].label"), "message": "must be unique"}))
        .collect();
    [
        body("error_400"),
        body("error_402"),
        body("error_429"),
        json!({"message": format!("invalid token {}", SECRETS[2]), "requestId": SECRETS[1]}),
        json!({"errors": errors, "requestId": "r-1", "message": ["a", "b"]}),
        json!({"errors": [{"field": "url", "message": format!("got https://u:p@h/?s={}", SECRETS[1])}]}),
    ]
    .into()
}

fn decode_rejection(_: &Context, input: &[u8]) -> Vec<String> {
    let reject = |status| rejection(status, HeaderMap::new(), Bytes::copy_from_slice(input));
    let error = reject(StatusCode::BAD_REQUEST);
    let mut printed = error_texts(&error);
    printed.extend(error.field_errors().iter().map(ToString::to_string));
    printed.extend(error_texts(&reject(StatusCode::TOO_MANY_REQUESTS)));
    printed
}

fn rate_headers() -> Vec<String> {
    [
        "x-ratelimit-limit:100\nx-ratelimit-remaining:0\nx-ratelimit-reset:1700000030\nretry-after:120",
        "x-ratelimit-limit:100, 100;w=60\nx-ratelimit-reset:37.5\nretry-after:Tue, 14 Nov 2023 22:13:50 GMT",
        "retry-after:1.5\ndate:Tue, 14 Nov 2023 22:13:20 GMT\nx-request-id:r-1",
    ]
    .map(str::to_owned)
    .into()
}

fn decode_rate_headers(_: &Context, input: &[u8]) -> Vec<String> {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let error = rejection(status, headers(input), Bytes::from_static(b"{}"));
    error_texts(&error)
}

fn texts() -> Vec<String> {
    [
        ";; c\nSPEAKER monday 1 0.1 0.2 <NA> <NA> ada <NA> <NA>\nSPEAKER friday 1 3.0 1.5 <NA> <NA> bob\n",
        "SPEAKER f 1 1e3 .5 <NA> <NA> ünï <NA> <NA>\r\n\r\nSPKR-INFO f 1 <NA> <NA> <NA> unknown x <NA> <NA>\r\n",
        "monday 1 0.0 10.5\nfriday 1 1 2\n",
    ]
    .map(str::to_owned)
    .into()
}

fn decode_text(_: &Context, input: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(input);
    let mut printed = Vec::new();
    match rttm::parse(&text) {
        Ok(recordings) => {
            for turn in recordings.iter().flat_map(|(_, turns)| turns) {
                assert!(turn.start.is_finite() && turn.end >= turn.start && turn.end.is_finite());
            }
        }
        Err(error) => printed.push(error.to_string()),
    }
    printed.extend(uem::parse(&text).err().map(|error| error.to_string()));
    printed
}
