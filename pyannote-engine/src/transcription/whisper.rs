//! A loaded Whisper model.

use std::fmt;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use rayon::ThreadPool;

use super::chunks::{Chunk, pack};
use super::decode::ChunkWord;
use super::{TranscribedWord, Transcriber, Transcription, TranscriptionOptions, decode};
use crate::models::WhisperModel;
use crate::open_models::{processors, thread_pool};
use crate::pipeline::fair_pool;
use crate::{DiarizeError, LoadError, OpenModels, Recording, SAMPLE_RATE};

/// Chunks of a recording that its language is detected from.
const LANGUAGE_CHUNKS: usize = 3;

/// A Whisper model, which turns speech into words.
///
/// It is immutable and can be shared between threads. Each call uses the threads that it was loaded with; calls at the
/// same time share them.
///
#[doc = include_str!("measured.md")]
pub struct Whisper {
    model: WhisperModel,
    name: String,
    languages: Vec<String>,
    pool: Arc<ThreadPool>,
}

impl Whisper {
    /// Loads the model of a folder in CTranslate2's layout, with one thread per processor.
    ///
    /// The folder contains `model.bin`, `config.json`, and `vocabulary.json` or `vocabulary.txt`: that of
    /// [`Assets::whisper`](crate::assets::Assets::whisper), or any other one such as `faster-whisper-small`. Weights
    /// may be of any type: 32 or 16 bit floats, or quantized.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if a file cannot be read or is not part of a Whisper model, or if the threads cannot be started.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self, LoadError> {
        Self::load_with(folder, processors())
    }

    /// As [`load`](Self::load), with the given number of threads: at most 8 per processor.
    ///
    /// # Errors
    ///
    /// [`LoadError::TooManyThreads`] if there are more threads, and for the same reasons as [`load`](Self::load).
    pub fn load_with(folder: impl AsRef<Path>, threads: NonZero<usize>) -> Result<Self, LoadError> {
        Self::load_on(folder.as_ref(), Arc::new(thread_pool(threads)?))
    }

    /// As [`load`](Self::load), on the threads of `models`: both together use no more of the machine than one of them.
    ///
    /// # Errors
    ///
    /// [`LoadError::Transcription`] if a file cannot be read or is not part of a Whisper model.
    pub fn load_beside(folder: impl AsRef<Path>, models: &OpenModels) -> Result<Self, LoadError> {
        Self::load_on(folder.as_ref(), models.threads())
    }

    fn load_on(folder: &Path, pool: Arc<ThreadPool>) -> Result<Self, LoadError> {
        let model = WhisperModel::load(folder)
            .map_err(|(path, source)| LoadError::Transcription { path, source })?;
        let codes = model.vocabulary.languages.iter();
        Ok(Self {
            name: match folder.file_name() {
                Some(name) => name.to_string_lossy().into_owned(),
                None => "whisper".to_owned(),
            },
            languages: codes.map(|(code, _)| code.clone()).collect(),
            model,
            pool,
        })
    }

    /// The name of the model, for human-readable messages: that of its folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The codes of the languages that the model knows, such as `en`. Empty if it knows English only.
    #[must_use]
    pub fn languages(&self) -> &[String] {
        &self.languages
    }

    /// Transcribes the speech of a recording: `(start, end)` in seconds, in any order; overlapping regions count once.
    ///
    /// Nothing is transcribed outside of these regions, since the model invents words if nobody speaks. Invalid regions
    /// and those beyond the end of the recording are ignored. Without speech, there are no words. The same input has
    /// the same words.
    ///
    /// # Errors
    ///
    /// [`DiarizeError::InvalidOptions`] if the model does not know the language, [`DiarizeError::Cancelled`], or
    /// [`DiarizeError::Recording`] if the recording cannot be read.
    pub fn transcribe(
        &self,
        recording: &Recording,
        speech: &[(f64, f64)],
        options: TranscriptionOptions<'_>,
    ) -> Result<Transcription, DiarizeError> {
        let TranscriptionOptions { language, mut run } = options;
        if let Some(code) = &language {
            self.check_language(code)?;
        }
        let chunks = pack(recording, speech)?;
        if chunks.is_empty() {
            run.report(1.0);
            return Ok(Transcription {
                language,
                ..Transcription::default()
            });
        }
        let (language, features) = match language {
            Some(language) => (language, Vec::new()),
            None if self.languages.is_empty() => ("en".to_owned(), Vec::new()),
            None => self.detect(recording, &chunks)?,
        };
        let token = run.token().clone();
        let items: Vec<(usize, &Chunk)> = chunks.iter().enumerate().collect();
        let work = |(index, chunk): &(usize, &Chunk)| {
            let computed;
            let features = match features.get(*index) {
                Some(features) => features,
                None => {
                    computed = decode::encode(&self.model, &chunk.samples(recording)?);
                    &computed
                }
            };
            let duration = chunk.len() as f64 / f64::from(SAMPLE_RATE);
            let cancelled = &|| token.is_cancelled();
            let words = decode::transcribe(&self.model, features, duration, &language, cancelled);
            let located = words.into_iter().map(|word| located(word, chunk));
            Ok(located.collect::<Vec<_>>())
        };
        let mut words = Vec::new();
        let progress = &mut |fraction| run.report(fraction);
        fair_pool::run(&self.pool, &items, &token, progress, work, |chunk| {
            words.extend(chunk);
        })?;
        if token.is_cancelled() {
            return Err(DiarizeError::Cancelled);
        }
        run.report(1.0);
        Ok(Transcription {
            words,
            language: Some(language),
        })
    }

    /// Checks that the model knows a language, by its code.
    ///
    /// # Errors
    ///
    /// [`DiarizeError::InvalidOptions`] if it does not.
    pub fn check_language(&self, code: &str) -> Result<(), DiarizeError> {
        if self.languages.iter().any(|language| language == code)
            || (self.languages.is_empty() && code == "en")
        {
            return Ok(());
        }
        let reason = match self.languages.is_empty() {
            true => "must be `en`: the model knows no other".to_owned(),
            false => format!("must be one of {}", self.languages.join(", ")),
        };
        Err(DiarizeError::InvalidOptions {
            option: "language",
            reason,
        })
    }

    /// The language that is most probable in the first chunks, and their features.
    fn detect(
        &self,
        recording: &Recording,
        chunks: &[Chunk],
    ) -> Result<(String, Vec<Vec<f32>>), DiarizeError> {
        let mut scores = vec![0.0; self.languages.len()];
        let mut features = Vec::new();
        for chunk in chunks.iter().take(LANGUAGE_CHUNKS) {
            let samples = chunk.samples(recording)?;
            let (encoded, probabilities) = self.pool.install(|| {
                let encoded = decode::encode(&self.model, &samples);
                let probabilities = decode::languages(&self.model, &encoded);
                (encoded, probabilities)
            });
            for (score, probability) in scores.iter_mut().zip(probabilities) {
                *score += probability * chunk.len() as f32;
            }
            features.push(encoded);
        }
        let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let language = best.and_then(|(index, _)| self.languages.get(index));
        Ok((language.cloned().unwrap_or_default(), features))
    }
}

impl Transcriber for Whisper {
    fn model(&self) -> &str {
        self.name()
    }

    fn check_language(&self, code: &str) -> Result<(), DiarizeError> {
        self.check_language(code)
    }

    fn transcribe(
        &self,
        recording: &Recording,
        speech: &[(f64, f64)],
        options: TranscriptionOptions<'_>,
    ) -> Result<Transcription, DiarizeError> {
        self.transcribe(recording, speech, options)
    }
}

/// A word with its times in the recording.
fn located(word: ChunkWord, chunk: &Chunk) -> TranscribedWord {
    let time = chunk.locate(word.time);
    TranscribedWord {
        start: time.start,
        end: time.end,
        text: word.text.trim().to_owned(),
        probability: word.probability,
    }
}

impl fmt::Debug for Whisper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whisper")
            .field("name", &self.name)
            .field("threads", &self.pool.current_num_threads())
            .finish_non_exhaustive()
    }
}
