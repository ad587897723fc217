//! What a neuron makes of its sum.

use super::vectorized;

/// The slope of a leaky ReLU below 0.
const LEAK: f32 = 0.01;

/// e to the power of `x`, to 2 in 10 million, for `x` between -80 and 80.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding this rounds to a whole number, which is then in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // The logarithm of 2 in two parts, the first with so few bits that its multiples are exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;

    // e^x = 2^whole * e^rest, with a rest of at most ln(2) / 2.
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = (x - whole * LN_2_HIGH) - whole * LN_2_LOW;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1_f32.to_bits()));
    // The first terms of the series.
    let mut sum = 1.0 / 720.0;
    sum = sum * rest + 1.0 / 120.0;
    sum = sum * rest + 1.0 / 24.0;
    sum = sum * rest + 1.0 / 6.0;
    sum = sum * rest + 0.5;
    sum = sum * rest + 1.0;
    sum = sum * rest + 1.0;
    sum * power
}

/// Beyond, [`sigmoid`] is 0 or 1 for all that matters, and products with it would become slow subnormal numbers.
const FLAT: f32 = 30.0;

/// 1 / (1 + e^-x).
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x.clamp(-FLAT, FLAT)))
}

/// [`sigmoid`] of one number times the hyperbolic tangent of another, with one division for both.
#[inline(always)]
pub(super) fn sigmoid_tanh(x: f32, y: f32) -> f32 {
    let sigmoid = 1.0 + exp(-x.clamp(-FLAT, FLAT));
    let tanh = exp((2.0 * y).clamp(-FLAT, FLAT));
    (tanh - 1.0) / (sigmoid * (tanh + 1.0))
}

#[inline(always)]
fn leaky(x: f32) -> f32 {
    x.max(x * LEAK)
}

/// Leaky ReLU, in place.
pub(crate) fn leaky_relu(values: &mut [f32]) {
    vectorized(|| {
        for value in values {
            *value = leaky(*value);
        }
    });
}

/// Adds a bias to each row, then leaky ReLU, in place.
pub(crate) fn bias_leaky_relu(rows: &mut [f32], bias: &[f32]) {
    vectorized(|| {
        for row in rows.chunks_exact_mut(bias.len().max(1)) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value = leaky(*value + bias);
            }
        }
    });
}

/// Adds a bias to each row, then ReLU, in place.
pub(crate) fn bias_relu(rows: &mut [f32], bias: &[f32]) {
    vectorized(|| {
        for row in rows.chunks_exact_mut(bias.len().max(1)) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value = (*value + bias).max(0.0);
            }
        }
    });
}

/// Adds a bias to each row, and other rows, then ReLU, in place.
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

/// Turns each row into probabilities: e to the power of each element, divided by their sum.
pub(crate) fn softmax(rows: &mut [f32], columns: usize) {
    for row in rows.chunks_exact_mut(columns.max(1)) {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for value in &mut *row {
            *value = exp((*value - most).max(-80.0));
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
    fn the_exponential_is_exact_to_a_few_bits() {
        for n in -8000..8000 {
            let x = n as f32 * 0.01;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 3e-7, "e^{x} is off by {error}");
        }
    }

    #[test]
    fn sigmoid_and_tanh_hold_everywhere() {
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
    fn relus_add_first() {
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
    fn probabilities_sum_to_one_however_large_the_numbers() {
        let mut rows = [1000.0, 1000.0, -1000.0, 0.0, 0.0, 0.0];
        softmax(&mut rows, 3);
        let third = 1.0 / 3.0;
        assert!(rows[2] < 1e-30);
        rows[2] = 0.0;
        assert_eq!(rows, [0.5, 0.5, 0.0, third, third, third]);
    }
}
