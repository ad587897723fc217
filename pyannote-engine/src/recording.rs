//! A decoded recording.

use std::fmt;

use super::SAMPLE_RATE;

/// A recording in memory: mono, at [`SAMPLE_RATE`]. `Debug` shows only the number of samples.
///
/// ```
/// use pyannote_engine::Recording;
///
/// let recording = Recording::new(vec![0.0; 8_000]);
/// assert_eq!(recording.duration(), 0.5);
/// assert_eq!(format!("{recording:?}"), "Recording { samples: <8000>, warnings: [] }");
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Recording {
    /// The samples, -1 to 1.
    pub samples: Vec<f32>,
    /// Human-readable warnings of the decoder, such as a truncated file. They become warnings of the diarization.
    pub warnings: Vec<String>,
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("samples", &format_args!("<{}>", self.samples.len()))
            .field("warnings", &self.warnings)
            .finish()
    }
}

impl Recording {
    /// Creates a recording from samples, without warnings.
    #[must_use]
    pub fn new(samples: Vec<f32>) -> Self {
        Self {
            samples,
            warnings: Vec::new(),
        }
    }

    /// Returns the duration in seconds.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.samples.len() as f64 / f64::from(SAMPLE_RATE)
    }
}
