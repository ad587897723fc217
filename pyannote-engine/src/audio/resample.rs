//! Resampling to 16 kHz.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

use super::AudioError;
use crate::SAMPLE_RATE;

/// Supported sample rates, in Hz. Any other rate is a damaged header, whose filter might take gigabytes.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=384_000;
/// Approximate number of frames that are resampled at once, and the length of the anti-aliasing filter.
const CHUNK_FRAMES: usize = 1024;

/// Streaming resampler of one channel to 16 kHz.
///
/// The output has exactly the duration of the input, and no delay: the delay of the filter is removed at the start and
/// flushed at the end. For audio that does not come from a file, such as from a microphone.
///
/// ```
/// use pyannote_engine::audio::Resampler;
///
/// let mut resampler = Resampler::new(48_000)?;
/// let mut samples = Vec::new();
/// resampler.push(&[0.0; 48_000], &mut samples)?;
/// resampler.finish(&mut samples)?;
/// assert_eq!(samples.len(), 16_000);
/// # Ok::<(), pyannote_engine::audio::AudioError>(())
/// ```
pub struct Resampler {
    /// Sample rate of the input, in Hz.
    rate: u32,
    /// `None` if the input is at 16 kHz already.
    fft: Option<Fft<f32>>,
    /// Input that does not fill a chunk yet.
    pending: Vec<f32>,
    /// Output of one chunk.
    chunk: Vec<f32>,
    /// Number of input samples.
    consumed: u64,
    /// Number of output samples.
    produced: u64,
    /// Remaining delay to be removed, in output samples.
    delay: usize,
    /// Whether the last chunk was silent: nothing of it remains in the filter.
    is_silent: bool,
}

impl Resampler {
    /// Creates a resampler from `rate`, in Hz.
    ///
    /// # Errors
    ///
    /// [`AudioError::UnsupportedRate`] if the rate is out of range.
    pub fn new(rate: u32) -> Result<Self, AudioError> {
        if !RATES_HZ.contains(&rate) {
            return Err(AudioError::UnsupportedRate(rate));
        }
        let fft = match rate == SAMPLE_RATE {
            true => None,
            false => Some(
                Fft::new_custom(
                    rate as usize,
                    SAMPLE_RATE as usize,
                    chunk(rate),
                    1,
                    1,
                    rubato::WindowFunction::BlackmanHarris2,
                    FixedSync::Both,
                )
                .map_err(|_| AudioError::UnsupportedRate(rate))?,
            ),
        };
        let (delay, longest) = match &fft {
            Some(fft) => (fft.output_delay(), fft.output_frames_max()),
            None => (0, 0),
        };
        Ok(Self {
            rate,
            fft,
            pending: Vec::new(),
            chunk: vec![0.0; longest],
            consumed: 0,
            produced: 0,
            delay,
            is_silent: true,
        })
    }

    /// Resamples `samples`, and appends the output to `out`.
    ///
    /// # Errors
    ///
    /// [`AudioError::DecoderFailed`] if the resampler fails.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) -> Result<(), AudioError> {
        self.consumed += samples.len() as u64;
        let Some(needed) = self.fft.as_ref().map(Fft::input_frames_next) else {
            out.extend_from_slice(samples);
            self.produced += samples.len() as u64;
            return Ok(());
        };
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(samples);
        let mut chunks = pending.chunks_exact(needed);
        for chunk in &mut chunks {
            self.process(chunk, None, out)?;
        }
        let rest = chunks.remainder().len();
        pending.drain(..pending.len() - rest);
        self.pending = pending;
        Ok(())
    }

    /// Appends the remaining output to `out`. Must be the last call.
    ///
    /// # Errors
    ///
    /// [`AudioError::DecoderFailed`] if the resampler fails.
    pub fn finish(&mut self, out: &mut Vec<f32>) -> Result<(), AudioError> {
        let pending = std::mem::take(&mut self.pending);
        if !pending.is_empty() {
            self.process(&pending, Some(pending.len()), out)?;
        }
        // Silence flushes the filter.
        while self.fft.is_some() && self.produced < self.expected_output() {
            self.process(&[], Some(0), out)?;
        }
        Ok(())
    }

    /// Number of output samples for the input so far.
    fn expected_output(&self) -> u64 {
        let (rate, target) = (u64::from(self.rate), u64::from(SAMPLE_RATE));
        (self.consumed.saturating_mul(target) + rate / 2) / rate
    }

    /// Resamples one chunk, of which only the first `partial` frames are valid if that is set.
    fn process(
        &mut self,
        chunk: &[f32],
        partial: Option<usize>,
        out: &mut Vec<f32>,
    ) -> Result<(), AudioError> {
        let expected = self.expected_output();
        let Some(fft) = &mut self.fft else {
            return Ok(());
        };
        let is_silent = chunk.iter().all(|sample| *sample == 0.0);
        let made = if is_silent && self.is_silent {
            // So is the output: a gap of hours is not worth a transform.
            self.chunk.fill(0.0);
            fft.output_frames_next()
        } else {
            let capacity = self.chunk.len();
            let mut indexing = Indexing::new();
            indexing.partial_len = partial;
            let input = InterleavedSlice::new(chunk, 1, chunk.len());
            let output = InterleavedSlice::new_mut(&mut self.chunk, 1, capacity);
            let (Ok(input), Ok(mut output)) = (input, output) else {
                return Err(AudioError::DecoderFailed);
            };
            let (_, made) = fft
                .process_into_buffer(&input, &mut output, Some(&indexing))
                .map_err(|_| AudioError::DecoderFailed)?;
            made
        };
        self.is_silent = is_silent;

        let skipped = self.delay.min(made);
        self.delay -= skipped;
        // The rest is the silence that filled the last chunk.
        let wanted = usize::try_from(expected - self.produced).unwrap_or(usize::MAX);
        let before = out.len();
        // The filter may overshoot full scale.
        out.extend(
            self.chunk
                .iter()
                .take(made)
                .skip(skipped)
                .take(wanted)
                .map(|sample| sample.clamp(-1.0, 1.0)),
        );
        self.produced += (out.len() - before) as u64;
        Ok(())
    }
}

/// Number of frames at `rate`, in Hz, that are resampled at once: an even multiple of the smallest possible block.
///
/// The delay of the filter is half a chunk. For an odd chunk it would not be an integer.
fn chunk(rate: u32) -> usize {
    let (mut divisor, mut rest) = (rate.max(1), SAMPLE_RATE);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let smallest = (rate / divisor) as usize;
    smallest * CHUNK_FRAMES.div_ceil(smallest.max(1)).next_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resampled(rate: u32, samples: &[f32], piece: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(rate).unwrap();
        let mut out = Vec::new();
        for piece in samples.chunks(piece) {
            resampler.push(piece, &mut out).unwrap();
        }
        resampler.finish(&mut out).unwrap();
        out
    }

    fn sine(rate: u32, frequency: f64, samples: usize) -> Vec<f32> {
        let step = std::f64::consts::TAU * frequency / f64::from(rate);
        (0..samples)
            .map(|n| (0.5 * (step * n as f64).sin()) as f32)
            .collect()
    }

    #[test]
    fn tone_keeps_its_phase() {
        for rate in [
            8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 44_099,
        ] {
            let out = resampled(rate, &sine(rate, 440.0, rate as usize), 999);
            let expected = sine(SAMPLE_RATE, 440.0, 16_000);
            assert_eq!(out.len(), expected.len(), "{rate}");
            // The tone starts and ends abruptly, which the filter smooths.
            let worst = (500..15_500)
                .map(|n| (out[n] - expected[n]).abs())
                .fold(0.0, f32::max);
            assert!(worst < 1e-3, "{rate}: {worst}");
        }
    }

    #[test]
    fn frequencies_above_8_khz_are_removed() {
        for frequency in [8_500.0, 12_000.0, 20_000.0] {
            let out = resampled(48_000, &sine(48_000, frequency, 48_000), 4_096);
            let worst = out[500..15_500].iter().fold(0.0_f32, |a, b| a.max(b.abs()));
            assert!(worst < 1e-4, "{frequency}: {worst}");
        }
    }

    #[test]
    fn length_is_exact_and_independent_of_chunking() {
        for samples in [0, 1, 2, 3, 100, 1_323, 1_324, 44_099, 44_101] {
            let tone = sine(44_100, 440.0, samples);
            let whole = resampled(44_100, &tone, usize::MAX);
            let exact = (samples as f64 * 16_000.0 / 44_100.0).round() as usize;
            assert_eq!(whole.len(), exact);
            assert_eq!(whole, resampled(44_100, &tone, 7));
        }
    }

    #[test]
    fn silence_changes_nothing_around_it() {
        for rate in [8_000, 44_100, 48_000] {
            let second = rate as usize;
            let signal = |silence: f32| {
                let (sound, silence) = (sine(rate, 440.0, second), vec![silence; 2 * second]);
                [&silence, &sound, &silence, &sound, &silence]
                    .map(|part| part.as_slice())
                    .concat()
            };
            // What is not exactly 0 passes through the filter.
            let expected = resampled(rate, &signal(1e-12), 999);
            let out = resampled(rate, &signal(0.0), 999);
            assert_eq!(out.len(), expected.len());
            let worst = out.iter().zip(&expected).map(|(a, b)| (a - b).abs());
            let worst = worst.fold(0.0, f32::max);
            assert!(worst < 1e-6, "{rate}: {worst}");
        }
    }

    #[test]
    fn implausible_rates_are_rejected() {
        for rate in [0, 1, 999, 384_001, u32::MAX] {
            assert!(matches!(
                Resampler::new(rate),
                Err(AudioError::UnsupportedRate(refused)) if refused == rate
            ));
        }
        // A prime: the ratio cannot be reduced.
        assert_eq!(resampled(383_987, &vec![0.0; 383_987], 4_096).len(), 16_000);
    }
}
