//! Reads packets and decodes them.

use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatId, Track, well_known as formats};
use symphonia::core::packet::Packet;
use symphonia::core::units::Duration;

use super::duration::seconds;
use super::{Decoder, EXTRA_PACKETS};
use crate::audio::chunks::is_failure_to_read;
use crate::audio::demux::CONTINUES;
use crate::audio::time_axis::TimeAxis;
use crate::audio::{AudioError, levels, tracks};

/// Maximum duration, in seconds, of the silence that replaces a damaged packet.
const MAX_CONCEALED_S: f64 = 1.0;
/// Formats whose packets have true timestamps.
const TIMED: [FormatId; 4] = [
    formats::FORMAT_ID_FLAC,
    formats::FORMAT_ID_ISOMP4,
    formats::FORMAT_ID_MKV,
    formats::FORMAT_ID_OGG,
];
/// Formats whose demuxers report an unexpected end of the file only if the end is missing.
const ENDS_ARE_KNOWN: [FormatId; 4] = [
    formats::FORMAT_ID_ADTS,
    formats::FORMAT_ID_CAF,
    formats::FORMAT_ID_ISOMP4,
    formats::FORMAT_ID_MKV,
];
/// Maximum number of consecutive stream resets without a packet.
const MAX_RESETS: u32 = 16;

/// The outcome of reading a packet.
pub(super) enum Step {
    /// There may be more packets.
    Continue,
    /// The end of the stream, or of a truncated file.
    End,
}

impl Decoder {
    /// Appends samples of the last packet to the block, or reads the next one.
    pub(super) fn step(&mut self) -> Result<Step, AudioError> {
        if let Some(placement) = self.placements.pop_front() {
            self.append(placement)?;
            return Ok(Step::Continue);
        }
        let packet = match self.format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(Step::End),
            // The end of a truncated file: `finish` checks how much is missing.
            Err(Error::IoError(error)) if !is_failure_to_read(&error) => {
                self.is_truncated |= ENDS_ARE_KNOWN.contains(&self.format.format_info().format);
                return Ok(Step::End);
            }
            Err(Error::IoError(error)) => return Err(AudioError::Io(error)),
            Err(Error::ResetRequired) => return self.reset(),
            // Nothing more can be read: `finish` checks how much is missing if the duration is known.
            Err(_) if self.expected_s.is_some() => return Ok(Step::End),
            Err(_) => {
                return Err(AudioError::Corrupted {
                    at: self.decoded_s(),
                });
            }
        };
        self.packets += 1;
        self.resets = 0;
        if self.packets > self.bytes.saturating_add(EXTRA_PACKETS) {
            return Err(AudioError::Corrupted {
                at: self.decoded_s(),
            });
        }
        if self.axis.is_none()
            && let Some(time_s) = self.time_s(&packet)
        {
            self.start_s = self.start_s.min(time_s);
        }
        if packet.track_id != self.track {
            return Ok(Step::Continue);
        }
        if let Some(time_base) = self.time_base {
            self.packet_s = self.packet_s.max(seconds(packet.dur.get(), time_base));
        }
        let Some(mpeg) = &mut self.mpeg else {
            self.decode(packet)?;
            return Ok(Step::Continue);
        };
        for packet in mpeg.push(packet) {
            self.decode(packet)?;
        }
        Ok(Step::Continue)
    }

    /// Start of the decoded samples of a packet, in seconds, unless it continues the previous one.
    fn time_s(&self, packet: &Packet) -> Option<f64> {
        if packet.pts == CONTINUES {
            return None;
        }
        let track = |track: &&Track| track.id == packet.track_id;
        let track = self.format.tracks().iter().find(track);
        let Some(time_base) = track.and_then(|track| track.time_base) else {
            return Some(0.0);
        };
        let start =
            seconds(packet.pts.get().unsigned_abs(), time_base).copysign(packet.pts.get() as f64);
        Some(start + seconds(packet.trim_start.get(), time_base))
    }

    /// Decodes a packet and places its samples on the time axis.
    pub(super) fn decode(&mut self, mut packet: Packet) -> Result<(), AudioError> {
        self.lanes.clear_packet();
        let time_s = self.time_s(&packet);
        // Not all decoders trim.
        let trim_start = std::mem::replace(&mut packet.trim_start, Duration::ZERO);
        let trim_end = std::mem::replace(&mut packet.trim_end, Duration::ZERO);
        if let Some(mpeg) = &mut self.mpeg {
            let (format, number) = (self.format.as_ref(), self.options.track);
            mpeg.follow(&packet, &mut self.decoder, || {
                tracks::select(format, number, None)
                    .ok()
                    .map(|(_, decoder)| decoder)
            });
        }
        let decoded = match packet.data.is_empty() {
            // Demuxers mark damage this way, and some decoders accept it.
            true => Err(Error::DecodeError("empty packet")),
            false => self.decoder.decode(&packet),
        };
        match decoded {
            Ok(buffer) => {
                let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
                buffer.copy_to_vec_interleaved(&mut self.interleaved);
                if let Some(time_base) = self.time_base {
                    let samples = |trim: Duration| {
                        let frames = seconds(trim.get(), time_base) * f64::from(rate);
                        (frames.round() as usize).saturating_mul(channels)
                    };
                    trim(
                        &mut self.interleaved,
                        samples(trim_start),
                        samples(trim_end),
                    );
                }
                levels::silence_invalid(&mut self.interleaved);
                levels::scale(&mut self.interleaved, self.gain);
                self.lanes.set_packet(&self.interleaved, channels, rate)?;
                if self.lanes.packet_len() == 0 {
                    return Ok(());
                }
                self.last_frames = self.lanes.packet_len();
            }
            // If the decoder cannot recover, the following packets fail and are counted, too.
            Err(error) => {
                self.damaged += 1;
                if matches!(error, Error::ResetRequired) {
                    self.decoder.reset();
                }
                let frames = self.concealed_samples(&packet);
                self.lanes.resize_packet(frames);
            }
        }
        let Some(rate) = self.lanes.rate() else {
            return Ok(());
        };
        let format = self.format.format_info().format;
        if !TIMED.contains(&format) {
            self.lanes.append(0..self.lanes.packet_len())?;
            return self.check_length(0.0);
        }
        if self.lanes.packet_len() == 0 {
            return Ok(());
        }
        self.drop_padding(&packet, rate);
        let is_matroska = format == formats::FORMAT_ID_MKV;
        let frames = self.lanes.packet_len();
        let mut axis = match self.axis.take() {
            Some(axis) => axis,
            // Damage before the first packet with a time: nothing says when it starts.
            None if self.start_s.is_infinite() => return Ok(()),
            None => {
                let edits = self.stream_edits();
                if let (true, [edit]) = (is_matroska, &*edits) {
                    // The duration of Matroska is that from 0, even if the first packet is later.
                    self.expected_s = self.expected_s.map(|seconds| seconds - edit.media_s);
                }
                TimeAxis::new(edits, self.base_s, self.expected_s)
            }
        };
        self.placements.extend(axis.place(time_s, frames, rate));
        self.axis = Some(axis);
        Ok(())
    }

    /// Number of samples that a packet would have had, at the sample rate of the file.
    ///
    /// If the packet has no duration, it is that of the last one.
    fn concealed_samples(&self, packet: &Packet) -> usize {
        let (Some(rate), Some(time_base)) = (self.lanes.rate(), self.time_base) else {
            return 0;
        };
        if packet.dur.get() == 0 {
            return self.last_frames;
        }
        let seconds = seconds(packet.dur.get(), time_base).min(MAX_CONCEALED_S);
        (seconds * f64::from(rate)).round() as usize
    }

    /// Starts the next of several chained streams, each of which has its own headers.
    fn reset(&mut self) -> Result<Step, AudioError> {
        self.resets += 1;
        if self.resets > MAX_RESETS {
            return Err(AudioError::Corrupted {
                at: self.decoded_s(),
            });
        }
        let (track, decoder) = tracks::select(self.format.as_ref(), self.options.track, None)?;
        self.track = track.id;
        self.time_base = track.time_base;
        self.decoder = decoder;
        // The duration was that of the first stream alone.
        self.expected_s = None;
        self.start_s = f64::INFINITY;
        if let Some(axis) = self.axis.take() {
            self.base_s = axis.end_s();
            self.gaps_s += axis.gaps_s();
        }
        Ok(Step::Continue)
    }
}

/// Removes samples from the start and from the end.
fn trim(samples: &mut Vec<f32>, start: usize, end: usize) {
    samples.truncate(samples.len().saturating_sub(end));
    samples.drain(..start.min(samples.len()));
}
