//! The decoded signal: downmixed, or each channel alone.

use std::ops::Range;

use super::AudioError;
use super::downmix::Downmix;
use super::resample::Resampler;

/// Collects decoded packets, and resamples them to 16 kHz: in one lane if downmixed, or in one lane per channel.
pub(super) struct Lanes {
    /// Set if the channels are downmixed.
    downmix: Option<Downmix>,
    lanes: Vec<Lane>,
    /// Sample rate of the packets, in Hz, once it is known.
    rate: Option<u32>,
}

/// A signal.
#[derive(Default)]
struct Lane {
    /// The samples of the last packet, at the sample rate of the file.
    packet: Vec<f32>,
    /// Set with the rate.
    resampler: Option<Resampler>,
    /// The samples at 16 kHz since the last block was taken.
    block: Vec<f32>,
}

impl Lanes {
    /// Downmixes the channels.
    pub(super) fn downmixed() -> Self {
        Self {
            downmix: Some(Downmix::default()),
            ..Self::separate()
        }
    }

    /// Keeps the channels apart. There are as many lanes as the packet with the most channels has.
    pub(super) fn separate() -> Self {
        Self {
            downmix: None,
            lanes: vec![Lane::default()],
            rate: None,
        }
    }

    /// Sample rate of the packets, in Hz, once it is known. Until then, nothing can be appended.
    pub(super) fn rate(&self) -> Option<u32> {
        self.rate
    }

    /// Number of frames of the last packet.
    pub(super) fn packet_len(&self) -> usize {
        self.lanes.first().map_or(0, |lane| lane.packet.len())
    }

    /// Number of samples at 16 kHz since the last block was taken.
    pub(super) fn block_len(&self) -> usize {
        self.lanes.first().map_or(0, |lane| lane.block.len())
    }

    /// Whether the channels are downmixed, and cancel each other in a considerable part of the recording.
    pub(super) fn is_opposite(&self) -> bool {
        self.downmix.as_ref().is_some_and(Downmix::is_opposite)
    }

    /// Replaces the packet by these frames at `rate`, in Hz.
    pub(super) fn set_packet(
        &mut self,
        interleaved: &[f32],
        channels: usize,
        rate: u32,
    ) -> Result<(), AudioError> {
        self.clear_packet();
        if channels == 0 || interleaved.is_empty() {
            return Ok(());
        }
        let lanes = match self.downmix {
            Some(_) => 1,
            None => channels.max(self.lanes.len()),
        };
        self.prepare(rate, lanes)?;
        if let (Some(downmix), Some(lane)) = (&mut self.downmix, self.lanes.first_mut()) {
            downmix.push(interleaved, channels, rate, &mut lane.packet);
            return Ok(());
        }
        let frames = interleaved.len() / channels;
        for (channel, lane) in self.lanes.iter_mut().enumerate() {
            match channel < channels {
                true => {
                    let samples = interleaved.chunks_exact(channels);
                    lane.packet
                        .extend(samples.filter_map(|frame| frame.get(channel)));
                }
                // The packet has fewer channels than one before.
                false => lane.packet.resize(frames, 0.0),
            }
        }
        Ok(())
    }

    pub(super) fn clear_packet(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.packet.clear());
    }

    /// Changes the number of frames of the packet. New ones are silent.
    pub(super) fn resize_packet(&mut self, frames: usize) {
        let lanes = self.lanes.iter_mut();
        lanes.for_each(|lane| lane.packet.resize(frames, 0.0));
    }

    /// Appends frames of the packet.
    pub(super) fn append(&mut self, frames: Range<usize>) -> Result<(), AudioError> {
        for lane in &mut self.lanes {
            let samples = lane.packet.get(frames.clone()).unwrap_or_default();
            if let Some(resampler) = &mut lane.resampler {
                resampler.push(samples, &mut lane.block)?;
            }
        }
        Ok(())
    }

    /// Appends silent frames.
    pub(super) fn append_silence(&mut self, frames: usize) -> Result<(), AudioError> {
        let silence = vec![0.0; frames];
        for lane in &mut self.lanes {
            if let Some(resampler) = &mut lane.resampler {
                resampler.push(&silence, &mut lane.block)?;
            }
        }
        Ok(())
    }

    /// Flushes the resamplers, at the end.
    pub(super) fn finish(&mut self) -> Result<(), AudioError> {
        for lane in &mut self.lanes {
            if let Some(mut resampler) = lane.resampler.take() {
                resampler.finish(&mut lane.block)?;
            }
        }
        Ok(())
    }

    /// Takes the block of each lane. A lane may be missing in earlier blocks, in which it is silent.
    pub(super) fn take_blocks(&mut self) -> Vec<Vec<f32>> {
        let lanes = self.lanes.iter_mut();
        lanes.map(|lane| std::mem::take(&mut lane.block)).collect()
    }

    /// Prepares resamplers from `rate`, in Hz, for this number of lanes, unless they are ready. Lanes start and end
    /// together, so all are replaced if one is added.
    fn prepare(&mut self, rate: u32, lanes: usize) -> Result<(), AudioError> {
        if self.rate == Some(rate) && self.lanes.len() == lanes {
            return Ok(());
        }
        self.finish()?;
        let silence = vec![0.0; self.block_len()];
        self.lanes.resize_with(lanes, || Lane {
            block: silence.clone(),
            ..Lane::default()
        });
        for lane in &mut self.lanes {
            lane.resampler = Some(Resampler::new(rate)?);
        }
        self.rate = Some(rate);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appended(lanes: &mut Lanes, interleaved: &[f32], channels: usize, rate: u32) {
        lanes.set_packet(interleaved, channels, rate).unwrap();
        lanes.append(0..lanes.packet_len()).unwrap();
    }

    #[test]
    fn channels_that_come_and_go_are_silent_otherwise() {
        let mut lanes = Lanes::separate();
        assert_eq!(lanes.rate(), None);
        appended(&mut lanes, &[0.1, 0.2], 1, 16_000);
        appended(&mut lanes, &[0.3, -0.3, 0.4, -0.4], 2, 16_000);
        lanes.append_silence(1).unwrap();
        appended(&mut lanes, &[0.5], 1, 16_000);
        assert_eq!(lanes.block_len(), 6);
        assert_eq!(
            lanes.take_blocks(),
            [
                [0.1, 0.2, 0.3, 0.4, 0.0, 0.5],
                [0.0, 0.0, -0.3, -0.4, 0.0, 0.0]
            ]
        );
        let mut lanes = Lanes::downmixed();
        appended(&mut lanes, &[0.5, 0.25, 0.5, 0.0], 2, 16_000);
        assert_eq!(lanes.take_blocks(), [[0.375, 0.25]]);
        appended(&mut lanes, &[], 2, 16_000);
        appended(&mut lanes, &[], 0, 16_000);
        assert_eq!(lanes.block_len(), 0);
    }

    #[test]
    fn lanes_have_the_same_length_whenever_they_start() {
        let mut lanes = Lanes::separate();
        for (channels, rate) in [
            (1, 8_000),
            (2, 8_000),
            (2, 44_100),
            (6, 44_100),
            (1, 48_000),
        ] {
            appended(&mut lanes, &vec![0.1; 5_000 * channels], channels, rate);
        }
        lanes.finish().unwrap();
        let lengths: Vec<usize> = lanes.take_blocks().iter().map(Vec::len).collect();
        // Twice 0.625 s, twice 0.1134 s and 0.1042 s.
        assert_eq!(lengths, [lengths[0]; 6]);
        assert!((25_290..25_305).contains(&lengths[0]), "{lengths:?}");
    }
}
