//! The band-pass filters that hear the waveform: each is given by the two frequencies between which it lets through.

use crate::nn::Matrix;
use crate::{Weights, WeightsError};

/// The lowest frequency of a band, and the narrowest band, in Hz.
const MINIMUM: f32 = 50.0;
/// Half the sample rate, in Hz: the highest frequency of a band.
const NYQUIST: f32 = 8000.0;

/// The filters of this name, a column for each: first the even ones of all bands, then the odd ones.
///
/// There are two for each of the `bands`, of `2 * half + 1` taps.
pub(super) fn load(
    weights: &Weights<'_>,
    name: &str,
    bands: usize,
    half: usize,
) -> Result<Matrix, WeightsError> {
    let lows = weights.tensor(&format!("{name}.low_hz_"), &[bands, 1])?;
    let widths = weights.tensor(&format!("{name}.band_hz_"), &[bands, 1])?;
    let window = weights.tensor(&format!("{name}.window_"), &[half])?;
    // The times of the taps before the middle one, in seconds times 2 pi.
    let times = weights.tensor(&format!("{name}.n_"), &[1, half])?;

    let mut filters = Vec::with_capacity(2 * bands);
    for odd in [false, true] {
        for (low, width) in lows.iter().zip(&widths) {
            let low = MINIMUM + low.abs();
            let high = (low + MINIMUM + width.abs()).clamp(MINIMUM, NYQUIST);
            filters.push(filter(low, high, odd, &times, &window));
        }
    }
    Ok(Matrix::from_fn(2 * half + 1, 2 * bands, |tap, filter| {
        filters
            .get(filter)
            .and_then(|filter| filter.get(tap))
            .copied()
            .unwrap_or_default()
    }))
}

/// One filter: the difference of two low-pass filters, under a window, with a gain of about 1.
fn filter(low: f32, high: f32, odd: bool, times: &[f32], window: &[f32]) -> Vec<f32> {
    let gain = 2.0 * (high - low);
    let mut taps: Vec<f32> = times
        .iter()
        .zip(window)
        .map(|(time, window)| {
            let (from, to) = (low * time, high * time);
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
    use crate::nn::{Rows, RowsMut, product};
    use crate::reference::{assert_close, layers};

    #[test]
    fn filters_are_those_of_the_original() {
        let filters = load(&layers(), "filters", 4, 10).unwrap();
        // What the filters make of a pulse, wherever it is, are their taps.
        let pulses: Vec<f32> = (0..21 * 21)
            .map(|n| f32::from(u8::from(n % 22 == 0)))
            .collect();
        let mut taps = vec![0.0; 21 * 8];
        product(
            RowsMut::new(&mut taps, 8),
            Rows::dense(&pulses, 21),
            &filters,
        );
        assert_close(&taps, &layers().tensor("filters.out", &[21, 8]).unwrap());
    }
}
