//! Descriptions of samples: the codec of a track.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known as id;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

use crate::audio::raw::{Layout, floats, integers};
use crate::audio::{AudioError, codec};

/// How the samples of a track are decoded.
#[derive(Clone, Debug)]
pub(super) struct Description {
    pub(super) parameters: AudioCodecParameters,
    /// The layout, if samples have no packets.
    pub(super) layout: Option<Layout>,
}

/// The fields of an audio sample entry.
#[derive(Debug, Default)]
struct Fields {
    channels: u32,
    /// Sample rate, in Hz.
    rate: f64,
    bits: u32,
    /// The format flags of the QuickTime sound description of version 2.
    flags: u32,
}

impl Description {
    /// Parses an entry of the table of descriptions, without its size, from its type on. The version of the table tells
    /// whether fields of QuickTime may follow.
    pub(super) fn parse(entry: &[u8], table_version: u8) -> Self {
        let parsed = entry.split_first_chunk::<4>().and_then(|(kind, content)| {
            let (fields, children) = fields(content, table_version)?;
            Some((kind, fields, children))
        });
        let described = match parsed {
            Some((kind, fields, children)) => describe(kind, &fields, children),
            None => Err("MP4 without a sample description".to_owned()),
        };
        described.unwrap_or_else(|name| Self {
            parameters: codec::unsupported(&name),
            layout: None,
        })
    }
}

/// The fields of an entry, and the boxes after them.
fn fields(content: &[u8], table_version: u8) -> Option<(Fields, &[u8])> {
    let u32_at = |at: usize| {
        let bytes = content.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    };
    let version = u32_at(8)? >> 16;
    let fields = Fields {
        channels: u32_at(16)? >> 16,
        bits: u32_at(16)? & 0xffff,
        rate: f64::from(u32_at(24)?) / 65_536.0,
        flags: 0,
    };
    match version {
        1 if table_version == 0 => Some((fields, content.get(44..)?)),
        2 if table_version == 0 => {
            let rate = content.get(32..40)?.try_into().ok()?;
            let fields = Fields {
                channels: u32_at(40)?,
                rate: f64::from_be_bytes(rate),
                bits: u32_at(48)?,
                flags: u32_at(52)?,
            };
            Some((fields, content.get(64..)?))
        }
        _ => Some((fields, content.get(28..)?)),
    }
}

/// The content of the first box of a kind, which may be within the box `wave`.
fn find<'a>(boxes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    find_direct(boxes, kind).or_else(|| find_direct(find_direct(boxes, b"wave")?, kind))
}

fn find_direct<'a>(mut boxes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    while let Some((size, rest)) = boxes.split_first_chunk::<4>() {
        let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
        if rest.starts_with(kind) {
            return rest.get(4..size.checked_sub(4)?);
        }
        boxes = boxes.get(size.max(8)..)?;
    }
    None
}

/// Describes an entry, or returns the name of its codec if it is not supported.
fn describe(kind: &[u8; 4], fields: &Fields, children: &[u8]) -> Result<Description, String> {
    let rate = fields.rate.round() as u32;
    if let Some(codec) = pcm(kind, fields, children) {
        return with_layout(Layout::pcm(codec, fields.channels, rate));
    }
    if kind == b"ima4" {
        return with_layout(Layout::ima4(fields.channels, rate));
    }
    let esds = find(children, b"esds").and_then(|content| decoder_config(content.get(4..)?));
    let (codec, extra_data) = match kind {
        b"mp4a" => {
            let (object, config) = esds.ok_or("MP4 audio without a description")?;
            (object_codec(object)?, Some(config.to_vec()))
        }
        b".mp3" | b"ms\0\x55" => (id::CODEC_ID_MP3, None),
        b"alac" => {
            let cookie = find(children, b"alac").and_then(|content| content.get(4..));
            (id::CODEC_ID_ALAC, cookie.map(<[u8]>::to_vec))
        }
        b"fLaC" => {
            // The first block after the version, without its header.
            let info = find(children, b"dfLa").and_then(|content| content.get(8..42));
            (id::CODEC_ID_FLAC, info.map(<[u8]>::to_vec))
        }
        b"Opus" => {
            let head = find(children, b"dOps").map(|content| [b"OpusHead", content].concat());
            (id::CODEC_ID_OPUS, head)
        }
        b"ac-3" | b"sac3" => (id::CODEC_ID_AC3, None),
        b"ec-3" => (id::CODEC_ID_EAC3, None),
        b"ac-4" => (id::CODEC_ID_AC4, None),
        b"dtsc" | b"dtse" | b"dtsh" | b"dtsl" => (id::CODEC_ID_DCA, None),
        b"mlpa" => (id::CODEC_ID_TRUEHD, None),
        b"spex" => (id::CODEC_ID_SPEEX, None),
        b"samr" | b"sawb" | b"sawp" => return Err("AMR".to_owned()),
        b"enca" => return Err("encrypted MP4".to_owned()),
        b"QDMC" | b"QDM2" => return Err("QDesign Music".to_owned()),
        b"Qclp" | b"sqcp" => return Err("QCELP".to_owned()),
        b"MAC3" | b"MAC6" => return Err("MACE".to_owned()),
        b"agsm" => return Err("GSM 6.10".to_owned()),
        b"mhm1" | b"mha1" => return Err("MPEG-H".to_owned()),
        other => {
            let name = other.escape_ascii();
            let bits = fields.bits;
            return Err(format!("MP4 type \"{name}\" with {bits} bits per sample"));
        }
    };
    let mut parameters = AudioCodecParameters::new();
    let channels = u16::try_from(fields.channels.max(1)).unwrap_or(u16::MAX);
    parameters
        .for_codec(codec)
        .with_sample_rate(rate)
        .with_channels(Channels::Discrete(channels));
    if let Some(data) = extra_data {
        parameters.with_extra_data(data.into_boxed_slice());
    }
    Ok(Description {
        parameters,
        layout: None,
    })
}

fn with_layout(layout: Result<Layout, AudioError>) -> Result<Description, String> {
    match layout {
        Ok(layout) => Ok(Description {
            parameters: layout.parameters(),
            layout: Some(layout),
        }),
        Err(AudioError::UnsupportedCodec(name)) => Err(name),
        Err(error) => Err(error.to_string()),
    }
}

/// The codec of PCM of QuickTime and of ISO/IEC 23003-5.
fn pcm(kind: &[u8; 4], fields: &Fields, children: &[u8]) -> Option<AudioCodecId> {
    // Whether samples are little-endian: a number of 16 bits.
    let is_little_endian = || find(children, b"enda").is_some_and(|enda| enda.get(1) == Some(&1));
    let bytes = fields.bits.div_ceil(8);
    match kind {
        b"sowt" => integers(bytes, false),
        b"twos" => integers(bytes, true),
        b"raw " | b"NONE" | b"\0\0\0\0" if bytes <= 1 => Some(id::CODEC_ID_PCM_U8),
        b"raw " | b"NONE" | b"\0\0\0\0" => integers(bytes, true),
        b"in24" => integers(3, !is_little_endian()),
        b"in32" => integers(4, !is_little_endian()),
        b"fl32" => floats(4, !is_little_endian()),
        b"fl64" => floats(8, !is_little_endian()),
        b"ulaw" => Some(id::CODEC_ID_PCM_MULAW),
        b"alaw" => Some(id::CODEC_ID_PCM_ALAW),
        b"lpcm" => {
            let is_big_endian = fields.flags & 2 != 0;
            match fields.flags & 5 {
                0 if bytes == 1 => Some(id::CODEC_ID_PCM_U8),
                0 => None,
                4 => integers(bytes, is_big_endian),
                _ => floats(bytes, is_big_endian),
            }
        }
        b"ipcm" | b"fpcm" => {
            let (_, [flags, bits, ..]) = find(children, b"pcmC")?.split_first_chunk::<4>()? else {
                return None;
            };
            let (bytes, is_big_endian) = (u32::from(bits.div_ceil(8)), flags & 1 == 0);
            match kind {
                b"ipcm" => integers(bytes, is_big_endian),
                _ => floats(bytes, is_big_endian),
            }
        }
        _ => None,
    }
}

/// The object type and the configuration of the decoder, in a descriptor of a stream.
pub(in crate::audio) fn decoder_config(descriptors: &[u8]) -> Option<(u8, &[u8])> {
    let (3, stream) = descriptor(descriptors)? else {
        return None;
    };
    // An identifier, and flags of optional fields.
    let flags = *stream.get(2)?;
    let mut fields = stream.get(3..)?;
    if flags & 0x80 != 0 {
        fields = fields.get(2..)?;
    }
    if flags & 0x40 != 0 {
        let length = usize::from(*fields.first()?);
        fields = fields.get(1 + length..)?;
    }
    if flags & 0x20 != 0 {
        fields = fields.get(2..)?;
    }
    let (4, config) = descriptor(fields)? else {
        return None;
    };
    let object = *config.first()?;
    // The type of the stream, the size of a buffer, and two bit rates.
    let specific = match config.get(13..).and_then(descriptor) {
        Some((5, specific)) => specific,
        _ => &[],
    };
    Some((object, specific))
}

/// The tag and the content of the first descriptor.
fn descriptor(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (tag, mut rest) = bytes.split_first()?;
    let mut size = 0;
    for _ in 0..4 {
        let (byte, after) = rest.split_first()?;
        (size, rest) = (size << 7 | usize::from(byte & 0x7f), after);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some((*tag, rest.get(..size).unwrap_or(rest)))
}

/// The codec of an object type.
fn object_codec(object: u8) -> Result<AudioCodecId, String> {
    Ok(match object {
        0x40 | 0x66..=0x68 => id::CODEC_ID_AAC,
        0x69 | 0x6b => id::CODEC_ID_MP3,
        0xa5 => id::CODEC_ID_AC3,
        0xa6 => id::CODEC_ID_EAC3,
        0xa9 | 0xac => id::CODEC_ID_DCA,
        0xdd => return Err("Vorbis in MP4".to_owned()),
        0xe1 => return Err("QCELP".to_owned()),
        other => return Err(format!("MP4 object type {other:#04x}")),
    })
}
