//! The file format of CTranslate2's models (`model.bin`): named tensors.
//!
//! All numbers are little-endian. A version (u32), the name of the model's specification, its revision (u32), and the
//! number of tensors (u32) are followed by the tensors: name, rank (u8), dimensions (u32), data type (u8), number of
//! bytes (u32), and values. Aliases of tensors are at the end. A string is its length (u16) and its bytes, with a
//! trailing zero.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};

use crate::models::{WeightsError, bf16_to_f32, f16_to_f32};

/// Oldest version of the format whose tensors have a data type and a size in bytes.
const MIN_VERSION: u32 = 4;
/// Newest version of the format that is known.
const MAX_VERSION: u32 = 6;
/// The specification of the models that this crate implements.
const SPECIFICATION: &str = "WhisperSpec";
/// Highest rank of a tensor.
const MAX_RANK: u8 = 8;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum DataType {
    F32,
    I8,
    I16,
    I32,
    F16,
    Bf16,
}

impl DataType {
    fn new(id: u8) -> Option<Self> {
        let types = [
            Self::F32,
            Self::I8,
            Self::I16,
            Self::I32,
            Self::F16,
            Self::Bf16,
        ];
        types.get(usize::from(id)).copied()
    }

    fn bytes(self) -> usize {
        match self {
            Self::I8 => 1,
            Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::F32 | Self::I32 => 4,
        }
    }
}

/// Where the values of a tensor are.
#[derive(Clone, Debug)]
struct Entry {
    shape: Vec<usize>,
    data_type: DataType,
    offset: u64,
    bytes: usize,
}

/// The tensors of a model. Their values are read when they are asked for, so that the file is never in memory as a
/// whole.
pub(crate) struct Container<R> {
    reader: R,
    entries: HashMap<String, Entry>,
}

impl<R: Read + Seek> Container<R> {
    /// Reads the names and shapes of all tensors.
    ///
    /// # Errors
    ///
    /// [`WeightsError::Invalid`] if the file cannot be read or is not a Whisper model in this format.
    pub(super) fn open(reader: R) -> Result<Self, WeightsError> {
        let mut file = Parser::new(reader).map_err(invalid)?;
        let version = file.u32()?;
        if !(MIN_VERSION..=MAX_VERSION).contains(&version) {
            return Err(invalid(format!(
                "version {version} is unknown (known: {MIN_VERSION} to {MAX_VERSION})"
            )));
        }
        let specification = file.string()?;
        if specification != SPECIFICATION {
            return Err(invalid(format!(
                "the model is a {specification:?}, expected {SPECIFICATION}"
            )));
        }
        file.u32()?; // The revision of the specification: it only ever added tensors.
        let mut entries = HashMap::new();
        for _ in 0..file.u32()? {
            let name = file.string()?;
            let entry = file.entry(&name)?;
            entries.insert(name, entry);
        }
        for _ in 0..file.u32()? {
            let alias = file.string()?;
            let name = file.string()?;
            let entry = entries.get(&name).cloned();
            entries.insert(alias, entry.ok_or(WeightsError::Missing(name))?);
        }
        Ok(Self {
            reader: file.reader,
            entries,
        })
    }

    /// The shape of a tensor, or `None` if there is no such tensor.
    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.entries.get(name)?.shape)
    }

    /// The shape of a tensor with `N` dimensions.
    pub(super) fn dimensions<const N: usize>(
        &self,
        name: &str,
    ) -> Result<[usize; N], WeightsError> {
        let missing = || WeightsError::Missing(name.to_owned());
        let shape = self.shape(name).ok_or_else(missing)?;
        shape.try_into().map_err(|_| {
            let rank = shape.len();
            invalid(format!("tensor {name} has {rank} dimensions, expected {N}"))
        })
    }

    /// The values of a tensor as 32-bit floats, in row-major order. Quantized values are multiplied by their scale.
    ///
    /// # Errors
    ///
    /// If the tensor is missing, its shape is not as expected, or it cannot be read.
    pub(super) fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let entry = self.entries.get(name).cloned();
        let entry = entry.ok_or_else(|| WeightsError::Missing(name.to_owned()))?;
        if entry.shape != shape {
            return Err(WeightsError::Shape {
                name: name.to_owned(),
                expected: shape.to_owned(),
                found: entry.shape,
            });
        }
        let mut values = self.values(&entry)?;
        let scale_name = format!("{name}_scale");
        if matches!(entry.data_type, DataType::I8 | DataType::I16)
            && let Some(scale) = self.entries.get(&scale_name).cloned()
        {
            // One for the tensor, or one per row.
            let scales = self.values(&scale)?;
            let rows = scales.len().max(1);
            if values.len() % rows != 0 || scales.is_empty() {
                return Err(invalid(format!("tensor {scale_name} has the wrong length")));
            }
            for (row, scale) in values
                .chunks_mut((values_per(rows, shape)).max(1))
                .zip(&scales)
            {
                row.iter_mut().for_each(|value| *value /= scale);
            }
        }
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err(invalid(format!(
                "tensor {name} has values that are not finite"
            ))),
        }
    }

    /// The value of a tensor with one element.
    pub(super) fn integer(&mut self, name: &str) -> Result<usize, WeightsError> {
        let value = self.tensor(name, &[])?;
        Ok(value.first().map_or(0, |value| *value as usize))
    }

    fn values(&mut self, entry: &Entry) -> Result<Vec<f32>, WeightsError> {
        let mut bytes = vec![0; entry.bytes];
        self.reader
            .seek(SeekFrom::Start(entry.offset))
            .and_then(|_| self.reader.read_exact(&mut bytes))
            .map_err(|error| invalid(error.to_string()))?;
        let (pairs, _) = bytes.as_chunks::<2>();
        let (quads, _) = bytes.as_chunks::<4>();
        let pairs = pairs.iter().copied();
        let quads = quads.iter().copied();
        Ok(match entry.data_type {
            DataType::F32 => quads.map(f32::from_le_bytes).collect(),
            DataType::I32 => quads.map(|b| i32::from_le_bytes(b) as f32).collect(),
            DataType::F16 => pairs.map(|b| f16_to_f32(u16::from_le_bytes(b))).collect(),
            DataType::Bf16 => pairs.map(|b| bf16_to_f32(u16::from_le_bytes(b))).collect(),
            DataType::I16 => pairs.map(|b| f32::from(i16::from_le_bytes(b))).collect(),
            DataType::I8 => bytes.iter().map(|b| f32::from(b.cast_signed())).collect(),
        })
    }
}

/// Number of values per row of a tensor that is divided into equal rows.
fn values_per(rows: usize, shape: &[usize]) -> usize {
    shape.iter().product::<usize>() / rows.max(1)
}

fn invalid(reason: impl std::fmt::Display) -> WeightsError {
    WeightsError::Invalid(format!("invalid CTranslate2 model: {reason}"))
}

/// Reads the header of a file, and never beyond its end.
struct Parser<R> {
    reader: R,
    position: u64,
    length: u64,
}

impl<R: Read + Seek> Parser<R> {
    fn new(mut reader: R) -> io::Result<Self> {
        let length = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(0))?;
        Ok(Self {
            reader,
            position: 0,
            length,
        })
    }

    fn read<const N: usize>(&mut self) -> Result<[u8; N], WeightsError> {
        let mut bytes = [0; N];
        self.reader
            .read_exact(&mut bytes)
            .map_err(|_| self.truncated())?;
        self.position += N as u64;
        Ok(bytes)
    }

    fn truncated(&self) -> WeightsError {
        invalid(format!("truncated after {} bytes", self.position))
    }

    fn u32(&mut self) -> Result<u32, WeightsError> {
        self.read().map(u32::from_le_bytes)
    }

    fn string(&mut self) -> Result<String, WeightsError> {
        let length = self.read().map(u16::from_le_bytes)?;
        let mut bytes = vec![0; usize::from(length)];
        self.reader
            .read_exact(&mut bytes)
            .map_err(|_| self.truncated())?;
        self.position += u64::from(length);
        if bytes.last() == Some(&0) {
            bytes.pop();
        }
        String::from_utf8(bytes).map_err(|_| invalid("a name is not UTF-8"))
    }

    /// Reads the header of a tensor and skips its values.
    fn entry(&mut self, name: &str) -> Result<Entry, WeightsError> {
        let [rank] = self.read()?;
        if rank > MAX_RANK {
            return Err(invalid(format!("tensor {name} has {rank} dimensions")));
        }
        let mut shape = Vec::new();
        for _ in 0..rank {
            shape.push(self.u32()? as usize);
        }
        let [id] = self.read()?;
        let data_type = DataType::new(id)
            .ok_or_else(|| invalid(format!("tensor {name} has the unknown data type {id}")))?;
        let bytes = self.u32()? as usize;
        let elements = shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
        if elements.and_then(|n| n.checked_mul(data_type.bytes())) != Some(bytes) {
            return Err(invalid(format!(
                "tensor {name} has {bytes} bytes, which do not match its shape {shape:?}"
            )));
        }
        let offset = self.position;
        if bytes as u64 > self.length.saturating_sub(offset) {
            return Err(self.truncated());
        }
        self.position = offset + bytes as u64;
        self.reader
            .seek(SeekFrom::Start(self.position))
            .map_err(invalid)?;
        Ok(Entry {
            shape,
            data_type,
            offset,
            bytes,
        })
    }
}

/// Writes models for tests.
#[cfg(test)]
pub(super) mod writer {
    /// A tensor: name, shape, data type, and values.
    pub(crate) struct Tensor {
        pub(crate) name: String,
        pub(crate) shape: Vec<usize>,
        pub(crate) data_type: u8,
        pub(crate) values: Vec<u8>,
    }

    impl Tensor {
        pub(crate) fn f32(name: &str, shape: &[usize], values: &[f32]) -> Self {
            Self {
                name: name.to_owned(),
                shape: shape.to_owned(),
                data_type: 0,
                values: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            }
        }
    }

    fn string(out: &mut Vec<u8>, text: &str) {
        out.extend((text.len() as u16 + 1).to_le_bytes());
        out.extend(text.bytes().chain([0]));
    }

    pub(crate) fn model(tensors: &[Tensor], aliases: &[(&str, &str)]) -> Vec<u8> {
        let mut out = 6_u32.to_le_bytes().to_vec();
        string(&mut out, "WhisperSpec");
        out.extend(3_u32.to_le_bytes());
        out.extend((tensors.len() as u32).to_le_bytes());
        for tensor in tensors {
            string(&mut out, &tensor.name);
            out.push(tensor.shape.len() as u8);
            for dimension in &tensor.shape {
                out.extend((*dimension as u32).to_le_bytes());
            }
            out.push(tensor.data_type);
            out.extend((tensor.values.len() as u32).to_le_bytes());
            out.extend(&tensor.values);
        }
        out.extend((aliases.len() as u32).to_le_bytes());
        for (alias, name) in aliases {
            string(&mut out, alias);
            string(&mut out, name);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::writer::{Tensor, model};
    use super::*;

    fn tensor(name: &str, shape: &[usize], data_type: u8, values: &[u8]) -> Tensor {
        Tensor {
            name: name.to_owned(),
            shape: shape.to_owned(),
            data_type,
            values: values.to_owned(),
        }
    }

    fn example() -> Vec<u8> {
        let tensors = [
            Tensor::f32("float", &[2], &[1.5, -2.0]),
            tensor("half", &[3], 4, &[0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00]),
            tensor("brain", &[1], 5, &[0xc0, 0x3f]),
            tensor("rows", &[2, 2], 1, &[4, 252, 10, 127]),
            Tensor::f32("rows_scale", &[2], &[2.0, 10.0]),
            tensor("short", &[1], 2, &[0, 4]),
            Tensor::f32("short_scale", &[], &[1024.0]),
            tensor("heads", &[], 2, &[8, 0]),
            tensor("word", &[1], 3, &[255, 255, 255, 255]),
        ];
        model(&tensors, &[("alias", "float")])
    }

    #[test]
    fn every_data_type_becomes_floats() {
        let mut container = Container::open(Cursor::new(example())).unwrap();
        let tables: [(&str, &[usize], &[f32]); 7] = [
            ("float", &[2], &[1.5, -2.0]),
            ("alias", &[2], &[1.5, -2.0]),
            ("half", &[3], &[1.0, -2.0, 5.960_464_5e-8]),
            ("brain", &[1], &[1.5]),
            ("rows", &[2, 2], &[2.0, -2.0, 1.0, 12.7]),
            ("short", &[1], &[1.0]),
            ("word", &[1], &[-1.0]),
        ];
        for (name, shape, expected) in tables {
            assert_eq!(container.tensor(name, shape).unwrap(), expected, "{name}");
        }
        assert_eq!(container.integer("heads"), Ok(8));
        assert_eq!(container.dimensions("rows"), Ok([2, 2]));
        let message = |error: WeightsError| error.to_string();
        assert_eq!(
            message(container.tensor("absent", &[]).unwrap_err()),
            "tensor absent is missing"
        );
        assert_eq!(
            message(container.tensor("float", &[3]).unwrap_err()),
            "tensor float has shape [2], expected [3]"
        );
        assert_eq!(
            message(container.dimensions::<3>("float").unwrap_err()),
            "invalid CTranslate2 model: tensor float has 1 dimensions, expected 3"
        );
    }

    #[test]
    fn invalid_files_have_errors_that_say_why() {
        let reason = |bytes: &[u8]| match Container::open(Cursor::new(bytes)) {
            Ok(_) => "none".to_owned(),
            Err(error) => error.to_string(),
        };
        let valid = example();
        let with = |at: usize, byte: u8| {
            let mut bytes = valid.clone();
            bytes[at] = byte;
            bytes
        };
        for (bytes, expected) in [
            (&valid[..0], "truncated after 0 bytes"),
            (&valid[..valid.len() - 1], "truncated after"),
            (&with(0, 9), "version 9 is unknown (known: 4 to 6)"),
            (
                &with(6, b'T'),
                "the model is a \"ThisperSpec\", expected WhisperSpec",
            ),
            // The data type, and the size.
            (&with(39, 7), "tensor float has the unknown data type 7"),
            (
                &with(40, 9),
                "tensor float has 9 bytes, which do not match its shape [2]",
            ),
        ] {
            let reason = reason(bytes);
            assert!(
                reason.starts_with("invalid CTranslate2 model: ") && reason.contains(expected),
                "{reason}, expected {expected}"
            );
        }
    }

    proptest! {
        #[test]
        fn mutated_and_truncated_files_do_not_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            length in any::<prop::sample::Index>(),
        ) {
            let mut bytes = example();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(length.index(bytes.len()) + 1);
            if let Ok(mut container) = Container::open(Cursor::new(&bytes)) {
                let names: Vec<_> = container.entries.keys().cloned().collect();
                for name in names {
                    let shape = container.shape(&name).unwrap().to_vec();
                    let _ = container.tensor(&name, &shape);
                    let _ = container.integer(&name);
                }
            }
        }
    }
}
