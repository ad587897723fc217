//! Decoded recordings, in memory or in a temporary file.

mod error;
mod spool;
mod writer;

use std::borrow::Cow;
use std::fmt;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

use super::SAMPLE_RATE;
pub use error::SpoolError;
use spool::Spool;
pub use writer::RecordingWriter;
#[cfg(feature = "audio")]
pub(crate) use writer::{CheckSpace, MAX_IN_MEMORY};

/// Maximum number of samples of a block: 4 s, 256 kB.
const BLOCK_SAMPLES: usize = 1 << 16;

/// A decoded recording: mono, at [`SAMPLE_RATE`].
///
/// Short recordings are in memory. A [`RecordingWriter`] writes those of more than 15 minutes to a temporary file,
/// which has no name and is private to the process. Clones share the samples; the file is freed with the last of them.
/// `Debug` shows only the number of samples.
///
/// ```
/// use pyannote_engine::Recording;
///
/// let recording = Recording::new(vec![0.0; 8_000]);
/// assert_eq!(recording.duration(), 0.5);
/// assert_eq!(format!("{recording:?}"), "Recording { samples: <8000>, warnings: [] }");
/// ```
#[derive(Clone, Default)]
pub struct Recording {
    samples: Samples,
    len: usize,
    /// Ranges of samples that are replaced by silence, in order.
    silenced: Arc<[Range<usize>]>,
    warnings: Vec<String>,
}

/// The samples of a recording, -1 to 1.
#[derive(Clone)]
enum Samples {
    Memory(Arc<Vec<f32>>),
    Spool(Arc<Spool>),
    /// All are 0.
    #[cfg(feature = "audio")]
    Silence,
}

impl Default for Samples {
    fn default() -> Self {
        Self::Memory(Arc::default())
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("samples", &format_args!("<{}>", self.len))
            .field("warnings", &self.warnings)
            .finish()
    }
}

impl From<Vec<f32>> for Recording {
    fn from(samples: Vec<f32>) -> Self {
        Self::new(samples)
    }
}

impl Recording {
    /// Creates a recording in memory from samples, -1 to 1, without warnings.
    #[must_use]
    pub fn new(samples: Vec<f32>) -> Self {
        Self {
            len: samples.len(),
            samples: Samples::Memory(Arc::new(samples)),
            ..Self::default()
        }
    }

    /// Creates a recording from the first `len` samples of a file.
    fn spooled(spool: Spool, len: usize) -> Self {
        Self {
            samples: Samples::Spool(Arc::new(spool)),
            len,
            ..Self::default()
        }
    }

    /// Returns a recording that shares the samples, but has silence instead of those in `ranges`, which must be in
    /// order.
    pub(crate) fn with_silence(&self, ranges: Vec<Range<usize>>) -> Self {
        Self {
            silenced: ranges.into(),
            ..self.clone()
        }
    }

    /// Creates a recording of silence, which takes no memory.
    #[cfg(feature = "audio")]
    pub(crate) fn silent(len: usize) -> Self {
        Self {
            samples: Samples::Silence,
            len,
            ..Self::default()
        }
    }

    /// A recording whose file has lost its samples.
    #[cfg(all(test, feature = "models"))]
    pub(crate) fn unreadable() -> Self {
        let writer = RecordingWriter::new().max_in_memory(std::time::Duration::ZERO);
        let spooled = writer.expected_len(1).and_then(RecordingWriter::finish);
        let mut recording = spooled.unwrap_or_default();
        recording.len = 100_000;
        recording
    }

    /// Adds human-readable warnings of the decoder, such as a truncated file. They become warnings of the diarization.
    ///
    /// ```
    /// use pyannote_engine::Recording;
    ///
    /// let recording = Recording::new(vec![0.0; 8_000]).with_warnings(["the recording is truncated".to_owned()]);
    /// assert_eq!(recording.warnings(), ["the recording is truncated"]);
    /// ```
    #[must_use]
    pub fn with_warnings(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    /// Adds a warning.
    pub fn push_warning(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Returns the warnings.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the duration in seconds.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.len as f64 / f64::from(SAMPLE_RATE)
    }

    /// Copies the samples from index `start` on to `out`. Samples beyond the end of the recording are 0.
    ///
    /// Several threads can read at once.
    ///
    /// ```
    /// use pyannote_engine::Recording;
    ///
    /// let recording = Recording::new(vec![0.5; 100]);
    /// let mut samples = [1.0; 4];
    /// recording.read(98, &mut samples)?;
    /// assert_eq!(samples, [0.5, 0.5, 0.0, 0.0]);
    /// # Ok::<(), pyannote_engine::SpoolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SpoolError::Read`] if the temporary file of a long recording cannot be read.
    pub fn read(&self, start: usize, out: &mut [f32]) -> Result<(), SpoolError> {
        let available = self.len.saturating_sub(start).min(out.len());
        let (samples, beyond) = out.split_at_mut(available);
        beyond.fill(0.0);
        if samples.is_empty() {
            return Ok(());
        }
        match &self.samples {
            Samples::Memory(all) => samples.copy_from_slice(&all[start..start + available]),
            Samples::Spool(spool) => spool.read(start, samples)?,
            #[cfg(feature = "audio")]
            Samples::Silence => samples.fill(0.0),
        }
        let first = self.silenced.partition_point(|range| range.end <= start);
        let silenced = self.silenced.iter().skip(first);
        for range in silenced.take_while(|range| range.start < start + available) {
            let end = (range.end - start).min(available);
            samples[range.start.saturating_sub(start)..end].fill(0.0);
        }
        Ok(())
    }

    /// Returns the samples with indices in a range, up to the end of the recording.
    ///
    /// All of them take 230 MB of memory per hour: use [`blocks`](Self::blocks) for long recordings.
    ///
    /// ```
    /// use pyannote_engine::Recording;
    ///
    /// let recording = Recording::new(vec![0.5; 100]);
    /// assert_eq!(recording.samples(98..200)?, [0.5, 0.5]);
    /// assert_eq!(recording.samples(..)?.len(), 100);
    /// # Ok::<(), pyannote_engine::SpoolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn samples(&self, range: impl RangeBounds<usize>) -> Result<Vec<f32>, SpoolError> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => self.len,
        };
        let mut samples = vec![0.0; end.min(self.len).saturating_sub(start)];
        self.read(start, &mut samples)?;
        Ok(samples)
    }

    /// Iterates over all samples, in blocks of up to about four seconds.
    ///
    /// ```
    /// use pyannote_engine::Recording;
    ///
    /// let mut peak = 0.0_f32;
    /// for block in Recording::new(vec![0.5; 100_000]).blocks() {
    ///     peak = block?.iter().fold(peak, |peak, sample| peak.max(sample.abs()));
    /// }
    /// assert_eq!(peak, 0.5);
    /// # Ok::<(), pyannote_engine::SpoolError>(())
    /// ```
    pub fn blocks(&self) -> impl Iterator<Item = Result<Cow<'_, [f32]>, SpoolError>> {
        (0..self.len).step_by(BLOCK_SAMPLES).map(|start| {
            let end = (start + BLOCK_SAMPLES).min(self.len);
            match &self.samples {
                Samples::Memory(all) if self.silenced.is_empty() => {
                    Ok(Cow::Borrowed(&all[start..end]))
                }
                _ => self.samples(start..end).map(Cow::Owned),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A recording in memory and one in a file, with the same samples.
    fn both(samples: &[f32]) -> [Recording; 2] {
        let writer = RecordingWriter::new().max_in_memory(Duration::ZERO);
        let mut writer = writer.expected_len(1).unwrap();
        writer.push(samples).unwrap();
        let spooled = writer.finish().unwrap();
        assert!(matches!(spooled.samples, Samples::Spool(_)));
        [Recording::new(samples.to_vec()), spooled]
    }

    #[test]
    #[cfg(feature = "audio")]
    fn silence_has_a_length_but_takes_no_memory() {
        let recording = Recording::silent(usize::MAX);
        assert_eq!(recording.len(), usize::MAX);
        assert_eq!(recording.samples(7..9).unwrap(), [0.0, 0.0]);
        assert_eq!(
            recording.blocks().next().unwrap().unwrap().len(),
            BLOCK_SAMPLES
        );
    }

    #[test]
    fn silence_replaces_samples_in_ranges() {
        for recording in both(&[1.0; 200_000]) {
            let silenced =
                recording.with_silence(vec![0..2, 5..6, 65_530..65_540, 199_999..200_000]);
            assert_eq!(
                silenced.samples(..8).unwrap(),
                [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0]
            );
            assert_eq!(silenced.samples(5..7).unwrap(), [0.0, 1.0]);
            assert_eq!(silenced.samples(199_998..).unwrap(), [1.0, 0.0]);
            let blocks = silenced
                .blocks()
                .map(|block| block.unwrap().iter().sum::<f32>());
            assert_eq!(blocks.sum::<f32>(), 200_000.0 - 14.0);
            assert_eq!(recording.samples(..2).unwrap(), [1.0, 1.0]);
        }
    }

    #[test]
    fn a_range_is_read_from_memory_and_from_a_file_and_is_zero_beyond_the_end() {
        let samples: Vec<f32> = (0..200_000).map(|n| n as f32).collect();
        for recording in both(&samples) {
            assert_eq!(recording.len(), 200_000);
            for (start, length) in [
                (0, 0),
                (0, 3),
                (65_535, 70_000),
                (199_990, 20),
                (200_000, 5),
                (300_000, 5),
                (usize::MAX, 5),
                (200_000, 0),
            ] {
                let mut out = vec![7.0; length];
                recording.read(start, &mut out).unwrap();
                let index = |n: usize| start.saturating_add(n);
                let expected = (0..length).map(|n| samples.get(index(n)).copied().unwrap_or(0.0));
                assert!(
                    out.into_iter().eq(expected),
                    "{length} samples from {start}"
                );
            }
            assert_eq!(recording.samples(199_998..).unwrap(), samples[199_998..]);
            assert_eq!(recording.samples(..=1).unwrap(), [0.0, 1.0]);
            #[expect(clippy::reversed_empty_ranges, reason = "must not panic")]
            for range in [300_000..400_000, 5..2, usize::MAX..0] {
                assert!(recording.samples(range).unwrap().is_empty());
            }
            let blocks: Vec<f32> = recording
                .blocks()
                .flat_map(|block| block.unwrap().into_owned())
                .collect();
            assert_eq!(blocks, samples);
        }
        for empty in both(&[]) {
            assert!(empty.is_empty() && empty.blocks().next().is_none());
        }
    }

    #[test]
    fn several_threads_read_at_once() {
        let samples: Vec<f32> = (0..100_000).map(|n| n as f32).collect();
        let [_, recording] = both(&samples);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (recording, samples) = (recording.clone(), &samples);
                scope.spawn(move || {
                    for start in (thread..90_000).step_by(997) {
                        let read = recording.samples(start..start + 1_000).unwrap();
                        assert_eq!(read, samples[start..start + 1_000]);
                    }
                });
            }
        });
    }

    #[test]
    fn special_values_are_kept_bit_by_bit() {
        let samples = [f32::NAN, f32::INFINITY, -0.0, f32::MIN_POSITIVE / 2.0];
        let bits = |samples: &[f32]| samples.iter().map(|s| s.to_bits()).collect::<Vec<_>>();
        for recording in both(&samples) {
            assert_eq!(bits(&recording.samples(..).unwrap()), bits(&samples));
        }
    }
}
