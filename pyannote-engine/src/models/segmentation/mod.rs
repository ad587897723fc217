//! Speaker segmentation of 10 s windows: segmentation-3.0 of pyannote.
//!
//! Powerset multi-class segmentation (Plaquet and Bredin, "Powerset multi-class cross entropy loss for neural speaker
//! diarization", Interspeech 2023): each frame is classified as one of [`POWERSET_CLASSES`] sets of active speakers,
//! with up to three speakers per window and two per frame. Speaker indices are local to a window: speaker 0 of one
//! window may be speaker 1 of the next.

mod sinc_filters;
mod sincnet;

use sincnet::{SINCNET_CHANNELS, Scratch, SincNet};

use super::nn::{Linear, Lstm, Rows, RowsMut, bias_leaky_relu, product, softmax};
use super::{Weights, WeightsError};

/// Samples per window: 10 s.
pub(crate) const WINDOW_SAMPLES: usize = 160_000;
/// Frames per window.
pub(crate) const WINDOW_FRAMES: usize = 589;
/// Samples between the starts of consecutive frames: 16.875 ms.
pub(crate) const FRAME_STEP_SAMPLES: usize = 270;
/// Samples that contribute to a frame. The receptive field of the first frame starts at the first sample.
pub(crate) const RECEPTIVE_FIELD_SAMPLES: usize = 991;
/// Number of powerset classes.
pub(crate) const POWERSET_CLASSES: usize = 7;
/// The active local speakers in each powerset class.
pub(crate) const POWERSET: [&[usize]; POWERSET_CLASSES] =
    [&[], &[0], &[1], &[2], &[0, 1], &[0, 2], &[1, 2]];
/// Windows per batch. Larger batches are not faster, and each window takes about 2 MB.
pub(crate) const BATCH_WINDOWS: usize = 8;

/// LSTM cells per direction, and outputs of each hidden linear layer.
const HIDDEN_SIZE: usize = 128;
const LSTM_LAYERS: usize = 4;

/// The segmentation model (PyanNet): SincNet, a bidirectional LSTM, two linear layers and a classifier.
#[derive(Debug)]
pub(crate) struct SegmentationModel {
    sincnet: SincNet,
    lstm: Lstm,
    linear: [Linear; 2],
    classifier: Linear,
}

impl SegmentationModel {
    /// Loads the model.
    ///
    /// # Errors
    ///
    /// If a tensor is missing or has an unexpected shape.
    pub(crate) fn load(weights: &Weights<'_>) -> Result<Self, WeightsError> {
        Ok(Self {
            sincnet: SincNet::load(weights, "sincnet")?,
            lstm: Lstm::load(weights, "lstm", SINCNET_CHANNELS, HIDDEN_SIZE, LSTM_LAYERS)?,
            linear: [
                Linear::load(weights, "linear.0", 2 * HIDDEN_SIZE, HIDDEN_SIZE)?,
                Linear::load(weights, "linear.1", HIDDEN_SIZE, HIDDEN_SIZE)?,
            ],
            classifier: Linear::load(weights, "classifier", HIDDEN_SIZE, POWERSET_CLASSES)?,
        })
    }

    /// Powerset posteriors of each window, as [`WINDOW_FRAMES`] rows of [`POWERSET_CLASSES`] probabilities.
    ///
    /// Windows shorter than [`WINDOW_SAMPLES`] are padded with zeros, longer ones truncated. Runs on the calling
    /// thread, most efficiently with [`BATCH_WINDOWS`] windows or more.
    pub(crate) fn posteriors(&self, windows: &[&[f32]]) -> Vec<Vec<f32>> {
        windows
            .chunks(BATCH_WINDOWS)
            .flat_map(|windows| self.batch(windows, WINDOW_SAMPLES))
            .collect()
    }

    /// Powerset posteriors of a single window, which may be shorter and is not padded: a row for each frame whose
    /// receptive field is within the window.
    pub(crate) fn posteriors_unpadded(&self, window: &[f32]) -> Vec<f32> {
        let samples = window.len().min(WINDOW_SAMPLES);
        self.batch(&[window], samples).remove(0)
    }

    /// Posteriors of windows that are padded with zeros or truncated to `window_samples`.
    fn batch(&self, windows: &[&[f32]], window_samples: usize) -> Vec<Vec<f32>> {
        let batch = windows.len();
        let mut scratch = Scratch::default();
        // Frames of the windows are interleaved, as the LSTM expects.
        let mut signals = Vec::new();
        let mut window = Vec::with_capacity(window_samples);
        for (index, samples) in windows.iter().enumerate() {
            window.clear();
            window.extend(samples.iter().take(window_samples));
            window.resize(window_samples, 0.0);
            let frames = self.sincnet.run(&window, &mut scratch);
            signals.resize(frames.len() * batch, 0.0);
            for (frame, out) in frames.chunks_exact(SINCNET_CHANNELS).zip(
                signals
                    .chunks_exact_mut(SINCNET_CHANNELS)
                    .skip(index)
                    .step_by(batch),
            ) {
                out.copy_from_slice(frame);
            }
        }

        let mut signals = self.lstm.run(signals, batch);
        for layer in &self.linear {
            signals = linear(layer, &signals);
            bias_leaky_relu(&mut signals, &layer.bias);
        }
        let mut logits = linear(&self.classifier, &signals);
        for row in logits.chunks_exact_mut(POWERSET_CLASSES) {
            for (value, bias) in row.iter_mut().zip(&self.classifier.bias) {
                *value += bias;
            }
        }
        softmax(&mut logits, POWERSET_CLASSES);
        let posteriors = logits;
        (0..batch)
            .map(|index| {
                posteriors
                    .chunks_exact(POWERSET_CLASSES)
                    .skip(index)
                    .step_by(batch)
                    .flatten()
                    .copied()
                    .collect()
            })
            .collect()
    }
}

/// Applies a layer without its bias.
fn linear(layer: &Linear, signals: &[f32]) -> Vec<f32> {
    let (inputs, outputs) = (layer.weight.rows(), layer.weight.columns());
    let mut out = vec![0.0; signals.len() / inputs * outputs];
    product(
        RowsMut::new(&mut out, outputs),
        Rows::dense(signals, inputs),
        &layer.weight,
    );
    out
}
