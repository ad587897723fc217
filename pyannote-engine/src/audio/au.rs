//! Reader of AU (SND) files.

use std::io::{Read, Seek};

use symphonia::core::codecs::audio::well_known as id;

use super::AudioError;
use super::chunks::words_at;
use super::raw::{Layout, Raw, floats, integers};

/// Minimum size of the header, in bytes.
const MIN_HEADER_BYTES: u32 = 24;

/// Whether a file that starts with these bytes is an AU file.
pub(super) fn is_au(start: &[u8]) -> bool {
    start.starts_with(b".snd")
}

/// Reads the header of a file of `bytes` bytes.
///
/// # Errors
///
/// Fails if the file cannot be read, or is in a format that is not supported.
pub(super) fn read(file: &mut (impl Read + Seek), bytes: u64) -> Result<Raw, AudioError> {
    let Some([_, start, size, encoding, rate, channels]) = words_at(file, 0)? else {
        return Err(AudioError::NotAudio);
    };
    let codec = match encoding {
        1 => Some(id::CODEC_ID_PCM_MULAW),
        2..=5 => integers(encoding - 1, true),
        6 => floats(4, true),
        7 => floats(8, true),
        27 => Some(id::CODEC_ID_PCM_ALAW),
        _ => None,
    };
    let Some(codec) = codec else {
        return Err(AudioError::UnsupportedCodec(match encoding {
            23 | 25 | 26 => "G.723 or G.726 in AU".to_owned(),
            24 => "G.722 in AU".to_owned(),
            _ => format!("AU encoding {encoding}"),
        }));
    };
    let layout = Layout::pcm(codec, channels, rate)?;
    let start = u64::from(start.max(MIN_HEADER_BYTES));
    Ok(Raw::new(layout, start, u64::from(size), bytes))
}
