//! Any sample rate becomes 16 kHz.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

use super::AudioError;
use crate::SAMPLE_RATE;

/// The sample rates, in Hz, that recordings are expected to have. A rate outside of them is a damaged header, and the
/// filter for it might take gigabytes.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;
/// About how many frames are resampled at once. The anti-aliasing filter is as long: longer is steeper.
const CHUNK: usize = 1024;

/// Brings one channel to 16 kHz, as it comes.
///
/// What comes out is as long as what went in, to the sample, and begins where it began: the delay of the filter is cut
/// off at the start and made up for at the end.
pub(super) struct Resampler {
    /// The sample rate of what goes in, in Hz.
    rate: u32,
    /// None where there is nothing to do.
    fft: Option<Fft<f32>>,
    /// What has come in and makes no chunk yet.
    waiting: Vec<f32>,
    /// Where a chunk's samples come out.
    chunk: Vec<f32>,
    /// How many samples went in.
    taken: u64,
    /// How many came out.
    given: u64,
    /// How many samples of delay are still to be cut off.
    delay: usize,
}

impl Resampler {
    /// From this rate, in Hz.
    ///
    /// # Errors
    ///
    /// [`AudioError::UnsupportedRate`] for a rate that no recording of speech has.
    pub(super) fn new(rate: u32) -> Result<Self, AudioError> {
        if !RATES.contains(&rate) {
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
            waiting: Vec::new(),
            chunk: vec![0.0; longest],
            taken: 0,
            given: 0,
            delay,
        })
    }

    /// The sample rate of what goes in, in Hz.
    pub(super) fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes samples in, and appends to `out` those that come out.
    ///
    /// # Errors
    ///
    /// [`AudioError::DecoderFailed`] if the resampler fails, which it has no reason to.
    pub(super) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) -> Result<(), AudioError> {
        self.taken += samples.len() as u64;
        let Some(needed) = self.fft.as_ref().map(Fft::input_frames_next) else {
            out.extend_from_slice(samples);
            self.given += samples.len() as u64;
            return Ok(());
        };
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend_from_slice(samples);
        let mut chunks = waiting.chunks_exact(needed);
        for chunk in &mut chunks {
            self.process(chunk, None, out)?;
        }
        let rest = chunks.remainder().len();
        waiting.drain(..waiting.len() - rest);
        self.waiting = waiting;
        Ok(())
    }

    /// Appends to `out` what is still on its way. Nothing is to be pushed afterwards.
    ///
    /// # Errors
    ///
    /// [`AudioError::DecoderFailed`] if the resampler fails, which it has no reason to.
    pub(super) fn finish(&mut self, out: &mut Vec<f32>) -> Result<(), AudioError> {
        let waiting = std::mem::take(&mut self.waiting);
        if !waiting.is_empty() {
            self.process(&waiting, Some(waiting.len()), out)?;
        }
        // Silence pushes out what the filter still holds, at most its delay.
        while self.fft.is_some() && self.given < self.owed() {
            self.process(&[], Some(0), out)?;
        }
        Ok(())
    }

    /// How many samples have to come out for those that went in.
    fn owed(&self) -> u64 {
        let (rate, target) = (u64::from(self.rate), u64::from(SAMPLE_RATE));
        (self.taken.saturating_mul(target) + rate / 2) / rate
    }

    /// Resamples one chunk, of which `partial` frames are there, or all of them.
    fn process(
        &mut self,
        chunk: &[f32],
        partial: Option<usize>,
        out: &mut Vec<f32>,
    ) -> Result<(), AudioError> {
        let owed = self.owed();
        let Some(fft) = &mut self.fft else {
            return Ok(());
        };
        let room = self.chunk.len();
        let mut indexing = Indexing::new();
        indexing.partial_len = partial;
        let input = InterleavedSlice::new(chunk, 1, chunk.len());
        let output = InterleavedSlice::new_mut(&mut self.chunk, 1, room);
        let (Ok(input), Ok(mut output)) = (input, output) else {
            return Err(AudioError::DecoderFailed);
        };
        let (_, made) = fft
            .process_into_buffer(&input, &mut output, Some(&indexing))
            .map_err(|_| AudioError::DecoderFailed)?;

        let late = self.delay.min(made);
        self.delay -= late;
        // Beyond what is owed there is only the silence that filled the last chunk.
        let wanted = usize::try_from(owed - self.given).unwrap_or(usize::MAX);
        let before = out.len();
        // A steep filter overshoots: full scale stays full scale.
        out.extend(
            self.chunk
                .iter()
                .take(made)
                .skip(late)
                .take(wanted)
                .map(|sample| sample.clamp(-1.0, 1.0)),
        );
        self.given += (out.len() - before) as u64;
        Ok(())
    }
}

/// How many frames of this rate, in Hz, are resampled at once: an even number of the smallest blocks that can be.
///
/// The filter's middle is at half a chunk. With an odd chunk that would be between two frames, and the delay no whole
/// number of samples.
fn chunk(rate: u32) -> usize {
    let (mut divisor, mut rest) = (rate.max(1), SAMPLE_RATE);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let smallest = (rate / divisor) as usize;
    smallest * CHUNK.div_ceil(smallest.max(1)).next_multiple_of(2)
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
    fn a_tone_stays_where_it_was() {
        for rate in [
            8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 44_099,
        ] {
            let out = resampled(rate, &sine(rate, 440.0, rate as usize), 999);
            let expected = sine(SAMPLE_RATE, 440.0, 16_000);
            assert_eq!(out.len(), expected.len(), "{rate}");
            // The ends are cut off sharply, which no filter can follow.
            let worst = (500..15_500)
                .map(|n| (out[n] - expected[n]).abs())
                .fold(0.0, f32::max);
            assert!(worst < 1e-3, "{rate}: {worst}");
        }
    }

    #[test]
    fn what_16_khz_cannot_hold_is_gone() {
        for frequency in [8_500.0, 12_000.0, 20_000.0] {
            let out = resampled(48_000, &sine(48_000, frequency, 48_000), 4_096);
            let worst = out[500..15_500].iter().fold(0.0_f32, |a, b| a.max(b.abs()));
            assert!(worst < 1e-4, "{frequency}: {worst}");
        }
    }

    #[test]
    fn the_length_is_exact_and_no_matter_of_the_pieces() {
        for samples in [0, 1, 2, 3, 100, 1_323, 1_324, 44_099, 44_101] {
            let tone = sine(44_100, 440.0, samples);
            let whole = resampled(44_100, &tone, usize::MAX);
            let exact = (samples as f64 * 16_000.0 / 44_100.0).round() as usize;
            assert_eq!(whole.len(), exact);
            assert_eq!(whole, resampled(44_100, &tone, 7));
        }
    }

    #[test]
    fn rates_that_no_recording_has_are_refused() {
        for rate in [0, 1, 999, 384_001, u32::MAX] {
            assert!(matches!(
                Resampler::new(rate),
                Err(AudioError::UnsupportedRate(refused)) if refused == rate
            ));
        }
        // A prime: nothing about it can be shortened.
        assert_eq!(resampled(383_987, &vec![0.0; 383_987], 4_096).len(), 16_000);
    }
}
