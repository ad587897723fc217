//! Converts PyTorch checkpoints to safetensors, with the same tensors under the same names.

use std::path::Path;

use pytorch_reader::{DType, PytorchReader};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// Suffix of the batch counters of normalization layers, which only training needs.
const COUNTER_SUFFIX: &str = "num_batches_tracked";

/// Converts the tensors of a checkpoint, or those under `key` if it is set. The output is deterministic.
///
/// Batch counters are dropped.
///
/// # Errors
///
/// Fails if the checkpoint cannot be read, or if a tensor is not of type `F32`.
pub(crate) fn to_safetensors(path: &Path, key: Option<&str>) -> Result<Vec<u8>, String> {
    let checkpoint = match key {
        Some(key) => PytorchReader::with_top_level_key(path, key),
        None => PytorchReader::new(path),
    };
    let checkpoint = checkpoint.map_err(|error| error.to_string())?;
    let mut tensors = Vec::new();
    for (name, tensor) in checkpoint.tensors() {
        if name.ends_with(COUNTER_SUFFIX) {
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
        return Err("the checkpoint contains no tensors".to_owned());
    }
    let mut views = Vec::new();
    for (name, shape, bytes) in &tensors {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes)
            .map_err(|error| format!("{name}: {error}"))?;
        views.push((*name, view));
    }
    // Sorts the tensors by name.
    safetensors::serialize(views, None).map_err(|error| error.to_string())
}

/// Converts floats from the native byte order.
fn little_endian(mut bytes: Vec<u8>) -> Vec<u8> {
    if cfg!(target_endian = "big") {
        for float in bytes.chunks_exact_mut(size_of::<f32>()) {
            float.reverse();
        }
    }
    bytes
}
