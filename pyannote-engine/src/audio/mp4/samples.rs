//! Positions and times of the samples of a track.

use std::collections::VecDeque;

use crate::audio::raw::Layout;

/// Maximum number of bytes of a packet of a run whose samples are frames.
const MAX_PACKET_BYTES: u64 = 1 << 14;

/// A packet in the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) position: u64,
    pub(super) bytes: u64,
    /// Start and duration, in ticks of the media.
    pub(super) start: u64,
    pub(super) duration: u64,
}

/// The tables of a track.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// Size of every sample, in bytes, or 0 if each has its own.
    pub(super) size: u32,
    pub(super) sizes: Vec<[u32; 1]>,
    /// The number of samples.
    pub(super) count: u32,
    /// Numbers of samples, and their duration in ticks.
    pub(super) durations: Vec<[u32; 2]>,
    /// The first chunk, from 1, the number of samples of each chunk, and the number of the description.
    pub(super) chunks: Vec<[u32; 3]>,
    /// Positions of chunks.
    pub(super) positions: Vec<u64>,
}

impl Tables {
    /// Duration of all samples, in ticks.
    pub(super) fn duration(&self) -> u64 {
        let durations = self.durations.iter();
        durations.fold(0, |sum, [count, duration]| {
            sum.saturating_add(u64::from(*count) * u64::from(*duration))
        })
    }
}

/// Samples of a fragment that follow each other in the file.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) position: u64,
    /// Start in ticks, if it is known.
    pub(super) start: Option<u64>,
    pub(super) count: u32,
    /// Duration and size of every sample, unless each has its own.
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) durations: Option<Vec<u32>>,
    pub(super) sizes: Option<Vec<u32>>,
}

impl Run {
    /// Size of all samples, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        match &self.sizes {
            Some(sizes) => sizes.iter().map(|size| u64::from(*size)).sum(),
            None => u64::from(self.count) * u64::from(self.size),
        }
    }
}

/// Iterates over the samples of a track: first those of the tables, then those of fragments.
#[derive(Debug, Default)]
pub(super) struct Samples {
    tables: Tables,
    layout: Option<Layout>,
    /// Index of the current chunk, of its entry in the table, and of the next sample in it.
    chunk: usize,
    entry: usize,
    in_chunk: u32,
    /// Number of the next sample.
    next: u32,
    /// Position within the chunk, in bytes.
    offset: u64,
    clock: Clock,
    runs: VecDeque<Run>,
    /// Number of samples of the first run that were returned, and their size.
    in_run: u32,
    run_offset: u64,
}

/// The time of the next sample.
#[derive(Debug, Default)]
struct Clock {
    ticks: u64,
    entry: usize,
    in_entry: u32,
}

impl Clock {
    /// Advances by `count` samples.
    fn advance(&mut self, durations: &[[u32; 2]], mut count: u32) {
        while count > 0 {
            let Some([entry_count, duration]) = durations.get(self.entry) else {
                return;
            };
            let left = entry_count.saturating_sub(self.in_entry);
            let step = left.min(count);
            let ticks = u64::from(step) * u64::from(*duration);
            self.ticks = self.ticks.saturating_add(ticks);
            self.in_entry += step;
            count -= step;
            if self.in_entry >= *entry_count {
                self.entry += 1;
                self.in_entry = 0;
            }
        }
    }
}

impl Samples {
    pub(super) fn new(tables: Tables, layout: Option<Layout>) -> Self {
        Self {
            tables,
            layout,
            ..Self::default()
        }
    }

    /// The layout, if samples have no packets.
    pub(super) fn layout(&self) -> Option<Layout> {
        self.layout
    }

    /// Whether there were no samples so far.
    pub(super) fn is_unstarted(&self) -> bool {
        self.next == 0 && self.runs.is_empty() && self.clock.ticks == 0
    }

    pub(super) fn push(&mut self, run: Run) {
        self.runs.push_back(run);
    }

    /// The next packet, or `None` if there is none yet.
    pub(super) fn next(&mut self) -> Option<Sample> {
        self.next_of_tables().or_else(|| self.next_of_runs())
    }

    fn next_of_tables(&mut self) -> Option<Sample> {
        let left = self.tables.count.saturating_sub(self.next);
        if left == 0 {
            return None;
        }
        loop {
            let base = *self.tables.positions.get(self.chunk)?;
            // The entry that is valid for this chunk.
            while let Some([first, _, _]) = self.tables.chunks.get(self.entry + 1)
                && u64::from(*first) <= self.chunk as u64 + 1
            {
                self.entry += 1;
            }
            let [_, per_chunk, _] = *self.tables.chunks.get(self.entry)?;
            let in_chunk = per_chunk.saturating_sub(self.in_chunk).min(left);
            if in_chunk == 0 {
                self.chunk += 1;
                (self.in_chunk, self.offset) = (0, 0);
                continue;
            }
            let (count, bytes) = self.packet(in_chunk);
            let (position, start) = (base.saturating_add(self.offset), self.clock.ticks);
            self.clock.advance(&self.tables.durations, count);
            self.offset = self.offset.saturating_add(bytes);
            self.in_chunk += count;
            self.next += count;
            return Some(Sample {
                position,
                bytes,
                start,
                duration: self.clock.ticks - start,
            });
        }
    }

    /// Number of samples of the next packet, of `available` that follow each other, and its size in bytes.
    fn packet(&self, available: u32) -> (u32, u64) {
        if self.tables.size == 0 {
            let size = self.tables.sizes.get(self.next as usize);
            return (1, size.map_or(0, |[size]| u64::from(*size)));
        }
        let Some(layout) = self.layout else {
            return (1, u64::from(self.tables.size));
        };
        // A sample is a frame or a unit. The size of a frame is sometimes 1.
        let frames = match u64::from(self.tables.size) == layout.unit_bytes {
            true => 1,
            false => layout.unit_frames,
        };
        let units = (u64::from(available) / frames).clamp(1, layout.units_per_packet());
        let count = u32::try_from(units * frames).unwrap_or(u32::MAX);
        (count.min(available), units * layout.unit_bytes)
    }

    fn next_of_runs(&mut self) -> Option<Sample> {
        loop {
            let run = self.runs.front()?;
            if self.in_run == 0
                && let Some(start) = run.start
            {
                self.clock.ticks = start;
            }
            if self.in_run >= run.count {
                self.runs.pop_front();
                (self.in_run, self.run_offset) = (0, 0);
                continue;
            }
            let (position, start) = (
                run.position.saturating_add(self.run_offset),
                self.clock.ticks,
            );
            let (mut bytes, mut duration, mut frames) = (0, 0_u64, 0);
            // Frames of PCM may have an entry each.
            loop {
                let index = self.in_run as usize;
                let own = |own: &Option<Vec<u32>>, default| match own {
                    Some(values) => values.get(index).copied().unwrap_or_default(),
                    None => default,
                };
                bytes += u64::from(own(&run.sizes, run.size));
                duration += u64::from(own(&run.durations, run.duration));
                self.in_run += 1;
                frames += 1;
                let is_full = bytes.max(frames) >= MAX_PACKET_BYTES;
                if self.layout.is_none() || is_full || self.in_run >= run.count {
                    break;
                }
            }
            self.run_offset = self.run_offset.saturating_add(bytes);
            self.clock.ticks = start.saturating_add(duration);
            return Some(Sample {
                position,
                bytes,
                start,
                duration,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use symphonia::core::codecs::audio::well_known::CODEC_ID_PCM_S16BE;

    use super::*;

    fn all(mut samples: Samples) -> Vec<(u64, u64, u64, u64)> {
        let next = || {
            samples
                .next()
                .map(|s| (s.position, s.bytes, s.start, s.duration))
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn packets_of_chunks() {
        let tables = Tables {
            size: 0,
            sizes: vec![[10], [20], [30], [40]],
            count: 4,
            durations: vec![[3, 100], [1, 50]],
            chunks: vec![[1, 2, 1], [2, 1, 1]],
            positions: vec![1_000, 500, 2_000],
        };
        assert_eq!(tables.duration(), 350);
        let expected = [
            (1_000, 10, 0, 100),
            (1_010, 20, 100, 100),
            (500, 30, 200, 100),
            (2_000, 40, 300, 50),
        ];
        assert_eq!(all(Samples::new(tables, None)), expected);
    }

    #[test]
    fn frames_of_pcm_become_packets_whatever_their_size_is() {
        let layout = Layout::pcm(CODEC_ID_PCM_S16BE, 2, 8_000).unwrap();
        for size in [1, 4] {
            let tables = Tables {
                size,
                count: 2_752,
                durations: vec![[2_752, 1]],
                chunks: vec![[1, 2_352, 1], [2, 400, 1]],
                positions: vec![100, 50_000],
                ..Tables::default()
            };
            let expected = [
                (100, 4_608, 0, 1_152),
                (4_708, 4_608, 1_152, 1_152),
                (9_316, 192, 2_304, 48),
                (50_000, 1_600, 2_352, 400),
            ];
            assert_eq!(all(Samples::new(tables, Some(layout))), expected, "{size}");
        }
    }

    #[test]
    fn runs_of_fragments_start_at_their_time_or_continue() {
        let mut samples = Samples::default();
        samples.push(Run {
            position: 10,
            start: Some(1_000),
            count: 2,
            duration: 100,
            sizes: Some(vec![5, 6]),
            ..Run::default()
        });
        samples.push(Run {
            position: 50,
            count: 1,
            size: 7,
            durations: Some(vec![30]),
            ..Run::default()
        });
        let expected = [(10, 5, 1_000, 100), (15, 6, 1_100, 100), (50, 7, 1_200, 30)];
        assert_eq!(all(samples), expected);
    }

    #[test]
    fn hostile_tables_end() {
        let tables = Tables {
            size: 1,
            count: u32::MAX,
            durations: vec![[0, 0], [u32::MAX, u32::MAX]],
            chunks: vec![[5, 0, 1], [0, 0, 0], [1, 1, 1]],
            positions: vec![u64::MAX, 0],
            ..Tables::default()
        };
        assert_eq!(all(Samples::new(tables, None)).len(), 2);
        assert_eq!(all(Samples::default()), []);
    }
}
