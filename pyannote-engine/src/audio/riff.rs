//! Tolerant reader of WAV files: RIFF, RIFX, RF64, BW64 and Wave64.
//!
//! Pipes, interrupted recorders and telephone systems write wrong sizes, odd chunks and short headers. Only the `fmt `
//! and `data` chunks matter; sizes are trusted as far as the file has the bytes.

use std::io::{Read, Seek, SeekFrom};

use super::AudioError;
use super::chunks::read_at;
use super::raw::Raw;
use super::wave_format::WaveFormat;

/// Maximum number of bytes of a `fmt ` chunk that are read; the rest is skipped.
const MAX_FMT_BYTES: u64 = 64;
/// Maximum number of bytes that are searched for a chunk if the sizes of the chunks before it are wrong.
const MAX_SEARCH_BYTES: u64 = 1 << 20;
/// Maximum number of chunks before the samples.
const MAX_CHUNKS: usize = 10_000;
/// The ends of the identifiers of Wave64: that of the file, and those of its chunks.
const WAVE64_FILE: [u8; 12] = *b"\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0";
const WAVE64_CHUNK: [u8; 12] = *b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a";

/// The content of the chunks before the samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) format: WaveFormat,
    /// Position of the samples, in bytes.
    pub(super) start: u64,
    /// Size of the samples in the header, in bytes.
    size: u64,
}

/// The kinds of WAV files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// RIFF, RF64 and BW64.
    LittleEndian,
    /// RIFX.
    BigEndian,
    /// Sony Wave64.
    Wave64,
}

impl Kind {
    /// The kind of a file that starts with these bytes, if it is a WAV file.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        let (marker, rest) = start.split_first_chunk::<4>()?;
        match marker {
            b"RIFF" | b"RF64" | b"BW64" if rest.get(4..8)? == b"WAVE" => Some(Self::LittleEndian),
            b"RIFX" if rest.get(4..8)? == b"WAVE" => Some(Self::BigEndian),
            b"riff" if rest.get(..12)? == WAVE64_FILE => Some(Self::Wave64),
            _ => None,
        }
    }
}

/// The header of a chunk.
struct Chunk {
    tag: [u8; 4],
    body: u64,
    size: u64,
}

impl Kind {
    /// Position of the first chunk.
    fn start(self) -> u64 {
        match self {
            Self::LittleEndian | Self::BigEndian => 12,
            Self::Wave64 => 40,
        }
    }

    /// Chunks start at multiples of this number of bytes.
    fn alignment(self) -> u64 {
        match self {
            Self::LittleEndian | Self::BigEndian => 2,
            Self::Wave64 => 8,
        }
    }

    /// Reads the header of the chunk at a position, or returns `None` if there is no valid one.
    fn chunk(self, file: &mut (impl Read + Seek), at: u64) -> std::io::Result<Option<Chunk>> {
        let mut head = [0; 24];
        let head_bytes = if self == Self::Wave64 { 24 } else { 8 };
        let (used, _) = head.split_at_mut(head_bytes);
        if !read_at(file, at, used)? {
            return Ok(None);
        }
        let [a, b, c, d, e, f, g, h, rest @ ..] = head;
        let (tag, size) = ([a, b, c, d], [e, f, g, h]);
        let body = at.saturating_add(head_bytes as u64);
        let size = match self {
            Self::LittleEndian => u64::from(u32::from_le_bytes(size)),
            Self::BigEndian => u64::from(u32::from_be_bytes(size)),
            Self::Wave64 => {
                let [_, _, _, _, _, _, _, _, size @ ..] = rest;
                // The size includes the header.
                u64::from_le_bytes(size).saturating_sub(24)
            }
        };
        let is_valid = match self {
            Self::LittleEndian | Self::BigEndian => is_known(tag),
            Self::Wave64 => head.get(4..16) == Some(&WAVE64_CHUNK) || tag == *b"LIST",
        };
        Ok(is_valid.then_some(Chunk { tag, body, size }))
    }
}

impl Header {
    /// Reads the chunks up to the samples of a file of `bytes` bytes.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, or has no `fmt ` or `data` chunk.
    pub(super) fn read(
        kind: Kind,
        file: &mut (impl Read + Seek),
        bytes: u64,
    ) -> Result<Self, AudioError> {
        let (mut format, mut long_size) = (None, None);
        // The samples, if they precede their format.
        let mut samples = None;
        // Where a search for a chunk starts if a size is wrong.
        let (mut at, mut search_from) = (kind.start(), kind.start());
        for _ in 0..MAX_CHUNKS {
            let Some(Chunk { tag, body, size }) = kind.chunk(file, at)? else {
                // The size of a chunk is odd without padding, or wrong: it is ignored.
                let wanted: &[u8; 4] = if format.is_some() { b"data" } else { b"fmt " };
                at = match find(file, search_from, wanted)? {
                    Some(found) => found,
                    None => return Err(AudioError::NotAudio),
                };
                search_from = at + 8;
                continue;
            };
            match &tag {
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
                    format = WaveFormat::parse(&fields, kind == Kind::BigEndian);
                    if let (Some(format), Some((start, size))) = (format, samples) {
                        return Ok(Self {
                            format,
                            start,
                            size,
                        });
                    }
                    search_from = body;
                }
                b"data" => {
                    let size = match (size, long_size) {
                        (0xffff_ffff, Some(long)) => long,
                        _ => size,
                    };
                    if let Some(format) = format {
                        return Ok(Self {
                            format,
                            start: body,
                            size,
                        });
                    }
                    samples.get_or_insert((body, size));
                }
                _ => search_from = search_from.max(body),
            }
            // Chunks are padded.
            let padding = size.wrapping_neg() % kind.alignment();
            at = body.saturating_add(size).saturating_add(padding);
        }
        Err(AudioError::NotAudio)
    }

    /// The samples of a file of `bytes` bytes.
    ///
    /// # Errors
    ///
    /// Fails if the codec, the number of channels or the sample rate is not supported.
    pub(super) fn samples(&self, bytes: u64) -> Result<Raw, AudioError> {
        let layout = self.format.layout()?;
        Ok(Raw::new(layout, self.start, self.size, bytes))
    }
}

/// Whether a tag is one that occurs in WAV files: four printable characters.
fn is_known(tag: [u8; 4]) -> bool {
    tag.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// The first position of a chunk from `start`.
fn find(file: &mut (impl Read + Seek), start: u64, tag: &[u8; 4]) -> std::io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(MAX_SEARCH_BYTES).read_to_end(&mut bytes)?;
    let found = bytes.windows(4).position(|window| window == tag);
    Ok(found.map(|offset| start + offset as u64))
}
