//! Frames of MPEG audio and of ADTS: streams without a container.

use std::io::{Read, Result, Seek, SeekFrom};
use std::ops::Range;

/// Size of the headers that are parsed, in bytes.
pub(super) const HEADER_BYTES: usize = 7;
/// Number of frames that must follow each other at the start, and after other data: fewer are in many files by chance.
const MIN_FRAMES: usize = 3;
const MIN_LATER_FRAMES: usize = 10;
/// Maximum size of a frame, in bytes: that of ADTS.
const MAX_FRAME_BYTES: u64 = (1 << 13) - 1;
/// Size of a piece that is searched at once, in bytes.
const PIECE_BYTES: u64 = 1 << 20;
/// Maximum number of bytes that are searched: a picture may precede the frames.
const MAX_SEARCH_BYTES: u64 = 64 << 20;

/// The kind of frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// MP1, MP2 or MP3.
    Mpeg,
    /// AAC.
    Adts,
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// Size of the frame, in bytes.
    pub(super) bytes: usize,
    /// What is the same for all frames of a stream: version, layer or profile, and sample rate.
    format: u16,
}

impl Frame {
    /// Parses a header, or returns `None` if it is invalid.
    pub(super) fn parse(header: &[u8]) -> Option<Self> {
        let [0xff, version, rate, mode, size, low, ..] = header else {
            return None;
        };
        if version & 0xf6 == 0xf0 {
            let bytes =
                usize::from(mode & 3) << 11 | usize::from(*size) << 3 | usize::from(low >> 5);
            return (bytes > HEADER_BYTES && rate >> 2 & 0xf < 13).then_some(Self {
                kind: Kind::Adts,
                bytes,
                format: u16::from_be_bytes([version & 0x08, rate & 0xfd]),
            });
        }
        Some(Self {
            kind: Kind::Mpeg,
            bytes: mpeg_bytes(*version, *rate)?,
            format: u16::from_be_bytes([version & 0x1e, rate & 0x0c]),
        })
    }
}

/// The size of a frame of MPEG audio, in bytes, from the second and third byte of its header.
fn mpeg_bytes(version: u8, rate: u8) -> Option<usize> {
    const KBPS: [[usize; 14]; 5] = [
        [
            32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
        ],
        [
            32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
        ],
        [
            32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
        ],
        [
            32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
        ],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    if version >> 5 != 7 {
        return None;
    }
    // MPEG-1 is 3, MPEG-2 is 2, MPEG-2.5 is 0; layer 1 is 3, layer 3 is 1.
    let (version, layer) = (version >> 3 & 3, version >> 1 & 3);
    let (table, halvings) = match (version, layer) {
        (1, _) | (_, 0) => return None,
        (3, layer) => (3 - layer, 0),
        (version, 3) => (3, 1 + u32::from(version == 0)),
        (version, _) => (4, 1 + u32::from(version == 0)),
    };
    let kbps = KBPS.get(usize::from(table))?;
    let bit_rate = 1_000 * kbps.get(usize::from(rate >> 4).checked_sub(1)?)?;
    let rate_hz = [44_100, 48_000, 32_000].get(usize::from(rate >> 2 & 3))? >> halvings;
    let padding = usize::from(rate >> 1 & 1);
    Some(match layer {
        3 => (12 * bit_rate / rate_hz + padding) * 4,
        1 if version != 3 => 72 * bit_rate / rate_hz + padding,
        _ => 144 * bit_rate / rate_hz + padding,
    })
}

/// Finds the first frames of a stream within a part of a file: their position and their kind.
///
/// Several must follow each other, or all up to the end of the file.
pub(super) fn first(
    file: &mut (impl Read + Seek),
    range: Range<u64>,
) -> Result<Option<(u64, Kind)>> {
    let limit = range.end.min(range.start.saturating_add(MAX_SEARCH_BYTES));
    let mut at = range.start;
    while at < limit {
        // The last frame of a piece, and those that must follow it.
        let end = range
            .end
            .min(at + PIECE_BYTES + MIN_LATER_FRAMES as u64 * MAX_FRAME_BYTES);
        file.seek(SeekFrom::Start(at))?;
        let mut piece = Vec::new();
        file.take(end - at).read_to_end(&mut piece)?;
        let is_last = end == range.end;
        for (offset, rest) in (0..PIECE_BYTES).zip((0..piece.len()).filter_map(|n| piece.get(n..)))
        {
            let is_start = at + offset == range.start;
            if let Some(kind) = follow_each_other(rest, is_start, is_last) {
                return Ok(Some((at + offset, kind)));
            }
        }
        at += PIECE_BYTES;
    }
    Ok(None)
}

/// The kind of the frames at the start of `bytes`, if they follow each other.
fn follow_each_other(bytes: &[u8], is_start: bool, is_last: bool) -> Option<Kind> {
    let first = Frame::parse(bytes)?;
    let (mut rest, mut frame, mut count) = (bytes, first, 1);
    let wanted = if is_start {
        MIN_FRAMES
    } else {
        MIN_LATER_FRAMES
    };
    while count < wanted {
        rest = match rest.get(frame.bytes..) {
            Some(next) if next.len() >= HEADER_BYTES => next,
            // The end of the file.
            _ => return (is_last && (is_start || count >= MIN_FRAMES)).then_some(first.kind),
        };
        frame = Frame::parse(rest)
            .filter(|next| (next.kind, next.format) == (first.kind, first.format))?;
        count += 1;
    }
    Some(first.kind)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn sizes_of_frames() {
        for (header, kind, bytes) in [
            // MP3 with 128 kbit/s at 44.1 kHz, without and with padding.
            (&[0xff, 0xfb, 0x90, 0x64, 0, 0, 0][..], Kind::Mpeg, 417),
            (&[0xff, 0xfb, 0x92, 0x64, 0, 0, 0], Kind::Mpeg, 418),
            // MP3 with 24 kbit/s at 16 kHz, and 8 kbit/s at 8 kHz.
            (&[0xff, 0xf3, 0x38, 0xc4, 0, 0, 0], Kind::Mpeg, 108),
            (&[0xff, 0xe3, 0x18, 0xc4, 0, 0, 0], Kind::Mpeg, 72),
            // MP2 with 192 kbit/s at 48 kHz, MP1 with 448 kbit/s at 32 kHz.
            (&[0xff, 0xfd, 0xa4, 0, 0, 0, 0], Kind::Mpeg, 576),
            (&[0xff, 0xff, 0xe8, 0, 0, 0, 0], Kind::Mpeg, 672),
            (&[0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc], Kind::Adts, 371),
        ] {
            let frame = Frame::parse(header).unwrap();
            assert_eq!((frame.kind, frame.bytes), (kind, bytes), "{header:x?}");
        }
        for invalid in [
            &[0xff, 0xfb, 0x90][..],
            &[0xff, 0xfb, 0x00, 0x64, 0, 0, 0],
            &[0xff, 0xfb, 0xf0, 0x64, 0, 0, 0],
            &[0xff, 0xfb, 0x9c, 0x64, 0, 0, 0],
            &[0xff, 0xeb, 0x90, 0x64, 0, 0, 0],
            &[0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0],
            &[0xff, 0xf1, 0x7c, 0x80, 0x2e, 0x7f, 0xfc],
        ] {
            assert_eq!(Frame::parse(invalid), None, "{invalid:x?}");
        }
    }

    #[test]
    fn frames_must_follow_each_other() {
        let mp3 = [&[0xff, 0xfb, 0x90, 0x64][..], &[0; 413]].concat();
        let adts = [&[0xff, 0xf1, 0x50, 0x80, 0x01, 0x40, 0xfc][..], &[0; 3]].concat();
        let other_rate = [&[0xff, 0xfb, 0x94, 0x64][..], &[0; 380]].concat();
        for (file, expected) in [
            (mp3.clone(), Some((0, Kind::Mpeg))),
            (mp3.repeat(5), Some((0, Kind::Mpeg))),
            (adts.repeat(3), Some((0, Kind::Adts))),
            // What is cut at the start or at the end.
            (mp3.repeat(5)[100..].to_vec(), Some((317, Kind::Mpeg))),
            (mp3.repeat(2)[..500].to_vec(), Some((0, Kind::Mpeg))),
            // Other data before them, up to a picture.
            (
                [vec![b'x'; 3_000_000], adts.repeat(10)].concat(),
                Some((3_000_000, Kind::Adts)),
            ),
            // Frames of another container, and what only resembles frames.
            ([b"00dc".to_vec(), mp3.clone()].concat().repeat(9), None),
            ([vec![0; 9], mp3.repeat(2)].concat(), None),
            ([vec![0; 9], mp3.repeat(9), vec![0; 9]].concat(), None),
            ([mp3.clone(), other_rate, mp3].concat(), None),
            (Vec::new(), None),
        ] {
            let range = 0..file.len() as u64;
            let found = first(&mut Cursor::new(&file), range).unwrap();
            assert_eq!(found, expected, "{} bytes", file.len());
        }
    }
}
