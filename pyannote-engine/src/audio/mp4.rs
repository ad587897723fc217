//! The structure of MP4 and MOV that the demuxer does not report: edit lists, enabled tracks, and boxes to hide from it.

use std::collections::HashSet;
use std::io::{Read, Result, Seek};

use super::chunks::read_at;
use super::correct::Correction;
use super::time_axis::Edit;

/// Maximum number of boxes that are read.
const MAX_BOXES: u32 = 200_000;
/// Maximum number of entries of an edit list.
const MAX_EDITS: u32 = 10_000;

/// An audio track.
#[derive(Debug, Default, PartialEq)]
pub(super) struct AudioTrack {
    pub(super) id: u32,
    pub(super) is_enabled: bool,
    /// The edit list, or nothing if the whole track is presented.
    pub(super) edits: Vec<Edit>,
}

/// The structure of a file.
#[derive(Debug, Default)]
pub(super) struct Movie {
    pub(super) audio_tracks: Vec<AudioTrack>,
    /// Changes that let the demuxer read a file with tracks that it does not support, or a truncated one.
    pub(super) corrections: Vec<Correction>,
    /// Size of the file without an incomplete box at its end, in bytes.
    pub(super) length: u64,
    /// Whether the end of the media is missing.
    pub(super) is_truncated: bool,
}

impl Movie {
    /// The id of the first enabled audio track.
    pub(super) fn enabled(&self) -> Option<u32> {
        let track = self.audio_tracks.iter().find(|track| track.is_enabled)?;
        Some(track.id)
    }
}

/// A box: its type, and the positions of its content.
#[derive(Clone, Copy, Debug)]
struct Header {
    kind: [u8; 4],
    start: u64,
    body: u64,
    end: u64,
}

/// Reads the structure of a file of `length` bytes, or returns `None` if it is not an MP4 or MOV file.
pub(super) fn read(source: &mut (impl Read + Seek), length: u64) -> Result<Option<Movie>> {
    let mut reader = Reader { source, boxes: 0 };
    let mut movie = Movie {
        length,
        ..Movie::default()
    };
    let mut at = 0;
    let mut is_mp4 = false;
    while at < length {
        let Some(header) = reader.header(at, length)? else {
            if length - at < 8 {
                // Less than a box.
                movie.length = at;
            }
            break;
        };
        if at == 0 && &header.kind != b"ftyp" {
            return Ok(None);
        }
        if header.end > length {
            movie.is_truncated = true;
            match &header.kind {
                b"mdat" => movie.corrections.push(resized(&header, length)),
                _ => movie.length = at,
            }
            break;
        }
        if &header.kind == b"moov" {
            is_mp4 = true;
            reader.movie(&header, &mut movie)?;
        }
        at = header.end;
    }
    Ok(is_mp4.then_some(movie))
}

/// The change that lets a box end at `end`.
fn resized(header: &Header, end: u64) -> Correction {
    let size = end - header.start;
    match header.body - header.start {
        16 => Correction {
            at: header.start + 8,
            bytes: size.to_be_bytes().to_vec(),
        },
        // Smaller than the size in the header, which has 32 bits.
        _ => Correction {
            at: header.start,
            bytes: u32::try_from(size)
                .unwrap_or_default()
                .to_be_bytes()
                .to_vec(),
        },
    }
}

/// The change that hides a box.
fn hidden(header: &Header) -> Correction {
    Correction {
        at: header.start + 4,
        bytes: b"free".to_vec(),
    }
}

/// A track while its boxes are read.
#[derive(Default)]
struct Trak {
    id: u32,
    is_enabled: bool,
    is_audio: bool,
    /// Ticks per second of the media.
    media_scale: u32,
    /// Duration in ticks of the movie, and start in ticks of the media or -1 for silence.
    edits: Vec<(u64, i64)>,
}

struct Reader<'a, S> {
    source: &'a mut S,
    boxes: u32,
}

impl<S: Read + Seek> Reader<'_, S> {
    /// Reads the header of the box at `at`, or returns `None` if there is none before `end`.
    fn header(&mut self, at: u64, end: u64) -> Result<Option<Header>> {
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
    fn words<const N: usize>(&mut self, at: u64) -> Result<[u32; N]> {
        let mut words = [[0; 4]; N];
        if !read_at(self.source, at, words.as_flattened_mut())? {
            return Ok([0; N]);
        }
        Ok(words.map(u32::from_be_bytes))
    }

    /// The time scale in a header of the movie or of a media, in ticks per second.
    fn time_scale(&mut self, header: &Header) -> Result<u32> {
        let [version, _, _, scale, _, long_scale] = self.words(header.body)?;
        Ok(match version >> 24 {
            1 => long_scale,
            _ => scale,
        })
    }

    /// The boxes within a box, to the first one that does not fit.
    fn children(&mut self, parent: &Header) -> Result<Vec<Header>> {
        let mut children = Vec::new();
        let mut at = parent.body;
        while let Some(header) = self.header(at, parent.end)? {
            if header.end > parent.end {
                break;
            }
            at = header.end;
            children.push(header);
        }
        Ok(children)
    }

    fn movie(&mut self, moov: &Header, movie: &mut Movie) -> Result<()> {
        let mut movie_scale = 0;
        let mut others = HashSet::new();
        let mut corrections = Vec::new();
        let mut extends = Vec::new();
        for header in self.children(moov)? {
            match &header.kind {
                b"mvhd" => movie_scale = self.time_scale(&header)?,
                b"trak" => {
                    let trak = self.trak(&header)?;
                    if trak.is_audio {
                        movie.audio_tracks.push(AudioTrack {
                            id: trak.id,
                            is_enabled: trak.is_enabled,
                            edits: edits(&trak, movie_scale),
                        });
                    } else {
                        others.insert(trak.id);
                        corrections.push(hidden(&header));
                    }
                }
                b"mvex" => extends = self.children(&header)?,
                _ => {}
            }
        }
        if movie.audio_tracks.is_empty() {
            return Ok(());
        }
        for header in extends.iter().filter(|header| &header.kind == b"trex") {
            let [_, id] = self.words(header.body)?;
            if others.contains(&id) {
                corrections.push(hidden(header));
            }
        }
        movie.corrections.extend(corrections);
        Ok(())
    }

    fn trak(&mut self, header: &Header) -> Result<Trak> {
        let mut trak = Trak::default();
        for header in self.children(header)? {
            match &header.kind {
                b"tkhd" => {
                    let [flags, _, _, id, _, long_id] = self.words(header.body)?;
                    trak.is_enabled = flags & 1 != 0;
                    trak.id = if flags >> 24 == 1 { long_id } else { id };
                }
                b"edts" => {
                    for header in self.children(&header)? {
                        if &header.kind == b"elst" {
                            trak.edits = self.edit_list(&header)?;
                        }
                    }
                }
                b"mdia" => {
                    for header in self.children(&header)? {
                        match &header.kind {
                            b"hdlr" => {
                                let [_, _, kind] = self.words(header.body)?;
                                trak.is_audio = kind.to_be_bytes() == *b"soun";
                            }
                            b"mdhd" => trak.media_scale = self.time_scale(&header)?,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(trak)
    }

    fn edit_list(&mut self, header: &Header) -> Result<Vec<(u64, i64)>> {
        let [version, count] = self.words(header.body)?;
        let is_long = version >> 24 == 1;
        let size = if is_long { 20 } else { 12 };
        let mut entries = Vec::new();
        let mut at = header.body + 8;
        for _ in 0..count.min(MAX_EDITS) {
            if at + size > header.end {
                break;
            }
            entries.push(if is_long {
                let [high, low, media_high, media_low] = self.words(at)?;
                let media = u64::from(media_high) << 32 | u64::from(media_low);
                (u64::from(high) << 32 | u64::from(low), media.cast_signed())
            } else {
                let [duration, media] = self.words(at)?;
                (u64::from(duration), i64::from(media.cast_signed()))
            });
            at += size;
        }
        Ok(entries)
    }
}

/// Converts an edit list to seconds. An edit of duration 0 extends to the end of the track, so that it is the last one.
fn edits(trak: &Trak, movie_scale: u32) -> Vec<Edit> {
    if movie_scale == 0 || trak.media_scale == 0 {
        return Vec::new();
    }
    let mut edits = Vec::new();
    let mut at_s = 0.0;
    for (duration, media) in &trak.edits {
        let duration_s = match duration {
            0 if *media >= 0 => f64::INFINITY,
            _ => *duration as f64 / f64::from(movie_scale),
        };
        if *media >= 0 {
            edits.push(Edit {
                media_s: *media as f64 / f64::from(trak.media_scale),
                duration_s,
                at_s,
            });
        }
        if duration_s.is_infinite() {
            break;
        }
        at_s += duration_s;
    }
    edits
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_cut_fragment_ends_with_the_file() {
        let start = b"\0\0\0\x08ftyp\0\0\0\x08moov\0\0\0\x08moof\0\0\0\x20mdat";
        let bytes = [&start[..], &[0; 10]].concat();
        let length = bytes.len() as u64;
        let movie = read(&mut Cursor::new(bytes), length).unwrap().unwrap();
        assert!(movie.is_truncated);
        assert_eq!(movie.length, length);
        let size = Correction {
            at: 24,
            bytes: vec![0, 0, 0, 18],
        };
        assert_eq!(movie.corrections, [size]);
    }

    #[test]
    fn other_files_are_not_movies() {
        for bytes in [&b""[..], b"RIFF", b"\0\0\0\x08moov", b"\0\0\0\x08ftyp"] {
            let length = bytes.len() as u64;
            assert!(read(&mut Cursor::new(bytes), length).unwrap().is_none());
        }
    }
}
