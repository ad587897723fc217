//! The graph of an ONNX file: its nodes, and the constants that they use.

use std::cell::Cell;
use std::collections::HashMap;

use super::super::content::excerpt;
use super::super::tensors::{Float, Tensor};
use super::protobuf::{DAMAGED, Value, fields};

/// Maximum rank of a tensor.
const MAX_RANK: usize = 8;
/// Maximum number of nodes, and of constants: exports have up to 300.
const MAX_NODES: usize = 10_000;
/// Maximum number of inputs, outputs and attributes of a node.
const MAX_NODE_FIELDS: usize = 1_000;
/// Maximum number of values of all constants that are read. A constant may be used many times.
const MAX_VALUES: usize = 32 << 20;
/// Maximum number of nodes between a constant and its use, such as `Identity`.
const MAX_STEPS: usize = 8;

/// A node.
#[derive(Clone, Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) operator: &'a str,
    inputs: Vec<&'a str>,
    outputs: Vec<&'a str>,
    /// The attributes that are numbers.
    integers: HashMap<&'a str, u64>,
    floats: HashMap<&'a str, f32>,
    /// The attribute `value`, of a constant.
    value: Option<Constant<'a>>,
}

impl<'a> Node<'a> {
    fn parse(message: &'a [u8]) -> Result<Self, String> {
        let mut node = Self::default();
        for (index, field) in fields(message).enumerate() {
            if index == MAX_NODE_FIELDS {
                return Err(format!(
                    "a node of the ONNX file has more than {MAX_NODE_FIELDS} inputs: it is another model"
                ));
            }
            match field? {
                (1, value) => node.inputs.push(value.text()?),
                (2, value) => node.outputs.push(value.text()?),
                (4, value) => node.operator = value.text()?,
                (5, value) => node.add_attribute(value.bytes()?)?,
                _ => {}
            }
        }
        Ok(node)
    }

    fn add_attribute(&mut self, message: &'a [u8]) -> Result<(), String> {
        let mut name = "";
        for field in fields(message) {
            match field? {
                (1, value) => name = value.text()?,
                (2, Value::Float(value)) => drop(self.floats.insert(name, value)),
                (3, Value::Integer(value)) => drop(self.integers.insert(name, value)),
                (5, value) if name == "value" => {
                    self.value = Some(Constant::parse(value.bytes()?)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The name of an input. Empty if there is none.
    pub(super) fn input(&self, index: usize) -> &'a str {
        self.inputs.get(index).copied().unwrap_or_default()
    }

    /// The name of the first output.
    pub(super) fn output(&self) -> &'a str {
        self.outputs.first().copied().unwrap_or_default()
    }

    pub(super) fn inputs(&self) -> &[&'a str] {
        &self.inputs
    }

    /// Whether a flag is set.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.integers.get(name).is_some_and(|value| *value != 0)
    }

    pub(super) fn float(&self, name: &str) -> Option<f32> {
        self.floats.get(name).copied()
    }
}

/// A constant tensor, not yet converted.
#[derive(Clone, Copy, Debug, Default)]
struct Constant<'a> {
    name: &'a str,
    shape: [usize; MAX_RANK],
    rank: usize,
    kind: u64,
    raw: Option<&'a [u8]>,
    external: bool,
}

impl<'a> Constant<'a> {
    fn parse(message: &'a [u8]) -> Result<Self, String> {
        let mut constant = Self::default();
        for field in fields(message) {
            match field? {
                (1, value) => {
                    for size in value.integers(MAX_RANK)? {
                        let place = constant.shape.get_mut(constant.rank).ok_or(DAMAGED)?;
                        *place = usize::try_from(size).map_err(|_| DAMAGED.to_owned())?;
                        constant.rank += 1;
                    }
                }
                (2, Value::Integer(kind)) => constant.kind = kind,
                // Floats and doubles are packed as they are in memory.
                (4 | 9 | 10, Value::Bytes(bytes)) => constant.raw = Some(bytes),
                (8, value) => constant.name = value.text()?,
                (13, _) | (14, Value::Integer(1)) => constant.external = true,
                _ => {}
            }
        }
        Ok(constant)
    }

    fn shape(&self) -> &[usize] {
        &self.shape[..self.rank]
    }

    /// Converts the values.
    fn tensor(&self) -> Result<Tensor, String> {
        let fail = |reason: String| format!("tensor {} {reason}", excerpt(self.name));
        let float = match self.kind {
            1 => Float::Single,
            10 => Float::Half,
            11 => Float::Double,
            16 => Float::Brain,
            other => {
                return Err(fail(format!(
                    "has data type {other} of ONNX, expected floats: quantized exports are not supported"
                )));
            }
        };
        if self.external {
            return Err(fail(
                "is in another file: save the model as a single file, with `onnx.save(model, path)`".to_owned(),
            ));
        }
        let raw = self.raw.unwrap_or_default();
        Tensor::from_bytes(self.shape().to_vec(), float, raw).map_err(fail)
    }
}

/// A graph.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    /// In the order in which they are computed.
    pub(super) nodes: Vec<Node<'a>>,
    constants: HashMap<&'a str, Constant<'a>>,
    /// The node that computes an output.
    producers: HashMap<&'a str, usize>,
    /// Values of the constants that were read.
    read: Cell<usize>,
}

impl<'a> Graph<'a> {
    /// Reads the graph of a model.
    ///
    /// # Errors
    ///
    /// If the file is damaged.
    pub(super) fn parse(model: &'a [u8]) -> Result<Self, String> {
        let mut graph = None;
        for field in fields(model) {
            if let (7, value) = field? {
                graph = Some(value.bytes()?);
            }
        }
        let mut parsed = Self::default();
        for field in fields(graph.ok_or(DAMAGED)?) {
            match field? {
                (1, value) => {
                    let node = Node::parse(value.bytes()?)?;
                    parsed.producers.insert(node.output(), parsed.nodes.len());
                    if let (Some(value), "Constant") = (node.value, node.operator) {
                        parsed.constants.insert(node.output(), value);
                    }
                    parsed.nodes.push(node);
                }
                (5, value) => {
                    let constant = Constant::parse(value.bytes()?)?;
                    parsed.constants.insert(constant.name, constant);
                }
                _ => {}
            }
            if parsed.nodes.len().max(parsed.constants.len()) > MAX_NODES {
                return Err(format!(
                    "the ONNX file has more than {MAX_NODES} nodes or constants: it is another model"
                ));
            }
        }
        Ok(parsed)
    }

    /// The constant with a name, or of which a node makes a copy or a transpose with this name, if its rank is `rank`.
    ///
    /// # Errors
    ///
    /// If its values are invalid.
    pub(super) fn constant(&self, name: &str, rank: usize) -> Result<Option<Tensor>, String> {
        let (mut name, mut transposed) = (name, false);
        for _ in 0..MAX_STEPS {
            if let Some(constant) = self.constants.get(name) {
                if constant.rank != rank {
                    return Ok(None);
                }
                let tensor = self.convert(constant)?;
                return Ok(Some(if transposed {
                    transpose(tensor)
                } else {
                    tensor
                }));
            }
            let Some(node) = self.producers.get(name).map(|index| &self.nodes[*index]) else {
                return Ok(None);
            };
            match node.operator {
                "Identity" => {}
                // Of a matrix: there is only one.
                "Transpose" if rank == 2 => transposed = !transposed,
                _ => return Ok(None),
            }
            name = node.input(0);
        }
        Ok(None)
    }

    /// The only constant of a shape.
    ///
    /// # Errors
    ///
    /// If its values are invalid.
    pub(super) fn constant_of_shape(&self, shape: &[usize]) -> Result<Option<Tensor>, String> {
        let mut found = self.constants.values().filter(|c| c.shape() == shape);
        match (found.next(), found.next()) {
            (Some(constant), None) => Ok(Some(self.convert(constant)?)),
            _ => Ok(None),
        }
    }

    /// Converts a constant, and counts its values.
    fn convert(&self, constant: &Constant<'_>) -> Result<Tensor, String> {
        let tensor = constant.tensor()?;
        self.read.set(self.read.get() + tensor.values.len());
        match self.read.get() <= MAX_VALUES {
            true => Ok(tensor),
            false => Err("the ONNX file has too many weights: it is another model".to_owned()),
        }
    }

    /// The names of the constants with floats.
    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        let floats = self
            .constants
            .iter()
            .filter(|(_, constant)| constant.kind == 1);
        floats.map(|(name, _)| *name)
    }

    /// The name of a constant that ends with a suffix.
    pub(super) fn named(&self, suffix: &str) -> Option<&'a str> {
        self.constants
            .keys()
            .copied()
            .filter(|name| name.ends_with(suffix))
            .min()
    }

    /// The node of an operator that reads a value.
    pub(super) fn reader(&self, operator: &str, value: &str) -> Option<&Node<'a>> {
        self.nodes
            .iter()
            .find(|node| node.operator == operator && node.inputs.contains(&value))
    }
}

/// The transpose of a matrix.
pub(super) fn transpose(matrix: Tensor) -> Tensor {
    let [rows, columns] = matrix.shape[..] else {
        return matrix;
    };
    let values = (0..rows * columns)
        .map(|index| matrix.values[index % rows * columns + index / rows])
        .collect();
    Tensor {
        shape: vec![columns, rows],
        values,
    }
}
