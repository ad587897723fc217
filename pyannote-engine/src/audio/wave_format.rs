//! Formats of the samples of WAV files, which AVI and Matroska use, too.

use symphonia::core::codecs::audio::well_known as id;

use super::AudioError;
use super::raw::{Layout, floats, integers};

/// The `fmt ` chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WaveFormat {
    tag: u16,
    channels: u16,
    rate: u32,
    block_bytes: u16,
    bits: u16,
    is_big_endian: bool,
}

impl WaveFormat {
    /// Parses the body of a `fmt ` chunk, which may be shorter or longer than the format requires.
    pub(super) fn parse(body: &[u8], is_big_endian: bool) -> Option<Self> {
        let u16_at = |at: usize| {
            let bytes = body.get(at..at + 2)?.try_into().ok()?;
            Some(match is_big_endian {
                true => u16::from_be_bytes(bytes),
                false => u16::from_le_bytes(bytes),
            })
        };
        let (low, high) = match is_big_endian {
            true => (u16_at(6)?, u16_at(4)?),
            false => (u16_at(4)?, u16_at(6)?),
        };
        let mut tag = u16_at(0)?;
        if tag == 0xfffe {
            // The extension starts with the format tag of the samples; PCM if it is missing.
            tag = u16_at(24).unwrap_or(1);
        }
        Some(Self {
            tag,
            channels: u16_at(2)?,
            rate: u32::from(high) << 16 | u32::from(low),
            block_bytes: u16_at(12).unwrap_or_default(),
            bits: u16_at(14).unwrap_or_default(),
            is_big_endian,
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

    /// The layout of the samples.
    ///
    /// # Errors
    ///
    /// Fails if the codec, the number of channels or the sample rate is not supported.
    pub(super) fn layout(&self) -> Result<Layout, AudioError> {
        let channels = u32::from(self.channels);
        let bytes = u32::from(self.bits().div_ceil(8));
        let codec = match (self.tag, bytes) {
            (1, 1) => Some(id::CODEC_ID_PCM_U8),
            (1, _) => integers(bytes, self.is_big_endian),
            (3, _) => floats(bytes, self.is_big_endian),
            (6, _) => Some(id::CODEC_ID_PCM_ALAW),
            (7, _) => Some(id::CODEC_ID_PCM_MULAW),
            _ => None,
        };
        if let Some(codec) = codec {
            return Layout::pcm(codec, channels, self.rate);
        }
        // A block of ADPCM has a header for each channel, and samples of 4 bits.
        let (codec, header, first) = match self.tag {
            2 => (id::CODEC_ID_ADPCM_MS, 7, 2),
            0x11 => (id::CODEC_ID_ADPCM_IMA_WAV, 4, 1),
            tag => return Err(AudioError::UnsupportedCodec(self.name(tag))),
        };
        let block_bytes = u64::from(self.block_bytes);
        let body = block_bytes.checked_sub(header * u64::from(channels));
        let Some(body) = body.filter(|_| channels > 0) else {
            let name = "ADPCM with an invalid block size".to_owned();
            return Err(AudioError::UnsupportedCodec(name));
        };
        let frames = body * 2 / u64::from(channels) + first;
        Layout::new(codec, (block_bytes, frames), channels, self.rate)
    }

    /// The name of a format without a decoder.
    fn name(&self, tag: u16) -> String {
        match (tag, name(tag)) {
            (1 | 3, _) => format!("WAV with {} bits per sample", self.bits()),
            (_, Some(name)) => name.to_owned(),
            (_, None) => format!("WAV format {tag:#06x}"),
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
