//! Converts a checkpoint of PyTorch to safetensors: the same tensors, under the same names.

use std::path::Path;

use pytorch_reader::{DType, PytorchReader};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// What counts batches in a normalisation layer: only training needs it.
const COUNTER: &str = "num_batches_tracked";

/// The tensors of a checkpoint, those under `key` if there is one, as safetensors. The same checkpoint always gives the
/// same bytes.
///
/// All tensors must be of 32-bit floats, but counters of batches, which are left out. The error is in words.
pub(super) fn to_safetensors(path: &Path, key: Option<&str>) -> Result<Vec<u8>, String> {
    let checkpoint = match key {
        Some(key) => PytorchReader::with_top_level_key(path, key),
        None => PytorchReader::new(path),
    };
    let checkpoint = checkpoint.map_err(|error| error.to_string())?;
    let mut tensors = Vec::new();
    for (name, tensor) in checkpoint.tensors() {
        if name.ends_with(COUNTER) {
            continue;
        }
        let dtype = tensor.dtype();
        if dtype != DType::F32 {
            return Err(format!("{name} holds {dtype:?}, not F32"));
        }
        let bytes = tensor.read().map_err(|error| error.to_string())?;
        tensors.push((name.as_str(), tensor.shape().to_vec(), little_endian(bytes)));
    }
    if tensors.is_empty() {
        return Err("there are no tensors in it".to_owned());
    }
    let mut views = Vec::new();
    for (name, shape, bytes) in &tensors {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes)
            .map_err(|error| format!("{name}: {error}"))?;
        views.push((*name, view));
    }
    // It sorts them by name.
    safetensors::serialize(views, None).map_err(|error| error.to_string())
}

/// Floats as safetensors keep them, from how this machine does.
fn little_endian(mut bytes: Vec<u8>) -> Vec<u8> {
    if cfg!(target_endian = "big") {
        for float in bytes.chunks_exact_mut(size_of::<f32>()) {
            float.reverse();
        }
    }
    bytes
}
