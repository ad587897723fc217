//! Boxes, the syntax of MP4 and MOV.

use std::io::{Read, Result, Seek};

use crate::audio::chunks::{read_at, words_at};

/// Maximum number of boxes that are read.
const MAX_BOXES: u32 = 1_000_000;

/// A box: its type, and the positions of its content.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) kind: [u8; 4],
    pub(super) start: u64,
    pub(super) body: u64,
    pub(super) end: u64,
}

/// Reads boxes of a file.
pub(super) struct Reader<'a, S> {
    source: &'a mut S,
    /// Size of the file, in bytes.
    pub(super) bytes: u64,
    boxes: u32,
}

impl<'a, S: Read + Seek> Reader<'a, S> {
    pub(super) fn new(source: &'a mut S, bytes: u64) -> Self {
        Self {
            source,
            bytes,
            boxes: 0,
        }
    }

    /// Reads the header of the box at `at`, or returns `None` if there is none before `end`. The box may exceed it.
    pub(super) fn header(&mut self, at: u64, end: u64) -> Result<Option<Header>> {
        self.boxes += 1;
        if end.saturating_sub(at) < 8 || self.boxes > MAX_BOXES {
            return Ok(None);
        }
        let [size, kind] = self.words::<2>(at)?;
        let (body, size) = match size {
            0 => (at + 8, end - at),
            1 if end - at >= 16 => {
                let [high, low] = self.words::<2>(at + 8)?;
                (at + 16, u64::from(high) << 32 | u64::from(low))
            }
            _ => (at + 8, u64::from(size)),
        };
        let box_end = at.saturating_add(size);
        Ok((box_end >= body).then_some(Header {
            kind: kind.to_be_bytes(),
            start: at,
            body,
            end: box_end,
        }))
    }

    /// Reads `N` words of 32 bits, big-endian: zeros if the file ends before the last one.
    pub(super) fn words<const N: usize>(&mut self, at: u64) -> Result<[u32; N]> {
        Ok(words_at(self.source, at)?.unwrap_or([0; N]))
    }

    /// Reads the content of a box from `from` bytes on, as far as the file has it.
    pub(super) fn content(&mut self, header: &Header, from: u64) -> Result<Vec<u8>> {
        let start = header.body.saturating_add(from);
        let length = header.end.min(self.bytes).saturating_sub(start);
        let mut content = vec![0; usize::try_from(length).unwrap_or_default()];
        match read_at(self.source, start, &mut content)? {
            true => Ok(content),
            false => Ok(Vec::new()),
        }
    }

    /// The boxes within a box, from `from` bytes of its content on, to the first one that does not fit.
    pub(super) fn children(&mut self, parent: &Header, from: u64) -> Result<Vec<Header>> {
        let mut children = Vec::new();
        let mut at = parent.body.saturating_add(from);
        while let Some(header) = self.header(at, parent.end)? {
            if header.end > parent.end {
                break;
            }
            at = header.end;
            children.push(header);
        }
        Ok(children)
    }

    /// The first box of a kind within a box.
    pub(super) fn child(&mut self, parent: &Header, kind: &[u8; 4]) -> Result<Option<Header>> {
        let children = self.children(parent, 0)?;
        Ok(children.into_iter().find(|header| header.kind == *kind))
    }

    /// The entries of a table, each of `N` words, that follow their number at byte 4 of the content.
    pub(super) fn table<const N: usize>(&mut self, header: &Header) -> Result<Vec<[u32; N]>> {
        let content = self.content(header, 4)?;
        let (words, _) = content.as_chunks();
        let Some((count, words)) = words.split_first() else {
            return Ok(Vec::new());
        };
        let (entries, _) = words.as_chunks();
        let entries = entries.iter().take(u32::from_be_bytes(*count) as usize);
        Ok(entries.map(|entry| entry.map(u32::from_be_bytes)).collect())
    }
}
