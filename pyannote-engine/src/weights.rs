//! The weights of a model, by the names that its checkpoint gives them.

use std::fmt;

use safetensors::{Dtype, SafeTensors};

/// Why weights are no use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum WeightsError {
    /// The bytes are no file of tensors. With the reason.
    Unreadable(String),
    /// There is no tensor of this name.
    Missing(String),
    /// A tensor holds something other than 32-bit floats.
    Type {
        /// Its name.
        name: String,
        /// What it holds.
        found: String,
    },
    /// A tensor has another shape than the model's.
    Shape {
        /// Its name.
        name: String,
        /// The shape that the model has.
        expected: Vec<usize>,
        /// The shape that was found.
        found: Vec<usize>,
    },
}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(reason) => write!(f, "the weights cannot be read: {reason}"),
            Self::Missing(name) => write!(f, "the weights have no tensor {name}"),
            Self::Type { name, found } => {
                write!(f, "the tensor {name} holds {found} instead of F32")
            }
            Self::Shape {
                name,
                expected,
                found,
            } => write!(
                f,
                "the tensor {name} has the shape {found:?} instead of {expected:?}"
            ),
        }
    }
}

impl std::error::Error for WeightsError {}

/// The weights of a model: tensors of 32-bit floats by name, in the safetensors format.
pub(crate) struct Weights<'a>(SafeTensors<'a>);

impl<'a> Weights<'a> {
    /// The weights in the bytes of a file.
    ///
    /// # Errors
    ///
    /// [`WeightsError::Unreadable`] where the bytes are no such file.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        SafeTensors::deserialize(bytes)
            .map(Self)
            .map_err(|error| WeightsError::Unreadable(error.to_string()))
    }

    /// The values of a tensor, the last dimension running fastest.
    ///
    /// # Errors
    ///
    /// Where there is none of this name, or it has another type or shape.
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
    fn values_come_out_as_they_went_in() {
        let bytes = file(Dtype::F32, &[0, 0, 128, 63, 0, 0, 0, 192]);
        let weights = Weights::parse(&bytes).unwrap();
        assert_eq!(weights.tensor("layer.weight", &[1, 2]), Ok(vec![1.0, -2.0]));
    }

    #[test]
    fn errors_name_the_tensor() {
        let bytes = file(Dtype::F32, &[0; 8]);
        let weights = Weights::parse(&bytes).unwrap();
        let message = |name, shape: &[usize]| weights.tensor(name, shape).unwrap_err().to_string();
        assert_eq!(
            message("layer.bias", &[2]),
            "the weights have no tensor layer.bias"
        );
        assert_eq!(
            message("layer.weight", &[2, 1]),
            "the tensor layer.weight has the shape [1, 2] instead of [2, 1]"
        );
        let bytes = file(Dtype::F16, &[0; 4]);
        let weights = Weights::parse(&bytes).unwrap();
        assert_eq!(
            weights
                .tensor("layer.weight", &[1, 2])
                .unwrap_err()
                .to_string(),
            "the tensor layer.weight holds F16 instead of F32"
        );
        assert!(matches!(
            Weights::parse(b"no tensors"),
            Err(WeightsError::Unreadable(_))
        ));
    }
}
