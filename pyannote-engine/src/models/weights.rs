//! Model weights: named tensors in the safetensors format.

use std::fmt;

use safetensors::{Dtype, SafeTensors};

/// Why weights cannot be loaded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum WeightsError {
    /// The file is invalid, with the reason.
    Invalid(String),
    /// The tensor with this name is missing.
    Missing(String),
    /// A tensor's data type is not 32-bit float.
    Type {
        /// Name of the tensor.
        name: String,
        /// Data type in the file.
        found: String,
    },
    /// A tensor's shape is not the one that the model expects.
    Shape {
        /// Name of the tensor.
        name: String,
        /// Expected shape.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(reason) => f.write_str(reason),
            Self::Missing(name) => write!(f, "tensor {name} is missing"),
            Self::Type { name, found } => {
                write!(f, "tensor {name} has data type {found}, expected F32")
            }
            Self::Shape {
                name,
                expected,
                found,
            } => write!(
                f,
                "tensor {name} has shape {found:?}, expected {expected:?}"
            ),
        }
    }
}

impl std::error::Error for WeightsError {}

/// The 32-bit float tensors of a model, under the names that its PyTorch checkpoint gives them.
pub(crate) struct Weights<'a>(SafeTensors<'a>);

impl<'a> Weights<'a> {
    /// Parses the bytes of a safetensors file.
    ///
    /// # Errors
    ///
    /// [`WeightsError::Invalid`] if the bytes are not a valid safetensors file.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        SafeTensors::deserialize(bytes)
            .map(Self)
            .map_err(|error| WeightsError::Invalid(format!("invalid safetensors file: {error}")))
    }

    /// Whether there is a tensor with this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.tensor(name).is_ok()
    }

    /// The values of a tensor, in row-major order.
    ///
    /// # Errors
    ///
    /// If the tensor is missing, or its data type or shape is not as expected.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let tensor = self
            .0
            .tensor(name)
            .map_err(|_| WeightsError::Missing(name.to_owned()))?;
        if tensor.dtype() != Dtype::F32 {
            return Err(WeightsError::Type {
                name: name.to_owned(),
                found: format!("{:?}", tensor.dtype()),
            });
        }
        if tensor.shape() != shape {
            return Err(WeightsError::Shape {
                name: name.to_owned(),
                expected: shape.to_owned(),
                found: tensor.shape().to_owned(),
            });
        }
        let (values, _) = tensor.data().as_chunks::<4>();
        Ok(values.iter().copied().map(f32::from_le_bytes).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;

    fn file(dtype: Dtype, data: &[u8]) -> Vec<u8> {
        let tensor = TensorView::new(dtype, vec![1, 2], data).unwrap();
        safetensors::serialize([("layer.weight", tensor)], None).unwrap()
    }

    #[test]
    fn reads_tensor_values() {
        let bytes = file(Dtype::F32, &[0, 0, 128, 63, 0, 0, 0, 192]);
        let weights = Weights::parse(&bytes).unwrap();
        assert_eq!(weights.tensor("layer.weight", &[1, 2]), Ok(vec![1.0, -2.0]));
    }

    #[test]
    fn error_messages_name_the_tensor() {
        let bytes = file(Dtype::F32, &[0; 8]);
        let weights = Weights::parse(&bytes).unwrap();
        let message = |name, shape: &[usize]| weights.tensor(name, shape).unwrap_err().to_string();
        assert_eq!(message("layer.bias", &[2]), "tensor layer.bias is missing");
        assert_eq!(
            message("layer.weight", &[2, 1]),
            "tensor layer.weight has shape [1, 2], expected [2, 1]"
        );
        let bytes = file(Dtype::F16, &[0; 4]);
        let weights = Weights::parse(&bytes).unwrap();
        assert_eq!(
            weights
                .tensor("layer.weight", &[1, 2])
                .unwrap_err()
                .to_string(),
            "tensor layer.weight has data type F16, expected F32"
        );
        assert!(matches!(
            Weights::parse(b"not safetensors"),
            Err(WeightsError::Invalid(_))
        ));
    }
}
