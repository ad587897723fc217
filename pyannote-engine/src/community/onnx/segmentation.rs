//! The segmentation model (PyanNet) in an ONNX graph.

use super::super::tensors::{Tensor, Tensors};
use super::graph::{Graph, Node, transpose};
use super::{add, linear, unknown};

/// Filters of the first layer, and their taps.
const FILTERS: [usize; 3] = [80, 1, 251];
/// Channels of the other convolutions.
const CHANNELS: usize = 60;
/// Taps of the other convolutions.
const TAPS: usize = 5;
const HIDDEN: usize = 128;
const LAYERS: usize = 4;
/// The linear layers after the LSTM, with their inputs and outputs.
const LINEAR: [(&str, usize, usize); 3] = [
    ("linear.0", 2 * HIDDEN, HIDDEN),
    ("linear.1", HIDDEN, HIDDEN),
    ("classifier", HIDDEN, 7),
];
/// ONNX has the gates in the order input, output, forget, cell; PyTorch as input, forget, cell, output.
const GATES: [usize; 4] = [0, 2, 3, 1];

/// The tensors of the model, under the names of pyannote.audio.
pub(super) fn tensors(graph: &Graph<'_>) -> Result<Tensors, String> {
    let mut tensors = Tensors::default();
    filters(graph, &mut tensors)?;
    norms(graph, &mut tensors)?;
    convolutions(graph, &mut tensors)?;
    recurrent(graph, &mut tensors)?;
    classifier(graph, &mut tensors)?;
    Ok(tensors)
}

/// The nodes of an operator.
fn nodes<'g, 'a>(
    graph: &'g Graph<'a>,
    operator: &'static str,
) -> impl Iterator<Item = &'g Node<'a>> {
    graph
        .nodes
        .iter()
        .filter(move |node| node.operator == operator)
}

/// The filters: as values, or as the parameters that they are computed from.
fn filters(graph: &Graph<'_>, tensors: &mut Tensors) -> Result<(), String> {
    if let Some(filters) = graph.constant_of_shape(&FILTERS)? {
        return add(
            tensors,
            "sincnet.conv1d.0.filterbank.filters",
            filters,
            &FILTERS,
        );
    }
    let bands = FILTERS[0] / 2;
    let half = FILTERS[2] / 2;
    for (name, shape) in [
        ("low_hz_", &[bands, 1][..]),
        ("band_hz_", &[bands, 1]),
        ("window_", &[half]),
        ("n_", &[1, half]),
    ] {
        let found = graph.named(&format!("filterbank.{name}"));
        let found = graph.constant(found.unwrap_or_default(), shape.len())?;
        let tensor = found.ok_or_else(|| unknown("a segmentation model with SincNet's filters"))?;
        add(
            tensors,
            &format!("sincnet.conv1d.0.filterbank.{name}"),
            tensor,
            shape,
        )?;
    }
    Ok(())
}

/// The instance normalizations, in order.
fn norms(graph: &Graph<'_>, tensors: &mut Tensors) -> Result<(), String> {
    let expected = [
        ("wav_norm1d", 1),
        ("norm1d.0", FILTERS[0]),
        ("norm1d.1", CHANNELS),
        ("norm1d.2", CHANNELS),
    ];
    let found: Vec<_> = nodes(graph, "InstanceNormalization").collect();
    if found.len() != expected.len() {
        return Err(unknown(
            "a segmentation model, which has 4 nodes `InstanceNormalization`",
        ));
    }
    for (node, (name, channels)) in found.iter().zip(expected) {
        for (index, kind) in [(1, "weight"), (2, "bias")] {
            let tensor = graph.constant(node.input(index), 1)?;
            let tensor = tensor.ok_or_else(|| unknown("a segmentation model"))?;
            add(
                tensors,
                &format!("sincnet.{name}.{kind}"),
                tensor,
                &[channels],
            )?;
        }
    }
    Ok(())
}

/// The convolutions after the filters. Their biases have no effect, and are not read.
fn convolutions(graph: &Graph<'_>, tensors: &mut Tensors) -> Result<(), String> {
    let mut index = 0;
    for node in nodes(graph, "Conv") {
        let Some(weight) = graph.constant(node.input(1), 3)? else {
            continue;
        };
        if weight.shape == FILTERS {
            continue;
        }
        index += 1;
        let inputs = if index == 1 { FILTERS[0] } else { CHANNELS };
        add(
            tensors,
            &format!("sincnet.conv1d.{index}.weight"),
            weight,
            &[CHANNELS, inputs, TAPS],
        )?;
    }
    match index {
        2 => Ok(()),
        _ => Err(unknown("a segmentation model, which has 3 convolutions")),
    }
}

/// The LSTM layers.
fn recurrent(graph: &Graph<'_>, tensors: &mut Tensors) -> Result<(), String> {
    let found: Vec<_> = nodes(graph, "LSTM").collect();
    if found.len() != LAYERS {
        return Err(unknown("a segmentation model, which has 4 nodes `LSTM`"));
    }
    for (layer, node) in found.into_iter().enumerate() {
        let shapes = lstm_shapes(layer);
        let [input, recurrent, bias] = [(1, 0), (2, 1), (3, 2)]
            .map(|(index, shape)| constant(graph, node, index, &shapes[shape]));
        add_lstm(tensors, layer, [&input?, &recurrent?, &bias?])?;
    }
    Ok(())
}

/// The shapes of the weights and biases of an LSTM layer in ONNX.
fn lstm_shapes(layer: usize) -> [Vec<usize>; 3] {
    let inputs = if layer == 0 { CHANNELS } else { 2 * HIDDEN };
    let rows = GATES.len() * HIDDEN;
    [
        vec![2, rows, inputs],
        vec![2, rows, HIDDEN],
        vec![2, 2 * rows],
    ]
}

/// Adds the weights of the inputs and of the state of an LSTM layer, and its biases.
fn add_lstm(tensors: &mut Tensors, layer: usize, parts: [&Tensor; 3]) -> Result<(), String> {
    let [input, recurrent, biases] = parts;
    let rows = GATES.len() * HIDDEN;
    for (tensor, kind) in [(input, "weight_ih"), (recurrent, "weight_hh")] {
        let columns = tensor.shape[2];
        for (values, suffix) in tensor.values.chunks(rows * columns).zip(["", "_reverse"]) {
            let tensor = Tensor {
                shape: vec![rows, columns],
                values: reordered(values),
            };
            tensors.add(&format!("lstm.{kind}_l{layer}{suffix}"), Ok(tensor))?;
        }
    }
    for (values, suffix) in biases.values.chunks(2 * rows).zip(["", "_reverse"]) {
        for (values, kind) in values.chunks(rows).zip(["bias_ih", "bias_hh"]) {
            let tensor = Tensor {
                shape: vec![rows],
                values: reordered(values),
            };
            tensors.add(&format!("lstm.{kind}_l{layer}{suffix}"), Ok(tensor))?;
        }
    }
    Ok(())
}

/// Names the tensors whose names PyTorch's exporter generates: `onnx::LSTM_783`, numbered in the order of the layers.
pub(super) fn generated(mut tensors: Tensors) -> Result<Tensors, String> {
    let lstm = tensors.take_numbered("onnx::LSTM_");
    let linear = tensors.take_numbered("onnx::MatMul_");
    if lstm.is_empty() && linear.is_empty() {
        return Ok(tensors);
    }
    let unexpected =
        || "the weights of its LSTM are not those of the segmentation of community-1".to_owned();
    if lstm.len() != 3 * LAYERS || linear.len() != LINEAR.len() {
        return Err(unexpected());
    }
    for (layer, parts) in lstm.chunks(3).enumerate() {
        let shapes = lstm_shapes(layer);
        let find = |shape: &Vec<usize>| parts.iter().find(|tensor| tensor.shape == *shape);
        let [Some(input), Some(recurrent), Some(bias)] =
            [0, 1, 2].map(|index| find(&shapes[index]))
        else {
            return Err(unexpected());
        };
        add_lstm(&mut tensors, layer, [input, recurrent, bias])?;
    }
    for (weight, (name, inputs, outputs)) in linear.into_iter().zip(LINEAR) {
        if weight.shape != [inputs, outputs] {
            return Err(unexpected());
        }
        let weight = transpose(weight);
        add(
            &mut tensors,
            &format!("{name}.weight"),
            weight,
            &[outputs, inputs],
        )?;
    }
    Ok(tensors)
}

fn constant(
    graph: &Graph<'_>,
    node: &Node<'_>,
    input: usize,
    shape: &[usize],
) -> Result<Tensor, String> {
    let tensor = graph.constant(node.input(input), shape.len())?;
    let tensor = tensor
        .ok_or_else(|| unknown("a segmentation model with the weights of its LSTM as constants"))?;
    match tensor.shape == shape {
        true => Ok(tensor),
        false => Err(format!(
            "the weights of an LSTM have shape {:?}, expected {shape:?}: the ONNX file is another model",
            tensor.shape
        )),
    }
}

/// The gates in the order of PyTorch.
fn reordered(values: &[f32]) -> Vec<f32> {
    let gate = values.len() / GATES.len();
    GATES
        .iter()
        .flat_map(|index| &values[index * gate..(index + 1) * gate])
        .copied()
        .collect()
}

/// The linear layers, which follow the LSTM.
fn classifier(graph: &Graph<'_>, tensors: &mut Tensors) -> Result<(), String> {
    let last = graph.nodes.iter().rposition(|node| node.operator == "LSTM");
    let mut layers = Vec::new();
    for node in &graph.nodes[last.unwrap_or_default()..] {
        layers.extend(linear(graph, node)?);
    }
    if layers.len() != LINEAR.len() {
        return Err(unknown(
            "a segmentation model, which has 3 linear layers after its LSTM",
        ));
    }
    for (layer, (name, inputs, outputs)) in layers.into_iter().zip(LINEAR) {
        let bias = layer.bias.ok_or_else(|| unknown("a segmentation model"))?;
        add(
            tensors,
            &format!("{name}.weight"),
            layer.weight,
            &[outputs, inputs],
        )?;
        add(tensors, &format!("{name}.bias"), bias, &[outputs])?;
    }
    Ok(())
}
