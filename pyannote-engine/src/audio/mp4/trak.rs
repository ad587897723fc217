//! Tracks.

use std::io::{Read, Result, Seek};
use std::num::NonZero;

use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3};

use super::boxes::{Header, Reader};
use super::description::Description;
use super::samples::Tables;
use crate::audio::time_axis::Edit;

/// Maximum number of entries of an edit list.
const MAX_EDITS: u32 = 10_000;
/// Maximum size of a sample description, in bytes.
const MAX_DESCRIPTION_BYTES: u64 = 1 << 16;

/// An audio track.
#[derive(Debug)]
pub(super) struct Trak {
    pub(super) id: u32,
    pub(super) is_enabled: bool,
    pub(super) language: Option<String>,
    /// Ticks per second of the media.
    pub(super) scale: NonZero<u32>,
    /// The edit list, or nothing if the whole track is presented.
    pub(super) edits: Vec<Edit>,
    pub(super) description: Description,
    pub(super) tables: Tables,
}

/// The time scale in a header of the movie or of a media, in ticks per second, and the word after the duration.
fn time_scale<S: Read + Seek>(reader: &mut Reader<'_, S>, header: &Header) -> Result<(u32, u32)> {
    let [version, _, _, scale, _, long_scale, _, _, long_after] = reader.words(header.body)?;
    let [_, _, _, _, _, after] = reader.words(header.body)?;
    Ok(match version >> 24 {
        1 => (long_scale, long_after),
        _ => (scale, after),
    })
}

/// The time scale of a movie, in ticks per second.
pub(super) fn movie_scale<S: Read + Seek>(
    reader: &mut Reader<'_, S>,
    header: &Header,
) -> Result<u32> {
    Ok(time_scale(reader, header)?.0)
}

/// The times of a track of any kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) id: u32,
    /// Ticks per second, or 0 if it has none.
    pub(super) scale: u32,
    /// Time at which the first section is presented, in seconds, if it is audio or video.
    pub(super) start_s: Option<f64>,
}

impl Times {
    /// Reads the times of a track.
    pub(super) fn read<S: Read + Seek>(
        reader: &mut Reader<'_, S>,
        trak: &Header,
        movie_scale: u32,
    ) -> Result<Self> {
        let id = match reader.child(trak, b"tkhd")? {
            Some(header) => track_header(reader, &header)?.0,
            None => 0,
        };
        let (mut scale, mut kind) = (0, 0);
        if let Some(mdia) = reader.child(trak, b"mdia")? {
            for header in reader.children(&mdia, 0)? {
                match &header.kind {
                    b"mdhd" => scale = time_scale(reader, &header)?.0,
                    b"hdlr" => [_, _, kind] = reader.words(header.body)?,
                    _ => {}
                }
            }
        }
        let is_presented = matches!(&kind.to_be_bytes(), b"soun" | b"vide");
        let edits = read_edits(reader, trak, scale, movie_scale)?;
        let start_s = edits.first().map_or(0.0, |edit| edit.at_s);
        Ok(Self {
            id,
            scale,
            start_s: is_presented.then_some(start_s),
        })
    }
}

/// The edit list of a track, or nothing if the whole track is presented.
fn read_edits<S: Read + Seek>(
    reader: &mut Reader<'_, S>,
    trak: &Header,
    media_scale: u32,
    movie_scale: u32,
) -> Result<Vec<Edit>> {
    let list = match reader.child(trak, b"edts")? {
        Some(edts) => reader.child(&edts, b"elst")?,
        None => None,
    };
    Ok(match list {
        Some(list) => edits(&edit_list(reader, &list)?, media_scale, movie_scale),
        None => Vec::new(),
    })
}

/// The id of a track, and whether it is enabled.
fn track_header<S: Read + Seek>(
    reader: &mut Reader<'_, S>,
    header: &Header,
) -> Result<(u32, bool)> {
    let [flags, _, _, id, _, long_id] = reader.words(header.body)?;
    let id = if flags >> 24 == 1 { long_id } else { id };
    Ok((id, flags & 1 != 0))
}

impl Trak {
    /// Reads a track, or returns `None` if it has no audio.
    pub(super) fn read<S: Read + Seek>(
        reader: &mut Reader<'_, S>,
        trak: &Header,
        movie_scale: u32,
    ) -> Result<Option<Self>> {
        let Some(mdia) = reader.child(trak, b"mdia")? else {
            return Ok(None);
        };
        let mut scale = None;
        let mut language = None;
        let mut tables = None;
        let mut is_audio = false;
        for header in reader.children(&mdia, 0)? {
            match &header.kind {
                b"hdlr" => {
                    let [_, _, kind] = reader.words(header.body)?;
                    is_audio = kind.to_be_bytes() == *b"soun";
                }
                b"mdhd" => {
                    let (ticks, code) = time_scale(reader, &header)?;
                    scale = NonZero::new(ticks);
                    language = language_code(code >> 16);
                }
                b"minf" => tables = reader.child(&header, b"stbl")?,
                _ => {}
            }
        }
        let (true, Some(scale), Some(tables)) = (is_audio, scale, tables) else {
            return Ok(None);
        };
        let (id, is_enabled) = match reader.child(trak, b"tkhd")? {
            Some(header) => track_header(reader, &header)?,
            None => (0, false),
        };
        let edits = read_edits(reader, trak, scale.get(), movie_scale)?;
        let (description, tables) = read_tables(reader, &tables)?;
        Ok(Some(Self {
            id,
            is_enabled,
            language,
            scale,
            edits,
            description,
            tables,
        }))
    }
}

/// A language of three letters with 5 bits each, unless it is undetermined or a number of QuickTime.
fn language_code(code: u32) -> Option<String> {
    let letters = [10, 5, 0].map(|shift| (code >> shift & 0x1f) as u8 + 0x60);
    let text = String::from_utf8_lossy(&letters).into_owned();
    let is_text = letters.iter().all(u8::is_ascii_lowercase);
    (is_text && text != "und").then_some(text)
}

fn read_tables<S: Read + Seek>(
    reader: &mut Reader<'_, S>,
    stbl: &Header,
) -> Result<(Description, Tables)> {
    let mut tables = Tables::default();
    let mut description = Description::parse(&[], 0);
    for header in reader.children(stbl, 0)? {
        match &header.kind {
            b"stsd" => {
                let [version, _, size] = reader.words(header.body)?;
                let start = header.body + 12;
                let size = u64::from(size).clamp(4, MAX_DESCRIPTION_BYTES);
                let entry = Header {
                    body: start,
                    end: header.end.min(start + size - 4),
                    ..header
                };
                let entry = reader.content(&entry, 0)?;
                description = Description::parse(&entry, (version >> 24) as u8);
            }
            b"stts" => tables.durations = reader.table(&header)?,
            b"stsc" => tables.chunks = reader.table(&header)?,
            b"stsz" => {
                [_, tables.size, tables.count] = reader.words(header.body)?;
                if tables.size == 0 {
                    let sizes = Header {
                        body: header.body + 4,
                        ..header
                    };
                    tables.sizes = reader.table(&sizes)?;
                }
            }
            b"stco" => {
                let positions = reader.table::<1>(&header)?.into_iter();
                tables.positions = positions.map(|[position]| u64::from(position)).collect();
            }
            b"co64" => {
                let positions = reader.table::<2>(&header)?.into_iter();
                let long = |[high, low]: [u32; 2]| u64::from(high) << 32 | u64::from(low);
                tables.positions = positions.map(long).collect();
            }
            _ => {}
        }
    }
    if description.parameters.codec == CODEC_ID_MP3
        && let Some(position) = tables.positions.first()
    {
        // The same type stands for all layers of MPEG audio.
        let [header] = reader.words(*position)?;
        match header >> 17 & 0x7ff3 {
            0x7ff2 => _ = description.parameters.for_codec(CODEC_ID_MP2),
            0x7ff3 => _ = description.parameters.for_codec(CODEC_ID_MP1),
            _ => {}
        }
    }
    Ok((description, tables))
}

/// Durations in ticks of the movie, and starts in ticks of the media or -1 for silence.
fn edit_list<S: Read + Seek>(
    reader: &mut Reader<'_, S>,
    header: &Header,
) -> Result<Vec<(u64, i64)>> {
    let [version, count] = reader.words(header.body)?;
    let is_long = version >> 24 == 1;
    let size = if is_long { 20 } else { 12 };
    let mut entries = Vec::new();
    let mut at = header.body + 8;
    for _ in 0..count.min(MAX_EDITS) {
        if at + size > header.end {
            break;
        }
        entries.push(if is_long {
            let [high, low, media_high, media_low] = reader.words(at)?;
            let media = u64::from(media_high) << 32 | u64::from(media_low);
            (u64::from(high) << 32 | u64::from(low), media.cast_signed())
        } else {
            let [duration, media] = reader.words(at)?;
            (u64::from(duration), i64::from(media.cast_signed()))
        });
        at += size;
    }
    Ok(entries)
}

/// Converts an edit list to seconds. An edit of duration 0 extends to the end of the track, so that it is the last one.
fn edits(list: &[(u64, i64)], media_scale: u32, movie_scale: u32) -> Vec<Edit> {
    if movie_scale == 0 || media_scale == 0 {
        return Vec::new();
    }
    let mut edits = Vec::new();
    let mut at_s = 0.0;
    for (duration, media) in list {
        let duration_s = match duration {
            0 if *media >= 0 => f64::INFINITY,
            _ => *duration as f64 / f64::from(movie_scale),
        };
        if *media >= 0 {
            edits.push(Edit {
                media_s: *media as f64 / f64::from(media_scale),
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
