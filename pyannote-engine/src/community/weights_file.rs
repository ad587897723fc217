//! Reads the weights of a model: PyTorch checkpoints, safetensors, and ONNX.

use std::path::Path;

use pytorch_reader::{DType, PytorchError, PytorchReader};
use safetensors::{Dtype, SafeTensors};

use super::content;
use super::tensors::{Float, Tensor, Tensors};
use super::{onnx, pickle};
use crate::assets::sha256;
use crate::models::{Weights, WeightsError};

/// The key of the weights in a checkpoint of Lightning.
const STATE_DICT: &str = "state_dict";
/// End of the names of counters, which only training needs.
const COUNTER: &str = "num_batches_tracked";
/// Maximum size of a file of weights, in bytes: the larger one of community-1 has 27 MB.
const MAX_BYTES: u64 = 128 << 20;
/// Bytes from which the format of a file is detected.
const START_BYTES: u64 = 8 << 10;
/// Files with the segmentation of pyannote.audio 3's pipelines, which has the same shapes: that of its repository, an ONNX
/// export, and the conversion that [`Assets`](crate::assets::Assets) keeps.
const SEGMENTATION_3: [&str; 3] = [
    "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298",
    "057ee564753071c0b09b5b611648b50ac188d50846bff5f01e9f7bbf1591ea25",
    "98112d10a80ba3ff572f1cf5b78f851febd15a2bba79b4d535e9391a21dba4b4",
];

/// A model of community-1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Model {
    Segmentation,
    Embedding,
}

impl Model {
    /// A tensor that identifies the model: its name without what may precede it.
    fn anchor(self) -> &'static str {
        match self {
            Self::Segmentation => "sincnet.wav_norm1d.weight",
            Self::Embedding => "layer1.0.conv1.weight",
        }
    }

    /// What precedes the names of its tensors in pyannote.audio.
    fn prefix(self) -> &'static str {
        match self {
            Self::Segmentation => "",
            Self::Embedding => "resnet.",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Segmentation => Self::Embedding,
            Self::Embedding => Self::Segmentation,
        }
    }

    /// What the model is called, for messages.
    fn name(self) -> &'static str {
        match self {
            Self::Segmentation => "segmentation",
            Self::Embedding => "embedding",
        }
    }

    /// What the model is, for messages.
    fn description(self) -> &'static str {
        match self {
            Self::Segmentation => "PyanNet with 7 classes",
            Self::Embedding => "WeSpeaker's ResNet34 with 256 dimensions",
        }
    }
}

/// Reads the weights of a model from a file of any format, and prepares the model with `load`.
///
/// # Errors
///
/// If it is not a file of weights, or that of another model, with the reason and the remedy.
pub(super) fn read<T>(
    path: &Path,
    model: Model,
    load: impl FnOnce(&Weights<'_>) -> Result<T, WeightsError>,
) -> Result<T, String> {
    let bytes = tensors(path, model)?.to_safetensors()?;
    let weights = Weights::parse(&bytes).map_err(|error| error.to_string())?;
    load(&weights).map_err(|error| {
        format!(
            "{error}: the {} of community-1 is {}; download its file",
            model.name(),
            model.description()
        )
    })
}

/// The tensors of a model, under the names that pyannote.audio gives them.
fn tensors(path: &Path, model: Model) -> Result<Tensors, String> {
    let size = path.metadata().map_err(|error| error.to_string())?.len();
    if size > MAX_BYTES {
        return Err(format!(
            "the file has more than {MAX_BYTES} bytes: it is not a file of community-1"
        ));
    }
    let start = content::start(path, START_BYTES)?;
    content::check_binary(&start)?;
    if model == Model::Segmentation {
        check_digest(&sha256::of_file(path).map_err(|error| error.to_string())?)?;
    }
    let tensors = if start.starts_with(b"PK") {
        pickle::check(path)?;
        checkpoint(path)?
    } else if start.get(8) == Some(&b'{') {
        from_safetensors(&content::read(path, MAX_BYTES)?)?
    } else if onnx::is_model(&start) {
        return onnx::tensors(&content::read(path, MAX_BYTES)?, model);
    } else {
        return Err(
            "the file is damaged, or neither a checkpoint of PyTorch, nor safetensors, nor ONNX: download it again"
                .to_owned(),
        );
    };
    named(tensors, model)
}

/// Refuses a segmentation by its digest.
fn check_digest(sha256: &str) -> Result<(), String> {
    match SEGMENTATION_3.contains(&sha256) {
        false => Ok(()),
        true => Err(
            "the file is segmentation-3.0, of the pipelines of pyannote.audio 3: download the segmentation of community-1"
                .to_owned(),
        ),
    }
}

/// Removes what precedes the names of tensors, such as `model.`.
fn named(tensors: Tensors, model: Model) -> Result<Tensors, String> {
    let find = |model: Model| {
        tensors
            .names()
            .filter_map(|name| name.strip_suffix(model.anchor()))
            .find(|prefix| prefix.is_empty() || prefix.ends_with('.'))
            .map(str::to_owned)
    };
    if let Some(prefix) = find(model) {
        let named = tensors.renamed(&prefix, model.prefix());
        // Constants of ONNX exports, in safetensors: the conversions of speakrs.
        return match model {
            Model::Segmentation => onnx::generated(named),
            Model::Embedding => Ok(named.with_suffix(".weight_bias", ".bias")),
        };
    }
    Err(match find(model.other()) {
        Some(_) => format!(
            "the file has the weights of the {} model, not of the {} model: were the two exchanged?",
            model.other().name(),
            model.name()
        ),
        None => format!(
            "the file has no tensor `{}{}`: the {} of community-1 is {}; download its file",
            model.prefix(),
            model.anchor(),
            model.name(),
            model.description()
        ),
    })
}

/// The tensors of a checkpoint: those of its `state_dict` if it has one.
pub(super) fn checkpoint(path: &Path) -> Result<Tensors, String> {
    let message = |error: PytorchError| {
        format!(
            "the file is damaged, or not a checkpoint of pyannote.audio; download it again: {error}"
        )
    };
    let checkpoint = match PytorchReader::with_top_level_key(path, STATE_DICT) {
        Err(PytorchError::KeyNotFound(_)) => PytorchReader::new(path),
        other => other,
    };
    let mut read: Vec<_> = checkpoint
        .map_err(message)?
        .into_tensors()
        .into_iter()
        .collect();
    // The reader returns the tensors in any order, and one of several errors is that of the first.
    read.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut tensors = Tensors::default();
    for (name, tensor) in read {
        let float = match tensor.dtype() {
            DType::F16 => Float::Half,
            DType::BF16 => Float::Brain,
            DType::F32 => Float::Single,
            DType::F64 => Float::Double,
            _ if name.ends_with(COUNTER) => continue,
            other => return Err(not_floats(&name, &format!("{other:?}"))),
        };
        tensors.check_size(&name, tensor.shape())?;
        let bytes = tensor
            .read()
            .map_err(|error| format!("the file is damaged; download it again: {error}"))?;
        let shape = tensor.shape().to_vec();
        tensors.add(
            &name,
            Tensor::from_bytes(shape, float, &little_endian(bytes, tensor.dtype())),
        )?;
    }
    Ok(tensors)
}

/// The error of a tensor of another data type.
fn not_floats(name: &str, dtype: &str) -> String {
    format!(
        "tensor {} has data type {dtype}, expected floats: quantized weights are not supported",
        content::excerpt(name)
    )
}

/// Converts values from the native byte order.
fn little_endian(mut bytes: Vec<u8>, dtype: DType) -> Vec<u8> {
    if cfg!(target_endian = "big") {
        for value in bytes.chunks_exact_mut(dtype.size()) {
            value.reverse();
        }
    }
    bytes
}

/// The tensors of a safetensors file.
fn from_safetensors(bytes: &[u8]) -> Result<Tensors, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| {
        format!("the safetensors file is damaged or incomplete: {error}; download it again")
    })?;
    let mut tensors = Tensors::default();
    for (name, view) in file.iter() {
        let float = match view.dtype() {
            Dtype::F16 => Float::Half,
            Dtype::BF16 => Float::Brain,
            Dtype::F32 => Float::Single,
            Dtype::F64 => Float::Double,
            _ if name.ends_with(COUNTER) => continue,
            other => return Err(not_floats(name, &format!("{other:?}"))),
        };
        tensors.check_size(name, view.shape())?;
        let tensor = Tensor::from_bytes(view.shape().to_vec(), float, view.data());
        tensors.add(name, tensor)?;
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_segmentation_of_pyannote_audio_3_is_refused() {
        for digest in SEGMENTATION_3 {
            assert!(
                check_digest(digest)
                    .unwrap_err()
                    .contains("segmentation-3.0")
            );
        }
        let published = "7ad24338d844fb95985486eb1a464e32d229f6d7a03c9abe60f978bacf3f816e";
        assert_eq!(check_digest(published), Ok(()));
    }
}
