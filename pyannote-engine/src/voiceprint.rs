//! Voiceprints: an embedding, the model that made it, and a checksum, as base64.
//!
//! The bytes: 8 that name the format; the version, 1; the length of the model's name in one byte, and the name in ASCII;
//! the number of numbers in two bytes, and the numbers as f32; the first 8 bytes of the SHA-256 of all before. Numbers
//! of several bytes are little-endian.

use std::fmt;

use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
use sha2::{Digest, Sha256};

use crate::Embedding;

/// What the bytes start with.
const MAGIC: &[u8; 8] = b"pyanlocv";
/// The only version there is.
const VERSION: u8 = 1;
/// How many bytes the checksum has.
const CHECKSUM: usize = 8;
/// The longest name of a model, in bytes.
const LONGEST_NAME: usize = 64;
/// The longest voiceprint that the API takes, in characters.
const LONGEST: usize = 20_000;

/// Why a text cannot be used as a voiceprint. It says nothing of the voice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum VoiceprintError {
    /// It is not base64.
    NotBase64,
    /// It was not made by a server like this.
    Foreign,
    /// It is of a version that is not known here.
    Version(u8),
    /// It was changed on its way.
    Damaged,
    /// It was made by one model, where another is needed.
    Model {
        /// The model that made it.
        made_by: String,
        /// The model that is needed.
        needed: String,
    },
}

impl fmt::Display for VoiceprintError {
    /// Goes on after "it", or the name of a field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBase64 => f.write_str("is not base64"),
            Self::Foreign => f.write_str(
                "is no voiceprint of a local server: those of pyannoteAI's service cannot be used here, make a new one",
            ),
            Self::Version(version) => write!(
                f,
                "is a voiceprint of version {version}, which this server does not know"
            ),
            Self::Damaged => f.write_str("is damaged: its checksum is wrong"),
            Self::Model { made_by, needed } => write!(
                f,
                "was made by the model {made_by}, and this server compares voices by {needed}: make a new one"
            ),
        }
    }
}

/// A voiceprint of an embedding of this model. Refused where it would not be read again, with the reason.
pub fn encode(model: &str, embedding: &Embedding) -> Result<String, &'static str> {
    let name = u8::try_from(model.len()).ok();
    let is_name =
        |model: &str| !model.is_empty() && model.bytes().all(|byte| byte.is_ascii_graphic());
    let name = name.filter(|length| usize::from(*length) <= LONGEST_NAME && is_name(model));
    let name = name.ok_or("the model has no name of at most 64 letters")?;
    let number = u16::try_from(embedding.0.len()).map_err(|_| "the embedding is too large")?;
    if !is_voice(embedding) {
        return Err("the embedding has no direction");
    }
    let mut bytes = MAGIC.to_vec();
    bytes.extend([VERSION, name]);
    bytes.extend(model.as_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend(embedding.0.iter().flat_map(|value| value.to_le_bytes()));
    bytes.extend(checksum(&bytes));
    let text = STANDARD.encode(bytes);
    if text.len() > LONGEST {
        return Err("the embedding is too large");
    }
    Ok(text)
}

/// The embedding of a voiceprint that this model made.
pub fn decode(text: &str, model: &str) -> Result<Embedding, VoiceprintError> {
    let bytes = from_base64(text).ok_or(VoiceprintError::NotBase64)?;
    let rest = bytes.strip_prefix(MAGIC).ok_or(VoiceprintError::Foreign)?;
    match rest.first() {
        Some(&VERSION) => {}
        Some(version) => return Err(VoiceprintError::Version(*version)),
        None => return Err(VoiceprintError::Damaged),
    }
    let (made_by, embedding) = parts(&bytes).ok_or(VoiceprintError::Damaged)?;
    if made_by != model {
        return Err(VoiceprintError::Model {
            made_by: made_by.to_owned(),
            needed: model.to_owned(),
        });
    }
    Ok(embedding)
}

/// The bytes of a base64 text in either alphabet, padded or not; `None` if it is invalid or empty.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decode = |alphabet| GeneralPurpose::new(alphabet, CONFIG).decode(text).ok();
    decode(&alphabet::STANDARD)
        .or_else(|| decode(&alphabet::URL_SAFE))
        .filter(|bytes| !bytes.is_empty())
}

/// The model's name and the embedding, where every byte is in its place.
fn parts(bytes: &[u8]) -> Option<(&str, Embedding)> {
    let (bytes, sum) = bytes.split_last_chunk::<CHECKSUM>()?;
    if checksum(bytes) != *sum {
        return None;
    }
    let rest = bytes.get(MAGIC.len() + 1..)?;
    let (length, rest) = rest.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let name = std::str::from_utf8(name).ok()?;
    let is_name = name.len() <= LONGEST_NAME && name.bytes().all(|byte| byte.is_ascii_graphic());
    let (number, rest) = rest.split_first_chunk::<2>()?;
    let (numbers, beyond) = rest.as_chunks::<4>();
    let is_whole = beyond.is_empty() && numbers.len() == usize::from(u16::from_le_bytes(*number));
    let values: Vec<f32> = numbers
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let embedding = Embedding(values);
    (is_name && is_whole && is_voice(&embedding)).then_some((name, embedding))
}

/// Whether it can be compared: one without numbers, of zeros alone, or with what is no number is like nobody.
fn is_voice(embedding: &Embedding) -> bool {
    let length = embedding.length();
    length.is_finite() && length > 0.0
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut sum = [0; CHECKSUM];
    for (to, from) in sum.iter_mut().zip(Sha256::digest(bytes)) {
        *to = from;
    }
    sum
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    const MODEL: &str = "model-a";

    fn bytes() -> Vec<u8> {
        let made = encode(MODEL, &Embedding(vec![0.5, -1.25, 3e-9])).unwrap();
        STANDARD.decode(made).unwrap()
    }

    /// With a checksum that is right.
    fn sealed(mut bytes: Vec<u8>) -> String {
        bytes.extend(checksum(&bytes));
        STANDARD.encode(bytes)
    }

    #[test]
    fn the_bytes_are_as_documented() {
        let text = encode("ab", &Embedding(vec![1.0])).unwrap();
        let bytes = STANDARD.decode(text).unwrap();
        let (start, sum) = bytes.split_at(18);
        assert_eq!(start, b"pyanlocv\x01\x02ab\x01\x00\x00\x00\x80\x3f");
        assert_eq!(hex::encode(sum), hex::encode(&Sha256::digest(start)[..8]));
    }

    #[test]
    fn each_kind_of_base64_is_read() {
        for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            let embedding = decode(&engine.encode(bytes()), MODEL).unwrap();
            assert_eq!(embedding.0, [0.5, -1.25, 3e-9]);
        }
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let whole = bytes();
        let unsealed = &whole[..whole.len() - CHECKSUM];
        let with = |place: usize, byte: u8| {
            let mut bytes = unsealed.to_vec();
            bytes[place] = byte;
            sealed(bytes)
        };
        let mut longer = unsealed.to_vec();
        longer.extend(1.0_f32.to_le_bytes());
        let mut endless = unsealed.to_vec();
        let end = endless.len();
        endless[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        let mut nowhere = unsealed.to_vec();
        nowhere[end - 12..].fill(0);
        let mut empty = unsealed[..end - 12].to_vec();
        empty[end - 14] = 0;
        let other = VoiceprintError::Model {
            made_by: "model-b".to_owned(),
            needed: MODEL.to_owned(),
        };
        for (text, expected) in [
            ("no base64".to_owned(), VoiceprintError::NotBase64),
            (String::new(), VoiceprintError::NotBase64),
            (
                "U29tZVZvaWNlUHJpbnREYXRhMQ==".to_owned(),
                VoiceprintError::Foreign,
            ),
            (STANDARD.encode(&whole[..7]), VoiceprintError::Foreign),
            (STANDARD.encode(&whole[..8]), VoiceprintError::Damaged),
            (STANDARD.encode(&whole[..9]), VoiceprintError::Damaged),
            (
                STANDARD.encode(&whole[..whole.len() - 1]),
                VoiceprintError::Damaged,
            ),
            (with(8, 2), VoiceprintError::Version(2)),
            (with(9, 255), VoiceprintError::Damaged),
            (with(10, b'\n'), VoiceprintError::Damaged),
            (with(16, b'b'), other),
            (sealed(longer), VoiceprintError::Damaged),
            (sealed(nowhere), VoiceprintError::Damaged),
            (sealed(empty), VoiceprintError::Damaged),
            (sealed(endless), VoiceprintError::Damaged),
        ] {
            assert_eq!(decode(&text, MODEL).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn what_would_not_be_read_is_not_written() {
        let long = "a".repeat(65);
        for (model, values) in [
            ("", vec![1.0]),
            ("a b", vec![1.0]),
            (long.as_str(), vec![1.0]),
            ("a", vec![f32::NAN]),
            ("a", vec![f32::INFINITY]),
            ("a", vec![0.0; 192]),
            ("a", vec![]),
            ("a", vec![1.0; 3_800]),
            ("a", vec![1.0; 70_000]),
        ] {
            assert!(encode(model, &Embedding(values)).is_err(), "{model}");
        }
        let largest = encode("a", &Embedding(vec![1.0; 3_700])).unwrap();
        assert!(largest.len() <= LONGEST);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(model in "[!-~]{1,64}", values in prop::collection::vec(-1e30_f32..1e30, 1..600)) {
            let text = encode(&model, &Embedding(values.clone())).unwrap();
            prop_assert_eq!(decode(&text, &model), Ok(Embedding(values)));
        }

        #[test]
        fn whatever_is_read_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..80), text in ".{0,40}") {
            prop_assert!(decode(&text, MODEL).is_err());
            let mut start = MAGIC.to_vec();
            start.push(VERSION);
            start.extend(&bytes);
            for text in [STANDARD.encode(&bytes), STANDARD.encode(&start)] {
                prop_assert!(decode(&text, MODEL).is_err());
            }
            // With a checksum that is right, only what would be written so is read.
            let text = sealed(start);
            if let Ok(embedding) = decode(&text, MODEL) {
                prop_assert_eq!(encode(MODEL, &embedding), Ok(text));
            }
        }

        #[test]
        fn damage_is_noticed(place in 0..10_000_usize, flip in 1..=255_u8) {
            let mut bytes = bytes();
            let place = place % bytes.len();
            bytes[place] ^= flip;
            prop_assert!(decode(&STANDARD.encode(bytes), MODEL).is_err());
        }
    }
}
