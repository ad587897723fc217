//! Collects the samples of a recording while they are decoded.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::spool::{self, SpoolWriter};
use super::{Recording, SpoolError};
use crate::SAMPLE_RATE;

/// Duration up to which recordings are kept in memory: 58 MB.
pub(crate) const MAX_IN_MEMORY: Duration = Duration::from_secs(15 * 60);
/// Minimum growth of the buffer, in samples: one minute.
const MIN_GROWTH_SAMPLES: usize = 60 * SAMPLE_RATE as usize;

/// Collects the samples of a [`Recording`], for decoders: in memory, or in a temporary file if there are many.
///
/// ```
/// use pyannote_engine::RecordingWriter;
///
/// let mut writer = RecordingWriter::new();
/// for block in [[0.0; 1_600], [0.5; 1_600]] {
///     writer.push(&block)?;
/// }
/// assert_eq!(writer.finish()?.duration(), 0.2);
/// # Ok::<(), pyannote_engine::SpoolError>(())
/// ```
#[derive(Debug)]
#[must_use = "call `.finish()` to create the recording"]
pub struct RecordingWriter {
    samples: Vec<f32>,
    /// Has all samples, once there are too many for `samples`.
    spool: Option<SpoolWriter>,
    /// Number of samples.
    len: usize,
    /// Maximum number of samples in memory.
    max_in_memory: usize,
    folder: Option<PathBuf>,
    check_space: Option<CheckSpace>,
}

/// What is called before samples are written to a temporary file.
#[derive(Clone)]
pub(crate) struct CheckSpace(Arc<dyn Fn(u64) -> bool + Send + Sync>);

impl CheckSpace {
    pub(crate) fn new(call: impl Fn(u64) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }
}

impl fmt::Debug for CheckSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckSpace")
    }
}

impl Default for RecordingWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl RecordingWriter {
    /// Starts a recording without samples.
    pub fn new() -> Self {
        let writer = Self {
            samples: Vec::new(),
            spool: None,
            len: 0,
            max_in_memory: 0,
            folder: None,
            check_space: None,
        };
        writer.max_in_memory(MAX_IN_MEMORY)
    }

    /// Returns the folders of which the first that is writable has the temporary file: that of the environment variable
    /// `TMPDIR`. If it is not set, `/var/tmp` on Unix, where `/tmp` is often in memory, and [`std::env::temp_dir`].
    ///
    /// ```
    /// use pyannote_engine::RecordingWriter;
    ///
    /// assert!(!RecordingWriter::default_folders().is_empty());
    /// ```
    #[must_use]
    pub fn default_folders() -> Vec<PathBuf> {
        spool::default_folders(std::env::var_os("TMPDIR"), std::env::temp_dir())
    }

    /// Sets the folder of the temporary file. The default is one of [`default_folders`](Self::default_folders).
    pub fn temporary_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Sets a function that is called before samples are written to the temporary file, with their size in bytes. If it
    /// returns `false`, [`SpoolError::Full`] is returned.
    ///
    /// ```
    /// use pyannote_engine::{RecordingWriter, SpoolError};
    ///
    /// let mut writer = RecordingWriter::new()
    ///     .check_space(|bytes| bytes < 1_000)
    ///     .max_in_memory(std::time::Duration::ZERO);
    /// writer.push(&[0.5; 100])?;
    /// assert!(matches!(writer.push(&[0.5; 300]), Err(SpoolError::Full { .. })));
    /// # Ok::<(), SpoolError>(())
    /// ```
    pub fn check_space(self, call: impl Fn(u64) -> bool + Send + Sync + 'static) -> Self {
        self.shared_check_space(Some(CheckSpace::new(call)))
    }

    pub(crate) fn shared_check_space(mut self, check_space: Option<CheckSpace>) -> Self {
        self.check_space = check_space;
        self
    }

    /// Sets the duration up to which a recording is kept in memory. The default is 15 minutes.
    pub fn max_in_memory(mut self, duration: Duration) -> Self {
        // The cast saturates.
        self.max_in_memory = (duration.as_secs_f64() * f64::from(SAMPLE_RATE)) as usize;
        self
    }

    /// Reserves memory for this number of samples in all, if that many are kept in memory. Otherwise, all samples go to
    /// the file from the first one on. The number may be wrong.
    ///
    /// # Errors
    ///
    /// [`SpoolError`] if the file cannot be created.
    pub fn expected_len(mut self, samples: usize) -> Result<Self, SpoolError> {
        if samples > self.max_in_memory {
            self.spill()?;
        } else {
            self.samples
                .reserve_exact(samples.saturating_sub(self.samples.len()));
        }
        Ok(self)
    }

    /// Appends samples, -1 to 1.
    ///
    /// # Errors
    ///
    /// [`SpoolError`] if the temporary file cannot be created or written. Nothing can be appended after that.
    pub fn push(&mut self, samples: &[f32]) -> Result<(), SpoolError> {
        if self.len + samples.len() > self.max_in_memory {
            self.spill()?;
        }
        match &mut self.spool {
            Some(spool) => write(spool, self.check_space.as_ref(), samples)?,
            None => {
                if self.samples.capacity() - self.samples.len() < samples.len() {
                    // A vector would double its capacity, up to twice the memory of the recording.
                    let growth = MIN_GROWTH_SAMPLES.max(self.samples.len() / 8);
                    self.samples.reserve_exact(growth.max(samples.len()));
                }
                self.samples.extend_from_slice(samples);
            }
        }
        self.len += samples.len();
        Ok(())
    }

    /// Moves the samples from memory to a file, unless they are there already.
    fn spill(&mut self) -> Result<(), SpoolError> {
        if self.spool.is_none() {
            let mut spool = SpoolWriter::create(self.folder.as_deref())?;
            let samples = std::mem::take(&mut self.samples);
            write(&mut spool, self.check_space.as_ref(), &samples)?;
            self.spool = Some(spool);
        }
        Ok(())
    }

    /// Creates the recording, without warnings.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn finish(self) -> Result<Recording, SpoolError> {
        Ok(match self.spool {
            Some(spool) => Recording::spooled(spool.finish()?, self.len),
            None => Recording::new(self.samples),
        })
    }
}

/// Appends samples to a file, if there is space for them.
fn write(
    spool: &mut SpoolWriter,
    check_space: Option<&CheckSpace>,
    samples: &[f32],
) -> Result<(), SpoolError> {
    let bytes = size_of_val(samples) as u64;
    if check_space.is_some_and(|CheckSpace(has_space)| !has_space(bytes)) {
        return Err(spool.full());
    }
    spool.push(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Samples;

    fn is_spooled(recording: &Recording) -> bool {
        matches!(recording.samples, Samples::Spool(_))
    }

    #[test]
    fn long_recordings_are_spooled_and_short_ones_are_not() {
        for (seconds, expected, is_long) in [
            (2, 0, false),
            (3, 0, true),
            // The expected number of samples may be wrong.
            (2, 16_000, false),
            (3, 16_000, true),
            (2, 48_000, true),
        ] {
            let mut writer = RecordingWriter::new()
                .max_in_memory(Duration::from_secs(2))
                .expected_len(expected)
                .unwrap();
            let samples: Vec<f32> = (0..seconds * 16_000).map(|n| n as f32).collect();
            for block in samples.chunks(777) {
                writer.push(block).unwrap();
            }
            let recording = writer.finish().unwrap();
            assert_eq!(is_spooled(&recording), is_long, "{seconds} s, {expected}");
            assert_eq!(recording.samples(..).unwrap(), samples);
        }
    }

    #[test]
    fn quarter_of_an_hour_is_kept_in_memory() {
        let mut writer = RecordingWriter::new().expected_len(14_400_000).unwrap();
        for _ in 0..900 {
            writer.push(&[0.5; 16_000]).unwrap();
        }
        assert!(writer.spool.is_none());
        writer.push(&[0.5]).unwrap();
        let recording = writer.finish().unwrap();
        assert!(is_spooled(&recording));
        assert_eq!(recording.len(), 14_400_001);
        assert_eq!(recording.samples(14_399_999..20_000_000).unwrap(), [0.5; 2]);
    }
}
