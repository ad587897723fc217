//! Demuxer of MP4, M4A, MOV and 3GP.
//!
//! Only audio tracks are read: what is wrong with others does not matter.

mod boxes;
mod description;
mod fragment;
mod gapless;
mod samples;
mod trak;

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::well_known::FORMAT_ID_ISOMP4;
use symphonia::core::formats::{MediaInfo, Track};
use symphonia::core::io::ReadBytes;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase, Timestamp};

use self::boxes::Reader;
pub(super) use self::description::decoder_config;
use self::fragment::Defaults;
use self::samples::{Sample, Samples};
use self::trak::{Times, Trak};
use super::AudioError;
use super::demux::{Demux, Demuxer, Stream};
use super::open::Opened;
use super::raw::Layout;

/// Types of the first box of a file.
const FIRST: [&[u8; 4]; 8] = [
    b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp",
];

/// The structure of a file.
#[derive(Debug, Default)]
pub(super) struct Movie {
    traks: Vec<Trak>,
    /// Ticks per second of each track, of any kind.
    scales: HashMap<u32, u32>,
    /// The defaults of fragments, if there may be some.
    defaults: Option<Defaults>,
    /// Position of the first fragment, if there may be some.
    fragments: u64,
    /// Size of the file, in bytes.
    bytes: u64,
    is_truncated: bool,
}

/// Reads the structure of a file of `bytes` bytes, or returns `None` if it is not an MP4 or MOV file.
///
/// # Errors
///
/// Fails if the file cannot be read, or has no tracks.
pub(super) fn read(
    source: &mut (impl Read + Seek),
    bytes: u64,
) -> std::result::Result<Option<Movie>, AudioError> {
    let mut reader = Reader::new(source, bytes);
    let mut movie = Movie {
        bytes,
        ..Movie::default()
    };
    let mut at = 0;
    let mut is_known = false;
    while at < bytes {
        let Some(header) = reader.header(at, bytes)? else {
            // Less than a box.
            movie.is_truncated |= bytes - at < 8 && at > 0;
            break;
        };
        if at == 0 && !FIRST.contains(&&header.kind) {
            return Ok(None);
        }
        is_known |= matches!(&header.kind, b"ftyp" | b"mdat" | b"moov");
        movie.is_truncated |= header.end > bytes;
        if &header.kind == b"moov" && movie.traks.is_empty() {
            movie.read_moov(&mut reader, &header)?;
            movie.fragments = header.end;
        }
        at = header.end;
    }
    match (is_known, movie.fragments) {
        (false, _) => Ok(None),
        (true, 0) => Err(AudioError::NoIndex),
        (true, _) if movie.traks.is_empty() => Err(AudioError::NoAudioTrack),
        (true, _) => Ok(Some(movie)),
    }
}

impl Movie {
    fn read_moov<S: Read + Seek>(
        &mut self,
        reader: &mut Reader<'_, S>,
        moov: &boxes::Header,
    ) -> std::io::Result<()> {
        let children = reader.children(moov, 0)?;
        let (mut movie_scale, mut presented) = (0, None);
        let mut starts = Vec::new();
        for header in &children {
            match &header.kind {
                b"mvhd" => movie_scale = trak::movie_scale(reader, header)?,
                b"udta" => presented = gapless::read(reader, header)?,
                b"mvex" => self.defaults = Some(fragment::defaults(reader, header)?),
                _ => {}
            }
        }
        for header in children.iter().filter(|header| &header.kind == b"trak") {
            let times = Times::read(reader, header, movie_scale)?;
            self.scales.insert(times.id, times.scale);
            starts.extend(times.start_s);
            self.traks.extend(Trak::read(reader, header, movie_scale)?);
        }
        // The earliest track starts at 0, as in ffmpeg and browsers.
        let origin_s = starts.into_iter().reduce(f64::min).unwrap_or_default();
        for edit in self.traks.iter_mut().flat_map(|trak| &mut trak.edits) {
            edit.at_s -= origin_s;
        }
        if let (Some(presented), [trak]) = (presented, &mut *self.traks)
            && trak.edits.is_empty()
            && let Some(rate) = trak.description.parameters.sample_rate
            && rate > 0
        {
            trak.edits = vec![gapless::edit(presented, rate)];
        }
        Ok(())
    }

    /// Creates a demuxer.
    pub(super) fn open(self, stream: Stream) -> Opened {
        let mut edits = HashMap::new();
        let mut tracks = Vec::new();
        let mut samples = Vec::new();
        let enabled = self.traks.iter().find(|trak| trak.is_enabled);
        let preferred = enabled.map(|trak| trak.id);
        for trak in self.traks {
            let mut track = Track::new(trak.id);
            let rate = trak.description.parameters.sample_rate;
            track
                .with_time_base(TimeBase::from_recip(trak.scale))
                .with_codec_params(CodecParameters::Audio(trak.description.parameters));
            if let Some(language) = &trak.language {
                track.with_language(language);
            }
            // The duration of fragments is not known.
            let duration = trak.tables.duration();
            if self.defaults.is_none() {
                track.with_duration(Duration::new(duration));
                if rate == Some(trak.scale.get()) {
                    track.with_num_frames(duration);
                }
            }
            edits.insert(trak.id, trak.edits);
            tracks.push(track);
            samples.push((Samples::new(trak.tables, trak.description.layout), None));
        }
        let reader = MovieReader {
            tracks,
            samples,
            scales: self.scales,
            origin_s: None,
            defaults: self.defaults,
            next_box: self.fragments,
            bytes: self.bytes,
        };
        let format = Demuxer::new(FORMAT_ID_ISOMP4, MediaInfo::new(), stream, reader);
        Opened {
            format: Box::new(format),
            preferred,
            edits,
            is_truncated: self.is_truncated,
        }
    }
}

struct MovieReader {
    tracks: Vec<Track>,
    /// The samples of each track, and the next one.
    samples: Vec<(Samples, Option<Sample>)>,
    /// Ticks per second of each track, of any kind.
    scales: HashMap<u32, u32>,
    /// Start of the first fragment, in seconds, or 0 if samples precede it: a recording of a live stream has its times.
    origin_s: Option<f64>,
    defaults: Option<Defaults>,
    /// Position after the last fragment.
    next_box: u64,
    /// Size of the file, in bytes.
    bytes: u64,
}

impl MovieReader {
    /// The earliest sample, with the id of its track, and its layout if that has no packets.
    fn next_sample(&mut self) -> Option<(u32, Option<Layout>, Sample)> {
        let mut earliest: Option<(usize, f64)> = None;
        for (index, (samples, next)) in self.samples.iter_mut().enumerate() {
            *next = next.take().or_else(|| samples.next());
            let time_base = self.tracks.get(index).and_then(|track| track.time_base);
            let (Some(sample), Some(time_base)) = (next, time_base) else {
                continue;
            };
            let start_s = sample.start as f64 / f64::from(time_base.denom.get());
            if earliest.is_none_or(|(_, earliest_s)| start_s < earliest_s) {
                earliest = Some((index, start_s));
            }
        }
        let (index, _) = earliest?;
        let (samples, next) = self.samples.get_mut(index)?;
        Some((self.tracks.get(index)?.id, samples.layout(), next.take()?))
    }

    /// Reads the next fragment. Returns whether there is one.
    fn read_fragment(&mut self, stream: &mut Stream) -> std::io::Result<bool> {
        let Some(defaults) = &self.defaults else {
            return Ok(false);
        };
        let mut reader = Reader::new(stream, self.bytes);
        while let Some(header) = reader.header(self.next_box, self.bytes)? {
            self.next_box = header.end;
            if &header.kind != b"moof" {
                continue;
            }
            let runs = fragment::runs(&mut reader, &header, defaults)?;
            let origin_s = *self.origin_s.get_or_insert_with(|| {
                let is_first = self
                    .samples
                    .iter()
                    .all(|(samples, _)| samples.is_unstarted());
                let starts = runs.iter().filter_map(|(id, run)| {
                    let scale = self.scales.get(id).filter(|scale| **scale > 0)?;
                    Some(run.start? as f64 / f64::from(*scale))
                });
                match is_first {
                    true => starts.reduce(f64::min).unwrap_or_default(),
                    false => 0.0,
                }
            });
            for (id, mut run) in runs {
                if let (Some(start), Some(scale)) = (&mut run.start, self.scales.get(&id)) {
                    let origin = (origin_s * f64::from(*scale)).round() as u64;
                    *start = start.saturating_sub(origin);
                }
                let index = self.tracks.iter().position(|track| track.id == id);
                if let Some((samples, _)) = index.and_then(|index| self.samples.get_mut(index)) {
                    samples.push(run);
                }
            }
            return Ok(true);
        }
        Ok(false)
    }
}

impl Demux for MovieReader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self, stream: &mut Stream) -> Result<Option<Packet>> {
        loop {
            if let Some((id, layout, sample)) = self.next_sample() {
                // A file that ends before, or a size that is not true.
                let left = self.bytes.saturating_sub(sample.position);
                let bytes = match layout {
                    Some(_) => sample.bytes.min(left),
                    None => sample.bytes,
                };
                if bytes > left || left == 0 {
                    return Err(Error::IoError(ErrorKind::UnexpectedEof.into()));
                }
                if stream.pos() != sample.position {
                    stream.seek(SeekFrom::Start(sample.position))?;
                }
                let length = usize::try_from(bytes).unwrap_or_default();
                let data = stream.read_boxed_slice_exact(length)?;
                let start = Timestamp::new(i64::try_from(sample.start).unwrap_or(i64::MAX));
                // The decoder of ADPCM needs the number of frames, whatever the table says.
                let duration = match layout.filter(|layout| layout.unit_frames > 1) {
                    Some(layout) => layout.frames(bytes),
                    None => sample.duration,
                };
                return Ok(Some(Packet::new(id, start, Duration::new(duration), data)));
            }
            if !self.read_fragment(stream)? {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn other_files_are_not_movies() {
        for bytes in [&b""[..], b"RIFF", b"\0\0\0\x08free", b"\0\0\0\x08mooz"] {
            let length = bytes.len() as u64;
            let movie = read(&mut Cursor::new(bytes), length).unwrap();
            assert!(movie.is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn a_file_without_an_index_has_its_reason() {
        let bytes = b"\0\0\0\x08ftyp\0\0\x10\0mdat";
        let error = read(&mut Cursor::new(bytes), bytes.len() as u64).unwrap_err();
        assert!(matches!(error, AudioError::NoIndex));
    }
}
