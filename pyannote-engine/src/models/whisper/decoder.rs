//! The decoder: from features and the tokens so far to the next token.

use std::io::{Read, Seek};

use rayon::prelude::*;

use super::container::Container;
use super::layers::{self, Dense, FeedForward, Scratch, check_heads, count_layers, layer_norm};
use crate::models::WeightsError;
use crate::models::nn::{
    LayerNorm, QuantizedMatrix, Rows, RowsMut, quantized_product, softmax, vectorized,
};

/// Values that are multiplied at once.
const LANES: usize = 16;
/// Columns of the vocabulary that one thread processes at once.
const GROUP_COLUMNS: usize = 4_096;

/// The decoder of a model.
#[derive(Debug)]
pub(crate) struct Decoder {
    channels: usize,
    heads: usize,
    /// The embeddings of tokens: one column each. Also the projection of the output.
    embeddings: QuantizedMatrix,
    positions: Vec<f32>,
    layers: Vec<Layer>,
    norm: LayerNorm,
}

#[derive(Debug)]
struct Layer {
    self_norm: LayerNorm,
    /// Queries, keys and values of all heads.
    self_projection: Dense,
    self_output: Dense,
    cross_norm: LayerNorm,
    cross_queries: Dense,
    /// Keys and values of the features.
    cross_memory: Dense,
    cross_output: Dense,
    feed_forward: FeedForward,
}

impl Layer {
    fn load<R: Read + Seek>(
        model: &mut Container<R>,
        name: &str,
        channels: usize,
    ) -> Result<Self, WeightsError> {
        let (own, cross) = (
            format!("{name}/self_attention"),
            format!("{name}/attention"),
        );
        let mut dense = |name: String, outputs| Dense::load(model, &name, channels, outputs);
        Ok(Self {
            self_projection: dense(format!("{own}/linear_0"), 3 * channels)?,
            self_output: dense(format!("{own}/linear_1"), channels)?,
            cross_queries: dense(format!("{cross}/linear_0"), channels)?,
            cross_memory: dense(format!("{cross}/linear_1"), 2 * channels)?,
            cross_output: dense(format!("{cross}/linear_2"), channels)?,
            self_norm: layer_norm(model, &format!("{own}/layer_norm"), channels)?,
            cross_norm: layer_norm(model, &format!("{cross}/layer_norm"), channels)?,
            feed_forward: FeedForward::load(model, &format!("{name}/ffn"), channels)?,
        })
    }
}

impl Decoder {
    /// Loads the tensors `decoder/…`.
    pub(crate) fn load<R: Read + Seek>(model: &mut Container<R>) -> Result<Self, WeightsError> {
        let [tokens, channels] = model.dimensions("decoder/embeddings/weight")?;
        let [positions, _] = model.dimensions("decoder/position_encodings/encodings")?;
        let heads = model.integer("decoder/num_heads")?;
        check_heads(channels, heads)?;
        let embeddings = model.tensor("decoder/embeddings/weight", &[tokens, channels])?;
        let layers = (0..count_layers(model, "decoder/layer_"))
            .map(|layer| Layer::load(model, &format!("decoder/layer_{layer}"), channels))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            channels,
            heads,
            embeddings: QuantizedMatrix::transposed(&embeddings, tokens, channels),
            positions: model.tensor(
                "decoder/position_encodings/encodings",
                &[positions, channels],
            )?,
            layers,
            norm: layer_norm(model, "decoder/layer_norm", channels)?,
        })
    }

    /// Number of tokens.
    pub(crate) fn tokens(&self) -> usize {
        self.embeddings.columns()
    }

    /// Number of values per row of features.
    pub(crate) fn channels(&self) -> usize {
        self.channels
    }

    /// Most tokens of an input.
    pub(crate) fn positions(&self) -> usize {
        self.positions.len() / self.channels
    }

    /// Number of layers, and of attention heads in each.
    pub(crate) fn layers_and_heads(&self) -> (usize, usize) {
        (self.layers.len(), self.heads)
    }

    /// Computes what attention to the features of a chunk needs, on the threads of the current pool.
    pub(crate) fn memory(&self, features: &[f32]) -> Memory {
        let channels = self.channels;
        let layer = |layer: &Layer| {
            let mut projected = Vec::new();
            layer.cross_memory.apply(features, channels, &mut projected);
            layers::Memory::new(&projected, 2 * channels, channels, self.heads)
        };
        Memory {
            layers: self.layers.par_iter().map(layer).collect(),
        }
    }

    /// Decodes from the features of a chunk.
    pub(crate) fn session<'a>(&'a self, memory: &'a Memory) -> Session<'a> {
        Session {
            decoder: self,
            memory,
            cache: vec![Cache::default(); self.layers.len()],
            slots: 0,
            scratch: Scratch::default(),
        }
    }
}

/// The keys and values of the features of a chunk, per layer.
#[derive(Debug)]
pub(crate) struct Memory {
    layers: Vec<layers::Memory>,
}

/// Keys and values of the tokens so far in one layer: one slot per token and hypothesis.
#[derive(Clone, Debug, Default)]
struct Cache {
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// A token as input of the decoder.
#[derive(Clone, Debug)]
pub(crate) struct Input<'a> {
    pub(crate) token: u32,
    /// The slots of the tokens before it.
    pub(crate) path: &'a [usize],
}

/// The decoding of one chunk. Hypotheses share the slots of the tokens that they have in common, so that none is ever
/// copied.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    decoder: &'a Decoder,
    memory: &'a Memory,
    cache: Vec<Cache>,
    slots: usize,
    scratch: Scratch,
}

/// Where the decoder looks for each of its inputs: of some heads, the weight of each row of features.
#[derive(Debug)]
pub(crate) struct Attention<'a> {
    /// The heads, as pairs of layer and head.
    pub(crate) heads: &'a [(usize, usize)],
    /// For each head, a row per input and a column per row of features.
    pub(crate) weights: Vec<Vec<f32>>,
}

impl Session<'_> {
    /// The number of slots that are in use.
    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Forgets all slots from this one on.
    pub(crate) fn truncate(&mut self, slots: usize) {
        let channels = self.decoder.channels;
        self.slots = self.slots.min(slots);
        for cache in &mut self.cache {
            cache.keys.truncate(self.slots * channels);
            cache.values.truncate(self.slots * channels);
        }
    }

    /// Processes tokens, which get consecutive slots from [`slots`](Self::slots) on, and may be in each other's paths.
    /// Returns a row of hidden values for each.
    ///
    /// A path must be shorter than [`Decoder::positions`].
    pub(crate) fn advance(
        &mut self,
        inputs: &[Input<'_>],
        mut attention: Option<&mut Attention<'_>>,
    ) -> Vec<f32> {
        let Self {
            decoder,
            memory,
            cache,
            slots,
            scratch,
        } = self;
        let (channels, heads) = (decoder.channels, decoder.heads);
        let mut rows = Vec::with_capacity(inputs.len() * channels);
        for input in inputs {
            let position = &decoder.positions[input.path.len() * channels..][..channels];
            let embedding = decoder.embeddings.column(input.token as usize);
            rows.extend(
                embedding
                    .zip(position)
                    .map(|(value, position)| value + position),
            );
        }
        let first = *slots;
        *slots += inputs.len();
        let (mut projected, mut attended) = (Vec::new(), vec![0.0; rows.len()]);
        let mut scores = Vec::new();
        for (index, layer) in decoder.layers.iter().enumerate() {
            let cache = &mut cache[index];
            scratch.normalize(&layer.self_norm, &rows);
            layer
                .self_projection
                .apply(&scratch.normalized, channels, &mut projected);
            for row in projected.chunks_exact(3 * channels) {
                cache.keys.extend(&row[channels..2 * channels]);
                cache.values.extend(&row[2 * channels..]);
            }
            for (n, input) in inputs.iter().enumerate() {
                vectorized(SelfAttention {
                    query: &projected[n * 3 * channels..][..channels],
                    cache,
                    path: input.path,
                    own: first + n,
                    heads,
                    scores: &mut scores,
                    out: &mut attended[n * channels..][..channels],
                });
            }
            layer.self_output.add_to(&attended, channels, &mut rows);

            scratch.normalize(&layer.cross_norm, &rows);
            layer
                .cross_queries
                .apply(&scratch.normalized, channels, &mut projected);
            memory.layers[index].attend(
                &projected,
                channels,
                &mut attended,
                &mut scores,
                |head, weights| {
                    if let Some(attention) = &mut attention
                        && attention.heads.contains(&(index, head))
                    {
                        attention.weights.push(weights.to_vec());
                    }
                },
            );
            layer.cross_output.add_to(&attended, channels, &mut rows);
            layer.feed_forward.apply(&mut rows, scratch);
        }
        let mut out = vec![0.0; rows.len()];
        decoder.norm.apply(&rows, &mut out);
        out
    }

    /// The logits of all tokens, for each row of hidden values, on the threads of the current pool.
    pub(crate) fn logits(&self, hidden: &[f32]) -> Vec<f32> {
        let decoder = self.decoder;
        let (channels, tokens) = (decoder.channels, decoder.tokens());
        let groups: Vec<_> = decoder.embeddings.groups(GROUP_COLUMNS).collect();
        let parts: Vec<Vec<f32>> = groups
            .into_par_iter()
            .map(|group| {
                let columns = group.columns();
                let mut out = vec![0.0; hidden.len() / channels * columns];
                quantized_product(
                    RowsMut::new(&mut out, columns),
                    Rows::dense(hidden, channels),
                    group,
                );
                out
            })
            .collect();
        let rows = hidden.len() / channels;
        let mut logits = Vec::with_capacity(rows * tokens);
        for row in 0..rows {
            for part in &parts {
                let columns = part.len() / rows;
                logits.extend(&part[row * columns..][..columns]);
            }
        }
        logits
    }
}

/// Attention of one token to those before it and itself.
struct SelfAttention<'a> {
    query: &'a [f32],
    cache: &'a Cache,
    path: &'a [usize],
    own: usize,
    heads: usize,
    scores: &'a mut Vec<f32>,
    out: &'a mut [f32],
}

impl pulp::NullaryFnOnce for SelfAttention<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let channels = self.query.len();
        let width = channels / self.heads;
        let scale = 1.0 / (width as f32).sqrt();
        let slots = || self.path.iter().copied().chain([self.own]);
        let count = self.path.len() + 1;
        self.scores.resize(self.heads * count, 0.0);
        for (n, slot) in slots().enumerate() {
            let keys = &self.cache.keys[slot * channels..][..channels];
            let heads = self.query.chunks_exact(width).zip(keys.chunks_exact(width));
            for (head, (query, key)) in heads.enumerate() {
                self.scores[head * count + n] = scale * dot(query, key);
            }
        }
        softmax(self.scores, count);
        self.out.fill(0.0);
        for (n, slot) in slots().enumerate() {
            let values = &self.cache.values[slot * channels..][..channels];
            let heads = self
                .out
                .chunks_exact_mut(width)
                .zip(values.chunks_exact(width));
            for (head, (out, values)) in heads.enumerate() {
                let weight = self.scores[head * count + n];
                for (out, value) in out.iter_mut().zip(values) {
                    *out += weight * value;
                }
            }
        }
    }
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
