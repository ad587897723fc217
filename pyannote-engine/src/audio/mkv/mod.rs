//! Demuxer of Matroska and WebM.
//!
//! Elements are read in the order of the file, without an index: the sizes of segments and clusters may be unknown, as in
//! the recordings of browsers, and the end may be missing. Only audio tracks matter. Those of other kinds have packets
//! without content, for their times.

mod block;
mod ebml;
mod entry;
mod reader;

use std::collections::HashMap;
use std::io::{Seek, SeekFrom};
use std::num::NonZero;

use symphonia::core::formats::well_known::FORMAT_ID_MKV;
use symphonia::core::formats::{MediaInfo, TrackFlags};
use symphonia::core::units::{Duration, TimeBase};

use self::entry::Entry;
use self::reader::Reader;
use super::AudioError;
use super::demux::{Demuxer, Stream};
use super::open::Opened;

/// The time base of all tracks.
const NANOSECONDS: TimeBase = TimeBase::new(
    NonZero::<u32>::MIN,
    match NonZero::new(1_000_000_000) {
        Some(denominator) => denominator,
        None => NonZero::<u32>::MIN,
    },
);

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

/// Opens a file of `bytes` bytes.
///
/// # Errors
///
/// Fails if the file cannot be read, or has no description of tracks.
pub(super) fn open(mut stream: Stream, bytes: u64) -> Result<Opened, AudioError> {
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
    Ok(Opened {
        preferred: preferred.map(|entry| entry.track.id),
        edits: HashMap::new(),
        is_truncated: reader.is_truncated,
        format: Box::new(Demuxer::new(FORMAT_ID_MKV, media, stream, reader)),
    })
}
