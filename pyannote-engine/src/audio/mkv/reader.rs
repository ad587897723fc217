//! Reads the packets of a file.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Seek, SeekFrom};

use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::Track;
use symphonia::core::io::ReadBytes;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::block::{Header, MAX_HEADER_BYTES};
use super::ebml::{Element, float, is_end, read_element, signed, unsigned};
use super::entry::Entry;
use super::id;
use crate::audio::demux::{CONTINUES, Demux, Stream};

/// Maximum size of the description of a track and of a block of audio, in bytes.
const MAX_CONTENT_BYTES: u64 = 1 << 24;
/// Maximum number of tracks.
const MAX_TRACKS: usize = 1_000;

/// Reads elements in the order of the file.
pub(super) struct Reader {
    /// Size of the file, in bytes.
    bytes: u64,
    pub(super) entries: Vec<Entry>,
    tracks: Vec<Track>,
    /// Duration of a tick, in nanoseconds.
    pub(super) scale_ns: u64,
    /// Duration of the segment, in ticks.
    pub(super) duration: Option<f64>,
    /// Start of the cluster, in ticks.
    cluster: u64,
    /// Position after the cluster, or after the file if it is unknown.
    cluster_end: u64,
    /// Position of the last element that was read.
    pub(super) element_start: u64,
    pub(super) is_truncated: bool,
    /// The tracks of the segment before, until those of the next one are known.
    previous: Option<Vec<Entry>>,
    /// The last block, until it is known how much of it is discarded.
    block: Vec<Packet>,
    packets: VecDeque<Packet>,
}

impl Reader {
    pub(super) fn new(bytes: u64) -> Self {
        Self {
            bytes,
            entries: Vec::new(),
            tracks: Vec::new(),
            scale_ns: 1_000_000,
            duration: None,
            cluster: 0,
            cluster_end: bytes,
            element_start: 0,
            is_truncated: false,
            previous: None,
            block: Vec::new(),
            packets: VecDeque::new(),
        }
    }

    /// Reads the header of the next element, or returns `None` at the end of the file.
    pub(super) fn next_element(&mut self, stream: &mut Stream) -> std::io::Result<Option<Element>> {
        loop {
            self.element_start = stream.pos();
            match read_element(stream) {
                Ok(Some(element)) if self.fits(stream, element) => return Ok(Some(element)),
                // Damage, or the end is missing: the next cluster is searched.
                Ok(_) => {
                    if !find_cluster(stream)? {
                        self.is_truncated = true;
                        return Ok(None);
                    }
                    self.damage();
                }
                Err(error) if is_end(&error) => {
                    self.is_truncated |= self.element_start < self.bytes;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether an element ends within its cluster and the file. The end of others may be missing.
    fn fits(&self, stream: &Stream, element: Element) -> bool {
        let (at, Some(size)) = (stream.pos(), element.size) else {
            return true;
        };
        let is_within = self.element_start < self.cluster_end;
        let limit = if is_within {
            self.cluster_end.min(self.bytes)
        } else {
            self.bytes
        };
        at.saturating_add(size) <= limit || matches!(element.id, id::SEGMENT | id::CLUSTER)
    }

    /// Adds a damaged packet to each track.
    fn damage(&mut self) {
        self.release();
        for entry in self.entries.iter().filter(|entry| entry.is_audio) {
            let packet = Packet::new(entry.track.id, CONTINUES, Duration::ZERO, Vec::new());
            self.packets.push_back(packet);
        }
    }

    /// Skips the content of an element. If its size is unknown, its children are the next elements.
    pub(super) fn skip(&mut self, stream: &mut Stream, size: Option<u64>) -> std::io::Result<()> {
        let Some(size) = size else {
            return Ok(());
        };
        let end = stream.pos().saturating_add(size);
        self.is_truncated |= end > self.bytes;
        if size <= u64::from(u16::MAX) && end <= self.bytes {
            return stream.ignore_bytes(size);
        }
        stream.seek(SeekFrom::Start(end.min(self.bytes)))?;
        Ok(())
    }

    /// Reads the content of an element, or returns `None` if it is too large or incomplete.
    fn content(
        &mut self,
        stream: &mut Stream,
        size: Option<u64>,
    ) -> std::io::Result<Option<Vec<u8>>> {
        let left = self.bytes.saturating_sub(stream.pos());
        let size = match size {
            Some(size) if size <= left.min(MAX_CONTENT_BYTES) => size,
            _ => {
                self.skip(stream, size)?;
                return Ok(None);
            }
        };
        let mut content = vec![0; usize::try_from(size).unwrap_or_default()];
        stream.read_exact(&mut content)?;
        Ok(Some(content))
    }

    /// Reads an element that is not within a cluster, or skips it. Those with children are entered.
    pub(super) fn header(&mut self, stream: &mut Stream, element: Element) -> std::io::Result<()> {
        match element.id {
            id::SEGMENT => {
                let end = element.size.map(|size| stream.pos().saturating_add(size));
                self.is_truncated |= end.is_some_and(|end| end > self.bytes);
            }
            id::INFO | id::TRACKS => {}
            id::TIMESTAMP_SCALE | id::DURATION | id::TRACK_ENTRY => {
                let Some(content) = self.content(stream, element.size)? else {
                    return Ok(());
                };
                match element.id {
                    id::TIMESTAMP_SCALE => self.scale_ns = unsigned(&content),
                    id::DURATION => self.duration = float(&content),
                    _ if self.entries.len() < MAX_TRACKS => {
                        self.entries.push(Entry::parse(&content));
                    }
                    _ => {}
                }
            }
            _ => self.skip(stream, element.size)?,
        }
        Ok(())
    }

    /// Updates the tracks that others see.
    pub(super) fn publish(&mut self) {
        let tracks = self.entries.iter().map(|entry| entry.track.clone());
        self.tracks = tracks.collect();
    }

    /// Reads an element, which may add packets.
    fn element(&mut self, stream: &mut Stream, element: Element) -> Result<()> {
        match element.id {
            id::SEGMENT => {
                // Another recording follows.
                self.release();
                self.previous = Some(std::mem::take(&mut self.entries));
                self.header(stream, element)?;
            }
            id::CLUSTER => {
                self.release();
                self.cluster = 0;
                let end = element.size.map(|size| stream.pos().saturating_add(size));
                self.cluster_end = end.unwrap_or(self.bytes);
                if let Some(previous) = self.previous.take() {
                    if self.entries.is_empty() {
                        self.entries = previous;
                    }
                    self.publish();
                    return Err(Error::ResetRequired);
                }
            }
            id::BLOCK_GROUP => {}
            id::TIMESTAMP | id::DISCARD_PADDING => {
                let Some(content) = self.content(stream, element.size)? else {
                    return Ok(());
                };
                match element.id {
                    id::TIMESTAMP => self.cluster = unsigned(&content),
                    _ => self.discard(signed(&content)),
                }
            }
            id::SIMPLE_BLOCK | id::BLOCK => {
                self.release();
                self.block(stream, element.size)?;
            }
            _ => self.header(stream, element)?,
        }
        Ok(())
    }

    /// Reads a block.
    fn block(&mut self, stream: &mut Stream, size: Option<u64>) -> std::io::Result<()> {
        let Some(size) = size else {
            return Ok(());
        };
        let Some(start) = self.content(stream, Some(size.min(MAX_HEADER_BYTES)))? else {
            return Ok(());
        };
        let rest = size - start.len() as u64;
        let Some((header, first)) = Header::parse(&start) else {
            return self.skip(stream, Some(rest));
        };
        let Some(entry) = self
            .entries
            .iter()
            .position(|entry| entry.number == header.track)
        else {
            return self.skip(stream, Some(rest));
        };
        let content = match self.entries.get(entry) {
            Some(entry) if entry.is_audio => match self.content(stream, Some(rest))? {
                Some(rest) => [first, &rest].concat(),
                None => return Ok(()),
            },
            _ => {
                self.skip(stream, Some(rest))?;
                Vec::new()
            }
        };
        let Some(entry) = self.entries.get(entry) else {
            return Ok(());
        };
        let offset = (header.offset as f64 * entry.scale).round() as i64;
        let ticks = i128::from(self.cluster) + i128::from(offset);
        let time_ns = ticks.saturating_mul(self.scale_ns.into());
        let time_ns = time_ns.saturating_sub(entry.delay_ns.into());
        let mut time = Timestamp::new(i64::try_from(time_ns).unwrap_or_default());
        // Damage is reported when the packet is decoded.
        let frames = header.frames(&content).unwrap_or_else(|| vec![&[]]);
        for frame in frames {
            let data = [&entry.prefix, frame].concat();
            let packet = Packet::new(entry.track.id, time, Duration::ZERO, data);
            self.block.push(packet);
            time = CONTINUES;
        }
        Ok(())
    }

    /// Discards the start of the last block if `duration_ns` is negative, or else its end.
    fn discard(&mut self, duration_ns: i64) {
        let duration = Duration::new(duration_ns.unsigned_abs());
        if duration_ns < 0 {
            if let Some(packet) = self.block.first_mut() {
                packet.trim_start = duration;
            }
        } else if let Some(packet) = self.block.last_mut() {
            packet.trim_end = duration;
        }
    }

    /// Makes the packets of the last block available.
    fn release(&mut self) {
        self.packets.extend(self.block.drain(..));
    }
}

impl Demux for Reader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self, stream: &mut Stream) -> Result<Option<Packet>> {
        loop {
            if let Some(packet) = self.packets.pop_front() {
                return Ok(Some(packet));
            }
            if let Some(element) = self.next_element(stream)? {
                self.element(stream, element)?;
                continue;
            }
            self.release();
            if self.packets.is_empty() {
                return match self.is_truncated {
                    true => Err(Error::IoError(ErrorKind::UnexpectedEof.into())),
                    false => Ok(None),
                };
            }
        }
    }
}

/// Moves to the next cluster. Returns whether there is one.
fn find_cluster(stream: &mut Stream) -> std::io::Result<bool> {
    let mut last = 0_u32;
    loop {
        match stream.read_byte() {
            Ok(byte) => last = last << 8 | u32::from(byte),
            Err(error) if is_end(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
        if last == id::CLUSTER {
            let start = stream.pos() - 4;
            stream.seek(SeekFrom::Start(start))?;
            return Ok(true);
        }
    }
}
