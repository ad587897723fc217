//! Convolutions over time, as matrices.

use super::Matrix;
use crate::{Weights, WeightsError};

/// The weights of a convolution over time, as a matrix for frames that follow on each other: a row for each channel of
/// the first frame that the kernel sees, then for those of the second, and so on.
pub(crate) fn load_conv(
    weights: &Weights<'_>,
    name: &str,
    inputs: usize,
    outputs: usize,
    taps: usize,
) -> Result<Matrix, WeightsError> {
    let values = weights.tensor(&format!("{name}.weight"), &[outputs, inputs, taps])?;
    Ok(Matrix::from_fn(taps * inputs, outputs, |row, output| {
        let (tap, input) = (row / inputs, row % inputs);
        values
            .get((output * inputs + input) * taps + tap)
            .copied()
            .unwrap_or_default()
    }))
}
