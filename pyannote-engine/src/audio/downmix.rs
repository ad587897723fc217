//! Downmixing to one channel.

/// Time constant of the energies that are compared, in seconds.
const SMOOTHING_S: f64 = 0.1;
/// Channels are in opposite phase if the energy of their mean is below this fraction of that of independent channels.
const MAX_CANCELED_ENERGY: f64 = 0.1;
/// Minimum fraction of a recording in opposite phase that is reported.
const MIN_REPORTED_FRACTION: f64 = 0.1;

/// Downmixes to the mean of the channels, or to the loudest channel while the others cancel it.
#[derive(Debug, Default)]
pub(super) struct Downmix {
    /// Smoothed energy of each channel.
    energies: Vec<f64>,
    /// Smoothed energy of the mean.
    mean: f64,
    /// The channel that is used instead of the mean.
    single: Option<usize>,
    /// Number of frames, and of those with one channel instead of the mean. Silence does not count.
    frames: u64,
    opposite: u64,
}

impl Downmix {
    /// Appends the frames of `interleaved` as one channel to `mono`. All channels have the same weight.
    pub(super) fn push(
        &mut self,
        interleaved: &[f32],
        channels: usize,
        rate: u32,
        mono: &mut Vec<f32>,
    ) {
        match channels {
            0 => {}
            1 => mono.extend_from_slice(interleaved),
            _ => {
                self.measure(interleaved, channels, rate);
                let frames = interleaved.chunks_exact(channels);
                match self.single {
                    Some(channel) => mono.extend(frames.filter_map(|frame| frame.get(channel))),
                    None => mono.extend(frames.map(mean)),
                }
            }
        }
    }

    /// Whether the channels cancel each other in a considerable part of the recording.
    pub(super) fn is_opposite(&self) -> bool {
        self.opposite as f64 > self.frames as f64 * MIN_REPORTED_FRACTION
    }

    /// Updates the energies, and chooses what to use.
    fn measure(&mut self, interleaved: &[f32], channels: usize, rate: u32) {
        if self.energies.len() != channels {
            *self = Self {
                energies: vec![0.0; channels],
                frames: self.frames,
                opposite: self.opposite,
                ..Self::default()
            };
        }
        let frames = interleaved.len() / channels;
        let keep = (-(frames as f64) / (f64::from(rate.max(1)) * SMOOTHING_S)).exp();
        for energy in self.energies.iter_mut().chain([&mut self.mean]) {
            *energy *= keep;
        }
        let mut silent = true;
        for frame in interleaved.chunks_exact(channels) {
            for (energy, sample) in self.energies.iter_mut().zip(frame) {
                *energy += f64::from(*sample).powi(2);
                silent &= *sample == 0.0;
            }
            self.mean += f64::from(mean(frame)).powi(2);
        }
        if silent {
            return;
        }
        // The mean of independent channels has this energy.
        let independent = self.energies.iter().sum::<f64>() / (channels as f64 * channels as f64);
        self.single = match self.mean < independent * MAX_CANCELED_ENERGY {
            true => self.single.or_else(|| loudest(&self.energies)),
            false => None,
        };
        self.frames += frames as u64;
        if self.single.is_some() {
            self.opposite += frames as u64;
        }
    }
}

/// The mean of the samples of a frame.
fn mean(frame: &[f32]) -> f32 {
    frame.iter().sum::<f32>() / frame.len() as f32
}

/// The index of the greatest energy, the first if several are equal.
fn loudest(energies: &[f64]) -> Option<usize> {
    let louder = |best: usize, index: usize| match energies.get(index) > energies.get(best) {
        true => index,
        false => best,
    };
    (0..energies.len()).reduce(louder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn downmixed(interleaved: &[f32], channels: usize) -> (Vec<f32>, bool) {
        let (mut mono, mut downmix) = (Vec::new(), Downmix::default());
        downmix.push(interleaved, channels, 16_000, &mut mono);
        (mono, downmix.is_opposite())
    }

    #[test]
    fn channels_have_equal_weight() {
        for (interleaved, channels, expected) in [
            (&[0.5, 0.0, -0.5, -0.25][..], 2, &[0.25, -0.375][..]),
            (&[0.3, 0.0, 0.0, 0.0, 0.0, 0.3], 6, &[0.1]),
            (&[0.5, -0.25], 2, &[0.125]),
            (&[0.0, 0.0], 2, &[0.0]),
            (&[0.5], 0, &[]),
        ] {
            assert_eq!(downmixed(interleaved, channels), (expected.to_vec(), false));
        }
    }

    #[test]
    fn one_of_the_channels_in_opposite_phase_is_used() {
        for (interleaved, channels, expected) in [
            (&[0.5, -0.5, -0.2, 0.2][..], 2, &[0.5, -0.2][..]),
            (&[0.4, -0.5, -0.4, 0.5], 2, &[-0.5, 0.5]),
            (&[0.3, -0.3, 0.3, -0.3], 4, &[0.3]),
        ] {
            assert_eq!(downmixed(interleaved, channels), (expected.to_vec(), true));
        }
    }

    #[test]
    fn the_choice_follows_the_recording() {
        let (mut mono, mut downmix) = (Vec::new(), Downmix::default());
        for block in 0..30 {
            let sign = if block < 15 { 1.0 } else { -1.0 };
            downmix.push(&[0.5, 0.5 * sign].repeat(1_600), 2, 16_000, &mut mono);
        }
        let canceled = mono.iter().filter(|sample| **sample == 0.0).count();
        assert!(canceled <= 4 * 1_600, "{canceled}");
        assert!(downmix.is_opposite());
        downmix.push(&[0.0; 3_200], 2, 16_000, &mut mono);
        assert_eq!(downmix.frames, 48_000);
    }
}
