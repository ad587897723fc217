//! Activation functions.

use super::vectorized;

/// Slope of the leaky ReLU for negative inputs, as in PyTorch's default.
const NEGATIVE_SLOPE: f32 = 0.01;

/// The exponential function, for `x` in -80..80, with a relative error below 3e-7.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // 1.5 * 2^23: adding it rounds to the nearest integer and leaves that integer in the lowest mantissa bits.
    const ROUND: f32 = 12_582_912.0;
    // ln(2) as a sum of two parts (Cody-Waite). The first has so few significant bits that its multiples are exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;

    // e^x = 2^whole * e^rest, where |rest| <= ln(2) / 2.
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = (x - whole * LN_2_HIGH) - whole * LN_2_LOW;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1_f32.to_bits()));
    // Taylor polynomial of degree 6.
    let mut sum = 1.0 / 720.0;
    sum = sum * rest + 1.0 / 120.0;
    sum = sum * rest + 1.0 / 24.0;
    sum = sum * rest + 1.0 / 6.0;
    sum = sum * rest + 0.5;
    sum = sum * rest + 1.0;
    sum = sum * rest + 1.0;
    sum * power
}

/// Inputs are clamped to this magnitude: [`sigmoid`] is saturated there, and beyond it products would become subnormal
/// numbers, which are slow.
const SATURATION: f32 = 30.0;

/// The logistic function, `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x.clamp(-SATURATION, SATURATION)))
}

/// `sigmoid(x) * tanh(y)`, with a single division.
#[inline(always)]
pub(super) fn sigmoid_tanh(x: f32, y: f32) -> f32 {
    let sigmoid = 1.0 + exp(-x.clamp(-SATURATION, SATURATION));
    let tanh = exp((2.0 * y).clamp(-SATURATION, SATURATION));
    (tanh - 1.0) / (sigmoid * (tanh + 1.0))
}

#[inline(always)]
fn leaky(x: f32) -> f32 {
    x.max(x * NEGATIVE_SLOPE)
}

/// Leaky ReLU, in place.
pub(crate) fn leaky_relu(values: &mut [f32]) {
    vectorized(|| {
        for value in values {
            *value = leaky(*value);
        }
    });
}

/// Adds the bias to each row and applies leaky ReLU, in place.
pub(crate) fn bias_leaky_relu(rows: &mut [f32], bias: &[f32]) {
    vectorized(|| {
        for row in rows.chunks_exact_mut(bias.len().max(1)) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value = leaky(*value + bias);
            }
        }
    });
}

/// Adds the bias to each row and applies ReLU, in place.
pub(crate) fn bias_relu(rows: &mut [f32], bias: &[f32]) {
    vectorized(|| {
        for row in rows.chunks_exact_mut(bias.len().max(1)) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value = (*value + bias).max(0.0);
            }
        }
    });
}

/// Adds the bias and `others` (a residual connection) to each row and applies ReLU, in place.
pub(crate) fn add_relu(rows: &mut [f32], bias: &[f32], others: &[f32]) {
    let columns = bias.len().max(1);
    vectorized(|| {
        for (row, other) in rows
            .chunks_exact_mut(columns)
            .zip(others.chunks_exact(columns))
        {
            for ((value, bias), other) in row.iter_mut().zip(bias).zip(other) {
                *value = (*value + bias + other).max(0.0);
            }
        }
    });
}

/// Softmax of each row, in place.
pub(crate) fn softmax(rows: &mut [f32], columns: usize) {
    for row in rows.chunks_exact_mut(columns.max(1)) {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for value in &mut *row {
            *value = exp((*value - max).max(-80.0));
        }
        let sum: f32 = row.iter().sum();
        for value in row {
            *value /= sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_has_a_small_relative_error() {
        for n in -8000..8000 {
            let x = n as f32 * 0.01;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 3e-7, "e^{x} has a relative error of {error}");
        }
    }

    #[test]
    fn sigmoid_and_tanh_are_accurate_and_saturate() {
        for n in -4000..4000 {
            let x = n as f32 * 0.1;
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(sigmoid(x)) - exact).abs() < 2e-7, "sigmoid({x})");
            let exact = f64::from(x).tanh() * 0.5;
            let found = f64::from(sigmoid_tanh(0.0, x));
            assert!((found - exact).abs() < 2e-7, "tanh({x})");
        }
        assert_eq!(sigmoid(f32::INFINITY), 1.0);
        assert_eq!(sigmoid_tanh(f32::INFINITY, f32::NEG_INFINITY), -1.0);
        assert!(sigmoid(f32::NAN).is_nan());
    }

    #[test]
    fn relu_applies_after_the_bias() {
        let mut rows = [1.0, -2.0, -1.0, 4.0];
        bias_relu(&mut rows, &[0.5, 1.0]);
        assert_eq!(rows, [1.5, 0.0, 0.0, 5.0]);
        add_relu(&mut rows, &[-1.0, 0.0], &[0.0, 2.0, 3.0, -6.0]);
        assert_eq!(rows, [0.5, 2.0, 2.0, 0.0]);
        let mut rows = [1.0, -2.0, -101.0, 4.0];
        bias_leaky_relu(&mut rows, &[1.0, 2.0]);
        assert_eq!(rows, [2.0, 0.0, -1.0, 6.0]);
        leaky_relu(&mut rows);
        assert_eq!(rows, [2.0, 0.0, -0.01, 6.0]);
    }

    #[test]
    fn softmax_handles_large_inputs() {
        let mut rows = [1000.0, 1000.0, -1000.0, 0.0, 0.0, 0.0];
        softmax(&mut rows, 3);
        let third = 1.0 / 3.0;
        assert!(rows[2] < 1e-30);
        rows[2] = 0.0;
        assert_eq!(rows, [0.5, 0.5, 0.0, third, third, third]);
    }
}
