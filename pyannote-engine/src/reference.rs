//! What the tests compare with: values that PyTorch computed. `tests/python/reference_values.py` makes the files.

use super::Weights;

/// Layers with few channels and random weights, and what they make of [`signal`].
pub(super) fn layers() -> Weights<'static> {
    Weights::parse(include_bytes!("../tests/numerics/layers.safetensors")).unwrap()
}

/// What the models make of the sample recording.
pub(super) fn models() -> Weights<'static> {
    Weights::parse(include_bytes!("../tests/numerics/models.safetensors")).unwrap()
}

/// Numbers from -1 to 1, the same as the script makes up.
pub(super) fn signal(length: usize) -> Vec<f32> {
    (0..length)
        .map(|n| ((n * n * 31 + n * 17) % 1009) as f32 / 504.0 - 1.0)
        .collect()
}

/// The largest difference.
pub(super) fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    assert!(!expected.is_empty());
    found
        .iter()
        .zip(expected)
        .map(|(found, expected)| (found - expected).abs())
        // A difference that is no number counts as the largest.
        .fold(0.0, |most, apart| if apart <= most { most } else { apart })
}

/// Panics unless every value is as expected.
#[track_caller]
pub(super) fn assert_close(found: &[f32], expected: &[f32]) {
    let difference = difference(found, expected);
    assert!(difference < 1e-5, "off by {difference}");
}
