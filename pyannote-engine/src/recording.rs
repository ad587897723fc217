//! A recording, all of it, in memory.

use super::SAMPLE_RATE;

/// A recording: one channel at [`SAMPLE_RATE`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// The samples, from -1 to 1.
    pub samples: Vec<f32>,
    /// What is wrong with it, if not enough to refuse it: in words, for the `warning` of the output.
    pub warnings: Vec<String>,
}

impl Recording {
    /// How long it is, in seconds.
    ///
    /// ```
    /// use pyannote_engine::Recording;
    ///
    /// let recording = Recording { samples: vec![0.0; 8_000], warnings: vec![] };
    /// assert_eq!(recording.seconds(), 0.5);
    /// ```
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(SAMPLE_RATE)
    }
}
