//! Whisper: speech recognition with an encoder and a decoder, from models in CTranslate2's layout.
//!
//! The weights of all fully connected layers are quantized to 8 bits per value, with a scale per output, whatever the
//! file has: a step of the decoder reads all of them, and little else. Everything is computed in 32-bit floats.

mod alignment;
mod config;
mod container;
mod decoder;
mod encoder;
mod layers;
mod mel;
mod search;
mod vocabulary;
mod words;

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

pub(crate) use alignment::align;
pub(crate) use decoder::{Attention, Decoder, Input, Session};
pub(crate) use encoder::{CHUNK_ROWS, Encoder};
pub(crate) use mel::{CHUNK_SAMPLES, MelSpectrogram};
pub(crate) use search::{Continue, Hypothesis, Method, Rules, log_softmax, search};
pub(crate) use vocabulary::Vocabulary;
pub(crate) use words::split;

use config::Config;
use container::Container;

/// Fewest tokens of the decoder's input that a transcript needs.
const MIN_POSITIONS: usize = 16;

/// A Whisper model.
#[derive(Debug)]
pub(crate) struct WhisperModel {
    pub(crate) mel: MelSpectrogram,
    pub(crate) encoder: Encoder,
    pub(crate) decoder: Decoder,
    pub(crate) vocabulary: Vocabulary,
    /// The attention heads of the decoder that follow the speech, as pairs of layer and head.
    pub(crate) alignment_heads: Vec<(usize, usize)>,
    pub(crate) suppressed: Vec<u32>,
    pub(crate) suppressed_first: Vec<u32>,
}

/// Why a model cannot be loaded, and the file that is the reason.
type Failure = (PathBuf, Box<dyn Error + Send + Sync>);

impl WhisperModel {
    /// Loads the files of a folder.
    pub(crate) fn load(folder: &Path) -> Result<Self, Failure> {
        let (path, config) = read(folder, &["config.json"])?;
        let config = Config::parse(&config).map_err(|error| (path, error.into()))?;
        let (vocabulary_path, vocabulary) = read(folder, &["vocabulary.json", "vocabulary.txt"])?;
        let parse = match vocabulary_path.extension() {
            Some(extension) if extension == "json" => Vocabulary::from_json,
            _ => Vocabulary::from_text,
        };
        let vocabulary = parse(&vocabulary, &config.lang_ids)
            .map_err(|error| (vocabulary_path.clone(), error.into()))?;
        let path = folder.join("model.bin");
        let failed = |error: Box<dyn Error + Send + Sync>| (path.clone(), error);
        let file = File::open(&path).map_err(|error| failed(error.into()))?;
        let mut file = Container::open(BufReader::new(file)).map_err(|e| failed(e.into()))?;
        let encoder = Encoder::load(&mut file).map_err(|error| failed(error.into()))?;
        let decoder = Decoder::load(&mut file).map_err(|error| failed(error.into()))?;
        if encoder.channels() != decoder.channels() || decoder.positions() < MIN_POSITIONS {
            return Err(failed("the encoder and the decoder do not match".into()));
        }
        let special = &vocabulary.special;
        let languages = vocabulary.languages.iter().map(|(_, token)| *token);
        let mut used = languages.chain([
            special.end,
            special.start,
            special.transcribe,
            special.no_timestamps,
            special.no_speech,
        ]);
        if used.any(|token| token as usize >= decoder.tokens()) {
            let reason = "the vocabulary has more tokens than the model";
            return Err((vocabulary_path, reason.into()));
        }
        let (layers, heads) = decoder.layers_and_heads();
        Ok(Self {
            mel: MelSpectrogram::new(encoder.bands()),
            encoder,
            alignment_heads: config.alignment_heads(layers, heads),
            decoder,
            vocabulary,
            suppressed: config.suppress_ids,
            suppressed_first: config.suppress_ids_begin,
        })
    }
}

/// Reads the first of these files that exists.
fn read(folder: &Path, names: &[&str]) -> Result<(PathBuf, Vec<u8>), Failure> {
    let mut missing = None;
    for name in names {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => return Ok((path, bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                missing.get_or_insert((path, error.into()));
            }
            Err(error) => return Err((path, error.into())),
        }
    }
    Err(missing.unwrap_or_else(|| (folder.to_owned(), "no file is named".into())))
}
