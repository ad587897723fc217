//! Long bodies are deserialized without an intermediate representation.
//!
//! The allocations of the whole process are counted, so these tests have their own binary and do not run concurrently.
#![allow(clippy::unwrap_used)]

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use peak_alloc::PeakAlloc;
use pyannote::Diarization;
use pyannote_api_sys::types::{DiarizationJob, JobBody};
use pyannote_tests::{long_body, long_body_by_speaker};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Six hours of scores at a resolution of 0.02 s.
const SCORES: usize = 1_080_000;

/// Peak memory of `decode`, in bytes.
fn peak<T>(decode: impl FnOnce() -> T) -> usize {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let value = decode();
    let peak = ALLOCATOR.peak_usage() - before;
    drop(value);
    peak
}

#[test]
fn defect_11_job_body_needs_no_more_memory_than_a_known_kind_of_job() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let body = long_body(SCORES);
    let known = peak(|| serde_json::from_str::<DiarizationJob>(&body).unwrap());
    let any = peak(|| serde_json::from_str::<JobBody>(&body).unwrap());
    // Serde buffers the whole input of an untagged enum like this.
    let buffered = peak(|| {
        let general: serde_json::Value = serde_json::from_str(&body).unwrap();
        serde_json::from_value::<DiarizationJob>(general).unwrap()
    });
    assert!(any <= known + known / 100, "{any} bytes against {known}");
    assert!(
        buffered > 2 * known,
        "the measurement does not detect buffering: {buffered} bytes against {known}"
    );
}

#[test]
fn probabilities_of_speakers_need_half_the_memory_of_the_plain_struct() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let body = Bytes::from(long_body_by_speaker(4, SCORES / 4));
    let plain = peak(|| serde_json::from_slice::<DiarizationJob>(&body).unwrap());
    let result = peak(|| {
        pyannote::testing::result_of::<Diarization>(body.clone())
            .unwrap()
            .unwrap()
    });
    // The scores themselves take 4 bytes each; while one curve grows, it has twice its size.
    assert!(result >= SCORES * 4, "{result} bytes");
    assert!(
        result <= plain / 2 + plain / 10,
        "{result} bytes against {plain}"
    );
}

#[test]
fn a_result_needs_no_more_memory_than_the_plain_struct() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let body = Bytes::from(long_body(SCORES));
    let plain = peak(|| serde_json::from_slice::<DiarizationJob>(&body).unwrap());
    let result = peak(|| {
        pyannote::testing::result_of::<Diarization>(body.clone())
            .unwrap()
            .unwrap()
    });
    assert!(
        result <= plain + plain / 100,
        "{result} bytes against {plain}"
    );
}
