//! Blocks: one or more frames of a track.

use super::ebml::number;

/// Maximum size of the header of a block, in bytes.
pub(super) const MAX_HEADER_BYTES: u64 = 11;

/// The header of a block.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    /// The number of the track.
    pub(super) track: u64,
    /// Time since the start of the cluster, in ticks.
    pub(super) offset: i64,
    lacing: Lacing,
}

/// How the sizes of several frames are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lacing {
    None,
    Xiph,
    Fixed,
    Ebml,
}

impl Header {
    /// Parses the start of a block. Returns the bytes after it, too.
    pub(super) fn parse(block: &[u8]) -> Option<(Self, &[u8])> {
        let (track, rest) = number(block)?;
        let ([high, low, flags], rest) = rest.split_first_chunk()?;
        let header = Self {
            track: track?,
            offset: i64::from(i16::from_be_bytes([*high, *low])),
            lacing: match flags >> 1 & 3 {
                0 => Lacing::None,
                1 => Lacing::Xiph,
                2 => Lacing::Fixed,
                _ => Lacing::Ebml,
            },
        };
        Some((header, rest))
    }

    /// The frames in the content of a block, or `None` if their sizes are invalid.
    pub(super) fn frames<'a>(&self, content: &'a [u8]) -> Option<Vec<&'a [u8]>> {
        if self.lacing == Lacing::None {
            return Some(vec![content]);
        }
        let (count, mut rest) = content.split_first()?;
        let count = usize::from(*count);
        let sizes = match self.lacing {
            Lacing::Fixed => vec![rest.len() / (count + 1); count],
            Lacing::Xiph => xiph_sizes(count, &mut rest)?,
            _ => ebml_sizes(count, &mut rest)?,
        };
        let mut frames = Vec::new();
        for size in sizes {
            let (frame, after) = rest.split_at_checked(size)?;
            frames.push(frame);
            rest = after;
        }
        frames.push(rest);
        Some(frames)
    }
}

/// Reads `count` sizes, each of which is the sum of bytes up to one less than 255.
pub(super) fn xiph_sizes(count: usize, rest: &mut &[u8]) -> Option<Vec<usize>> {
    let mut sizes = vec![0; count];
    for size in &mut sizes {
        loop {
            let (byte, after) = rest.split_first()?;
            *size += usize::from(*byte);
            *rest = after;
            if *byte < 255 {
                break;
            }
        }
    }
    Some(sizes)
}

/// Reads `count` sizes: the first one, and differences.
fn ebml_sizes(count: usize, rest: &mut &[u8]) -> Option<Vec<usize>> {
    let mut sizes = Vec::with_capacity(count);
    let mut size = 0_i64;
    for n in 0..count {
        let length = rest.first()?.leading_zeros() + 1;
        let (value, after) = number(rest)?;
        *rest = after;
        let value = i64::try_from(value?).ok()?;
        size = match n {
            0 => value,
            // Differences are stored with an offset.
            _ => size + value - ((1_i64 << (7 * length - 1)) - 1),
        };
        sizes.push(usize::try_from(size).ok()?);
    }
    Some(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_lacing() {
        for (flags, content, expected) in [
            (0x80_u8, &b"abc"[..], Some(vec!["abc"])),
            (0x02, b"\x02\x01\x03abbbc", Some(vec!["a", "bbb", "c"])),
            (0x04, b"\x01aabb", Some(vec!["aa", "bb"])),
            // Sizes 4, 4 - 2 and the rest.
            (0x06, b"\x02\x84\xbdaaaabbc", Some(vec!["aaaa", "bb", "c"])),
            (0x02, b"\x01\x09a", None),
            (0x06, b"\x02\x81\x80a", None),
            (0x06, b"", None),
        ] {
            let block = [&[0x81, 0xff, 0xfe, flags], content].concat();
            let (header, content) = Header::parse(&block).unwrap();
            assert_eq!((header.track, header.offset), (1, -2));
            let frames = header.frames(content);
            let expected =
                expected.map(|frames| Vec::from_iter(frames.iter().map(|frame| frame.as_bytes())));
            assert_eq!(frames, expected, "{flags:#x}, {content:?}");
        }
        assert_eq!(Header::parse(b"\x81\0"), None);
    }
}
