//! What the tests across the crates share.

use std::path::PathBuf;

use serde_json::Value;
use xtask::layout::Layout;
use xtask::{document, merge};

/// The folder of the fixtures.
#[must_use]
pub fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The body of that name, found in the documentation or seen in the wild.
///
/// # Panics
///
/// Where there is none.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "a test cannot go on without its fixture"
)]
pub fn body(name: &str) -> String {
    let path = fixtures().join("bodies").join(format!("{name}.json"));
    fs_err::read_to_string(path).expect("the fixture is there")
}

/// The bundle, as it is committed.
///
/// # Panics
///
/// Where it cannot be read.
#[must_use]
#[expect(clippy::expect_used, reason = "a test cannot go on without the bundle")]
pub fn bundle() -> Value {
    let text = fs_err::read_to_string(Layout::of_this_checkout().bundle());
    document::parse(&text.expect("the bundle is there")).expect("the bundle is OpenAPI")
}

/// The fragments, merged and not mended: the specification as it is published.
///
/// # Panics
///
/// Where they cannot be read.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "a test cannot go on without the specification"
)]
pub fn published() -> Value {
    let folder = Layout::of_this_checkout().openapi();
    let fragments = merge::read_fragments(&folder).expect("the fragments are there");
    merge::merge(&fragments).expect("the fragments agree")
}

/// The body of a diarization with this many frame scores; 4,320,000 are 24 h.
#[must_use]
pub fn long_body(scores: usize) -> String {
    let mut body = String::from(
        r#"{"jobId":"1","status":"succeeded","output":{"diarization":[],"confidence":{"resolution":0.02,"score":["#,
    );
    for index in 0..scores {
        if index > 0 {
            body.push(',');
        }
        body.push_str(&((index % 1000) as f64 / 10.0).to_string());
    }
    body.push_str("]}}}");
    body
}
