//! Trap 11: the body of a long recording is read straight into its parts.
//!
//! A test of memory counts what the whole process allocates, so it is alone in its process, and the only test here.
#![allow(clippy::unwrap_used)]

use peak_alloc::PeakAlloc;
use pyannote_api_sys::types::{DiarizationJob, JobBody};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The body of a diarization with this many scores.
fn body(scores: usize) -> String {
    let mut body = String::from(
        r#"{"jobId":"1","status":"succeeded","output":{"diarization":[],"confidence":{"resolution":0.02,"score":["#,
    );
    for index in 0..scores {
        if index > 0 {
            body.push(',');
        }
        body.push_str(&format!("{}", (index % 1000) as f64 / 10.0));
    }
    body.push_str("]}}}");
    body
}

/// The memory in bytes that `decode` takes at its peak, beyond what is there before.
fn peak<T>(decode: impl FnOnce() -> T) -> usize {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let value = decode();
    let peak = ALLOCATOR.peak_usage() - before;
    drop(value);
    peak
}

#[test]
fn trap_11_a_body_of_any_kind_takes_no_more_memory_than_one_of_a_known_kind() {
    // Six hours at 0.02 s.
    let body = body(1_080_000);
    let known = peak(|| serde_json::from_str::<DiarizationJob>(&body).unwrap());
    let any = peak(|| serde_json::from_str::<JobBody>(&body).unwrap());
    // What serde does for an untagged enum: everything into a general form first.
    let buffered = peak(|| {
        let general: serde_json::Value = serde_json::from_str(&body).unwrap();
        serde_json::from_value::<DiarizationJob>(general).unwrap()
    });
    assert!(any <= known + known / 100, "{any} bytes against {known}");
    assert!(
        buffered > 2 * known,
        "the count cannot tell: {buffered} bytes against {known}"
    );
}
