//! Tolerant reader of CAF files whose samples have no packets.

use std::io::{Read, Seek};

use symphonia::core::codecs::audio::well_known as id;

use super::AudioError;
use super::chunks::words_at;
use super::raw::{Layout, Raw, floats, integers};

/// Maximum number of chunks before the samples.
const MAX_CHUNKS: usize = 1_000;

/// Whether a file that starts with these bytes is a CAF file.
pub(super) fn is_caf(start: &[u8]) -> bool {
    start.starts_with(b"caff")
}

/// Reads the chunks up to the samples of a file of `bytes` bytes. Returns `None` if the samples have packets.
///
/// # Errors
///
/// Fails if the file cannot be read, has no samples, or is in a format that is not supported.
pub(super) fn read(file: &mut (impl Read + Seek), bytes: u64) -> Result<Option<Raw>, AudioError> {
    let mut layout = None;
    let mut at = 8_u64;
    for _ in 0..MAX_CHUNKS {
        let Some([tag, high, low]) = words_at(file, at)? else {
            break;
        };
        // -1 if it is unknown.
        let (size, body) = (u64::from(high) << 32 | u64::from(low), at + 12);
        match &tag.to_be_bytes() {
            b"desc" => match describe(words_at(file, body)?.unwrap_or_default()) {
                Some(described) => layout = Some(described?),
                None => return Ok(None),
            },
            b"data" => {
                let Some(layout) = layout else {
                    break;
                };
                // The samples start after the number of edits.
                let size = if size == u64::MAX {
                    size
                } else {
                    size.saturating_sub(4)
                };
                return Ok(Some(Raw::new(layout, body + 4, size, bytes)));
            }
            _ => {}
        }
        at = body.saturating_add(size);
    }
    Err(AudioError::NotAudio)
}

/// The layout of samples, or `None` if they have packets.
fn describe(description: [u32; 8]) -> Option<Result<Layout, AudioError>> {
    let [high, low, kind, flags, _, _, channels, bits] = description;
    let rate = f64::from_bits(u64::from(high) << 32 | u64::from(low)).round() as u32;
    let (is_float, is_big_endian) = (flags & 1 != 0, flags & 2 == 0);
    let codec = match &kind.to_be_bytes() {
        b"lpcm" if is_float => floats(bits / 8, is_big_endian),
        b"lpcm" => integers(bits.div_ceil(8), is_big_endian),
        b"ulaw" => Some(id::CODEC_ID_PCM_MULAW),
        b"alaw" => Some(id::CODEC_ID_PCM_ALAW),
        b"ima4" => return Some(Layout::ima4(channels, rate)),
        _ => return None,
    };
    Some(match codec {
        Some(codec) => Layout::pcm(codec, channels, rate),
        None => Err(AudioError::UnsupportedCodec(format!(
            "CAF with {bits} bits per sample"
        ))),
    })
}
