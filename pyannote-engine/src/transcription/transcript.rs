//! The result of a transcription.

use pyannote_core::Word;

/// The words of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Transcription {
    /// The words, by start.
    pub words: Vec<TranscribedWord>,
    /// The language that was given or detected, as an ISO 639 code such as `en`. `None` if there is no speech.
    pub language: Option<String>,
}

impl Transcription {
    /// Creates a transcription from words, by start, and the language.
    #[must_use]
    pub fn new(words: Vec<TranscribedWord>, language: Option<String>) -> Self {
        Self { words, language }
    }
}

/// A word of a recording, with its punctuation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TranscribedWord {
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
    /// The word, without surrounding spaces.
    pub text: String,
    /// The mean probability that the model gives to the tokens of the word, 0 to 1.
    pub probability: f32,
}

impl TranscribedWord {
    /// Creates a word from `start` to `end`, in seconds, with the probability that the model gives to it, 0 to 1.
    pub fn new(start: f64, end: f64, text: impl Into<String>, probability: f32) -> Self {
        Self {
            start,
            end,
            text: text.into(),
            probability,
        }
    }
}

impl From<TranscribedWord> for Word {
    fn from(word: TranscribedWord) -> Self {
        Self::new(word.start, word.end, word.text)
    }
}
