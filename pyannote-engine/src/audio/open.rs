//! Opens the demuxer of a file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, well_known as formats};
use symphonia::core::io::{
    MediaSource, MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource,
};
use symphonia::core::meta::MetadataOptions;

use super::correct::{Corrections, corrections};
use super::mp4::{self, Movie};
use super::overlay::Overlay;
use super::{AudioError, riff};

/// Maximum size of a frame of MPEG audio, in bytes. As many zeros follow the file: a last frame that was cut is decoded.
const MAX_MPEG_FRAME_BYTES: u64 = 2_881;

/// A demuxer, and what it does not report.
pub(super) struct Opened {
    pub(super) format: Box<dyn FormatReader>,
    /// The duration of the recording, in seconds, if the demuxer reports another one.
    pub(super) expected_s: Option<f64>,
    /// The edit lists and enabled tracks of MP4 and MOV.
    pub(super) movie: Movie,
}

impl From<Box<dyn FormatReader>> for Opened {
    fn from(format: Box<dyn FormatReader>) -> Self {
        Self {
            format,
            expected_s: None,
            movie: Movie::default(),
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
    file.by_ref().take(12).read_to_end(&mut start)?;
    if riff::is_wave(&start) {
        return open_wave(file, bytes);
    }
    if let Some(mut movie) = mp4::read(&mut file, bytes)? {
        let corrections = std::mem::take(&mut movie.corrections);
        return Ok(Opened {
            format: probe(Box::new(Overlay::new(file, movie.length, corrections)?))?,
            expected_s: None,
            movie,
        });
    }
    let Corrections { all, expected_s } = corrections(&mut file, bytes);
    file.rewind()?;
    let mut format = if all.is_empty() {
        probe(Box::new(file))?
    } else {
        probe(Box::new(Overlay::new(file, bytes, all)?))?
    };
    if is_mpeg(format.as_ref()) {
        // The duration is estimated from the first packets unless the source is read in order.
        let rest = std::io::repeat(0).take(MAX_MPEG_FRAME_BYTES);
        format = probe(Box::new(ReadOnlySource::new(File::open(path)?.chain(rest))))?;
    }
    Ok(Opened {
        format,
        expected_s,
        movie: Movie::default(),
    })
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

fn open_wave(mut file: File, bytes: u64) -> Result<Opened, AudioError> {
    let header = riff::Header::read(&mut file, bytes)?;
    file.seek(SeekFrom::Start(header.start))?;
    if header.format.is_mpeg() {
        return Ok(Opened::from(probe(Box::new(ReadOnlySource::new(file)))?));
    }
    wave(file, &header)
}

/// Opens the samples of a WAV file.
pub(super) fn wave(
    samples: impl Read + Send + Sync + 'static,
    header: &riff::Header,
) -> Result<Opened, AudioError> {
    let stream = stream(Box::new(ReadOnlySource::new(samples)));
    let format: Box<dyn FormatReader> = Box::new(riff::WavReader::new(stream, header)?);
    Ok(Opened::from(format))
}

fn stream(source: Box<dyn MediaSource>) -> MediaSourceStream<'static> {
    MediaSourceStream::new(source, MediaSourceStreamOptions::default())
}

/// Detects the format from the content.
fn probe(source: Box<dyn MediaSource>) -> Result<Box<dyn FormatReader>, AudioError> {
    symphonia::default::get_probe()
        .probe(
            &Hint::new(),
            stream(source),
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .map_err(|error| match error {
            // A file that ends within its header is not audio either.
            Error::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                // The probe reports unknown formats as I/O errors, too.
                match error.raw_os_error() {
                    Some(_) => AudioError::Io(error),
                    None => AudioError::NotAudio,
                }
            }
            _ => AudioError::NotAudio,
        })
}
