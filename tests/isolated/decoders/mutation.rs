//! Mutations of JSON and of bytes.

use fastrand::Rng;
use serde_json::Value;

/// JSON that can be damaged in ways that `serde_json::Value` cannot express: duplicate fields, and leaves that are any
/// text.
#[derive(Clone)]
enum Node {
    Leaf(String),
    Array(Vec<Node>),
    /// Names as JSON text, with quotes.
    Object(Vec<(String, Node)>),
}

/// Leaves that decoders do not expect, of which some are not JSON.
const ODD: [&str; 38] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "-0.0",
    "1.5",
    "2.0",
    "1e0",
    "1e308",
    "1e999",
    "-1e999",
    "1e-400",
    "18446744073709551616",
    "123456789012345678901234567890",
    "01",
    "+1",
    ".5",
    "NaN",
    "Infinity",
    "-Infinity",
    "undefined",
    r#""""#,
    r#""null""#,
    r#""NaN""#,
    r#""1.5""#,
    r#""\ud800""#,
    r#""\udc00\ud800""#,
    r#""\u0000""#,
    r#""\u00""#,
    "\"\u{1}\"",
    r#""2026-01-01 00:00:00""#,
    r#""succeeded""#,
    r#""failed""#,
    r#""running""#,
    "[]",
    "{}",
    "[[null],{}]",
];

/// Returns `json` with one to four random changes, of which some make it invalid.
pub(crate) fn mutate_json(json: &Value, rng: &mut Rng) -> Vec<u8> {
    let mut root = Node::from(json);
    for _ in 0..rng.usize(1..5) {
        let donor = root.random(rng).clone();
        let target = root.random(rng);
        target.mutate(donor, rng);
    }
    let mut text = String::new();
    root.write(&mut text);
    let mut bytes = text.into_bytes();
    if rng.u8(..4) == 0 {
        mutate_bytes(&mut bytes, rng);
    }
    bytes
}

/// Makes one to three random changes.
pub(crate) fn mutate_bytes(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=bytes.len());
        let end = (at + rng.usize(..40)).min(bytes.len());
        match rng.u8(..9) {
            0 => bytes.truncate(at),
            1 => drop(bytes.splice(..0, *b"\xef\xbb\xbf")),
            2 => drop(bytes.splice(at..at, *b"\xff")),
            3 => drop(bytes.splice(at..at, *b"\xed\xa0\x80")),
            4 => drop(bytes.drain(at..end)),
            5 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            6 => bytes.insert(at, *rng.choice(b"{}[]\",:\\/ \n\0 0-.eE").unwrap_or(&0)),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = rng.u8(..);
                }
            }
        }
    }
}

impl Node {
    /// The number of nodes.
    fn size(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::Array(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Self::Object(fields) => 1 + fields.iter().map(|(_, node)| node.size()).sum::<usize>(),
        }
    }

    fn random(&mut self, rng: &mut Rng) -> &mut Self {
        let index = rng.usize(..self.size());
        self.nth(index)
    }

    /// The node with this index, in the order in which the nodes are written.
    fn nth(&mut self, index: usize) -> &mut Self {
        let Some(mut index) = index.checked_sub(1) else {
            return self;
        };
        let children: Vec<&mut Self> = match self {
            Self::Leaf(_) => unreachable!("a leaf has one node"),
            Self::Array(items) => items.iter_mut().collect(),
            Self::Object(fields) => fields.iter_mut().map(|(_, node)| node).collect(),
        };
        for child in children {
            let size = child.size();
            if index < size {
                return child.nth(index);
            }
            index -= size;
        }
        unreachable!("the index is less than the size")
    }

    fn mutate(&mut self, donor: Self, rng: &mut Rng) {
        let odd = |rng: &mut Rng| Self::Leaf(ODD[rng.usize(..ODD.len())].to_owned());
        match (rng.u8(..9), &mut *self) {
            (0, Self::Array(items)) if !items.is_empty() => {
                drop(items.remove(rng.usize(..items.len())))
            }
            (0, Self::Object(fields)) if !fields.is_empty() => {
                drop(fields.remove(rng.usize(..fields.len())));
            }
            (1, Self::Array(items)) if !items.is_empty() => {
                let copy = items[rng.usize(..items.len())].clone();
                let copies = rng.usize(1..20);
                items.extend(std::iter::repeat_n(copy, copies));
            }
            (1, Self::Object(fields)) if !fields.is_empty() => {
                let (name, value) = fields[rng.usize(..fields.len())].clone();
                let value = if rng.bool() { value } else { odd(rng) };
                fields.insert(rng.usize(..=fields.len()), (name, value));
            }
            (2, Self::Array(items)) => items.insert(rng.usize(..=items.len()), odd(rng)),
            (2, Self::Object(fields)) => {
                let name = *rng
                    .choice(&[r#""new""#, r#""""#, r#""\ud800""#, "1"])
                    .unwrap_or(&"");
                fields.push((name.to_owned(), odd(rng)));
            }
            (3, Self::Object(fields)) if !fields.is_empty() => {
                let index = rng.usize(..fields.len());
                fields[index].0 = r#""renamed""#.to_owned();
            }
            (4, node) => *node = donor,
            (5, node) => {
                let inner = std::mem::replace(node, Self::Leaf(String::new()));
                *node = match rng.bool() {
                    true => Self::Array(vec![inner]),
                    false => Self::Object(vec![(r#""value""#.to_owned(), inner)]),
                };
            }
            (6, node) => {
                let depth = *rng.choice(&[2, 100, 130, 3_000]).unwrap_or(&2);
                let (open, close) = *rng
                    .choice(&[("[", "]"), ("{\"a\":", "}")])
                    .unwrap_or(&("", ""));
                *node = Self::Leaf(format!("{}1{}", open.repeat(depth), close.repeat(depth)));
            }
            (_, node) => *node = odd(rng),
        }
    }

    fn write(&self, text: &mut String) {
        match self {
            Self::Leaf(leaf) => text.push_str(leaf),
            Self::Array(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    text.push_str(if index > 0 { ", " } else { "" });
                    item.write(text);
                }
                text.push(']');
            }
            Self::Object(fields) => {
                text.push('{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    text.push_str(if index > 0 { ", " } else { "" });
                    text.push_str(name);
                    text.push(':');
                    value.write(text);
                }
                text.push('}');
            }
        }
    }
}

impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| {
                    (Value::from(name.as_str()).to_string(), Self::from(value))
                };
                Self::Object(fields.iter().map(field).collect())
            }
            // Some encoders escape slashes.
            Value::String(text) if text.contains("//") => {
                Self::Leaf(value.to_string().replace('/', "\\/"))
            }
            leaf => Self::Leaf(leaf.to_string()),
        }
    }
}
