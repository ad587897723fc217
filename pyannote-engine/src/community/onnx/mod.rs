//! Weights from the ONNX exports of other projects.
//!
//! An export is a graph of operators with the weights as constants. Their names depend on the exporter, which also
//! folds batch normalizations into convolutions, filters into their values, and transposes matrices. What is the same in
//! all is the order of the layers, so that the constants are assigned to layers by the order of the nodes that use them,
//! and then checked by their shapes. Nothing else of the graph is used: the layers are run by this crate.

mod graph;
mod protobuf;
mod resnet;
mod segmentation;
#[cfg(test)]
mod tests;

use super::content::excerpt;
use super::tensors::{Tensor, Tensors};
use super::weights_file::Model;
use graph::{Graph, Node};

/// Operators of quantized models.
const QUANTIZED: [&str; 6] = [
    "ConvInteger",
    "DequantizeLinear",
    "DynamicQuantizeLSTM",
    "MatMulInteger",
    "QLinearConv",
    "QLinearMatMul",
];

/// Whether a file starts as ONNX files do: with the version of the format.
pub(super) fn is_model(start: &[u8]) -> bool {
    matches!(start, [0x08, 3..=32, ..])
}

/// The tensors of a model, under the names that pyannote.audio gives them.
///
/// # Errors
///
/// If the file is damaged, or not an export of this model, with the reason.
pub(super) fn tensors(file: &[u8], model: Model) -> Result<Tensors, String> {
    let graph = Graph::parse(file)?;
    let quantized = graph
        .nodes
        .iter()
        .find(|node| QUANTIZED.contains(&node.operator));
    if let Some(node) = quantized {
        return Err(format!(
            "the ONNX file is quantized ({}), so that its weights are not those of community-1: use the export with \
             32-bit floats",
            node.operator
        ));
    }
    let has = |operator: &str| graph.nodes.iter().any(|node| node.operator == operator);
    match model {
        Model::Segmentation if has("LSTM") => segmentation::tensors(&graph),
        Model::Embedding if !has("LSTM") => resnet::tensors(&graph),
        Model::Segmentation => Err(unknown("a segmentation model, which has 4 nodes `LSTM`")),
        Model::Embedding => Err(
            "the ONNX file is a segmentation model, not an embedding model: were the two exchanged?".to_owned(),
        ),
    }
}

/// Names tensors of the segmentation model that have the names which PyTorch's exporter generates.
///
/// # Errors
///
/// If they are not those of the model.
pub(super) fn generated(tensors: Tensors) -> Result<Tensors, String> {
    segmentation::generated(tensors)
}

/// The error of a graph that cannot be mapped.
fn unknown(expected: &str) -> String {
    format!(
        "the ONNX file is not {expected}, or its exporter changed the graph too much for its weights to be found: use \
         `pytorch_model.bin`, or safetensors"
    )
}

/// The weights of a linear layer as `(output, input)`, and its bias.
struct Layer {
    weight: Tensor,
    bias: Option<Tensor>,
}

/// The linear layer that a node computes.
fn linear(graph: &Graph<'_>, node: &Node<'_>) -> Result<Option<Layer>, String> {
    let transposed = match node.operator {
        "MatMul" => false,
        "Gemm" => node.flag("transB"),
        _ => return Ok(None),
    };
    let Some(weight) = graph.constant(node.input(1), 2)? else {
        return Ok(None);
    };
    let weight = match transposed {
        true => weight,
        false => graph::transpose(weight),
    };
    let bias = match node.operator {
        "Gemm" => graph.constant(node.input(2), 1)?,
        _ => match graph.reader("Add", node.output()) {
            None => None,
            Some(add) => {
                let other = add.inputs().iter().find(|name| **name != node.output());
                graph.constant(other.copied().unwrap_or_default(), 1)?
            }
        },
    };
    Ok(Some(Layer { weight, bias }))
}

/// Adds a tensor if it has the expected shape.
fn add(tensors: &mut Tensors, name: &str, tensor: Tensor, shape: &[usize]) -> Result<(), String> {
    if tensor.shape != shape {
        return Err(format!(
            "tensor {} has shape {:?}, expected {shape:?}: the ONNX file is another model",
            excerpt(name),
            tensor.shape
        ));
    }
    tensors.add(name, Ok(tensor))
}
