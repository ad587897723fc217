//! Demuxer of samples without packets: PCM, or blocks of ADPCM.

use std::io::Read;
use std::num::NonZero;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, well_known as id};
use symphonia::core::errors::Result;
use symphonia::core::formats::well_known::FORMAT_ID_WAVE;
use symphonia::core::formats::{FormatReader, MediaInfo, Track};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase, Timestamp};

use super::AudioError;
use super::chunks::is_placeholder;
use super::demux::{Demux, Demuxer, Stream};

/// Maximum number of channels.
const MAX_CHANNELS: u32 = 64;
/// Approximate number of frames of a packet.
const PACKET_FRAMES: u64 = 1152;

/// The format of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) codec: AudioCodecId,
    /// Sample rate, in Hz.
    rate: NonZero<u32>,
    channels: u16,
    /// Bytes and frames of the smallest unit: a frame, or a block of ADPCM.
    pub(super) unit_bytes: u64,
    pub(super) unit_frames: u64,
}

impl Layout {
    /// Creates a layout of units of `unit_bytes` bytes with `unit_frames` frames.
    ///
    /// # Errors
    ///
    /// Fails if the number of channels or the sample rate is not supported.
    pub(super) fn new(
        codec: AudioCodecId,
        (unit_bytes, unit_frames): (u64, u64),
        channels: u32,
        rate: u32,
    ) -> std::result::Result<Self, AudioError> {
        if channels == 0 || channels > MAX_CHANNELS || unit_bytes == 0 {
            let name = format!("PCM with {channels} channels");
            return Err(AudioError::UnsupportedCodec(name));
        }
        Ok(Self {
            codec,
            rate: NonZero::new(rate).ok_or(AudioError::UnsupportedRate(0))?,
            channels: u16::try_from(channels).unwrap_or_default(),
            unit_bytes,
            unit_frames,
        })
    }

    /// Creates a layout of PCM.
    ///
    /// # Errors
    ///
    /// Fails if the codec is not PCM, and as [`new`](Self::new).
    pub(super) fn pcm(
        codec: AudioCodecId,
        channels: u32,
        rate: u32,
    ) -> std::result::Result<Self, AudioError> {
        let frame_bytes = sample_bytes(codec).saturating_mul(u64::from(channels));
        Self::new(codec, (frame_bytes, 1), channels, rate)
    }

    /// Creates a layout of the IMA ADPCM of QuickTime: 64 samples of each channel in 34 bytes.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub(super) fn ima4(channels: u32, rate: u32) -> std::result::Result<Self, AudioError> {
        let unit = (34 * u64::from(channels), 64);
        Self::new(id::CODEC_ID_ADPCM_IMA_QT, unit, channels, rate)
    }

    /// Maximum number of units of a packet.
    pub(super) fn units_per_packet(&self) -> u64 {
        (PACKET_FRAMES / self.unit_frames.max(1)).max(1)
    }

    /// The number of frames of `bytes` bytes.
    pub(super) fn frames(&self, bytes: u64) -> u64 {
        (bytes / self.unit_bytes).saturating_mul(self.unit_frames)
    }

    /// The parameters of the decoder.
    pub(super) fn parameters(&self) -> AudioCodecParameters {
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(self.codec)
            .with_sample_rate(self.rate.get())
            .with_channels(Channels::Discrete(self.channels))
            .with_frames_per_block(self.unit_frames)
            .with_max_frames_per_packet(self.units_per_packet() * self.unit_frames);
        parameters
    }
}

/// Bytes of a sample of PCM, or 0 for another codec.
fn sample_bytes(codec: AudioCodecId) -> u64 {
    match codec {
        id::CODEC_ID_PCM_S8
        | id::CODEC_ID_PCM_U8
        | id::CODEC_ID_PCM_ALAW
        | id::CODEC_ID_PCM_MULAW => 1,
        id::CODEC_ID_PCM_S16LE | id::CODEC_ID_PCM_S16BE => 2,
        id::CODEC_ID_PCM_S24LE | id::CODEC_ID_PCM_S24BE => 3,
        id::CODEC_ID_PCM_S32LE
        | id::CODEC_ID_PCM_S32BE
        | id::CODEC_ID_PCM_F32LE
        | id::CODEC_ID_PCM_F32BE => 4,
        id::CODEC_ID_PCM_F64LE | id::CODEC_ID_PCM_F64BE => 8,
        _ => 0,
    }
}

/// Signed integers of `bytes` bytes, from 1 to 4.
pub(super) fn integers(bytes: u32, is_big_endian: bool) -> Option<AudioCodecId> {
    Some(match (bytes, is_big_endian) {
        (1, _) => id::CODEC_ID_PCM_S8,
        (2, false) => id::CODEC_ID_PCM_S16LE,
        (2, true) => id::CODEC_ID_PCM_S16BE,
        (3, false) => id::CODEC_ID_PCM_S24LE,
        (3, true) => id::CODEC_ID_PCM_S24BE,
        (4, false) => id::CODEC_ID_PCM_S32LE,
        (4, true) => id::CODEC_ID_PCM_S32BE,
        _ => return None,
    })
}

/// Floats of 4 or 8 bytes.
pub(super) fn floats(bytes: u32, is_big_endian: bool) -> Option<AudioCodecId> {
    Some(match (bytes, is_big_endian) {
        (4, false) => id::CODEC_ID_PCM_F32LE,
        (4, true) => id::CODEC_ID_PCM_F32BE,
        (8, false) => id::CODEC_ID_PCM_F64LE,
        (8, true) => id::CODEC_ID_PCM_F64BE,
        _ => return None,
    })
}

/// Samples in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Raw {
    pub(super) layout: Layout,
    /// Position of the first sample, in bytes.
    pub(super) start: u64,
    /// Size of the samples that the file has, in bytes, or [`u64::MAX`] if they end with the stream.
    available: u64,
    /// Size of the samples in the header, in bytes, unless it is missing or a placeholder.
    claimed: Option<u64>,
}

impl Raw {
    /// Creates samples from `start` of a file of `bytes` bytes. The header claims that they have `size` bytes.
    pub(super) fn new(layout: Layout, start: u64, size: u64, bytes: u64) -> Self {
        let available = bytes.saturating_sub(start);
        let claimed = (!is_placeholder(size, available)).then_some(size);
        Self {
            layout,
            start,
            available: available.min(claimed.unwrap_or(available)),
            claimed,
        }
    }

    /// Creates samples that end with their stream.
    pub(super) fn unbounded(layout: Layout) -> Self {
        Self {
            layout,
            start: 0,
            available: u64::MAX,
            claimed: None,
        }
    }

    /// Creates a demuxer of a stream that is at the first sample.
    pub(super) fn open(self, stream: Stream) -> Box<dyn FormatReader> {
        let mut track = Track::new(0);
        track
            .with_codec_params(CodecParameters::Audio(self.layout.parameters()))
            .with_time_base(TimeBase::from_recip(self.layout.rate));
        let size = self.claimed.unwrap_or(self.available);
        if size != u64::MAX {
            let frames = self.layout.frames(size);
            track
                .with_num_frames(frames)
                .with_duration(Duration::from(frames));
        }
        let media = MediaInfo::from_track(&track);
        let reader = RawReader {
            tracks: [track],
            layout: self.layout,
            bytes_left: self.available,
            next: 0,
        };
        Box::new(Demuxer::new(FORMAT_ID_WAVE, media, stream, reader))
    }
}

/// Reads packets of the only track.
struct RawReader {
    tracks: [Track; 1],
    layout: Layout,
    bytes_left: u64,
    /// Timestamp of the next packet, in frames.
    next: u64,
}

impl Demux for RawReader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self, stream: &mut Stream) -> Result<Option<Packet>> {
        let Layout {
            unit_bytes,
            unit_frames,
            ..
        } = self.layout;
        let most = self.layout.units_per_packet() * unit_bytes;
        let mut data = Vec::new();
        stream
            .take(self.bytes_left.min(most))
            .read_to_end(&mut data)?;
        let read = data.len() as u64;
        self.bytes_left -= read;
        // The end of the last block of ADPCM may be missing. A part of a frame of PCM is nothing.
        let frames = match unit_frames {
            1 => read / unit_bytes,
            _ => read * unit_frames / unit_bytes,
        };
        if frames == 0 {
            return Ok(None);
        }
        let units = frames.div_ceil(unit_frames.max(1));
        data.resize(usize::try_from(units * unit_bytes).unwrap_or_default(), 0);
        let decoded = units * unit_frames;
        let start = Timestamp::from(i64::try_from(self.next).unwrap_or(i64::MAX));
        self.next = self.next.saturating_add(frames);
        let mut packet = Packet::new(0, start, Duration::from(decoded), data);
        packet.trim_end = Duration::from(decoded - frames);
        Ok(Some(packet))
    }
}
