//! Opens the demuxer of a file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Take};
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
use super::{AudioError, adts, aiff, au, caf, flac, frames, mkv, mp4, mpeg, ogg, riff, tags};

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
        return caf::open(file, bytes);
    }
    if ogg::is_ogg(&start) {
        let is_truncated = ogg::is_truncated(&mut file, bytes)?;
        let codec = ogg::unsupported_codec(&mut file)?;
        file.rewind()?;
        let format = match (probe(file), codec) {
            (Err(AudioError::NotAudio), Some(name)) => {
                return Err(AudioError::UnsupportedCodec(name.to_owned()));
            }
            (format, _) => format?,
        };
        return Ok(Opened {
            is_truncated,
            ..Opened::from(format)
        });
    }
    if is_other_container(&mut file, &start)? {
        return Err(AudioError::NotAudio);
    }
    let sound = tags::between(&mut file, bytes)?;
    Ok(probe_range(file, sound)?.into())
}

/// Opens a stream that is a part of a file.
fn probe_range(mut file: File, range: Range<u64>) -> Result<Box<dyn FormatReader>, AudioError> {
    let Range { start, end } = range;
    if bytes_at(&mut file, start)?.as_ref() == Some(flac::MARKER)
        && let Some((header, frames)) = flac::header(&mut file, start)?
    {
        file.seek(SeekFrom::Start(frames))?;
        let frames = file.take(end.saturating_sub(frames));
        return probe(ReadOnlySource::new(Cursor::new(header).chain(frames)));
    }
    let format = probe(in_order(&file, start..end)?)?;
    if !is_mpeg(format.as_ref()) && format.format_info().format != formats::FORMAT_ID_ADTS {
        return Ok(format);
    }
    drop(format);
    // A few bytes that resemble frames are in any compressed data.
    match frames::first(&mut file, start..end)? {
        Some((at, frames::Kind::Adts)) => Ok(adts::open(stream(file), at..end)?),
        Some((at, frames::Kind::Mpeg)) => {
            let head = mpeg::first_frame(&mut file, at, end)?;
            let rest = in_order(&file, at + head.len() as u64..end)?;
            let padding = std::io::repeat(0).take(MAX_MPEG_FRAME_BYTES);
            probe(ReadOnlySource::new(
                Cursor::new(head).chain(rest).chain(padding),
            ))
        }
        None => Err(AudioError::NotAudio),
    }
}

/// A part of a file that is read in order: otherwise, the duration is estimated from the first packets.
fn in_order(file: &File, range: Range<u64>) -> std::io::Result<ReadOnlySource<Take<File>>> {
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(range.start))?;
    Ok(ReadOnlySource::new(
        file.take(range.end.saturating_sub(range.start)),
    ))
}

/// Whether a file is in a container that is not supported, and whose content may be mistaken for MP3 or WAV.
fn is_other_container(file: &mut File, start: &[u8]) -> std::io::Result<bool> {
    // ASF and WMA, FLV, Flash, MPEG program stream, RealMedia; and those that contain the header of a WAV file:
    // Monkey's Audio, Shorten, WavPack.
    const MARKERS: [&[u8]; 9] = [
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
        b"FLV\x01",
        b"FWS",
        b"CWS",
        b"\0\0\x01\xba",
        b".RMF",
        b"MAC ",
        b"ajkg",
        b"wvpk",
    ];
    if MARKERS.iter().any(|marker| start.starts_with(marker)) {
        return Ok(true);
    }
    if start.starts_with(b"RIFF") && start.get(8..11) == Some(b"AVI") {
        return Ok(true);
    }
    // Those of Blu-ray discs and camcorders start with a time of 4 bytes.
    for (first, distance) in [(0, MPEG_TS_PACKET_BYTES), (4, MPEG_TS_PACKET_BYTES + 4)] {
        let mut packets = 0;
        while packets < 3 && bytes_at(file, first + packets * distance)? == Some([MPEG_TS_SYNC]) {
            packets += 1;
        }
        if packets == 3 {
            return Ok(true);
        }
    }
    Ok(false)
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

pub(super) fn stream(source: impl MediaSource + 'static) -> Stream {
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
