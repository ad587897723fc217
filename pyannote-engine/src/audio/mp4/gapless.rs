//! The priming and the duration that iTunes stores as a tag, in files without an edit list.

use std::io::{Read, Result, Seek};

use super::boxes::{Header, Reader};
use crate::audio::time_axis::Edit;

/// The name of the tag.
const NAME: &[u8] = b"iTunSMPB";
/// Maximum size of a tag, in bytes.
const MAX_TAG_BYTES: u64 = 1 << 12;
/// Maximum priming of a codec, in frames.
const MAX_PRIMING: u64 = 16_384;

/// Reads the tag of a movie: the priming and the number of frames that are presented.
pub(super) fn read<S: Read + Seek>(
    reader: &mut Reader<'_, S>,
    udta: &Header,
) -> Result<Option<(u64, u64)>> {
    let Some(meta) = reader.child(udta, b"meta")? else {
        return Ok(None);
    };
    // A version precedes the boxes.
    let boxes = reader.children(&meta, 4)?;
    let Some(list) = boxes.into_iter().find(|header| &header.kind == b"ilst") else {
        return Ok(None);
    };
    for tag in reader.children(&list, 0)? {
        if &tag.kind != b"----" || tag.end - tag.body > MAX_TAG_BYTES {
            continue;
        }
        let (name, data) = (reader.child(&tag, b"name")?, reader.child(&tag, b"data")?);
        let (Some(name), Some(data)) = (name, data) else {
            continue;
        };
        if reader.content(&name, 4)? == NAME {
            let text = reader.content(&data, 8)?;
            return Ok(parse(&String::from_utf8_lossy(&text)));
        }
    }
    Ok(None)
}

/// Hexadecimal numbers: an unused one, the priming, the padding, and the number of frames that are presented.
fn parse(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split_whitespace().skip(1);
    let mut number = || u64::from_str_radix(numbers.next()?, 16).ok();
    let (priming, _, frames) = (number()?, number()?, number()?);
    (priming < MAX_PRIMING && frames > 0).then_some((priming, frames))
}

/// The edit that presents these frames, at `rate` in Hz.
pub(super) fn edit((priming, frames): (u64, u64), rate: u32) -> Edit {
    Edit {
        media_s: priming as f64 / f64::from(rate),
        duration_s: frames as f64 / f64::from(rate),
        at_s: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_hexadecimal() {
        let tag = " 00000000 00000840 000001CA 00000000003F31F6 00000000";
        assert_eq!(parse(tag), Some((0x840, 0x3f_31f6)));
        for invalid in ["", " 0 840", " 0 x 0 1", " 0 840 0 0", " 0 FFFFF 0 1"] {
            assert_eq!(parse(invalid), None, "{invalid}");
        }
    }
}
