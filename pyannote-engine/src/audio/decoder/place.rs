//! Places the samples of packets on the time axis.

use symphonia::core::formats::well_known as formats;
use symphonia::core::packet::Packet;

use super::Decoder;
use super::duration::seconds;
use crate::audio::time_axis::{Edit, Placement};
use crate::audio::{AudioError, opus};

impl Decoder {
    /// Drops the padding at the end of the last packet of MP4: the packet has a shorter duration than its samples.
    pub(super) fn drop_padding(&mut self, packet: &Packet, rate: u32) {
        let is_mp4 = self.format.format_info().format == formats::FORMAT_ID_ISOMP4;
        let Some(time_base) = self.time_base.filter(|_| is_mp4 && packet.dur.get() > 0) else {
            return;
        };
        // The duration of other packets may be rounded.
        let tolerance = seconds(2, time_base) * f64::from(rate);
        let frames = seconds(packet.dur.get(), time_base) * f64::from(rate);
        if (self.lanes.packet_len() as f64) > frames + tolerance {
            self.lanes.resize_packet(frames.round() as usize);
        }
    }

    /// The edits of the current stream.
    pub(super) fn stream_edits(&self) -> Vec<Edit> {
        if !self.edits.is_empty() {
            return self.edits.clone();
        }
        let format = self.format.format_info().format;
        let skipped = opus::pre_skip(self.decoder.codec_params()).unwrap_or_default();
        let skipped_s = f64::from(skipped) / f64::from(opus::RATE_HZ);
        vec![Edit {
            media_s: match format {
                // Presentation starts at 0, whatever the first packet is.
                formats::FORMAT_ID_ISOMP4 => skipped_s,
                // The demuxer subtracts the delay of the codec already.
                formats::FORMAT_ID_MKV => self.start_s.max(0.0),
                _ => self.start_s + skipped_s,
            },
            duration_s: f64::INFINITY,
            at_s: 0.0,
        }]
    }

    /// Appends silence or samples of the last packet to the block: at most a second of silence, so that memory is limited.
    pub(super) fn append(&mut self, mut placement: Placement) -> Result<(), AudioError> {
        let Some(rate) = self.lanes.rate() else {
            return Ok(());
        };
        if placement.silence > 0 {
            // Now, and not after hours of silence: the timestamp may be damaged.
            self.check_length(placement.silence as f64 / f64::from(rate))?;
            let frames = placement.silence.min(u64::from(rate));
            self.lanes.append_silence(frames as usize)?;
            placement.silence -= frames;
            self.placements.push_front(placement);
        } else {
            self.lanes.append(placement.frames)?;
        }
        self.check_length(0.0)
    }
}
