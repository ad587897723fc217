//! Tolerant reader of AIFF and AIFF-C files.

use std::io::{Read, Seek};

use symphonia::core::codecs::audio::{AudioCodecId, well_known as id};

use super::AudioError;
use super::chunks::{read_at, words_at};
use super::raw::{Layout, Raw, floats, integers};

/// Maximum number of chunks before the samples.
const MAX_CHUNKS: usize = 1_000;

/// Whether a file that starts with these bytes is an AIFF file.
pub(super) fn is_aiff(start: &[u8]) -> bool {
    start.starts_with(b"FORM") && matches!(start.get(8..12), Some(b"AIFF" | b"AIFC"))
}

/// Reads the chunks up to the samples of a file of `bytes` bytes.
///
/// # Errors
///
/// Fails if the file cannot be read, has no samples, or is in a format that is not supported.
pub(super) fn read(file: &mut (impl Read + Seek), bytes: u64) -> Result<Raw, AudioError> {
    let mut layout = None;
    // The samples may precede their format.
    let mut samples = None;
    let mut at = 12_u64;
    for _ in 0..MAX_CHUNKS {
        let Some([tag, size]) = words_at(file, at)? else {
            break;
        };
        let (size, body) = (u64::from(size), at + 8);
        match &tag.to_be_bytes() {
            b"COMM" => layout = Some(common(file, body, size)?),
            b"SSND" => {
                let Some([offset]) = words_at(file, body)? else {
                    break;
                };
                // The samples start after an offset and the size of a block.
                let skipped = 8 + u64::from(offset);
                samples = Some((body + skipped, size.saturating_sub(skipped)));
            }
            _ => {}
        }
        if let (Some(layout), Some((start, size))) = (layout, samples) {
            return Ok(Raw::new(layout, start, size, bytes));
        }
        at = body + size + (size & 1);
    }
    Err(AudioError::NotAudio)
}

/// Reads the format of the samples.
fn common(file: &mut (impl Read + Seek), body: u64, size: u64) -> Result<Layout, AudioError> {
    let mut fields = [0; 22];
    let known = if size >= 22 { 22 } else { 18 };
    let (used, _) = fields.split_at_mut(known);
    if !read_at(file, body, used)? {
        return Err(AudioError::NotAudio);
    }
    let [c, d, _, _, _, _, e, f, rate @ ..] = fields;
    let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, kind @ ..] = rate;
    let channels = u32::from(u16::from_be_bytes([c, d]));
    let bits = u16::from_be_bytes([e, f]);
    let rate = extended([r0, r1, r2, r3, r4, r5, r6, r7, r8, r9]).round();
    let kind = if known == 22 { kind } else { *b"NONE" };
    if &kind == b"ima4" {
        return Layout::ima4(channels, rate as u32);
    }
    let Some(codec) = codec(kind, u32::from(bits.div_ceil(8))) else {
        let name = String::from_utf8_lossy(&kind);
        return Err(AudioError::UnsupportedCodec(format!(
            "AIFF-C {} with {bits} bits per sample",
            name.trim_end()
        )));
    };
    Layout::pcm(codec, channels, rate as u32)
}

/// The codec of a compression type, with samples of `bytes` bytes.
fn codec(kind: [u8; 4], bytes: u32) -> Option<AudioCodecId> {
    match &kind {
        b"NONE" | b"twos" | b"in24" | b"in32" | b"in16" => integers(bytes, true),
        b"sowt" | b"42ni" | b"23ni" => integers(bytes, false),
        b"raw " => Some(id::CODEC_ID_PCM_U8),
        b"fl32" | b"FL32" => floats(4, true),
        b"fl64" | b"FL64" => floats(8, true),
        b"ulaw" | b"ULAW" => Some(id::CODEC_ID_PCM_MULAW),
        b"alaw" | b"ALAW" => Some(id::CODEC_ID_PCM_ALAW),
        _ => None,
    }
}

/// Converts an 80-bit float.
fn extended(bytes: [u8; 10]) -> f64 {
    let [sign, exponent, mantissa @ ..] = bytes;
    let exponent = i32::from(u16::from_be_bytes([sign & 0x7f, exponent])) - 16_383 - 63;
    u64::from_be_bytes(mantissa) as f64 * 2.0_f64.powi(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_floats() {
        assert_eq!(
            extended([0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]),
            44_100.0
        );
        assert_eq!(extended([0x40, 0x0c, 0xfa, 0, 0, 0, 0, 0, 0, 0]), 16_000.0);
    }
}
