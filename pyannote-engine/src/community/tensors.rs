//! The tensors of a model, from a file of any format.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::content::excerpt;
use crate::models::{bf16_to_f32, f16_to_f32};

/// Maximum number of values of all tensors: five times as many as the larger model of community-1 has.
const MAX_VALUES: usize = 32 << 20;

/// The type of floats.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Float {
    Half,
    Brain,
    Single,
    Double,
}

impl Float {
    /// Bytes of a value.
    fn width(self) -> usize {
        match self {
            Self::Half | Self::Brain => 2,
            Self::Single => 4,
            Self::Double => 8,
        }
    }
}

/// A tensor, in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

impl Tensor {
    /// Converts little-endian values.
    ///
    /// # Errors
    ///
    /// If the number of bytes is not that of the shape, or a value is not finite, with the reason.
    pub(super) fn from_bytes(
        shape: Vec<usize>,
        float: Float,
        bytes: &[u8],
    ) -> Result<Self, String> {
        let count = count(&shape);
        if count.and_then(|count| count.checked_mul(float.width())) != Some(bytes.len()) {
            return Err(format!("has {} bytes, which is not its shape", bytes.len()));
        }
        let (pairs, quads, octets) = (
            bytes.as_chunks::<2>().0.iter(),
            bytes.as_chunks::<4>().0.iter(),
            bytes.as_chunks::<8>().0.iter(),
        );
        let values = match float {
            Float::Half => pairs.map(|b| f16_to_f32(u16::from_le_bytes(*b))).collect(),
            Float::Brain => pairs.map(|b| bf16_to_f32(u16::from_le_bytes(*b))).collect(),
            Float::Single => quads.map(|b| f32::from_le_bytes(*b)).collect(),
            Float::Double => octets.map(|b| f64::from_le_bytes(*b) as f32).collect(),
        };
        Self::new(shape, values)
    }

    /// A tensor with these values.
    ///
    /// # Errors
    ///
    /// If their number is not that of the shape, or a value is not finite, with the reason.
    pub(super) fn new(shape: Vec<usize>, values: Vec<f32>) -> Result<Self, String> {
        if count(&shape) != Some(values.len()) {
            return Err(format!(
                "has {} values, which is not its shape",
                values.len()
            ));
        }
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(Self { shape, values }),
            false => Err(
                "has values that are not finite: the file is damaged, download it again".to_owned(),
            ),
        }
    }
}

/// Number of values of a shape.
fn count(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |count, size| count.checked_mul(*size))
}

/// Tensors by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tensors {
    tensors: BTreeMap<String, Tensor>,
    values: usize,
}

impl Tensors {
    /// Refuses a tensor that would take too much memory with those that were added.
    ///
    /// # Errors
    ///
    /// If it has too many values.
    pub(super) fn check_size(&self, name: &str, shape: &[usize]) -> Result<(), String> {
        let total = count(shape).and_then(|count| count.checked_add(self.values));
        match total {
            Some(total) if total <= MAX_VALUES => Ok(()),
            _ => Err(format!(
                "tensor {} has shape {shape:?}: the tensors have more than {MAX_VALUES} values",
                excerpt(name)
            )),
        }
    }

    /// Adds a tensor.
    ///
    /// # Errors
    ///
    /// If it is invalid, or one with this name exists.
    pub(super) fn add(&mut self, name: &str, tensor: Result<Tensor, String>) -> Result<(), String> {
        let tensor = tensor.map_err(|reason| format!("tensor {} {reason}", excerpt(name)))?;
        self.check_size(name, &tensor.shape)?;
        self.values += tensor.values.len();
        match self.tensors.insert(name.to_owned(), tensor) {
            None => Ok(()),
            Some(_) => Err(format!("tensor {} is there twice", excerpt(name))),
        }
    }

    /// The tensor with this name.
    #[cfg(test)]
    pub(super) fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// The names, in alphabetical order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Keeps the tensors whose names start with `from`, which is replaced by `to`.
    pub(super) fn renamed(self, from: &str, to: &str) -> Self {
        let tensors = self.tensors.into_iter();
        let tensors: BTreeMap<String, Tensor> = tensors
            .filter_map(|(name, tensor)| {
                let rest = name.strip_prefix(from)?;
                Some((format!("{to}{rest}"), tensor))
            })
            .collect();
        let values = tensors.values().map(|tensor| tensor.values.len()).sum();
        Self { tensors, values }
    }

    /// Replaces the end of names.
    pub(super) fn with_suffix(self, from: &str, to: &str) -> Self {
        let tensors = self.tensors.into_iter();
        let rename = |name: String| match name.strip_suffix(from) {
            Some(rest) => format!("{rest}{to}"),
            None => name,
        };
        Self {
            tensors: tensors
                .map(|(name, tensor)| (rename(name), tensor))
                .collect(),
            values: self.values,
        }
    }

    /// Removes and returns the tensors whose names are a prefix and a number, by number.
    pub(super) fn take_numbered(&mut self, prefix: &str) -> Vec<Tensor> {
        let number = |name: &str| name.strip_prefix(prefix)?.parse::<u64>().ok();
        let mut found = Vec::new();
        for (name, tensor) in std::mem::take(&mut self.tensors) {
            match number(&name) {
                Some(number) => found.push((number, tensor)),
                None => drop(self.tensors.insert(name, tensor)),
            }
        }
        found.sort_by_key(|(number, _)| *number);
        let found: Vec<Tensor> = found.into_iter().map(|(_, tensor)| tensor).collect();
        self.values -= found
            .iter()
            .map(|tensor| tensor.values.len())
            .sum::<usize>();
        found
    }

    /// The tensors as a safetensors file.
    ///
    /// # Errors
    ///
    /// If they cannot be written, with the reason.
    pub(super) fn to_safetensors(&self) -> Result<Vec<u8>, String> {
        let bytes: Vec<Vec<u8>> = self
            .tensors
            .values()
            .map(|tensor| tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect())
            .collect();
        let mut views = Vec::new();
        for ((name, tensor), bytes) in self.tensors.iter().zip(&bytes) {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)
                .map_err(|error| format!("tensor {}: {error}", excerpt(name)))?;
            views.push((name.as_str(), view));
        }
        safetensors::serialize(views, None).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_of_every_width_are_converted() {
        for (float, bytes) in [
            (Float::Half, &[0x00, 0x3c, 0x00, 0xc0][..]),
            (Float::Brain, &[0x80, 0x3f, 0x00, 0xc0]),
            (Float::Single, &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]),
            (
                Float::Double,
                &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0],
            ),
        ] {
            let tensor = Tensor::from_bytes(vec![2, 1], float, bytes).unwrap();
            assert_eq!(tensor.values, [1.0, -2.0], "{float:?}");
        }
    }

    #[test]
    fn invalid_tensors_have_errors_that_name_them() {
        let add = |shape: &[usize], bytes: &[u8]| {
            let tensor = Tensor::from_bytes(shape.to_vec(), Float::Single, bytes);
            Tensors::default().add("a\nb", tensor).unwrap_err()
        };
        let expected = "tensor a\u{fffd}b has 8 bytes, which is not its shape";
        assert_eq!(add(&[3], &[0; 8]), expected);
        assert_eq!(add(&[usize::MAX, 2], &[0; 8]), expected);
        assert!(add(&[1], &f32::NAN.to_le_bytes()).contains("not finite"));
        // A number that is too large for 32 bits.
        let wide = Tensor::from_bytes(vec![1], Float::Double, &1e300_f64.to_le_bytes());
        assert!(wide.unwrap_err().contains("not finite"));
        let large = [1 << 20, 1 << 20, 1 << 30];
        let error = Tensors::default().check_size("a", &large).unwrap_err();
        assert!(error.contains("more than"), "{error}");
        let mut tensors = Tensors::default();
        let tensor = || Tensor::new(vec![], vec![1.0]);
        tensors.add("a", tensor()).unwrap();
        assert!(tensors.add("a", tensor()).unwrap_err().contains("twice"));
    }
}
