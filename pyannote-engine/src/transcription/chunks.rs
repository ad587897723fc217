//! Packs the speech of a recording into chunks of up to 30 s, without the silence and music between.

use std::ops::Range;

use crate::models::CHUNK_SAMPLES;
use crate::{Recording, SAMPLE_RATE, SpoolError};

/// Added to both ends of a region of speech, in samples: 0.2 s. Diarization cuts the first and last sounds of words.
const PADDING_SAMPLES: usize = SAMPLE_RATE as usize / 5;
/// Shorter pauses between regions are kept: 1 s, in samples.
const MIN_GAP_SAMPLES: usize = SAMPLE_RATE as usize;
/// A region that is too long is cut where it is quietest, within the last part of a chunk: 10 s, in samples.
const CUT_SAMPLES: usize = 10 * SAMPLE_RATE as usize;
/// Samples whose energy decides where a region is cut: 50 ms.
const ENERGY_SAMPLES: usize = SAMPLE_RATE as usize / 20;

/// Regions whose samples are all below this one are silent, whatever they are said to be: -80 dB.
const MIN_PEAK: f32 = 1e-4;

/// Up to 30 s of speech: parts of a recording, one after the other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Chunk {
    /// The parts, as ranges of samples of the recording.
    pub(super) parts: Vec<Range<usize>>,
    /// Samples before the speech of the first part.
    pub(super) lead: usize,
}

impl Chunk {
    fn new(part: Range<usize>, lead: usize) -> Self {
        Self {
            parts: Vec::from([part]),
            lead,
        }
    }

    /// Number of samples.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(ExactSizeIterator::len).sum()
    }

    /// Reads the samples.
    pub(super) fn samples(&self, recording: &Recording) -> Result<Vec<f32>, SpoolError> {
        let mut samples = vec![0.0; self.len()];
        let mut rest = &mut samples[..];
        for part in &self.parts {
            let (out, after) = rest.split_at_mut(part.len());
            recording.read(part.start, out)?;
            rest = after;
        }
        Ok(samples)
    }

    /// Converts a range of times in the chunk to one in the recording, both in seconds. A range in several parts
    /// becomes the one in which most of it is.
    ///
    /// What starts the chunk starts with the speech: the alignment has no time before the first word.
    pub(super) fn locate(&self, mut range: Range<f64>) -> Range<f64> {
        let rate = f64::from(SAMPLE_RATE);
        if range.start <= 0.0 {
            range.start = (self.lead as f64 / rate).min(range.end);
        }
        let mut offset = 0.0;
        let mut best = (f64::NEG_INFINITY, 0.0..0.0);
        for part in &self.parts {
            let (start, length) = (part.start as f64 / rate, part.len() as f64 / rate);
            let inside = |time: f64| start + (time - offset).clamp(0.0, length);
            let overlap = range.end.min(offset + length) - range.start.max(offset);
            if overlap > best.0 {
                best = (overlap, inside(range.start)..inside(range.end));
            }
            offset += length;
        }
        best.1
    }
}

/// Packs regions of speech, `(start, end)` in seconds and in any order, into chunks.
///
/// Invalid regions, and what is beyond the recording, are ignored.
pub(super) fn pack(recording: &Recording, speech: &[(f64, f64)]) -> Result<Vec<Chunk>, SpoolError> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for mut region in merge(speech, recording.len()) {
        if is_silent(recording, region.clone())? {
            continue;
        }
        let mut lead = PADDING_SAMPLES;
        while !region.is_empty() {
            let used = chunks.last().map_or(CHUNK_SAMPLES, Chunk::len);
            let room = CHUNK_SAMPLES - used;
            if region.len() <= room {
                if let Some(chunk) = chunks.last_mut() {
                    chunk.parts.push(region);
                }
                break;
            }
            if region.len() <= CHUNK_SAMPLES {
                chunks.push(Chunk::new(region, lead));
                break;
            }
            let cut = quietest(recording, region.start + CHUNK_SAMPLES)?;
            chunks.push(Chunk::new(region.start..cut, lead));
            region.start = cut;
            lead = 0;
        }
    }
    Ok(chunks)
}

/// Whether no sample is loud enough to be heard.
fn is_silent(recording: &Recording, region: Range<usize>) -> Result<bool, SpoolError> {
    for start in region.clone().step_by(CHUNK_SAMPLES) {
        let end = region.end.min(start.saturating_add(CHUNK_SAMPLES));
        let samples = recording.samples(start..end)?;
        if samples.iter().any(|sample| sample.abs() >= MIN_PEAK) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Pads and merges regions, as ranges of samples.
fn merge(speech: &[(f64, f64)], len: usize) -> Vec<Range<usize>> {
    let sample = |time: f64| (time.max(0.0) * f64::from(SAMPLE_RATE)) as usize;
    let valid = speech.iter().filter(|(start, end)| end > start);
    let mut regions: Vec<Range<usize>> = valid
        .map(|(start, end)| sample(*start)..sample(*end).min(len))
        .filter(|region| !region.is_empty())
        .map(|region| {
            region.start.saturating_sub(PADDING_SAMPLES)
                ..region.end.saturating_add(PADDING_SAMPLES).min(len)
        })
        .collect();
    regions.sort_unstable_by_key(|region| (region.start, region.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for region in regions {
        match merged.last_mut() {
            Some(last) if region.start < last.end.saturating_add(MIN_GAP_SAMPLES) => {
                last.end = last.end.max(region.end);
            }
            _ => merged.push(region),
        }
    }
    merged
}

/// The middle of the quietest 50 ms in the last 10 s before a sample.
fn quietest(recording: &Recording, end: usize) -> Result<usize, SpoolError> {
    let start = end - CUT_SAMPLES;
    let samples = recording.samples(start..end)?;
    let energy = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>();
    let quietest = samples
        .chunks_exact(ENERGY_SAMPLES)
        .map(energy)
        .enumerate()
        .min_by(|(_, a), (_, b)| a.total_cmp(b));
    let index = quietest.map_or(0, |(index, _)| index);
    Ok(start + index * ENERGY_SAMPLES + ENERGY_SAMPLES / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: usize = SAMPLE_RATE as usize;

    fn seconds(range: Range<f64>) -> Range<usize> {
        (range.start * SECOND as f64) as usize..(range.end * SECOND as f64) as usize
    }

    #[test]
    fn regions_are_padded_merged_and_cleaned() {
        let len = 100 * SECOND;
        let merged = |speech: &[(f64, f64)]| merge(speech, len);
        assert_eq!(merged(&[(1.0, 2.0)])[..], [seconds(0.8..2.2)]);
        assert_eq!(
            merged(&[(0.1, 2.0), (99.0, 200.0)]),
            [seconds(0.0..2.2), seconds(98.8..100.0)]
        );
        // In any order, and overlapping.
        assert_eq!(
            merged(&[(10.0, 11.0), (1.0, 5.0), (2.0, 3.0), (6.0, 7.0)]),
            [seconds(0.8..7.2), seconds(9.8..11.2)]
        );
        for invalid in [
            (2.0, 1.0),
            (1.0, 1.0),
            (f64::NAN, 1.0),
            (1.0, f64::NAN),
            (-2.0, -1.0),
            (100.0, 101.0),
            (f64::INFINITY, f64::INFINITY),
        ] {
            assert_eq!(merged(&[invalid]), [], "{invalid:?}");
        }
        let all = merged(&[(f64::NEG_INFINITY, f64::INFINITY)]);
        assert_eq!(all, std::slice::from_ref(&(0..len)));
    }

    #[test]
    fn regions_fill_chunks_and_long_ones_are_cut_where_it_is_quiet() {
        let mut samples = vec![0.5; 100 * SECOND];
        samples[25 * SECOND..][..SECOND / 10].fill(0.01);
        let recording = Recording::new(samples);
        let chunks = pack(&recording, &[(5.0, 10.0), (15.0, 30.0), (40.0, 50.0)]).unwrap();
        let parts: Vec<_> = chunks.into_iter().map(|chunk| chunk.parts).collect();
        let expected = [
            vec![seconds(4.8..10.2), seconds(14.8..30.2)],
            vec![seconds(39.8..50.2)],
        ];
        assert_eq!(parts, expected);
        let chunks = pack(&recording, &[(0.0, 100.0)]).unwrap();
        assert!(chunks.iter().all(|chunk| chunk.len() <= CHUNK_SAMPLES));
        assert_eq!(chunks[0], Chunk::new(seconds(0.0..25.025), PADDING_SAMPLES));
        assert_eq!(chunks[1].lead, 0);
        let total: usize = chunks.iter().map(Chunk::len).sum();
        assert_eq!(total, 100 * SECOND);
        assert!(
            pack(&Recording::default(), &[(0.0, 9.0)])
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn times_of_a_chunk_are_those_of_its_parts() {
        let chunk = Chunk {
            parts: vec![seconds(4.0..6.0), seconds(10.0..13.0)],
            lead: SECOND / 4,
        };
        assert_eq!(chunk.locate(0.0..1.0), 4.25..5.0);
        assert_eq!(chunk.locate(0.0..0.125), 4.125..4.125);
        assert_eq!(chunk.locate(0.5..1.0), 4.5..5.0);
        assert_eq!(chunk.locate(2.5..3.0), 10.5..11.0);
        // Most of it is in the second part, or in the first.
        assert_eq!(chunk.locate(1.5..3.0), 10.0..11.0);
        assert_eq!(chunk.locate(1.0..2.5), 5.0..6.0);
        assert_eq!(chunk.locate(4.5..30.0), 12.5..13.0);
        let samples: Vec<f32> = (0..13 * SECOND).map(|n| n as f32).collect();
        let read = chunk.samples(&Recording::new(samples)).unwrap();
        assert_eq!(read.len(), 5 * SECOND);
        assert_eq!(read[2 * SECOND], 10.0 * SECOND as f32);
    }
}
