//! The embedding model (ResNet34) in an ONNX graph.

use super::super::tensors::{Tensor, Tensors};
use super::graph::{Graph, Node};
use super::{add, linear, unknown};
use crate::models::RESNET_EMBEDDING_DIM;

/// Residual blocks per stage.
const STAGES: [usize; 4] = [3, 4, 6, 3];
/// Channels of the first stage.
const CHANNELS: usize = 32;
/// Statistics that are projected to the embedding.
const STATISTICS: usize = 5_120;
/// Added to the variance by the batch normalizations of PyTorch.
const EPSILON: f32 = 1e-5;

/// The tensors of the model, under the names of pyannote.audio. A convolution into which its normalization is folded has
/// a bias instead.
pub(super) fn tensors(graph: &Graph<'_>) -> Result<Tensors, String> {
    let mut tensors = Tensors::default();
    let mut convolutions = Vec::new();
    for node in graph.nodes.iter().filter(|node| node.operator == "Conv") {
        if let Some(weight) = graph.constant(node.input(1), 4)? {
            convolutions.push((node, weight));
        }
    }
    // The shortcuts have kernels of one element. Exporters place them before or after the others of their block.
    let (shortcuts, convolutions): (Vec<_>, Vec<_>) = convolutions
        .into_iter()
        .partition(|(_, weight)| weight.shape.ends_with(&[1, 1]));
    let blocks = STAGES.iter().sum::<usize>();
    if (shortcuts.len(), convolutions.len()) != (STAGES.len() - 1, 1 + 2 * blocks) {
        return Err(format!(
            "the number of convolutions in the ONNX file is {}, expected the {} of ResNet34: it is another model",
            shortcuts.len() + convolutions.len(),
            STAGES.len() + 2 * blocks
        ));
    }
    let (mut shortcuts, mut convolutions) = (shortcuts.into_iter(), convolutions.into_iter());
    let mut convolution =
        |convolution: Option<(&Node<'_>, Tensor)>, conv: &str, norm: &str, shape| {
            let (node, weight) = convolution.ok_or_else(|| unknown("ResNet34"))?;
            add_convolution(graph, &mut tensors, node, weight, (conv, norm), shape)
        };
    let mut inputs = CHANNELS;
    convolution(convolutions.next(), "conv1", "bn1", [inputs, 1, 3, 3])?;
    for (stage, blocks) in STAGES.into_iter().enumerate() {
        let outputs = CHANNELS << stage;
        for block in 0..blocks {
            let name = format!("layer{}.{block}", stage + 1);
            for (index, inputs) in [(1, inputs), (2, outputs)] {
                let (conv, norm) = (format!("{name}.conv{index}"), format!("{name}.bn{index}"));
                convolution(convolutions.next(), &conv, &norm, [outputs, inputs, 3, 3])?;
            }
            if inputs != outputs {
                let (conv, norm) = (format!("{name}.shortcut.0"), format!("{name}.shortcut.1"));
                convolution(shortcuts.next(), &conv, &norm, [outputs, inputs, 1, 1])?;
            }
            inputs = outputs;
        }
    }
    projection(graph, &mut tensors)?;
    Ok(tensors)
}

/// Adds a convolution, and its normalization or the bias that contains it.
fn add_convolution(
    graph: &Graph<'_>,
    tensors: &mut Tensors,
    node: &Node<'_>,
    weight: Tensor,
    (conv, norm): (&str, &str),
    shape: [usize; 4],
) -> Result<(), String> {
    let outputs = [shape[0]];
    add(tensors, &format!("resnet.{conv}.weight"), weight, &shape)?;
    let bias = graph.constant(node.input(2), 1)?;
    match (bias, graph.reader("BatchNormalization", node.output())) {
        (Some(bias), None) => add(tensors, &format!("resnet.{conv}.bias"), bias, &outputs),
        (None, Some(batch_norm)) => {
            if batch_norm
                .float("epsilon")
                .is_some_and(|epsilon| epsilon != EPSILON)
            {
                return Err(unknown("ResNet34 with batch normalizations as in PyTorch"));
            }
            for (index, kind) in ["weight", "bias", "running_mean", "running_var"]
                .iter()
                .enumerate()
            {
                let tensor = graph.constant(batch_norm.input(index + 1), 1)?;
                let tensor = tensor.ok_or_else(|| unknown("ResNet34"))?;
                add(tensors, &format!("resnet.{norm}.{kind}"), tensor, &outputs)?;
            }
            Ok(())
        }
        _ => Err(unknown(
            "ResNet34 with a bias or a batch normalization after each convolution",
        )),
    }
}

/// Adds the projection to the embedding. WeSpeaker's exports subtract the mean of embeddings afterwards, which
/// community-1 does not.
fn projection(graph: &Graph<'_>, tensors: &mut Tensors) -> Result<(), String> {
    let mut layers = Vec::new();
    for node in &graph.nodes {
        layers.extend(linear(graph, node)?);
    }
    layers.retain(|layer| layer.weight.shape.last() == Some(&STATISTICS));
    let (1, Some(layer)) = (layers.len(), layers.pop()) else {
        return Err(unknown("ResNet34 with a projection of 5120 statistics"));
    };
    let bias = layer
        .bias
        .ok_or_else(|| unknown("ResNet34 with a bias of its projection"))?;
    let name = "resnet.seg_1";
    let shape = [RESNET_EMBEDDING_DIM, STATISTICS];
    add(tensors, &format!("{name}.weight"), layer.weight, &shape)?;
    add(
        tensors,
        &format!("{name}.bias"),
        bias,
        &[RESNET_EMBEDDING_DIM],
    )
}
