//! Who speaks in a window of 10 s: the model segmentation-3.0 of pyannote, by Hervé Bredin and others.
//!
//! It tells apart up to three speakers of a window, two of them at once, but does not know them from one window to the
//! next: speaker 1 here may be speaker 2 there.

mod sinc_filters;
mod sincnet;

use sincnet::{CHANNELS, Scratch, SincNet};

use super::nn::{Linear, Lstm, Rows, RowsMut, bias_leaky_relu, product, softmax};
use super::{Weights, WeightsError};

/// How many samples a window has: 10 s.
pub(crate) const WINDOW: usize = 160_000;
/// How many frames it becomes.
pub(crate) const FRAMES: usize = 589;
/// How many samples a frame starts after the one before.
pub(crate) const FRAME_STEP: usize = 270;
/// How many samples a frame hears. The first one hears those from the first on.
pub(crate) const FRAME_DURATION: usize = 991;
/// How many classes there are: the sets of speakers who may speak at once.
pub(crate) const CLASSES: usize = 7;
/// Which of the three speakers speak in each class.
pub(crate) const CLASS_SPEAKERS: [&[usize]; CLASSES] =
    [&[], &[0], &[1], &[2], &[0, 1], &[0, 2], &[1, 2]];

/// How many cells a layer has in each direction, and how many outputs each linear layer.
const HIDDEN: usize = 128;
/// How many layers of cells there are.
const LAYERS: usize = 4;
/// How many windows are read at once. More gain nothing, and need more memory: about 2 MB each.
const BATCH: usize = 8;

/// The model.
#[derive(Debug)]
pub(crate) struct Segmentation {
    sincnet: SincNet,
    lstm: Lstm,
    linear: [Linear; 2],
    classifier: Linear,
}

impl Segmentation {
    /// The model with these weights.
    ///
    /// # Errors
    ///
    /// Where a tensor is missing or has another shape.
    pub(crate) fn load(weights: &Weights<'_>) -> Result<Self, WeightsError> {
        Ok(Self {
            sincnet: SincNet::load(weights, "sincnet")?,
            lstm: Lstm::load(weights, "lstm", CHANNELS, HIDDEN, LAYERS)?,
            linear: [
                Linear::load(weights, "linear.0", 2 * HIDDEN, HIDDEN)?,
                Linear::load(weights, "linear.1", HIDDEN, HIDDEN)?,
            ],
            classifier: Linear::load(weights, "classifier", HIDDEN, CLASSES)?,
        })
    }

    /// The probabilities of the classes in each frame of each window: [`FRAMES`] rows of [`CLASSES`].
    ///
    /// A window has [`WINDOW`] samples: what is missing at the end counts as silence, what is more is not heard. It
    /// works on one thread, fastest for eight windows or more at once.
    pub(crate) fn windows(&self, windows: &[&[f32]]) -> Vec<Vec<f32>> {
        windows
            .chunks(BATCH)
            .flat_map(|windows| self.batch(windows))
            .collect()
    }

    fn batch(&self, windows: &[&[f32]]) -> Vec<Vec<f32>> {
        let batch = windows.len();
        let mut scratch = Scratch::default();
        let mut signals = vec![0.0; FRAMES * batch * CHANNELS];
        let mut window = Vec::with_capacity(WINDOW);
        for (index, samples) in windows.iter().enumerate() {
            window.clear();
            window.extend(samples.iter().take(WINDOW));
            window.resize(WINDOW, 0.0);
            let frames = self.sincnet.run(&window, &mut scratch);
            // The windows' frames alternate.
            for (frame, out) in frames.chunks_exact(CHANNELS).zip(
                signals
                    .chunks_exact_mut(CHANNELS)
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
        let mut classes = linear(&self.classifier, &signals);
        for row in classes.chunks_exact_mut(CLASSES) {
            for (value, bias) in row.iter_mut().zip(&self.classifier.bias) {
                *value += bias;
            }
        }
        softmax(&mut classes, CLASSES);
        (0..batch)
            .map(|index| {
                classes
                    .chunks_exact(CLASSES)
                    .skip(index)
                    .step_by(batch)
                    .flatten()
                    .copied()
                    .collect()
            })
            .collect()
    }
}

/// The sums of a layer, without its bias.
fn linear(layer: &Linear, signals: &[f32]) -> Vec<f32> {
    let (inputs, outputs) = (layer.weight.rows(), layer.weight.columns());
    let mut out = vec![0.0; signals.len() / inputs.max(1) * outputs];
    product(
        RowsMut::new(&mut out, outputs),
        Rows::dense(signals, inputs),
        &layer.weight,
    );
    out
}
