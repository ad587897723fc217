//! Tolerant reader of CAF files.

mod packets;

use std::fs::File;
use std::io::{Seek, SeekFrom};

use symphonia::core::codecs::audio::well_known as id;

use self::packets::Table;
use super::AudioError;
use super::chunks::{is_placeholder, read_at, words_at};
use super::open::{Opened, stream};
use super::raw::{Layout, Raw, floats, integers};

/// Maximum number of chunks.
const MAX_CHUNKS: usize = 1_000;
/// Maximum size of the description of a codec and of the table of packets, in bytes.
const MAX_COOKIE_BYTES: u64 = 1 << 16;
const MAX_TABLE_BYTES: u64 = 1 << 26;

/// Whether a file that starts with these bytes is a CAF file.
pub(super) fn is_caf(start: &[u8]) -> bool {
    start.starts_with(b"caff")
}

/// The format of the samples.
#[derive(Clone, Copy, Debug, Default)]
struct Description {
    kind: [u8; 4],
    /// Sample rate, in Hz.
    rate: u32,
    flags: u32,
    /// Bytes and frames of a packet, or 0 if they differ.
    packet_bytes: u32,
    packet_frames: u32,
    channels: u32,
    bits: u32,
}

/// Opens a file of `bytes` bytes.
///
/// # Errors
///
/// Fails if the file cannot be read, has no samples, or is in a format that is not supported.
pub(super) fn open(mut file: File, bytes: u64) -> Result<Opened, AudioError> {
    let (mut description, mut cookie, mut table, mut data) = (None, Vec::new(), None, None);
    let mut at = 8_u64;
    for _ in 0..MAX_CHUNKS {
        let Some([tag, high, low]) = words_at(&mut file, at)? else {
            break;
        };
        // -1 if it is unknown.
        let (size, body) = (u64::from(high) << 32 | u64::from(low), at + 12);
        match &tag.to_be_bytes() {
            b"desc" => description = words_at(&mut file, body)?.map(describe),
            b"kuki" => cookie = content(&mut file, body, size.min(MAX_COOKIE_BYTES), bytes)?,
            b"pakt" => {
                table = Table::parse(&content(&mut file, body, size.min(MAX_TABLE_BYTES), bytes)?);
            }
            b"data" => data = Some((body, size)),
            _ => {}
        }
        // Those without packets need nothing more.
        if let (Some(description), Some((body, size))) = (&description, data)
            && let Some(layout) = layout(description)
        {
            let size = match size {
                u64::MAX => size,
                size => size.saturating_sub(4),
            };
            let raw = Raw::new(layout?, body + 4, size, bytes);
            file.seek(SeekFrom::Start(raw.start))?;
            return Ok(raw.open(stream(file)).into());
        }
        at = body.saturating_add(size);
    }
    let (Some(description), Some((body, size))) = (description, data) else {
        return Err(AudioError::NotAudio);
    };
    // The samples start after the number of edits.
    let start = body + 4;
    let available = bytes.saturating_sub(start);
    let claimed = size.saturating_sub(4);
    let is_known = !is_placeholder(claimed, available) && size != u64::MAX;
    let end = match is_known {
        true => bytes.min(start.saturating_add(claimed)),
        false => bytes,
    };
    let is_cut = is_known && claimed > available;
    let needs_table = description.packet_bytes == 0 || description.packet_frames == 0;
    if needs_table && table.is_none() {
        // It may follow the samples.
        return Err(AudioError::NoIndex);
    }
    let format = packets::open(
        stream(file),
        &description,
        &cookie,
        table.unwrap_or_default(),
        (start, end, is_cut),
    )?;
    Ok(format.into())
}

/// The content of a chunk, as far as the file has it.
fn content(file: &mut File, body: u64, size: u64, bytes: u64) -> std::io::Result<Vec<u8>> {
    let length = size.min(bytes.saturating_sub(body));
    let mut content = vec![0; usize::try_from(length).unwrap_or_default()];
    read_at(file, body, &mut content)?;
    Ok(content)
}

fn describe(words: [u32; 8]) -> Description {
    let [
        high,
        low,
        kind,
        flags,
        packet_bytes,
        packet_frames,
        channels,
        bits,
    ] = words;
    Description {
        kind: kind.to_be_bytes(),
        rate: f64::from_bits(u64::from(high) << 32 | u64::from(low)).round() as u32,
        flags,
        packet_bytes,
        packet_frames,
        channels,
        bits,
    }
}

/// The layout of samples, or `None` if they have packets.
fn layout(description: &Description) -> Option<Result<Layout, AudioError>> {
    let &Description {
        rate,
        flags,
        channels,
        bits,
        ..
    } = description;
    let (is_float, is_big_endian) = (flags & 1 != 0, flags & 2 == 0);
    let codec = match &description.kind {
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
