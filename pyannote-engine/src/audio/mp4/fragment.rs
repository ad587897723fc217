//! Fragments of movies: samples that are described next to them.

use std::collections::HashMap;
use std::io::{Read, Result, Seek};

use super::boxes::{Header, Reader};
use super::samples::Run;

/// Defaults of the samples of a track: duration in ticks, and size in bytes.
pub(super) type Defaults = HashMap<u32, (u32, u32)>;

/// The defaults in `mvex`.
pub(super) fn defaults<S: Read + Seek>(
    reader: &mut Reader<'_, S>,
    mvex: &Header,
) -> Result<Defaults> {
    let mut defaults = Defaults::new();
    for header in reader.children(mvex, 0)? {
        if &header.kind == b"trex" {
            let [_, id, _, duration, size] = reader.words(header.body)?;
            defaults.insert(id, (duration, size));
        }
    }
    Ok(defaults)
}

/// The runs of a fragment, each with the id of its track.
pub(super) fn runs<S: Read + Seek>(
    reader: &mut Reader<'_, S>,
    moof: &Header,
    defaults: &Defaults,
) -> Result<Vec<(u32, Run)>> {
    let mut runs = Vec::new();
    // Where the samples of a track start, unless it is declared: after those of the track before.
    let mut end = moof.start;
    for traf in reader.children(moof, 0)? {
        if &traf.kind != b"traf" {
            continue;
        }
        let children = reader.children(&traf, 0)?;
        let Some(tfhd) = children.iter().find(|header| &header.kind == b"tfhd") else {
            continue;
        };
        let header = words(reader, tfhd)?;
        let mut fields = header.into_iter();
        let mut field = || fields.next().unwrap_or_default();
        let (flags, id) = (field() & 0x00ff_ffff, field());
        let mut base = match flags {
            flags if flags & 1 != 0 => u64::from(field()) << 32 | u64::from(field()),
            // The base is the fragment.
            flags if flags & 0x2_0000 != 0 => moof.start,
            _ => end,
        };
        let run_base = base;
        if flags & 2 != 0 {
            field();
        }
        let (mut duration, mut size) = defaults.get(&id).copied().unwrap_or_default();
        if flags & 8 != 0 {
            duration = field();
        }
        if flags & 0x10 != 0 {
            size = field();
        }
        let mut start = None;
        for header in &children {
            match &header.kind {
                b"tfdt" => {
                    let [version, high, low] = reader.words(header.body)?;
                    start = Some(match version >> 24 {
                        1 => u64::from(high) << 32 | u64::from(low),
                        _ => u64::from(high),
                    });
                }
                b"trun" => {
                    let (offset, mut run) = run(&words(reader, header)?, duration, size);
                    if let Some(offset) = offset {
                        base = run_base.saturating_add_signed(i64::from(offset));
                    }
                    run.position = base;
                    run.start = start.take();
                    base = base.saturating_add(run.bytes());
                    end = base;
                    runs.push((id, run));
                }
                _ => {}
            }
        }
    }
    Ok(runs)
}

fn words<S: Read + Seek>(reader: &mut Reader<'_, S>, header: &Header) -> Result<Vec<u32>> {
    let content = reader.content(header, 0)?;
    let (words, _) = content.as_chunks();
    Ok(words.iter().map(|word| u32::from_be_bytes(*word)).collect())
}

/// A run, and the offset of its samples from the base.
fn run(words: &[u32], duration: u32, size: u32) -> (Option<i32>, Run) {
    let mut fields = words.iter();
    let flags = fields.next().copied().unwrap_or_default();
    let count = fields.next().copied().unwrap_or_default();
    let offset = match flags & 1 {
        0 => None,
        _ => fields.next().map(|offset| offset.cast_signed()),
    };
    if flags & 4 != 0 {
        fields.next();
    }
    let mut run = Run {
        count,
        duration,
        size,
        durations: (flags & 0x100 != 0).then(Vec::new),
        sizes: (flags & 0x200 != 0).then(Vec::new),
        ..Run::default()
    };
    // Without fields of their own, any number of samples takes no space.
    let per_sample = (flags >> 8 & 0x0f).count_ones() as usize;
    let rest = fields.as_slice();
    for sample in rest.chunks_exact(per_sample.max(1)).take(count as usize) {
        let mut sample = sample.iter().copied();
        if let Some(durations) = &mut run.durations {
            durations.extend(sample.next());
        }
        if let Some(sizes) = &mut run.sizes {
            sizes.extend(sample.next());
        }
    }
    if let Some(available) = rest.len().checked_div(per_sample) {
        run.count = count.min(u32::try_from(available).unwrap_or(u32::MAX));
    }
    (offset, run)
}
