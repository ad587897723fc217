//! Arrays of NumPy (`.npy`) and its archives (`.npz`): floats only, nothing that NumPy would unpickle.
//!
//! The format of an array is a line of text and then the numbers. Crates that read it parse that line as Python, with a
//! parser generator and a dozen dependencies; the arrays here are of one kind.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use super::content::{self, excerpt};

/// Start of an array, before the version of the format.
const MAGIC: &[u8] = b"\x93NUMPY";
/// Maximum size of the header of an array, in bytes.
const MAX_HEADER_BYTES: usize = 4_096;
/// Maximum size of a file with a single array, in bytes: the largest of community-1 has 256 kB.
const MAX_SINGLE_BYTES: u64 = 1 << 20;
/// Maximum size of an archive, in bytes: those of community-1 have 270 kB. The list of its files is read into memory.
const MAX_ARCHIVE_BYTES: u64 = 16 << 20;
/// Bytes in which text in place of an archive is detected.
const START_BYTES: u64 = 8 << 10;
/// Maximum magnitude of a value. Those of community-1 are below 100.
const MAX_VALUE: f64 = 1e9;

/// Reads an array of floats from an archive, in row-major order.
///
/// # Errors
///
/// If the file is not an archive, or if the array is missing, has another shape, or is not of floats.
pub(super) fn read(path: &Path, name: &str, shape: &[usize]) -> Result<Vec<f64>, String> {
    content::check_binary(&content::start(path, START_BYTES)?)?;
    let file = File::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    if length > MAX_ARCHIVE_BYTES {
        return Err(format!(
            "the file has more than {MAX_ARCHIVE_BYTES} bytes: it is the file of another model"
        ));
    }
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|_| {
        "the file is not an archive of NumPy, or incomplete: download it again".to_owned()
    })?;
    let entry = archive.by_name(&format!("{name}.npy")).map_err(|_| {
        format!("array `{name}` is missing: were the two files of `plda` exchanged?")
    })?;
    array(entry, shape).map_err(|reason| format!("array `{name}` {reason}"))
}

/// Reads an array of floats from a file of its own, in row-major order: in NumPy's format, or 64-bit floats.
///
/// # Errors
///
/// If it has another shape, or is not of floats.
pub(super) fn read_single(path: &Path, shape: &[usize]) -> Result<Vec<f64>, String> {
    let bytes = content::read(path, MAX_SINGLE_BYTES)?;
    content::check(&bytes)?;
    let array = match path.extension().is_some_and(|extension| extension == "bin") {
        false => array(&bytes[..], shape),
        true if bytes.len() != 8 * shape.iter().product::<usize>() => Err(format!(
            "has {} bytes, expected 64-bit floats with shape {shape:?}",
            bytes.len()
        )),
        true => finite(floats(
            elements(&bytes[..], bytes.len() / 8)?,
            f64::from_le_bytes,
        )),
    };
    array.map_err(|reason| format!("the array {reason}"))
}

fn array(mut reader: impl Read, shape: &[usize]) -> Result<Vec<f64>, String> {
    let header = Header::read(&mut reader)?;
    if header.shape != shape {
        return Err(format!(
            "has shape {:?}, expected {shape:?}: it is the file of another model",
            header.shape
        ));
    }
    let count: usize = shape.iter().product();
    let values: Vec<f64> = match &header.kind[..] {
        "<f4" => floats(elements(reader, count)?, f32::from_le_bytes),
        ">f4" => floats(elements(reader, count)?, f32::from_be_bytes),
        "<f8" => floats(elements(reader, count)?, f64::from_le_bytes),
        ">f8" => floats(elements(reader, count)?, f64::from_be_bytes),
        "|O" => {
            return Err(
                "has Python objects, which are programs: nothing of it was run; download the file again from a source \
                 that you trust"
                    .to_owned(),
            );
        }
        other => {
            return Err(format!(
                "has data type `{}`, expected floats of 4 or 8 bytes",
                excerpt(other)
            ));
        }
    };
    let values = finite(values)?;
    match (header.column_major, shape) {
        (true, [rows, columns]) => Ok((0..count)
            .map(|index| values[index % columns * rows + index / columns])
            .collect()),
        _ => Ok(values),
    }
}

/// Refuses values that no array of community-1 has.
fn finite(values: Vec<f64>) -> Result<Vec<f64>, String> {
    match values.iter().all(|value| value.abs() <= MAX_VALUE) {
        true => Ok(values),
        false => Err(
            "has values that are not finite or too large: the file is damaged, download it again"
                .to_owned(),
        ),
    }
}

/// Converts elements.
fn floats<T: Into<f64>, const SIZE: usize>(
    elements: Vec<[u8; SIZE]>,
    convert: impl Fn([u8; SIZE]) -> T,
) -> Vec<f64> {
    elements
        .into_iter()
        .map(|bytes| convert(bytes).into())
        .collect()
}

/// Reads `count` elements of `SIZE` bytes.
fn elements<const SIZE: usize>(
    mut reader: impl Read,
    count: usize,
) -> Result<Vec<[u8; SIZE]>, String> {
    let mut bytes = vec![0; count * SIZE];
    reader.read_exact(&mut bytes).map_err(incomplete)?;
    let (elements, _) = bytes.as_chunks();
    Ok(elements.to_vec())
}

fn incomplete(error: std::io::Error) -> String {
    format!("is incomplete: {error}; download the file again")
}

/// The header of an array.
struct Header {
    kind: String,
    column_major: bool,
    shape: Vec<usize>,
}

impl Header {
    fn read(reader: &mut impl Read) -> Result<Self, String> {
        let mut start = [0; 8];
        reader.read_exact(&mut start).map_err(incomplete)?;
        if !start.starts_with(MAGIC) {
            return Err("is not in NumPy's format".to_owned());
        }
        // The first version has 2 bytes for the length of the header, the others have 4.
        let mut length = [0; 4];
        let width = if start[6] == 1 { 2 } else { 4 };
        reader
            .read_exact(&mut length[..width])
            .map_err(incomplete)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_HEADER_BYTES {
            return Err(
                "has a header that is too long: the file is damaged, download it again".to_owned(),
            );
        }
        let mut header = vec![0; length];
        reader.read_exact(&mut header).map_err(incomplete)?;
        let header = String::from_utf8(header).map_err(|_| "has an invalid header".to_owned())?;
        Self::parse(&header).ok_or_else(|| {
            format!(
                "has an invalid header, {}: the file is damaged, download it again",
                excerpt(header.trim())
            )
        })
    }

    /// Parses the header as NumPy writes it: `{'descr': '<f8', 'fortran_order': False, 'shape': (256, 128), }`.
    fn parse(header: &str) -> Option<Self> {
        let (_, kind) = header.split_once("'descr': '")?;
        let (kind, _) = kind.split_once('\'')?;
        let (_, order) = header.split_once("'fortran_order': ")?;
        let (order, _) = order.split_once(',')?;
        let (_, shape) = header.split_once("'shape': (")?;
        let (shape, _) = shape.split_once(')')?;
        let sizes = shape
            .split(',')
            .map(str::trim)
            .filter(|size| !size.is_empty());
        Some(Self {
            kind: kind.to_owned(),
            column_major: match order {
                "True" => true,
                "False" => false,
                _ => return None,
            },
            shape: sizes.map(|size| size.parse().ok()).collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An array as NumPy writes it.
    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn header(descr: &str, order: &str, shape: &str) -> String {
        format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n")
    }

    #[test]
    fn reads_both_precisions() {
        let single: Vec<u8> = [1.5_f32, -2.0]
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect();
        let file = npy(&header("'<f4'", "False", "(2, 1)"), &single);
        assert_eq!(array(&file[..], &[2, 1]), Ok(vec![1.5, -2.0]));
        let double: Vec<u8> = [1.5_f64, -2.0]
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect();
        let file = npy(&header("'<f8'", "False", "(2,)"), &double);
        assert_eq!(array(&file[..], &[2]), Ok(vec![1.5, -2.0]));
    }

    #[test]
    fn reads_both_byte_orders_and_both_orders_of_elements() {
        let values: Vec<u8> = (1..=6_u8)
            .flat_map(|x| f64::from(x).to_be_bytes())
            .collect();
        let file = npy(&header("'>f8'", "True", "(2, 3)"), &values);
        let expected = vec![1.0, 3.0, 5.0, 2.0, 4.0, 6.0];
        assert_eq!(array(&file[..], &[2, 3]), Ok(expected));
        let values: Vec<u8> = (1..=6_u8)
            .flat_map(|x| f32::from(x).to_be_bytes())
            .collect();
        let file = npy(&header("'>f4'", "False", "(2, 3)"), &values);
        assert_eq!(
            array(&file[..], &[2, 3]),
            Ok(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        );
        // The order of a vector does not matter.
        let file = npy(&header("'<f4'", "True", "(1,)"), &1_f32.to_le_bytes());
        assert_eq!(array(&file[..], &[1]), Ok(vec![1.0]));
    }

    #[test]
    fn other_arrays_have_errors_that_say_what_is_wrong() {
        let error = |descr: &str, order: &str, shape: &str, data: &[u8]| {
            array(&npy(&header(descr, order, shape), data)[..], &[2, 1]).unwrap_err()
        };
        let data = [0; 16];
        assert!(error("'<f8'", "False", "(2,)", &data).contains("shape [2], expected [2, 1]"));
        assert!(error("'<i8'", "False", "(2, 1)", &data).contains("`<i8`, expected floats"));
        assert!(error("'|O'", "False", "(2, 1)", &data).contains("nothing of it was run"));
        let large = 1e300_f64.to_le_bytes().repeat(2);
        assert!(error("'<f8'", "False", "(2, 1)", &large).contains("too large"));
        assert!(error("[('a', '<f8')]", "False", "(2, 1)", &data).contains("invalid header"));
        assert!(error("'<f8'", "Maybe", "(2, 1)", &data).contains("invalid header"));
        assert!(error("'<f8'", "False", "(2, -1)", &data).contains("invalid header"));
        assert!(error("'<f8'", "False", "(2, 1)", &data[..9]).starts_with("is incomplete"));
        assert!(error("'<f4'", "False", "(2, 1)", &[255; 8]).contains("not finite"));
        assert!(
            array(&b"\x80\x02........"[..], &[2])
                .unwrap_err()
                .contains("not in NumPy's")
        );
        assert!(
            array(&b"\x93NUMPY\x02\x00\xff\xff\xff\xff"[..], &[2])
                .unwrap_err()
                .contains("too long")
        );
    }

    #[test]
    fn an_archive_has_a_maximum_size() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_ARCHIVE_BYTES + 1).unwrap();
        let error = read(file.path(), "mu", &[1]).unwrap_err();
        assert!(error.contains("more than 16777216 bytes"), "{error}");
    }

    #[test]
    fn every_truncation_is_an_error() {
        let file = npy(&header("'<f8'", "False", "(2, 1)"), &[0; 16]);
        for end in 0..file.len() {
            assert!(array(&file[..end], &[2, 1]).is_err(), "{end}");
        }
    }
}
