use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use safetensors::SafeTensors;

use super::super::folder::{self, fixtures::shapes};
use super::super::tests::noise;
use super::*;
use crate::models::{FBANK_HOP_SAMPLES, Features, WINDOW_SAMPLES};

/// An export of `tests/python/community_onnx.py`, in which each quarter of the rows of a tensor has its own value.
fn export(name: &str) -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/numerics/onnx/{name}.onnx.gz"));
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

/// The value of each row of a tensor.
fn rows(name: &str, rows: usize) -> Vec<f32> {
    let first = 2.0 + noise(0, name, 1)[0];
    (0..rows)
        .map(|row| (first + 0.25 * (row * 4 / rows) as f64) as f32)
        .collect()
}

/// Checks that every row of a tensor has the expected value.
fn assert_rows(tensors: &Tensors, name: &str, shape: &[usize], expected: &[f32]) {
    let tensor = tensors
        .get(name)
        .unwrap_or_else(|| panic!("{name} is missing"));
    assert_eq!(tensor.shape, shape, "{name}");
    let size = tensor.values.len() / expected.len();
    for (row, expected) in tensor.values.chunks(size).zip(expected) {
        for value in row {
            assert!(
                (value - expected).abs() < 1e-5 * expected.abs(),
                "{name}: {value} and {expected}"
            );
        }
    }
}

/// Scale and shift of a batch normalization.
fn norm(name: &str, channels: usize) -> (Vec<f32>, Vec<f32>) {
    let [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
        .map(|kind| rows(&format!("{name}.{kind}"), channels));
    let scale: Vec<f32> = weight
        .iter()
        .zip(&variance)
        .map(|(w, v)| w / (v + 1e-5).sqrt())
        .collect();
    let shift = bias
        .iter()
        .zip(&mean)
        .zip(&scale)
        .map(|((b, m), s)| b - m * s)
        .collect();
    (scale, shift)
}

#[test]
fn every_tensor_of_the_segmentation_is_found_in_every_export() {
    for name in ["segmentation", "segmentation-simplified"] {
        let found = tensors(&export(name), Model::Segmentation).unwrap();
        let mut expected = 0;
        for (tensor, shape) in shapes(Model::Segmentation) {
            let is_filter = tensor.contains("filterbank");
            // The biases of the convolutions have no effect.
            if tensor.contains("conv1d") && tensor.ends_with("bias")
                || is_filter && name != "segmentation"
            {
                continue;
            }
            expected += 1;
            assert_rows(&found, &tensor, &shape, &rows(&tensor, shape[0]));
        }
        if name != "segmentation" {
            expected += 1;
            let filters = found.get("sincnet.conv1d.0.filterbank.filters").unwrap();
            assert_eq!(filters.shape, [80, 1, 251]);
        }
        assert_eq!(found.names().count(), expected);
    }
}

#[test]
fn every_tensor_of_the_embedding_is_found_in_every_export() {
    for name in ["embedding", "embedding-unfolded", "embedding-dynamo"] {
        let found = tensors(&export(name), Model::Embedding).unwrap();
        let folded = name != "embedding-unfolded";
        let mut norms = BTreeMap::new();
        let mut last = String::new();
        for (tensor, shape) in shapes(Model::Embedding) {
            if shape.len() == 4 {
                last = tensor.trim_end_matches(".weight").to_owned();
            } else if let Some(norm) = tensor.strip_suffix(".running_var") {
                norms.insert(last.clone(), norm.to_owned());
            }
        }
        for (tensor, shape) in shapes(Model::Embedding) {
            let conv = tensor.trim_end_matches(".weight");
            let values = rows(&tensor, shape[0]);
            match norms.get(conv) {
                Some(name) if folded => {
                    let (scale, shift) = norm(name, shape[0]);
                    let scaled: Vec<f32> = values.iter().zip(&scale).map(|(v, s)| v * s).collect();
                    assert_rows(&found, &tensor, &shape, &scaled);
                    assert_rows(&found, &format!("{conv}.bias"), &shape[..1], &shift);
                }
                _ if folded && !tensor.contains("seg_1") => {}
                _ => assert_rows(&found, &tensor, &shape, &values),
            }
        }
        let expected = if folded { 2 * 36 + 2 } else { 5 * 36 + 2 };
        assert_eq!(found.names().count(), expected, "{name}");
    }
}

#[test]
fn tensors_with_the_names_of_an_exporter_are_found() {
    let file = export("segmentation");
    let graph = Graph::parse(&file).unwrap();
    let names: Vec<&str> = graph.names().collect();
    let mut constants = Tensors::default();
    for name in names {
        for rank in 1..=3 {
            if let Some(tensor) = graph.constant(name, rank).unwrap() {
                constants.add(name, Ok(tensor)).unwrap();
            }
        }
    }
    let found = generated(constants).unwrap();
    let expected = tensors(&file, Model::Segmentation).unwrap();
    for name in expected.names() {
        assert_eq!(found.get(name), expected.get(name), "{name}");
    }
}

#[test]
fn damaged_files_are_errors() {
    let file = export("segmentation");
    for end in (0..file.len()).step_by(file.len() / 500) {
        assert!(tensors(&file[..end], Model::Segmentation).is_err(), "{end}");
    }
    assert!(is_model(&file) && !is_model(b"") && !is_model(b"PK\x03\x04"));
}

#[test]
fn other_models_have_errors_that_say_what_is_expected() {
    let lstm = [node("LSTM", &["a"], "b")];
    let constants: Vec<_> = (0..=10_000)
        .map(|index| constant(&format!("c{index}"), &[1], 1))
        .collect();
    let external = [
        message(1, &[80, 1, 0xfb, 1]),
        b"\x10\x01\x42\x01f\x70\x01".to_vec(),
    ];
    let cases = [
        ("segmentation", export("segmentation"), Model::Embedding),
        ("embedding", export("embedding"), Model::Segmentation),
        (
            "one convolution",
            model(
                &[node("Conv", &["a", "w"], "b")],
                &[constant("w", &[1; 4], 1)],
            ),
            Model::Embedding,
        ),
        (
            "quantized",
            model(&[node("QLinearConv", &["a"], "b")], &[]),
            Model::Embedding,
        ),
        ("no filters", model(&lstm, &[]), Model::Segmentation),
        (
            "integers",
            model(&lstm, &[constant("f", &[80, 1, 251], 3)]),
            Model::Segmentation,
        ),
        (
            "external data",
            model(&lstm, &[external.concat()]),
            Model::Segmentation,
        ),
        (
            "one LSTM",
            model(&lstm, &[constant("f", &[80, 1, 251], 1)]),
            Model::Segmentation,
        ),
        (
            "too many nodes",
            model(&vec![node("Relu", &["a"], "b"); 10_001], &[]),
            Model::Embedding,
        ),
        (
            "too many constants",
            model(&[], &constants),
            Model::Embedding,
        ),
        (
            "too many inputs",
            model(&[node("Concat", &["a"; 1_001], "b")], &[]),
            Model::Embedding,
        ),
    ];
    let mut messages = String::new();
    for (kind, file, model) in cases {
        let error = tensors(&file, model).unwrap_err();
        writeln!(messages, "{kind}:\n    {error}").unwrap();
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn graphs_that_use_a_constant_often_or_in_a_circle_are_errors() {
    let constants = [constant("w", &[1 << 20, 4], 1)];
    let nodes = vec![node("MatMul", &["a", "w"], "b"); 100];
    let mut convolutions = vec![node("Conv", &["a", "c"], "b"); 33];
    convolutions.extend(vec![node("Conv", &["a", "s"], "b"); 3]);
    convolutions.extend(nodes);
    let found = tensors(&model(&convolutions, &constants), Model::Embedding);
    assert!(found.is_err());
    let circle = [
        node("Identity", &["b"], "a"),
        node("Identity", &["a"], "b"),
        node("Conv", &["x", "a"], "y"),
    ];
    assert!(tensors(&model(&circle, &[]), Model::Embedding).is_err());
}

/// A field with bytes.
fn message(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 127 {
        field.push((length & 127) as u8 | 128);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend(bytes);
    field
}

fn node(operator: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let mut node: Vec<u8> = inputs
        .iter()
        .flat_map(|name| message(1, name.as_bytes()))
        .collect();
    node.extend(message(2, output.as_bytes()));
    node.extend(message(4, operator.as_bytes()));
    node
}

/// A constant of zeros.
fn constant(name: &str, shape: &[usize], kind: u8) -> Vec<u8> {
    let mut constant = Vec::new();
    for size in shape {
        constant.push(0x08);
        let mut size = *size;
        while size > 127 {
            constant.push((size & 127) as u8 | 128);
            size >>= 7;
        }
        constant.push(size as u8);
    }
    constant.extend([0x10, kind]);
    constant.extend(message(8, name.as_bytes()));
    constant.extend(message(9, &vec![0; 4 * shape.iter().product::<usize>()]));
    constant
}

fn model(nodes: &[Vec<u8>], constants: &[Vec<u8>]) -> Vec<u8> {
    let mut graph: Vec<u8> = nodes.iter().flat_map(|node| message(1, node)).collect();
    graph.extend(constants.iter().flat_map(|constant| message(5, constant)));
    [b"\x08\x08".to_vec(), message(7, &graph)].concat()
}

/// `PYANNOTE_COMMUNITY_ONNX` names the folder that `tests/python/community_onnx.py exports` writes.
#[test]
fn models_of_onnx_exports_compute_what_onnxruntime_computes() {
    let Some(root) = std::env::var_os("PYANNOTE_COMMUNITY_ONNX") else {
        eprintln!("skipped: PYANNOTE_COMMUNITY_ONNX is not set");
        return;
    };
    for name in ["legacy", "unfolded", "dynamo"] {
        let path = Path::new(&root).join(name);
        let loaded = folder::load(&path).unwrap();
        let bytes = std::fs::read(path.join("values.safetensors")).unwrap();
        let values = SafeTensors::deserialize(&bytes).unwrap();
        let expected = |name: &str| -> Vec<f32> {
            let tensor = values.tensor(name).unwrap();
            tensor
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect()
        };
        let waveform: Vec<f32> = noise(0, "waveform", WINDOW_SAMPLES)
            .iter()
            .map(|v| (0.1 * v) as f32)
            .collect();
        let posteriors = loaded.segmentation.posteriors(&[&waveform]).remove(0);
        let posteriors = largest_difference(&posteriors, &expected("posteriors"));

        let features: Vec<f32> = noise(0, "features", 998 * 80)
            .iter()
            .map(|v| *v as f32)
            .collect();
        let frames = loaded.embedding.frames(&Features::from_values(features));
        let embedding = loaded
            .embedding
            .embed((0..frames.len()).map(|index| frames.frame(index)));
        let expected = expected("embedding");
        let scale = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
        let embedding = largest_difference(&embedding, &expected) / scale;
        println!(
            "{name}: posteriors differ by up to {posteriors:.1e}, embeddings by {embedding:.1e} of their length"
        );
        assert!(posteriors < 1e-3 && embedding < 1e-4, "{name}");
    }
    assert_eq!(FBANK_HOP_SAMPLES, 160);
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}
