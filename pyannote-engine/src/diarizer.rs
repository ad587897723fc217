//! The seam to the models: samples in; turns, scores and embeddings out. It knows nothing of requests and outputs.

use std::sync::Arc;

use crate::Options;

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

/// How likely somebody speaks, and who, frame by frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// The seconds from one frame to the next. Frame `n` spans `n * resolution` to `(n + 1) * resolution`.
    pub resolution: f64,
    /// How likely anybody speaks, 0 to 1: one for each frame, also where there are no speakers.
    pub speech: Vec<f32>,
    /// How many speakers there are.
    pub speakers: usize,
    /// The probabilities, 0 to 1: those of all speakers in the first frame, then those in the second, and so on.
    pub values: Vec<f32>,
}

impl Scores {
    /// The frames, each as the probabilities of its speakers; without any where there are no speakers, or `values` ends
    /// too early.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        (0..self.speech.len()).map(|frame| {
            let start = frame.saturating_mul(self.speakers);
            let end = start.saturating_add(self.speakers);
            self.values.get(start..end).unwrap_or_default()
        })
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
        let length = self.length() * other.length();
        if length.is_finite() && length > 0.0 {
            (self.dot(other) / length).clamp(-1.0, 1.0) as f32
        } else {
            0.0
        }
    }

    /// How long it is, which tells nothing of the voice. One of length 0 has no direction, and is no voice.
    pub(super) fn length(&self) -> f64 {
        self.dot(self).sqrt()
    }

    /// Twice as exact as the numbers are, so that neither large nor small ones come to nothing.
    fn dot(&self, other: &Self) -> f64 {
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
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

/// Why there is no result.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DiarizeError {
    /// The run was cancelled.
    Cancelled,
    /// Nobody speaks in what was to be one voice.
    NoSpeech,
    /// Anything else, in words for who sent the job.
    Failed(String),
}

impl std::fmt::Display for DiarizeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the run was cancelled"),
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
        options: &mut Options<'_>,
    ) -> Result<Diarization, DiarizeError>;

    /// How likely two voices are of one person, 0 to 1: from a cosine to a probability that is right as often as it
    /// says, where the same and another voice are equally likely beforehand.
    fn same_speaker_probability(&self, cosine: f32) -> f32;
}

/// Several engines can share one, so that its models are in memory once.
impl<D: Diarizer + ?Sized> Diarizer for Arc<D> {
    fn models(&self) -> &str {
        (**self).models()
    }

    fn embedding_model(&self) -> &str {
        (**self).embedding_model()
    }

    fn diarize(
        &self,
        samples: &[f32],
        options: &mut Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        (**self).diarize(samples, options)
    }

    fn same_speaker_probability(&self, cosine: f32) -> f32 {
        (**self).same_speaker_probability(cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_are_right_whatever_the_size_of_the_numbers() {
        let voice = |values: &[f32]| Embedding(values.to_vec());
        for size in [1e-30, 1.0, 1e30] {
            let (a, b) = (voice(&[size, 0.0]), voice(&[size, size]));
            assert!((a.cosine(&b) - 0.5_f32.sqrt()).abs() < 1e-6, "{size}");
            assert_eq!(b.cosine(&b), 1.0);
            assert_eq!(a.cosine(&voice(&[-1.0, 0.0])), -1.0);
        }
        let ones = voice(&[1.0, 1.0]);
        for odd in [
            &[0.0, 0.0][..],
            &[f32::NAN, 1.0],
            &[f32::INFINITY, 1.0],
            &[1.0],
            &[],
        ] {
            assert_eq!(ones.cosine(&voice(odd)), 0.0, "{odd:?}");
        }
        assert_eq!(voice(&[]).cosine(&voice(&[])), 0.0);
    }

    #[test]
    fn there_is_a_frame_for_each_probability_of_speech() {
        let scores = |speakers, values: &[f32]| Scores {
            resolution: 1.0,
            speech: vec![0.5; 2],
            speakers,
            values: values.to_vec(),
        };
        let frames = |scores: &Scores| scores.frames().map(<[f32]>::to_vec).collect::<Vec<_>>();
        assert_eq!(
            frames(&scores(2, &[0.1, 0.2, 0.3, 0.4])),
            [[0.1, 0.2], [0.3, 0.4]]
        );
        assert_eq!(frames(&scores(0, &[])), [[0.0_f32; 0]; 2]);
        assert_eq!(
            frames(&scores(2, &[0.1, 0.2, 0.3])),
            [vec![0.1, 0.2], vec![]]
        );
        assert_eq!(frames(&scores(usize::MAX, &[0.1])), [[0.0_f32; 0]; 2]);
    }
}
