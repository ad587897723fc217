//! Tolerant reader of WAV files: RIFF, RF64 and BW64.
//!
//! Pipes, interrupted recorders and telephone systems write wrong sizes, odd chunks and short headers. Only the `fmt `
//! and `data` chunks matter; sizes are trusted as far as the file has the bytes.

use std::io::{Read, Seek, SeekFrom};
use std::num::NonZero;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known as id;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};
use symphonia::core::errors::{Error, Result, SeekErrorKind};
use symphonia::core::formats::{
    FormatInfo, FormatReader, MediaInfo, SeekMode, SeekTo, SeekedTo, Track,
    well_known::FORMAT_ID_WAVE,
};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::{Metadata, MetadataLog};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase, Timestamp};

use super::AudioError;
use super::chunks::{is_placeholder, read_at};

/// Maximum number of channels.
const MAX_CHANNELS: u16 = 64;
/// Approximate number of frames of a packet.
const PACKET_FRAMES: u64 = 1152;
/// Maximum number of bytes of a `fmt ` chunk that are read; the rest is skipped.
const MAX_FMT_BYTES: u64 = 64;
/// Maximum number of bytes that are searched for a chunk if the sizes of the chunks before it are wrong.
const MAX_SEARCH_BYTES: u64 = 1 << 20;
/// Maximum number of chunks before the samples.
const MAX_CHUNKS: usize = 10_000;

const INFO: FormatInfo = FormatInfo {
    format: FORMAT_ID_WAVE,
    short_name: "wave",
    long_name: "Waveform Audio File Format",
};

/// The content of the chunks before the samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) format: Format,
    /// Position of the samples, in bytes.
    pub(super) start: u64,
    /// Size of the samples that the file has, in bytes, or [`u64::MAX`] if they end with the stream.
    available: u64,
    /// Size of the samples in the header, in bytes, unless it is missing or a placeholder.
    claimed: Option<u64>,
}

/// The `fmt ` chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Format {
    tag: u16,
    channels: u16,
    rate: u32,
    block_bytes: u16,
    bits: u16,
}

/// Whether a file that starts with these bytes is a WAV file.
pub(super) fn is_wave(start: &[u8]) -> bool {
    let marker = start.get(..4);
    [b"RIFF", b"RF64", b"BW64"]
        .iter()
        .any(|known| marker == Some(&known[..]))
        && start.get(8..12) == Some(b"WAVE")
}

impl Format {
    /// Parses the body of a `fmt ` chunk, which may be shorter or longer than the format requires.
    fn parse(body: &[u8]) -> Option<Self> {
        let u16_at = |at: usize| Some(u16::from_le_bytes(body.get(at..at + 2)?.try_into().ok()?));
        let rate = u32::from_le_bytes(body.get(4..8)?.try_into().ok()?);
        let mut tag = u16_at(0)?;
        let bits = u16_at(14).unwrap_or_default();
        if tag == 0xfffe {
            // The extension starts with the format tag of the samples; PCM if it is missing.
            tag = u16_at(24).unwrap_or(1);
        }
        Some(Self {
            tag,
            channels: u16_at(2)?,
            rate,
            block_bytes: u16_at(12).unwrap_or_default(),
            bits,
        })
    }

    /// Bits of a sample: from the size of a frame if the field is missing.
    fn bits(&self) -> u16 {
        match self.bits {
            0 => (self.block_bytes / self.channels.max(1)).saturating_mul(8),
            bits => bits,
        }
    }

    /// Whether the samples are an MPEG stream that has its own headers.
    pub(super) fn is_mpeg(&self) -> bool {
        matches!(self.tag, 0x50 | 0x55)
    }

    /// The codec, with the bytes and the frames of its smallest unit.
    fn codec(&self) -> std::result::Result<(AudioCodecId, u64, u64), AudioError> {
        let channels = u64::from(self.channels);
        let unsupported = |name: String| Err(AudioError::UnsupportedCodec(name));
        if self.channels == 0 || self.channels > MAX_CHANNELS {
            return unsupported(format!("WAV with {channels} channels"));
        }
        let samples = |codec, bytes: u64| Ok((codec, bytes * channels, 1));
        // A block of ADPCM has a header for each channel, and samples of 4 bits.
        let blocks = |codec, header: u64, first: u64| {
            let body = u64::from(self.block_bytes).checked_sub(header * channels);
            match body {
                Some(body) => Ok((
                    codec,
                    u64::from(self.block_bytes),
                    body * 2 / channels + first,
                )),
                None => unsupported("ADPCM with an invalid block size".to_owned()),
            }
        };
        match (self.tag, self.bits()) {
            (1, 1..=8) => samples(id::CODEC_ID_PCM_U8, 1),
            (1, 9..=16) => samples(id::CODEC_ID_PCM_S16LE, 2),
            (1, 17..=24) => samples(id::CODEC_ID_PCM_S24LE, 3),
            (1, 25..=32) => samples(id::CODEC_ID_PCM_S32LE, 4),
            (3, 32) => samples(id::CODEC_ID_PCM_F32LE, 4),
            (3, 64) => samples(id::CODEC_ID_PCM_F64LE, 8),
            (6, _) => samples(id::CODEC_ID_PCM_ALAW, 1),
            (7, _) => samples(id::CODEC_ID_PCM_MULAW, 1),
            (2, _) => blocks(id::CODEC_ID_ADPCM_MS, 7, 2),
            (0x11, _) => blocks(id::CODEC_ID_ADPCM_IMA_WAV, 4, 1),
            (1 | 3, bits) => unsupported(format!("WAV with {bits} bits per sample")),
            (tag, _) => unsupported(match name(tag) {
                Some(name) => name.to_owned(),
                None => format!("WAV format {tag:#06x}"),
            }),
        }
    }
}

/// The name of a format without a decoder.
fn name(tag: u16) -> Option<&'static str> {
    Some(match tag {
        0x14 | 0x42 => "G.723.1",
        0x22 => "TrueSpeech",
        0x31 => "GSM 6.10",
        0x45 | 0x64 => "G.726",
        0x65 | 0x28f => "G.722",
        0x83 => "G.729",
        0xff | 0x1610 => "AAC in WAV",
        0x160..=0x163 => "WMA",
        0x270 => "ATRAC3",
        0x2000 => "AC-3",
        0x2001 => "DTS",
        0x704f => "Opus in WAV",
        0xa109 => "Speex",
        0xf1ac => "FLAC in WAV",
        _ => return None,
    })
}

impl Header {
    /// Reads the chunks up to the samples of a file of `bytes` bytes.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, or has no `fmt ` or `data` chunk.
    pub(super) fn read(
        file: &mut (impl Read + Seek),
        bytes: u64,
    ) -> std::result::Result<Self, AudioError> {
        let (mut format, mut long_size) = (None, None);
        // Where a search for a chunk starts if a size is wrong.
        let (mut at, mut search_from) = (12, 12);
        for _ in 0..MAX_CHUNKS {
            let mut head = [0; 8];
            if !read_at(file, at, &mut head)? || !is_known(&head) {
                // The size of a chunk is odd without padding, or wrong: it is ignored.
                let wanted: &[u8; 4] = if format.is_some() { b"data" } else { b"fmt " };
                at = match find(file, search_from, wanted)? {
                    Some(found) => found,
                    None => return Err(AudioError::NotAudio),
                };
                search_from = at + 8;
                continue;
            }
            let [_, _, _, _, size @ ..] = head;
            let (body, size) = (at + 8, u64::from(u32::from_le_bytes(size)));
            match &head[..4] {
                b"ds64" => {
                    let mut sizes = [0; 16];
                    if read_at(file, body, &mut sizes)? {
                        let [_, _, _, _, _, _, _, _, data @ ..] = sizes;
                        long_size = Some(u64::from_le_bytes(data));
                    }
                }
                b"fmt " if format.is_none() => {
                    let length = size
                        .clamp(16, MAX_FMT_BYTES)
                        .min(bytes.saturating_sub(body));
                    let mut fields = vec![0; usize::try_from(length).unwrap_or_default()];
                    // A chunk of less than 16 bytes has no bits per sample.
                    read_at(file, body, &mut fields)?;
                    fields.truncate(usize::try_from(size.max(12)).unwrap_or(usize::MAX));
                    format = Format::parse(&fields);
                    search_from = body;
                }
                b"data" => {
                    let Some(format) = format else {
                        return Err(AudioError::NotAudio);
                    };
                    let available = bytes.saturating_sub(body);
                    let size = match (size, long_size) {
                        (0xffff_ffff, Some(long)) => long,
                        _ => size,
                    };
                    let placeholder = is_placeholder(size, available);
                    return Ok(Self {
                        format,
                        start: body,
                        available: if placeholder {
                            available
                        } else {
                            available.min(size)
                        },
                        claimed: (!placeholder).then_some(size),
                    });
                }
                _ => search_from = search_from.max(body),
            }
            // Chunks are padded to an even size.
            at = body.saturating_add(size).saturating_add(size & 1);
        }
        Err(AudioError::NotAudio)
    }

    /// The same header, of samples that end with the stream.
    pub(super) fn unbounded(self) -> Self {
        Self {
            available: u64::MAX,
            claimed: None,
            ..self
        }
    }
}

/// Whether a chunk header is one that occurs in WAV files: four printable characters.
fn is_known(head: &[u8; 8]) -> bool {
    head[..4].iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// The first position of a chunk from `start`.
fn find(file: &mut (impl Read + Seek), start: u64, tag: &[u8; 4]) -> std::io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(MAX_SEARCH_BYTES).read_to_end(&mut bytes)?;
    let found = bytes.windows(4).position(|window| window == tag);
    Ok(found.map(|offset| start + offset as u64))
}

/// Demultiplexer of a WAV file: packets of its only track.
pub(super) struct WavReader {
    stream: MediaSourceStream<'static>,
    media: MediaInfo,
    tracks: [Track; 1],
    metadata: MetadataLog,
    /// Bytes and frames of the smallest unit: a frame, or a block of ADPCM.
    unit_bytes: u64,
    unit_frames: u64,
    units_per_packet: u64,
    units_left: u64,
    /// Timestamp of the next packet, in frames.
    next: u64,
}

impl WavReader {
    /// Creates a reader of `stream`, which is at the start of the samples.
    ///
    /// # Errors
    ///
    /// Fails if the codec, the number of channels or the sample rate is not supported.
    pub(super) fn new(
        stream: MediaSourceStream<'static>,
        header: &Header,
    ) -> std::result::Result<Self, AudioError> {
        let Header {
            format,
            available,
            claimed,
            ..
        } = *header;
        let (codec, unit_bytes, unit_frames) = format.codec()?;
        let rate = NonZero::new(format.rate).ok_or(AudioError::UnsupportedRate(0))?;
        let units_per_packet = (PACKET_FRAMES / unit_frames.max(1)).max(1);
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(codec)
            .with_sample_rate(format.rate)
            .with_channels(Channels::Discrete(format.channels))
            .with_frames_per_block(unit_frames)
            .with_max_frames_per_packet(units_per_packet * unit_frames);
        let mut track = Track::new(0);
        track
            .with_codec_params(CodecParameters::Audio(parameters))
            .with_time_base(TimeBase::from_recip(rate));
        if let Some(size) = claimed.or((available != u64::MAX).then_some(available)) {
            let frames = (size / unit_bytes).saturating_mul(unit_frames);
            track
                .with_num_frames(frames)
                .with_duration(Duration::from(frames));
        }
        Ok(Self {
            stream,
            media: MediaInfo::from_track(&track),
            tracks: [track],
            metadata: MetadataLog::default(),
            unit_bytes,
            unit_frames,
            units_per_packet,
            units_left: available / unit_bytes,
            next: 0,
        })
    }
}

impl FormatReader for WavReader {
    fn format_info(&self) -> &FormatInfo {
        &INFO
    }

    fn media_info(&self) -> &MediaInfo {
        &self.media
    }

    fn metadata(&mut self) -> Metadata<'_> {
        self.metadata.metadata()
    }

    fn seek(&mut self, _: SeekMode, _: SeekTo) -> Result<SeekedTo> {
        Err(Error::SeekError(SeekErrorKind::Unseekable))
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        let units = self.units_left.min(self.units_per_packet);
        if units == 0 {
            return Ok(None);
        }
        let mut data = Vec::new();
        let bytes = units * self.unit_bytes;
        self.stream.by_ref().take(bytes).read_to_end(&mut data)?;
        // The last packet of a stream may be shorter.
        let units = data.len() as u64 / self.unit_bytes;
        if units == 0 {
            return Ok(None);
        }
        self.units_left -= units;
        let frames = units * self.unit_frames;
        let start = Timestamp::from(i64::try_from(self.next).unwrap_or(i64::MAX));
        self.next = self.next.saturating_add(frames);
        Ok(Some(Packet::new(
            0,
            start,
            Duration::from(frames),
            data.into_boxed_slice(),
        )))
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        self.stream
    }
}
