//! The result of a diarization.

use std::fmt;

use pyannote_core::Turns;

/// Who speaks when in a recording.
///
/// The result of [`Engine::diarize`](crate::Engine::diarize) has speakers `SPEAKER_00`, `SPEAKER_01` and so on, in the
/// order of their first turns, and times in seconds, rounded to milliseconds. [`Engine::diarize_channels`] numbers them
/// by channel.
///
/// [`Engine::diarize_channels`]: crate::Engine::diarize_channels
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diarization {
    /// The turns, sorted by start. Turns of one speaker do not overlap; those of different speakers may.
    pub turns: Turns,
    /// The turns with at most one speaker at a time: where several speak, the most likely one.
    pub exclusive: Turns,
    /// The speakers, in the order of their first turns.
    pub speakers: Vec<Speaker>,
    /// Frame-level speech and speaker probabilities.
    pub scores: Scores,
    /// Human-readable warnings, such as fewer speakers than requested.
    pub warnings: Vec<String>,
    /// Duration of the recording, in seconds. An [`Engine`](crate::Engine) sets it.
    pub duration_s: f64,
}

/// A speaker of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Speaker {
    /// The name of the speaker in [`Turn::speaker`](pyannote_core::Turn::speaker).
    pub label: String,
    /// The speaker embedding, or `None` if there is too little speech without overlap to compute it.
    pub embedding: Option<Embedding>,
    /// Duration of the speech without overlap, in seconds. Speech that overlaps with that of other speakers is not
    /// included.
    pub solo_speech_s: f64,
    /// The number of the channel of the recording, from 1, if its channels were
    /// [diarized separately](crate::Engine::diarize_channels).
    pub channel: Option<usize>,
}

/// Frame-level probabilities of a diarization. `Debug` shows only the numbers of values.
#[derive(Clone, Default, PartialEq)]
pub struct Scores {
    /// Duration of a frame, in seconds. Frame `n` spans `n * resolution` to `(n + 1) * resolution`.
    pub resolution: f64,
    /// The probability of speech in each frame, 0..1, including recordings without speakers.
    pub speech: Vec<f32>,
    /// The probability of overlapping speech in each frame, 0..1.
    pub overlap: Vec<f32>,
    /// The label of each column of `values`.
    pub speakers: Vec<String>,
    /// The probability that each speaker speaks in each frame, 0..1. Shape: (frames, speakers), row-major.
    pub values: Vec<f32>,
}

impl fmt::Debug for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scores")
            .field("resolution", &self.resolution)
            .field("speech", &format_args!("<{}>", self.speech.len()))
            .field("overlap", &format_args!("<{}>", self.overlap.len()))
            .field("speakers", &self.speakers)
            .field("values", &format_args!("<{}>", self.values.len()))
            .finish()
    }
}

impl Scores {
    /// Iterates over the frames, each as the probabilities of its speakers.
    ///
    /// A frame is empty if there are no speakers, or if `values` is too short to contain it.
    ///
    /// ```
    /// use pyannote_engine::Scores;
    ///
    /// let scores = Scores {
    ///     resolution: 0.5,
    ///     speech: vec![0.9, 1.0],
    ///     overlap: vec![0.0, 0.6],
    ///     speakers: vec!["SPEAKER_00".to_owned(), "SPEAKER_01".to_owned()],
    ///     values: vec![0.9, 0.0, 0.8, 0.7],
    /// };
    /// assert_eq!(scores.frames().nth(1), Some(&[0.8, 0.7][..]));
    /// ```
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        let columns = self.speakers.len();
        (0..self.speech.len()).map(move |frame| {
            let start = frame.saturating_mul(columns);
            let end = start.saturating_add(columns);
            self.values.get(start..end).unwrap_or_default()
        })
    }

    /// The column of a speaker in `values`.
    pub(crate) fn column(&self, speaker: &str) -> Option<usize> {
        self.speakers.iter().position(|label| label == speaker)
    }
}

/// A speaker embedding: a vector whose direction characterizes a voice.
///
/// Embeddings of the same speaker have a high cosine similarity. `Debug` shows only the dimension, because embeddings
/// are biometric data.
#[derive(Clone, PartialEq)]
pub struct Embedding(pub Vec<f32>);

impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedding(<{} values>)", self.0.len())
    }
}

impl Embedding {
    /// Returns the cosine similarity of two embeddings, -1..1.
    ///
    /// Returns 0 if the dimensions differ, or if an embedding is zero or not finite.
    ///
    /// ```
    /// use pyannote_engine::Embedding;
    ///
    /// let (a, b) = (Embedding(vec![1.0, 0.0]), Embedding(vec![0.0, 2.0]));
    /// assert_eq!(a.cosine(&a), 1.0);
    /// assert_eq!(a.cosine(&b), 0.0);
    /// ```
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        if self.0.len() != other.0.len() {
            return 0.0;
        }
        let norms = self.norm() * other.norm();
        if norms.is_finite() && norms > 0.0 {
            (self.dot(other) / norms).clamp(-1.0, 1.0) as f32
        } else {
            0.0
        }
    }

    /// The Euclidean norm. An embedding with norm 0 has no direction.
    pub(crate) fn norm(&self) -> f64 {
        self.dot(self).sqrt()
    }

    /// The dot product, in `f64` so that squares neither overflow nor underflow.
    fn dot(&self, other: &Self) -> f64 {
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_is_independent_of_magnitude() {
        let embedding = |values: &[f32]| Embedding(values.to_vec());
        for size in [1e-30, 1.0, 1e30] {
            let (a, b) = (embedding(&[size, 0.0]), embedding(&[size, size]));
            assert!((a.cosine(&b) - 0.5_f32.sqrt()).abs() < 1e-6, "{size}");
            assert_eq!(b.cosine(&b), 1.0);
            assert_eq!(a.cosine(&embedding(&[-1.0, 0.0])), -1.0);
        }
        let ones = embedding(&[1.0, 1.0]);
        for invalid in [
            &[0.0, 0.0][..],
            &[f32::NAN, 1.0],
            &[f32::INFINITY, 1.0],
            &[1.0],
            &[],
        ] {
            assert_eq!(ones.cosine(&embedding(invalid)), 0.0, "{invalid:?}");
        }
        assert_eq!(embedding(&[]).cosine(&embedding(&[])), 0.0);
    }

    #[test]
    fn there_is_a_frame_for_each_speech_probability() {
        let scores = |speakers: usize, values: &[f32]| Scores {
            resolution: 1.0,
            speech: vec![0.5; 2],
            overlap: vec![0.0; 2],
            speakers: (0..speakers).map(|index| index.to_string()).collect(),
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
        assert_eq!(frames(&scores(1000, &[0.1])), [[0.0_f32; 0]; 2]);
        assert_eq!(
            format!("{:?}", scores(1, &[0.1])),
            r#"Scores { resolution: 1.0, speech: <2>, overlap: <2>, speakers: ["0"], values: <1> }"#
        );
    }
}
