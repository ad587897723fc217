//! Demuxer of Matroska and WebM.
//!
//! Elements are read in the order of the file, without an index: the sizes of segments and clusters may be unknown, as in
//! the recordings of browsers, and the end may be missing. Only audio tracks matter. Those of other kinds have packets
//! without content, for their times.

mod block;
mod ebml;
mod entry;

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::num::NonZero;

use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::well_known::FORMAT_ID_MKV;
use symphonia::core::formats::{FormatReader, MediaInfo, Track, TrackFlags};
use symphonia::core::io::ReadBytes;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase, Timestamp};

use self::block::{Header, MAX_HEADER_BYTES};
use self::ebml::{Element, float, is_end, read_element, signed, unsigned};
use self::entry::Entry;
use super::AudioError;
use super::demux::{CONTINUES, Demux, Demuxer, Stream};

/// The time base of all tracks.
const NANOSECONDS: TimeBase = TimeBase::new(
    NonZero::<u32>::MIN,
    match NonZero::new(1_000_000_000) {
        Some(denominator) => denominator,
        None => NonZero::<u32>::MIN,
    },
);
/// Maximum size of the description of a track and of a block of audio, in bytes.
const MAX_CONTENT_BYTES: u64 = 1 << 24;
/// Maximum number of tracks.
const MAX_TRACKS: usize = 1_000;

mod id {
    pub(super) const EBML: u32 = 0x1a45_dfa3;
    pub(super) const SEGMENT: u32 = 0x1853_8067;
    pub(super) const INFO: u32 = 0x1549_a966;
    pub(super) const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
    pub(super) const DURATION: u32 = 0x4489;
    pub(super) const TRACKS: u32 = 0x1654_ae6b;
    pub(super) const TRACK_ENTRY: u32 = 0xae;
    pub(super) const CLUSTER: u32 = 0x1f43_b675;
    pub(super) const TIMESTAMP: u32 = 0xe7;
    pub(super) const SIMPLE_BLOCK: u32 = 0xa3;
    pub(super) const BLOCK_GROUP: u32 = 0xa0;
    pub(super) const BLOCK: u32 = 0xa1;
    pub(super) const DISCARD_PADDING: u32 = 0x75a2;
}

/// Whether a file that starts with these bytes is Matroska or WebM.
pub(super) fn is_matroska(start: &[u8]) -> bool {
    start.starts_with(&id::EBML.to_be_bytes())
}

/// An open file.
pub(super) struct Matroska {
    pub(super) format: Box<dyn FormatReader>,
    /// The id of the first enabled default track.
    pub(super) preferred: Option<u32>,
    /// Whether the end of the file is missing.
    pub(super) is_truncated: bool,
}

/// Opens a file of `bytes` bytes.
///
/// # Errors
///
/// Fails if the file cannot be read, or has no description of tracks.
pub(super) fn open(mut stream: Stream, bytes: u64) -> std::result::Result<Matroska, AudioError> {
    let mut reader = Reader::new(bytes);
    let mut first_cluster = None;
    while let Some(element) = reader.next_element(&mut stream)? {
        match element.id {
            id::CLUSTER if reader.entries.is_empty() && element.size.is_some() => {
                // The tracks may be described at the end.
                first_cluster.get_or_insert(reader.element_start);
                reader.skip(&mut stream, element.size)?;
            }
            id::CLUSTER => {
                first_cluster.get_or_insert(reader.element_start);
                break;
            }
            _ => reader.header(&mut stream, element)?,
        }
    }
    if reader.entries.is_empty() {
        return Err(AudioError::NotAudio);
    }
    reader.publish();
    if let Some(start) = first_cluster {
        stream.seek(SeekFrom::Start(start))?;
    }
    let mut media = MediaInfo::new();
    media.with_time_base(NANOSECONDS);
    if let Some(ticks) = reader.duration.filter(|ticks| *ticks > 0.0) {
        // The cast saturates.
        media.with_duration(Duration::new((ticks * reader.scale_ns as f64) as u64));
    }
    let is_audio = |entry: &&Entry| entry.is_audio && entry.is_enabled;
    let is_default = |entry: &&Entry| entry.track.flags.contains(TrackFlags::DEFAULT);
    let enabled = || reader.entries.iter().filter(is_audio);
    let preferred = enabled().find(is_default).or_else(|| enabled().next());
    Ok(Matroska {
        preferred: preferred.map(|entry| entry.track.id),
        is_truncated: reader.is_truncated,
        format: Box::new(Demuxer::new(FORMAT_ID_MKV, media, stream, reader)),
    })
}

struct Reader {
    /// Size of the file, in bytes.
    bytes: u64,
    entries: Vec<Entry>,
    tracks: Vec<Track>,
    /// Duration of a tick, in nanoseconds.
    scale_ns: u64,
    /// Duration of the segment, in ticks.
    duration: Option<f64>,
    /// Start of the cluster, in ticks.
    cluster: u64,
    /// Position after the cluster, or after the file if it is unknown.
    cluster_end: u64,
    /// Position of the last element that was read.
    element_start: u64,
    is_truncated: bool,
    /// The tracks of the segment before, until those of the next one are known.
    previous: Option<Vec<Entry>>,
    /// The last block, until it is known how much of it is discarded.
    block: Vec<Packet>,
    packets: VecDeque<Packet>,
}

impl Reader {
    fn new(bytes: u64) -> Self {
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
    fn next_element(&mut self, stream: &mut Stream) -> std::io::Result<Option<Element>> {
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
    fn skip(&mut self, stream: &mut Stream, size: Option<u64>) -> std::io::Result<()> {
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
    fn header(&mut self, stream: &mut Stream, element: Element) -> std::io::Result<()> {
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
    fn publish(&mut self) {
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
        let time_ns = ticks * i128::from(self.scale_ns) - i128::from(entry.delay_ns);
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
