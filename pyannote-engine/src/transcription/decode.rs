//! The transcript of one chunk.

use std::ops::Range;

use fastrand::Rng;

use super::pauses::shorten;
use super::quality::{Quality, compression_ratio};
use crate::models::{
    Attention, CHUNK_ROWS, Continue, Hypothesis, Input, Method, Rules, Session, Vocabulary,
    WhisperModel, align, log_softmax, search, split,
};

/// Hypotheses that the beam search keeps.
const BEAM: usize = 5;
/// Hypotheses that are sampled at each temperature.
const SAMPLES: usize = 5;
/// Temperatures of the attempts after the beam search.
const TEMPERATURES: [f32; 5] = [0.2, 0.4, 0.6, 0.8, 1.0];
/// More tokens per second are not spoken in any language, and not more than this besides.
const MAX_TOKENS_PER_S: f64 = 25.0;
const MAX_TOKENS_BESIDES: f64 = 25.0;
/// Seed of the random numbers: the same recording has the same transcript.
const SEED: u64 = 1;
/// Rows of features per second.
const ROWS_PER_S: f64 = 50.0;

/// A word with its times, in seconds from the start of the chunk.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ChunkWord {
    pub(super) text: String,
    pub(super) time: Range<f64>,
    pub(super) probability: f32,
}

/// Features of a chunk.
pub(super) fn encode(model: &WhisperModel, samples: &[f32]) -> Vec<f32> {
    model.encoder.encode(&model.mel.chunk(samples))
}

/// The probability of each language that the model knows, for the features of a chunk.
pub(super) fn languages(model: &WhisperModel, features: &[f32]) -> Vec<f32> {
    let memory = model.decoder.memory(features);
    let mut session = model.decoder.session(&memory);
    let mut tokens = Tokens::new(&mut session);
    let logits = tokens.start(&[model.vocabulary.special.start]);
    let language = |(_, token): &(String, u32)| logits[*token as usize];
    let mut scores: Vec<f32> = model.vocabulary.languages.iter().map(language).collect();
    log_softmax(&mut scores);
    scores.into_iter().map(f32::exp).collect()
}

/// Transcribes the features of a chunk of `duration` seconds. `language` is the code of the language, or empty if the
/// model is for English.
pub(super) fn transcribe(
    model: &WhisperModel,
    features: &[f32],
    duration: f64,
    language: &str,
    cancelled: &dyn Fn() -> bool,
) -> Vec<ChunkWord> {
    let vocabulary = &model.vocabulary;
    let special = &vocabulary.special;
    let mut prompt = vec![special.start];
    if let Some(language) = vocabulary.language(language) {
        prompt.extend([language, special.transcribe]);
    }
    prompt.push(special.no_timestamps);
    let memory = model.decoder.memory(features);
    let mut session = model.decoder.session(&memory);
    let room = model.decoder.positions() / 2 - prompt.len();
    let rules = Rules {
        end: special.end,
        suppressed: model.suppressed.clone(),
        suppressed_first: model.suppressed_first.clone(),
        max_tokens: room.min((MAX_TOKENS_BESIDES + MAX_TOKENS_PER_S * duration) as usize),
    };

    let mut tokens = Tokens::new(&mut session);
    let mut first = tokens.start(&prompt[..1]);
    log_softmax(&mut first);
    let no_speech = first[special.no_speech as usize].exp();
    let logits = tokens.start(&prompt);
    let Some(best) = attempts(vocabulary, no_speech, |method, rng| {
        tokens.start(&prompt);
        search(&mut tokens, &logits, &rules, method, rng, cancelled)
    }) else {
        return Vec::new();
    };
    if cancelled() {
        return Vec::new();
    }
    words(model, &mut session, &prompt, &best, duration, language)
}

/// The most probable transcript of several attempts, or `None` if nobody speaks.
fn attempts(
    vocabulary: &Vocabulary,
    no_speech: f32,
    mut attempt: impl FnMut(Method, &mut Rng) -> Hypothesis,
) -> Option<Hypothesis> {
    let mut rng = Rng::with_seed(SEED);
    let sampling = TEMPERATURES.map(|temperature| Method::Sample(temperature, SAMPLES));
    let mut failed: Vec<(Quality, Hypothesis)> = Vec::new();
    for method in [Method::Beam(BEAM)].into_iter().chain(sampling) {
        let hypothesis = attempt(method, &mut rng);
        let quality = Quality {
            compression_ratio: compression_ratio(vocabulary.text(&hypothesis.tokens).trim()),
            mean_log_prob: hypothesis.mean_log_prob(),
            no_speech,
        };
        if quality.is_silence() {
            return None;
        }
        if quality.is_good() {
            return Some(hypothesis);
        }
        failed.push((quality, hypothesis));
    }
    // Rather a transcript that is not likely than one that repeats itself.
    let best = failed.into_iter().max_by(|(a, _), (b, _)| {
        let rank = |quality: &Quality| (!quality.repeats(), quality.mean_log_prob);
        let (a, b) = (rank(a), rank(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    best.filter(|(quality, _)| quality.is_better_than_nothing())
        .map(|(_, hypothesis)| hypothesis)
}

/// Divides a transcript into words and finds their times.
fn words(
    model: &WhisperModel,
    session: &mut Session<'_>,
    prompt: &[u32],
    transcript: &Hypothesis,
    duration: f64,
    language: &str,
) -> Vec<ChunkWord> {
    let tokens = &transcript.tokens;
    if tokens.is_empty() {
        return Vec::new();
    }
    session.truncate(0);
    let all: Vec<u32> = prompt.iter().chain(tokens).copied().collect();
    let slots: Vec<usize> = (0..all.len()).collect();
    let inputs: Vec<Input<'_>> = all
        .iter()
        .enumerate()
        .map(|(index, token)| Input {
            token: *token,
            path: &slots[..index],
        })
        .collect();
    let mut attention = Attention {
        heads: &model.alignment_heads,
        weights: Vec::new(),
    };
    session.advance(&inputs, Some(&mut attention));
    // The decoder attends to a token when it is about to choose it, that is when its input is the one before.
    let before = (prompt.len() - 1) * CHUNK_ROWS;
    for weights in &mut attention.weights {
        weights.drain(..before);
    }
    let frames = (duration * ROWS_PER_S).ceil() as usize;
    let starts = align(&attention.weights, CHUNK_ROWS, frames);
    let time = |token: usize| starts[token] as f64 / ROWS_PER_S;
    let mut words: Vec<ChunkWord> = split(&model.vocabulary, tokens, language)
        .into_iter()
        .map(|word| {
            let log_probs = &transcript.log_probs[word.tokens];
            let probabilities = log_probs.iter().map(|log_prob| log_prob.exp());
            ChunkWord {
                probability: probabilities.sum::<f32>() / log_probs.len().max(1) as f32,
                time: time(word.spoken.start)..time(word.spoken.end),
                text: word.text,
            }
        })
        .collect();
    shorten(&mut words);
    words
}

/// The tokens of hypotheses, in a session of the decoder.
struct Tokens<'a, 'm> {
    session: &'a mut Session<'m>,
    /// For each hypothesis, the slots of its tokens.
    paths: Vec<Vec<usize>>,
}

impl<'a, 'm> Tokens<'a, 'm> {
    fn new(session: &'a mut Session<'m>) -> Self {
        Self {
            session,
            paths: Vec::new(),
        }
    }

    /// Forgets everything, and starts with a prompt. Returns the logits of the first token after it.
    fn start(&mut self, prompt: &[u32]) -> Vec<f32> {
        self.session.truncate(0);
        let path: Vec<usize> = (0..prompt.len()).collect();
        let inputs: Vec<_> = prompt
            .iter()
            .enumerate()
            .map(|(index, token)| Input {
                token: *token,
                path: &path[..index],
            })
            .collect();
        let hidden = self.session.advance(&inputs, None);
        let channels = hidden.len() / prompt.len().max(1);
        let logits = self.session.logits(&hidden[hidden.len() - channels..]);
        self.paths = vec![path];
        logits
    }
}

impl Continue for Tokens<'_, '_> {
    fn advance(&mut self, hypotheses: &[(usize, u32)]) -> Vec<f32> {
        let first = self.session.slots();
        let inputs: Vec<_> = hypotheses
            .iter()
            .map(|(row, token)| Input {
                token: *token,
                path: &self.paths[*row],
            })
            .collect();
        let hidden = self.session.advance(&inputs, None);
        self.paths = hypotheses
            .iter()
            .enumerate()
            .map(|(index, (row, _))| {
                let mut path = self.paths[*row].clone();
                path.push(first + index);
                path
            })
            .collect();
        self.session.logits(&hidden)
    }
}
