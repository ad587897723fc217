//! Opens the demuxer of a file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, well_known as formats};
use symphonia::core::io::{MediaSource, MediaSourceStreamOptions, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;

use super::chunks::{bytes_at, is_failure_to_read};
use super::demux::Stream;
use super::raw::Raw;
use super::time_axis::Edit;
use super::{AudioError, aiff, au, caf, flac, mkv, mp4, ogg, riff, tags};

/// Maximum size of a frame of MPEG audio, in bytes. As many zeros follow the file: a last frame that was cut is decoded.
const MAX_MPEG_FRAME_BYTES: u64 = 2_881;

/// Size of a packet of an MPEG transport stream, in bytes, and its first byte.
const MPEG_TS_PACKET_BYTES: u64 = 188;
const MPEG_TS_SYNC: u8 = 0x47;

/// A demuxer, and what it does not report.
pub(super) struct Opened {
    pub(super) format: Box<dyn FormatReader>,
    /// The id of the audio track that is enabled.
    pub(super) preferred: Option<u32>,
    /// The edit list of each track that has one.
    pub(super) edits: HashMap<u32, Vec<Edit>>,
    /// Whether the end of the file is missing.
    pub(super) is_truncated: bool,
}

impl From<Box<dyn FormatReader>> for Opened {
    fn from(format: Box<dyn FormatReader>) -> Self {
        Self {
            format,
            preferred: None,
            edits: HashMap::new(),
            is_truncated: false,
        }
    }
}

/// Opens a file of `bytes` bytes.
///
/// # Errors
///
/// Fails if the file cannot be read or is not in a supported format.
pub(super) fn open(path: &Path, bytes: u64) -> Result<Opened, AudioError> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(16).read_to_end(&mut start)?;
    let raw = |raw: Raw, mut file: File| {
        file.seek(SeekFrom::Start(raw.start))?;
        let stream = stream(ReadOnlySource::new(file));
        Ok(Opened::from(raw.open(stream)))
    };
    if let Some(kind) = riff::Kind::of(&start) {
        let header = riff::Header::read(kind, &mut file, bytes)?;
        if header.format.is_mpeg() {
            return Ok(probe_range(file, header.start..bytes)?.into());
        }
        return raw(header.samples(bytes)?, file);
    }
    if aiff::is_aiff(&start) {
        return raw(aiff::read(&mut file, bytes)?, file);
    }
    if au::is_au(&start) {
        return raw(au::read(&mut file, bytes)?, file);
    }
    if mkv::is_matroska(&start) {
        file.rewind()?;
        return mkv::open(stream(file), bytes);
    }
    if let Some(movie) = mp4::read(&mut file, bytes)? {
        file.rewind()?;
        return Ok(movie.open(stream(file)));
    }
    if caf::is_caf(&start) {
        if let Some(samples) = caf::read(&mut file, bytes)? {
            return raw(samples, file);
        }
        file.rewind()?;
        return Ok(probe(file)?.into());
    }
    if ogg::is_ogg(&start) {
        let is_truncated = ogg::is_truncated(&mut file, bytes)?;
        file.rewind()?;
        return Ok(Opened {
            is_truncated,
            ..Opened::from(probe(file)?)
        });
    }
    let sound = tags::between(&mut file, bytes)?;
    Ok(probe_range(file, sound)?.into())
}

/// Opens a stream that is a part of a file.
fn probe_range(mut file: File, range: Range<u64>) -> Result<Box<dyn FormatReader>, AudioError> {
    let Range { start, end } = range;
    if is_mpeg_ts(&mut file, start)? {
        // Its packets may be mistaken for MP3.
        return Err(AudioError::NotAudio);
    }
    if bytes_at(&mut file, start)?.as_ref() == Some(flac::MARKER)
        && let Some((header, frames)) = flac::header(&mut file, start)?
    {
        file.seek(SeekFrom::Start(frames))?;
        let frames = file.take(end.saturating_sub(frames));
        return probe(ReadOnlySource::new(Cursor::new(header).chain(frames)));
    }
    let at_start = || {
        let mut file = file.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        std::io::Result::Ok(file.take(end.saturating_sub(start)))
    };
    // The duration is estimated from the first packets unless the source is read in order.
    let format = probe(ReadOnlySource::new(at_start()?))?;
    if !is_mpeg(format.as_ref()) {
        return Ok(format);
    }
    drop(format);
    let rest = std::io::repeat(0).take(MAX_MPEG_FRAME_BYTES);
    probe(ReadOnlySource::new(at_start()?.chain(rest)))
}

/// Whether packets of an MPEG transport stream start at a position.
fn is_mpeg_ts(file: &mut File, start: u64) -> std::io::Result<bool> {
    for packet in 0..3 {
        if bytes_at(file, start + packet * MPEG_TS_PACKET_BYTES)? != Some([MPEG_TS_SYNC]) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a format is MP1, MP2 or MP3.
pub(super) fn is_mpeg(format: &dyn FormatReader) -> bool {
    [
        formats::FORMAT_ID_MP1,
        formats::FORMAT_ID_MP2,
        formats::FORMAT_ID_MP3,
    ]
    .contains(&format.format_info().format)
}

/// Opens the samples of a WAV file that end with their stream.
pub(super) fn wave(
    samples: impl Read + Send + Sync + 'static,
    header: &riff::Header,
) -> Result<Opened, AudioError> {
    let raw = Raw::unbounded(header.format.layout()?);
    Ok(raw.open(stream(ReadOnlySource::new(samples))).into())
}

fn stream(source: impl MediaSource + 'static) -> Stream {
    Stream::new(Box::new(source), MediaSourceStreamOptions::default())
}

/// Detects the format from the content.
fn probe(source: impl MediaSource + 'static) -> Result<Box<dyn FormatReader>, AudioError> {
    symphonia::default::get_probe()
        .probe(
            &Hint::new(),
            stream(source),
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .map_err(|error| match error {
            Error::IoError(error) if is_failure_to_read(&error) => AudioError::Io(error),
            // The probe reports unknown formats as I/O errors, too, and a file that ends within its header.
            _ => AudioError::NotAudio,
        })
}
