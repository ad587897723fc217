//! Layer normalization: of the channels of each frame.

use super::vectorized;

/// Added to variances, as in PyTorch's default.
const EPSILON: f32 = 1e-5;
/// Values that are summed up at once.
const LANES: usize = 16;

/// Layer normalization with an affine transform: a scale and a shift per channel.
#[derive(Clone, Debug)]
pub(crate) struct LayerNorm {
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
}

impl LayerNorm {
    /// Writes the normalized rows to `out`.
    pub(crate) fn apply(&self, rows: &[f32], out: &mut [f32]) {
        let columns = self.scale.len().max(1);
        vectorized(|| {
            for (row, out) in rows
                .chunks_exact(columns)
                .zip(out.chunks_exact_mut(columns))
            {
                self.normalize(row, out);
            }
        });
    }

    #[inline(always)]
    fn normalize(&self, row: &[f32], out: &mut [f32]) {
        let mean = sum(row, |value| value) / row.len() as f32;
        let variance = sum(row, |value| (value - mean) * (value - mean)) / row.len() as f32;
        let factor = 1.0 / (variance + EPSILON).sqrt();
        let affine = self.scale.iter().zip(&self.shift);
        for ((out, value), (scale, shift)) in out.iter_mut().zip(row).zip(affine) {
            *out = (value - mean) * factor * scale + shift;
        }
    }
}

#[inline(always)]
fn sum(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += term(*value);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().copied().map(term).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_normalized_and_transformed() {
        let columns = 35;
        let norm = LayerNorm {
            scale: (0..columns).map(|n| n as f32).collect(),
            shift: vec![1.0; columns],
        };
        let rows: Vec<f32> = (0..2 * columns).map(|n| ((n * n) % 13) as f32).collect();
        let mut out = vec![0.0; rows.len()];
        norm.apply(&rows, &mut out);
        for (row, out) in rows.chunks(columns).zip(out.chunks(columns)) {
            let mean = row.iter().sum::<f32>() / columns as f32;
            let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / columns as f32;
            for (n, (value, found)) in row.iter().zip(out).enumerate() {
                let expected = n as f32 * (value - mean) / (variance + 1e-5).sqrt() + 1.0;
                assert!(
                    (found - expected).abs() < 1e-4,
                    "{found}, expected {expected}"
                );
            }
        }
        norm.apply(&[0.5; 35], &mut out);
        assert!(out[..columns].iter().all(|value| *value == 1.0));
    }
}
