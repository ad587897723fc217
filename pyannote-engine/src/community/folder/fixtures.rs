//! Folders and files for tests.

use std::io::{Cursor, Write};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::community::config::PUBLISHED_TEXT;
use crate::community::weights_file::Model;

/// A dictionary with an empty `state_dict`, protocol 2.
pub(super) const EMPTY: &[u8] = b"\x80\x02}q\x00X\x0a\x00\x00\x00state_dictq\x01}q\x02s.";

/// The names and shapes of the tensors of a model, under the names of pyannote.audio.
pub(crate) fn shapes(model: Model) -> Vec<(String, Vec<usize>)> {
    let mut shapes = Vec::new();
    let mut add = |name: String, shape: &[usize]| shapes.push((name, shape.to_vec()));
    match model {
        Model::Segmentation => {
            for (name, channels) in [
                ("wav_norm1d", 1),
                ("norm1d.0", 80),
                ("norm1d.1", 60),
                ("norm1d.2", 60),
            ] {
                add(format!("sincnet.{name}.weight"), &[channels]);
                add(format!("sincnet.{name}.bias"), &[channels]);
            }
            for (name, shape) in [
                ("low_hz_", &[40, 1][..]),
                ("band_hz_", &[40, 1]),
                ("window_", &[125]),
                ("n_", &[1, 125]),
            ] {
                add(format!("sincnet.conv1d.0.filterbank.{name}"), shape);
            }
            for (layer, inputs) in [(1, 80), (2, 60)] {
                add(format!("sincnet.conv1d.{layer}.weight"), &[60, inputs, 5]);
                add(format!("sincnet.conv1d.{layer}.bias"), &[60]);
            }
            for layer in 0..4 {
                let inputs = if layer == 0 { 60 } else { 256 };
                for suffix in ["", "_reverse"] {
                    add(format!("lstm.weight_ih_l{layer}{suffix}"), &[512, inputs]);
                    add(format!("lstm.weight_hh_l{layer}{suffix}"), &[512, 128]);
                    add(format!("lstm.bias_ih_l{layer}{suffix}"), &[512]);
                    add(format!("lstm.bias_hh_l{layer}{suffix}"), &[512]);
                }
            }
            for (name, inputs, outputs) in [
                ("linear.0", 256, 128),
                ("linear.1", 128, 128),
                ("classifier", 128, 7),
            ] {
                add(format!("{name}.weight"), &[outputs, inputs]);
                add(format!("{name}.bias"), &[outputs]);
            }
        }
        Model::Embedding => {
            let mut add = |conv: String, norm: String, shape: &[usize]| {
                add(format!("resnet.{conv}.weight"), shape);
                for kind in ["weight", "bias", "running_mean", "running_var"] {
                    add(format!("resnet.{norm}.{kind}"), &shape[..1]);
                }
            };
            add("conv1".to_owned(), "bn1".to_owned(), &[32, 1, 3, 3]);
            let mut inputs = 32;
            for (stage, blocks) in [3, 4, 6, 3].into_iter().enumerate() {
                let outputs = 32 << stage;
                for block in 0..blocks {
                    let name = format!("layer{}.{block}", stage + 1);
                    for (index, inputs) in [(1, inputs), (2, outputs)] {
                        let shape = [outputs, inputs, 3, 3];
                        add(
                            format!("{name}.conv{index}"),
                            format!("{name}.bn{index}"),
                            &shape,
                        );
                    }
                    if inputs != outputs {
                        let shape = [outputs, inputs, 1, 1];
                        add(
                            format!("{name}.shortcut.0"),
                            format!("{name}.shortcut.1"),
                            &shape,
                        );
                    }
                    inputs = outputs;
                }
            }
            shapes.push(("resnet.seg_1.weight".to_owned(), vec![256, 5120]));
            shapes.push(("resnet.seg_1.bias".to_owned(), vec![256]));
        }
    }
    shapes
}

/// A safetensors file in which every value of every tensor is the given one, of the given type.
pub(crate) fn constant(tensors: &[(String, Vec<usize>)], dtype: Dtype, value: &[u8]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, shape)| value.repeat(shape.iter().product()))
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape), bytes)| {
        let view = TensorView::new(dtype, shape.clone(), bytes).unwrap();
        (name.clone(), view)
    });
    safetensors::serialize(views, None).unwrap()
}

/// A ZIP archive.
pub(super) fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    archive_with(entries, SimpleFileOptions::default())
}

pub(super) fn archive_with(entries: &[(&str, &[u8])], options: SimpleFileOptions) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        archive.start_file(*name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A checkpoint with this pickle.
pub(super) fn checkpoint(pickle: &[u8]) -> Vec<u8> {
    archive(&[("model/data.pkl", pickle)])
}

/// A tensor of a checkpoint, as a view of a storage.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) name: &'a str,
    /// Class of the storage, such as `FloatStorage`.
    pub(super) storage: &'a str,
    pub(super) key: &'a str,
    /// Declared number of elements of the storage.
    pub(super) elements: i32,
    pub(super) offset: i32,
    pub(super) shape: &'a [i32],
    pub(super) stride: &'a [i32],
}

impl View<'_> {
    /// A tensor of floats with one dimension, and a storage of its own.
    pub(super) fn new(name: &str) -> View<'_> {
        View {
            name,
            storage: "FloatStorage",
            key: "0",
            elements: 1,
            offset: 0,
            shape: &[1],
            stride: &[1],
        }
    }
}

/// The pickle of a checkpoint of Lightning, as `torch.save` writes it.
pub(super) fn pickled(views: &[View<'_>]) -> Vec<u8> {
    fn text(out: &mut Vec<u8>, text: &str) {
        out.push(b'X');
        out.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        out.extend(text.as_bytes());
    }
    fn integer(out: &mut Vec<u8>, value: i32) {
        out.push(b'J');
        out.extend(value.to_le_bytes());
    }
    fn tuple(out: &mut Vec<u8>, values: &[i32]) {
        out.push(b'(');
        values.iter().for_each(|value| integer(out, *value));
        out.push(b't');
    }
    let mut out = b"\x80\x02}".to_vec();
    text(&mut out, "state_dict");
    out.push(b'}');
    for view in views {
        text(&mut out, view.name);
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut out, "storage");
        out.extend(format!("ctorch\n{}\n", view.storage).bytes());
        text(&mut out, view.key);
        text(&mut out, "cpu");
        integer(&mut out, view.elements);
        out.extend(b"tQ");
        integer(&mut out, view.offset);
        tuple(&mut out, view.shape);
        tuple(&mut out, view.stride);
        out.extend(b"\x89ccollections\nOrderedDict\n)RtRs");
    }
    out.extend(b"s.");
    out
}

/// A checkpoint with these tensors and storages.
pub(super) fn saved(views: &[View<'_>], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let pickle = pickled(views);
    let names: Vec<String> = storages
        .iter()
        .map(|(key, _)| format!("model/data/{key}"))
        .collect();
    let mut entries = vec![("model/data.pkl", &pickle[..])];
    entries.extend(
        names
            .iter()
            .zip(storages)
            .map(|(name, (_, bytes))| (name.as_str(), *bytes)),
    );
    archive_with(
        &entries,
        SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored),
    )
}

/// An array of NumPy.
pub(super) fn npy(descr: &str, column_major: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if column_major { "True" } else { "False" };
    let header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// An archive of arrays of ones.
pub(super) fn npz(arrays: &[(&str, usize, usize)]) -> Vec<u8> {
    let arrays: Vec<(String, Vec<u8>)> = arrays
        .iter()
        .map(|(name, rows, columns)| {
            let shape = match columns {
                1 => format!("({rows},)"),
                _ => format!("({rows}, {columns})"),
            };
            let data = 1_f64.to_le_bytes().repeat(rows * columns);
            (format!("{name}.npy"), npy("'<f8'", false, &shape, &data))
        })
        .collect();
    let entries: Vec<_> = arrays
        .iter()
        .map(|(name, data)| (name.as_str(), &data[..]))
        .collect();
    archive(&entries)
}

pub(super) const TRANSFORM: [(&str, usize, usize); 3] =
    [("mean1", 256, 1), ("lda", 256, 128), ("mean2", 128, 1)];
pub(super) const MODEL: [(&str, usize, usize); 3] =
    [("mu", 128, 1), ("tr", 128, 128), ("psi", 128, 1)];

pub(super) fn write(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A folder in which all files exist, with the published configuration and a checkpoint in place of each model.
pub(super) fn folder(pickle: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in [
        ("config.yaml", PUBLISHED_TEXT.as_bytes().to_vec()),
        ("segmentation/pytorch_model.bin", checkpoint(pickle)),
        ("embedding/pytorch_model.bin", checkpoint(pickle)),
        ("plda/plda.npz", npz(&MODEL)),
        ("plda/xvec_transform.npz", npz(&TRANSFORM)),
    ] {
        write(folder.path(), name, &content);
    }
    folder
}

/// A folder that can be loaded, with weights that are all 0.5.
pub(crate) fn valid() -> TempDir {
    let folder = folder(EMPTY);
    for (name, model) in [
        ("segmentation", Model::Segmentation),
        ("embedding", Model::Embedding),
    ] {
        std::fs::remove_file(folder.path().join(name).join("pytorch_model.bin")).unwrap();
        let file = constant(&shapes(model), Dtype::F32, &0.5_f32.to_le_bytes());
        write(folder.path(), &format!("{name}/model.safetensors"), &file);
    }
    folder
}
