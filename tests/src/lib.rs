//! Helpers that the tests share.

pub mod community_folder;
pub mod fault_proxy;
pub mod http;
pub mod jobs;
pub mod live_service;
pub mod many_jobs;
#[cfg(unix)]
pub mod postgres;
pub mod process;
pub mod s3;
pub mod soak;

use std::path::PathBuf;

use serde_json::Value;
use xtask::workspace::Workspace;
use xtask::{document, merge};

/// The folder `fixtures`.
#[must_use]
pub fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// A response body in `fixtures/bodies`, from the documentation or from the live API, by its name without `.json`.
///
/// # Panics
///
/// If the file is missing.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "a test cannot continue without its fixture"
)]
pub fn body(name: &str) -> String {
    let path = fixtures().join("bodies").join(format!("{name}.json"));
    fs_err::read_to_string(path).expect("the fixture exists")
}

/// The committed bundle, `openapi/pyannoteai.yaml`.
///
/// # Panics
///
/// If it cannot be read.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "a test cannot continue without the bundle"
)]
pub fn bundle() -> Value {
    let text = fs_err::read_to_string(Workspace::current().bundle());
    document::parse(&text.expect("the bundle exists")).expect("the bundle is OpenAPI")
}

/// The specification as published: the fragments merged, without what is ahead of it and the corrections of the
/// overlay.
///
/// # Panics
///
/// If the fragments cannot be read or contradict each other.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "a test cannot continue without the specification"
)]
pub fn published() -> Value {
    let folder = Workspace::current().openapi();
    let fragments = merge::read_fragments(&folder).expect("the fragments are readable");
    merge::published(&fragments).expect("the fragments agree")
}

/// The body of a diarization job with this many confidence scores; 4,320,000 are 24 h.
#[must_use]
pub fn long_body(scores: usize) -> String {
    let mut body = String::from(
        r#"{"jobId":"1","status":"succeeded","output":{"diarization":[],"confidence":{"resolution":0.02,"score":["#,
    );
    push_scores(&mut body, scores);
    body.push_str("]}}}");
    body
}

/// The body of a diarization job with the probabilities of this many speakers in this many frames; 4,320,000 are 24 h.
#[must_use]
pub fn long_body_by_speaker(speakers: usize, frames: usize) -> String {
    let mut body = String::from(
        r#"{"jobId":"1","status":"succeeded","output":{"diarization":[],"speakerProbability":{"resolution":0.02,"score":{"#,
    );
    for speaker in 0..speakers {
        if speaker > 0 {
            body.push(',');
        }
        body.push_str(&format!(r#""SPEAKER_{speaker:02}":["#));
        push_scores(&mut body, frames);
        body.push(']');
    }
    body.push_str("}}}}");
    body
}

fn push_scores(body: &mut String, scores: usize) {
    for index in 0..scores {
        if index > 0 {
            body.push(',');
        }
        body.push_str(&((index % 1000) as f64 / 10.0).to_string());
    }
}
