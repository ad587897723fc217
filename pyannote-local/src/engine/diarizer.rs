//! The seam to the models: samples in; turns, scores and embeddings out. It knows nothing of requests and outputs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How many speakers to look for. Nothing given: as many as there are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Speakers {
    /// At least so many.
    pub min: Option<usize>,
    /// At most so many.
    pub max: Option<usize>,
}

impl Speakers {
    /// Exactly so many.
    #[must_use]
    pub fn exactly(number: usize) -> Self {
        Self {
            min: Some(number),
            max: Some(number),
        }
    }
}

/// Someone speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    /// Who: an index into [`Diarization::speakers`].
    pub speaker: usize,
    /// From when on, in seconds.
    pub start: f64,
    /// Until when, in seconds.
    pub end: f64,
}

/// How likely each speaker speaks, frame by frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// The seconds from one frame to the next. Frame `n` spans `n * resolution` to `(n + 1) * resolution`.
    pub resolution: f64,
    /// How many speakers there are.
    pub speakers: usize,
    /// The probabilities, 0 to 1: those of all speakers in the first frame, then those in the second, and so on.
    pub values: Vec<f32>,
}

impl Scores {
    /// The frames, each as the probabilities of its speakers. None where there are no speakers.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.speakers.max(1))
    }
}

/// A voice as a point: voices of one person are near each other, as the cosine of the angle between them tells.
#[derive(Clone, PartialEq)]
pub struct Embedding(pub Vec<f32>);

impl std::fmt::Debug for Embedding {
    /// Shows its size alone: a voice is private.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Embedding(<{} numbers>)", self.0.len())
    }
}

impl Embedding {
    /// The cosine of the angle between two voices, -1 to 1; 0 where one has no direction, or their sizes differ.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        if self.0.len() != other.0.len() {
            return 0.0;
        }
        let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let norms = (dot(&self.0, &self.0) * dot(&other.0, &other.0)).sqrt();
        if norms > 0.0 {
            dot(&self.0, &other.0) / norms
        } else {
            0.0
        }
    }
}

/// A speaker of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Speaker {
    /// The voice: none where there was too little speech without overlap to hear it.
    pub embedding: Option<Embedding>,
    /// The seconds of speech that the voice was heard from.
    pub heard: f64,
}

/// Who spoke when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diarization {
    /// The turns, by their starts. Those of one speaker do not overlap; those of several may.
    pub turns: Vec<Turn>,
    /// The turns if only one speaks at a time, the most likely one.
    pub exclusive: Vec<Turn>,
    /// The speakers, by their first turns.
    pub speakers: Vec<Speaker>,
    /// How likely each of them speaks when.
    pub scores: Scores,
    /// What the caller should know, such as a number of speakers that could not be had.
    pub warnings: Vec<String>,
}

/// Whether the work is still wanted. Whoever computes for long looks at it now and then.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// The work is no longer wanted.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is not.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why there is no result.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DiarizeError {
    /// The work was stopped.
    Stopped,
    /// Nobody speaks in what was to be one voice.
    NoSpeech,
    /// Anything else, in words for who sent the job.
    Failed(String),
}

impl std::fmt::Display for DiarizeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stopped => f.write_str("the work was stopped"),
            Self::NoSpeech => f.write_str("nobody speaks in the recording"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for DiarizeError {}

/// Tells who spoke when. It blocks its thread while it does.
///
/// Samples are of one channel at [`SAMPLE_RATE`](super::SAMPLE_RATE), from -1 to 1; any that are not finite count as 0.
pub trait Diarizer: Send + Sync + 'static {
    /// The models by name, for a message to people.
    fn models(&self) -> &str;

    /// Which voices can be compared: those whose embeddings come from the same model. At most 64 bytes of ASCII.
    fn embedding_model(&self) -> &str;

    /// Who spoke when.
    ///
    /// # Errors
    ///
    /// Where the work was stopped, or failed. Silence is no error.
    fn diarize(
        &self,
        samples: &[f32],
        speakers: Speakers,
        stop: &Stop,
    ) -> Result<Diarization, DiarizeError>;

    /// How likely two voices are of one person, 0 to 1: from a cosine to a probability that is right as often as it
    /// says, where the same and another voice are equally likely beforehand.
    fn same_voice(&self, cosine: f32) -> f32;
}
