//! The wire format of Protocol Buffers: what ONNX files are written in.
//!
//! A message is a list of fields, each with a number and a value of one of four kinds. Crates that read it generate code
//! from the schema of ONNX, and copy all values; the few fields that are needed here are read in place.

/// A value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Integer(u64),
    Float(f32),
    /// A string, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
    /// Eight bytes, which no field that is read here has.
    Other,
}

impl<'a> Value<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(DAMAGED.to_owned()),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, String> {
        str::from_utf8(self.bytes()?).map_err(|_| DAMAGED.to_owned())
    }

    /// The integers of a repeated field, which may be packed: at most `max`.
    pub(super) fn integers(self, max: usize) -> Result<Vec<u64>, String> {
        match self {
            Self::Integer(value) => Ok(vec![value]),
            Self::Bytes(bytes) => {
                let mut reader = Reader(bytes);
                let mut values = Vec::new();
                while !reader.0.is_empty() {
                    if values.len() == max {
                        return Err(DAMAGED.to_owned());
                    }
                    values.push(reader.varint()?);
                }
                Ok(values)
            }
            _ => Err(DAMAGED.to_owned()),
        }
    }
}

pub(super) const DAMAGED: &str = "the ONNX file is damaged or incomplete: download it again";

/// The fields of a message, with their numbers, in order.
pub(super) fn fields(message: &[u8]) -> impl Iterator<Item = Result<(u64, Value<'_>), String>> {
    let mut reader = Reader(message);
    std::iter::from_fn(move || {
        if reader.0.is_empty() {
            return None;
        }
        let field = reader.field();
        if field.is_err() {
            reader.0 = &[];
        }
        Some(field)
    })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn field(&mut self) -> Result<(u64, Value<'a>), String> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Integer(self.varint()?),
            1 => {
                self.take(8)?;
                Value::Other
            }
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => match self.take(4)?.first_chunk() {
                Some(bytes) => Value::Float(f32::from_le_bytes(*bytes)),
                None => return Err(DAMAGED.to_owned()),
            },
            _ => return Err(DAMAGED.to_owned()),
        };
        Ok((key >> 3, value))
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], String> {
        let count = usize::try_from(count).map_err(|_| DAMAGED.to_owned())?;
        let (taken, rest) = self.0.split_at_checked(count).ok_or(DAMAGED)?;
        self.0 = rest;
        Ok(taken)
    }

    /// An integer in groups of 7 bits, the lowest first.
    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DAMAGED.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_of_every_kind() {
        let message = b"\x08\x96\x01\x12\x02hi\x1d\x00\x00\x80\x3f\x21........\x2a\x03\x01\xac\x02";
        let found: Vec<_> = fields(message).map(Result::unwrap).collect();
        assert_eq!(
            found,
            [
                (1, Value::Integer(150)),
                (2, Value::Bytes(b"hi")),
                (3, Value::Float(1.0)),
                (4, Value::Other),
                (5, Value::Bytes(b"\x01\xac\x02")),
            ]
        );
        assert_eq!(found[4].1.integers(2), Ok(vec![1, 300]));
        assert_eq!(found[0].1.integers(1), Ok(vec![150]));
        assert!(found[4].1.integers(1).is_err());
    }

    #[test]
    fn damaged_messages_are_errors() {
        for message in [
            &b"\x08"[..],
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x12\x05hi",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
            b"\x1d\x00",
            b"\x0b",
        ] {
            assert!(fields(message).any(|field| field.is_err()), "{message:?}");
        }
    }
}
