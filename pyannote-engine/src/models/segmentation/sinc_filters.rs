//! SincNet's parametric band-pass filters, each given by a low and a high cutoff frequency.
//!
//! Reimplements `ParamSincFB` of asteroid-filterbanks, which segmentation-3.0 was trained with.

use crate::models::nn::Matrix;
use crate::models::{Weights, WeightsError};

/// Minimum cutoff frequency and minimum bandwidth, in Hz.
const MIN_HZ: f32 = 50.0;
/// Maximum cutoff frequency, in Hz: half the sample rate.
const NYQUIST_HZ: f32 = 8000.0;

/// Loads the filters as a matrix with `2 * half_taps + 1` rows (taps) and `2 * bands` columns (filters).
///
/// Each band has an even (cosine) and an odd (sine) filter: first all even filters, then all odd ones. They are computed
/// from their parameters, or those of the tensor `{name}.filters`, which has one filter per row.
pub(super) fn load(
    weights: &Weights<'_>,
    name: &str,
    bands: usize,
    half_taps: usize,
) -> Result<Matrix, WeightsError> {
    let (taps, count) = (2 * half_taps + 1, 2 * bands);
    let computed = format!("{name}.filters");
    if weights.contains(&computed) {
        let filters = weights.tensor(&computed, &[count, 1, taps])?;
        return Ok(Matrix::transposed(&filters, count, taps));
    }
    let lows = weights.tensor(&format!("{name}.low_hz_"), &[bands, 1])?;
    let widths = weights.tensor(&format!("{name}.band_hz_"), &[bands, 1])?;
    let window = weights.tensor(&format!("{name}.window_"), &[half_taps])?;
    // Times of the taps before the center tap, in seconds, times 2 pi.
    let times = weights.tensor(&format!("{name}.n_"), &[1, half_taps])?;

    let mut filters = Vec::with_capacity(2 * bands);
    for odd in [false, true] {
        for (low, width) in lows.iter().zip(&widths) {
            let low_hz = MIN_HZ + low.abs();
            let high_hz = (low_hz + MIN_HZ + width.abs()).clamp(MIN_HZ, NYQUIST_HZ);
            filters.push(filter(low_hz, high_hz, odd, &times, &window));
        }
    }
    Ok(Matrix::from_fn(taps, count, |tap, filter| {
        filters[filter][tap]
    }))
}

/// The taps of one filter: the difference of two windowed low-pass filters, with a passband gain of about 1.
fn filter(low_hz: f32, high_hz: f32, odd: bool, times: &[f32], window: &[f32]) -> Vec<f32> {
    let gain = 2.0 * (high_hz - low_hz);
    let mut taps: Vec<f32> = times
        .iter()
        .zip(window)
        .map(|(time, window)| {
            let (from, to) = (low_hz * time, high_hz * time);
            let wave = match odd {
                false => to.sin() - from.sin(),
                true => from.cos() - to.cos(),
            };
            wave / (time / 2.0) * window / gain
        })
        .collect();
    let sign = if odd { -1.0 } else { 1.0 };
    let after: Vec<f32> = taps.iter().rev().map(|tap| sign * tap).collect();
    taps.push(if odd { 0.0 } else { 1.0 });
    taps.extend(after);
    taps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::nn::{Rows, RowsMut, product};
    use crate::models::reference::{assert_close, layers};

    #[test]
    fn matches_asteroid_filterbanks() {
        let filters = load(&layers(), "filters", 4, 10).unwrap();
        // The response to an impulse at each position gives the taps.
        let impulses: Vec<f32> = (0..21 * 21)
            .map(|n| f32::from(u8::from(n % 22 == 0)))
            .collect();
        let mut taps = vec![0.0; 21 * 8];
        product(
            RowsMut::new(&mut taps, 8),
            Rows::dense(&impulses, 21),
            &filters,
        );
        assert_close(&taps, &layers().tensor("filters.out", &[21, 8]).unwrap());
    }
}
