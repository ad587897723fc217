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

/// Values that are processed at once: the result does not depend on the instruction set.
const LANES: usize = 16;

/// Softmax of each row, in place.
pub(crate) fn softmax(rows: &mut [f32], columns: usize) {
    vectorized(|| {
        for row in rows.chunks_exact_mut(columns.max(1)) {
            softmax_row(row);
        }
    });
}

#[inline(always)]
fn softmax_row(row: &mut [f32]) {
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    let (chunks, rest) = row.as_chunks_mut::<LANES>();
    let mut maxima = [f32::NEG_INFINITY; LANES];
    for chunk in &*chunks {
        for (max, value) in maxima.iter_mut().zip(chunk) {
            *max = greater(*max, *value);
        }
    }
    let all = maxima.iter().chain(&*rest).copied();
    let max = all.fold(f32::NEG_INFINITY, greater);
    let mut sums = [0.0; LANES];
    for chunk in &mut *chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *value = exp((*value - max).max(-80.0));
            *sum += *value;
        }
    }
    let mut sum = sums.iter().sum::<f32>();
    for value in rest {
        *value = exp((*value - max).max(-80.0));
        sum += *value;
    }
    for value in row {
        *value /= sum;
    }
}

/// `x / 2 * (1 + erf(x / sqrt(2)))`, with an absolute error below 1e-6.
#[inline(always)]
fn gelu_of(x: f32) -> f32 {
    // The rational approximation 7.1.26 of Abramowitz and Stegun, with an error below 1.5e-7.
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let mut sum = 1.061_405_4;
    sum = sum * t - 1.453_152;
    sum = sum * t + 1.421_413_8;
    sum = sum * t - 0.284_496_72;
    sum = sum * t + 0.254_829_6;
    let tail = 0.5 * x.abs() * sum * t * exp((-z * z).max(-80.0));
    x.max(0.0) - tail
}

/// Gaussian error linear unit, in place.
pub(crate) fn gelu(values: &mut [f32]) {
    vectorized(|| {
        for value in values {
            *value = gelu_of(*value);
        }
    });
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
    fn gelu_is_accurate() {
        // x / 2 * (1 + erf(x / sqrt(2))) in double precision.
        let table = [
            (-20.0, 0.0),
            (-3.0, -0.004_049_694),
            (-1.0, -0.158_655_26),
            (-0.1, -0.046_017_22),
            (0.0, 0.0),
            (0.5, 0.345_731_23),
            (1.0, 0.841_344_8),
            (3.0, 2.995_950_2),
            (20.0, 20.0),
        ];
        let mut values: Vec<f32> = table.iter().map(|(x, _)| *x).collect();
        gelu(&mut values);
        for (found, (x, expected)) in values.iter().zip(table) {
            assert!((found - expected).abs() < 1e-6, "gelu({x}) is {found}");
        }
    }

    #[test]
    fn softmax_of_long_rows_sums_to_one() {
        let mut rows: Vec<f32> = (0..2 * 1_503).map(|n| (n % 97) as f32 * 0.1).collect();
        let exact: Vec<f64> = rows.iter().map(|value| f64::from(*value).exp()).collect();
        softmax(&mut rows, 1_503);
        for (row, exact) in rows.chunks(1_503).zip(exact.chunks(1_503)) {
            let sum: f64 = exact.iter().sum();
            for (found, exact) in row.iter().zip(exact) {
                assert!((f64::from(*found) * sum / exact - 1.0).abs() < 1e-5);
            }
        }
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
