//! Reference values for tests, computed with PyTorch by `tests/python/reference_values.py`.

use super::Weights;

/// Small layers with random weights, and their outputs for [`signal`].
pub(super) fn layers() -> Weights<'static> {
    Weights::parse(include_bytes!("../../tests/numerics/layers.safetensors")).unwrap()
}

/// Outputs of the models for the sample recording.
pub(super) fn models() -> Weights<'static> {
    Weights::parse(include_bytes!("../../tests/numerics/models.safetensors")).unwrap()
}

/// Deterministic pseudo-random values in -1..1, the same as those of the script.
pub(super) fn signal(length: usize) -> Vec<f32> {
    (0..length)
        .map(|n| ((n * n * 31 + n * 17) % 1009) as f32 / 504.0 - 1.0)
        .collect()
}

/// The largest absolute difference. NaN if any difference is NaN.
pub(super) fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    assert!(!expected.is_empty());
    found
        .iter()
        .zip(expected)
        .map(|(found, expected)| (found - expected).abs())
        // Unlike `f32::max`, keeps NaN.
        .fold(
            0.0,
            |max, difference| {
                if difference <= max { max } else { difference }
            },
        )
}

/// Panics unless all values are within 1e-5 of the expected ones.
#[track_caller]
pub(super) fn assert_close(found: &[f32], expected: &[f32]) {
    let difference = difference(found, expected);
    assert!(difference < 1e-5, "the largest difference is {difference}");
}
