//! Voiceprints: a speaker embedding with the model that made it, as base64.
//!
//! The encoded bytes are: the magic `pyanlocv` (8 bytes); the version, 1 (1 byte); the length of the model name (1
//! byte) and the name in ASCII; the number of values (2 bytes) and the values as `f32`; the first 8 bytes of the
//! SHA-256 digest of everything before. Integers and floats are little-endian.

use std::fmt;

use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
use sha2::{Digest, Sha256};

use crate::{Diarization, DiarizeError, Embedding};

/// The first bytes of every voiceprint.
const MAGIC: &[u8; 8] = b"pyanlocv";
/// The format version.
const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 8;
const MAX_MODEL_BYTES: usize = 64;
/// Maximum length of an encoded voiceprint, in characters: that of the pyannoteAI API.
const MAX_BASE64_CHARS: usize = 20_000;

/// A speaker embedding with the identifier of the model that made it.
///
/// A voiceprint is biometric data: store it only as long as necessary. `Debug` does not show it.
///
/// Only voiceprints of the same model can be compared. Those of the pyannoteAI API come from other models and cannot be
/// read.
///
/// ```
/// use pyannote_engine::{Embedding, Voiceprint};
///
/// let voiceprint = Voiceprint::new("model-a", Embedding(vec![0.6, 0.8]))?;
/// let encoded = voiceprint.to_base64();
/// assert_eq!(Voiceprint::from_base64(&encoded)?, voiceprint);
/// assert_eq!(format!("{voiceprint:?}"), r#"Voiceprint { model: "model-a", .. }"#);
/// # Ok::<(), pyannote_engine::VoiceprintError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Voiceprint {
    model: String,
    embedding: Embedding,
}

impl Voiceprint {
    /// Creates a voiceprint from an embedding and the identifier of the model that made it.
    ///
    /// # Errors
    ///
    /// [`VoiceprintError::InvalidModel`] unless the identifier has 1 to 64 printable ASCII characters without spaces,
    /// and [`VoiceprintError::InvalidEmbedding`] if the embedding is empty, zero, not finite, or too large to be
    /// encoded in 20,000 characters.
    pub fn new(model: impl Into<String>, embedding: Embedding) -> Result<Self, VoiceprintError> {
        let model = model.into();
        if !is_model(&model) {
            return Err(VoiceprintError::InvalidModel);
        }
        let bytes = MAGIC.len() + 2 + model.len() + 2 + 4 * embedding.0.len() + CHECKSUM_BYTES;
        if !has_direction(&embedding) || bytes.div_ceil(3) * 4 > MAX_BASE64_CHARS {
            return Err(VoiceprintError::InvalidEmbedding);
        }
        Ok(Self { model, embedding })
    }

    /// Decodes a voiceprint. Both base64 alphabets are accepted, with or without padding. Surrounding ASCII whitespace
    /// is ignored, such as the newline at the end of a file.
    ///
    /// # Errors
    ///
    /// A [`VoiceprintError`] that says why the text is not a valid voiceprint.
    pub fn from_base64(text: &str) -> Result<Self, VoiceprintError> {
        let bytes = decode(text.trim_ascii()).ok_or(VoiceprintError::NotBase64)?;
        let rest = bytes.strip_prefix(MAGIC).ok_or(VoiceprintError::NotLocal)?;
        match rest.first() {
            Some(&VERSION) => parse(&bytes).ok_or(VoiceprintError::Corrupted),
            Some(version) => Err(VoiceprintError::Version(*version)),
            None => Err(VoiceprintError::Corrupted),
        }
    }

    /// Encodes the voiceprint, in at most 20,000 characters.
    #[must_use]
    pub fn to_base64(&self) -> String {
        let values = &self.embedding.0;
        let mut bytes = MAGIC.to_vec();
        // `new` limits both lengths.
        bytes.extend([VERSION, self.model.len() as u8]);
        bytes.extend(self.model.as_bytes());
        bytes.extend((values.len() as u16).to_le_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        bytes.extend(checksum(&bytes));
        STANDARD.encode(bytes)
    }

    /// Returns the identifier of the embedding model.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Returns the embedding.
    #[must_use]
    pub fn embedding(&self) -> &Embedding {
        &self.embedding
    }

    /// Checks that this model made the voiceprint.
    pub(crate) fn require_model(&self, required: &str) -> Result<(), VoiceprintError> {
        if self.model == required {
            return Ok(());
        }
        Err(VoiceprintError::Model {
            found: self.model.clone(),
            required: required.to_owned(),
        })
    }
}

impl fmt::Debug for Voiceprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Voiceprint")
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// A new voiceprint: the result of [`Engine::voiceprint`](crate::Engine::voiceprint).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Enrollment {
    /// The voiceprint.
    pub voiceprint: Voiceprint,
    /// Duration of the speech that it was made from, in seconds, rounded to milliseconds.
    pub speech_s: f64,
    /// Human-readable warnings, such as several speakers in the recording.
    pub warnings: Vec<String>,
}

impl Enrollment {
    /// Creates a voiceprint of the speaker with the most speech.
    pub(crate) fn compute(model: &str, diarization: Diarization) -> Result<Self, DiarizeError> {
        let Diarization {
            speakers,
            mut warnings,
            ..
        } = diarization;
        let count = speakers.len();
        if count == 0 {
            return Err(DiarizeError::NoSpeech);
        }
        if count > 1 {
            warnings.push(format!(
                "the recording has {count} speakers: the voiceprint is of the one who speaks the longest"
            ));
        }
        let speakers = speakers
            .into_iter()
            .filter_map(|speaker| Some((speaker.solo_speech_s, speaker.embedding?)));
        let longest = speakers.max_by(|a, b| a.0.total_cmp(&b.0));
        let (speech_s, embedding) = longest.ok_or(DiarizeError::TooLittleSpeech)?;
        let voiceprint = Voiceprint::new(model, embedding)
            .map_err(|error| DiarizeError::Failed(error.to_string()))?;
        Ok(Self {
            voiceprint,
            speech_s,
            warnings,
        })
    }
}

/// The reason why a voiceprint cannot be used. Messages do not contain any of its data.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VoiceprintError {
    /// The text is not base64.
    #[error("the voiceprint is not valid base64")]
    NotBase64,
    /// The data is not a voiceprint of this crate.
    #[error(
        "the voiceprint is not from a local engine: voiceprints of the pyannoteAI API cannot be used locally, create a new one"
    )]
    NotLocal,
    /// The format version is not supported.
    #[error("the voiceprint has format version {0}, which is not supported: create a new one")]
    Version(u8),
    /// The checksum is wrong, or the data is invalid in another way.
    #[error("the voiceprint is corrupted: its checksum does not match")]
    Corrupted,
    /// The voiceprint is from another embedding model than the one it is compared with.
    #[error("the voiceprint is from model {found}, but {required} is required: create a new one")]
    Model {
        /// The model that made the voiceprint.
        found: String,
        /// The model of the engine.
        required: String,
    },
    /// The identifier of a model is invalid.
    #[error("the model identifier must have 1 to 64 printable ASCII characters without spaces")]
    InvalidModel,
    /// An embedding is empty, zero, not finite, or too large.
    #[error("the embedding must be finite, not zero, and have at most about 3,700 values")]
    InvalidEmbedding,
}

/// Decodes base64 in either alphabet, padded or not. Returns `None` if it is invalid or empty.
fn decode(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decode = |alphabet| GeneralPurpose::new(alphabet, CONFIG).decode(text).ok();
    decode(&alphabet::STANDARD)
        .or_else(|| decode(&alphabet::URL_SAFE))
        .filter(|bytes| !bytes.is_empty())
}

/// Parses a voiceprint with the right magic and version. Returns `None` if anything else is wrong.
fn parse(bytes: &[u8]) -> Option<Voiceprint> {
    let (bytes, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
    if checksum(bytes) != *sum {
        return None;
    }
    let rest = bytes.get(MAGIC.len() + 1..)?;
    let (length, rest) = rest.split_first()?;
    let (model, rest) = rest.split_at_checked(usize::from(*length))?;
    let model = std::str::from_utf8(model).ok()?;
    let (count, rest) = rest.split_first_chunk::<2>()?;
    let (values, remainder) = rest.as_chunks::<4>();
    if !remainder.is_empty() || values.len() != usize::from(u16::from_le_bytes(*count)) {
        return None;
    }
    let values = values.iter().map(|bytes| f32::from_le_bytes(*bytes));
    Voiceprint::new(model, Embedding(values.collect())).ok()
}

fn is_model(name: &str) -> bool {
    (1..=MAX_MODEL_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether an embedding can be compared: not empty, not zero, and finite.
fn has_direction(embedding: &Embedding) -> bool {
    let norm = embedding.norm();
    norm.is_finite() && norm > 0.0
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut sum = [0; CHECKSUM_BYTES];
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

    fn encode(model: &str, embedding: &Embedding) -> Result<String, VoiceprintError> {
        Ok(Voiceprint::new(model, embedding.clone())?.to_base64())
    }

    fn decode(text: &str, model: &str) -> Result<Embedding, VoiceprintError> {
        let voiceprint = Voiceprint::from_base64(text)?;
        voiceprint.require_model(model)?;
        Ok(voiceprint.embedding)
    }

    fn bytes() -> Vec<u8> {
        let made = encode(MODEL, &Embedding(vec![0.5, -1.25, 3e-9])).unwrap();
        STANDARD.decode(made).unwrap()
    }

    /// Appends the right checksum and encodes.
    fn with_checksum(mut bytes: Vec<u8>) -> String {
        bytes.extend(checksum(&bytes));
        STANDARD.encode(bytes)
    }

    #[test]
    fn encoding_is_as_documented() {
        let text = encode("ab", &Embedding(vec![1.0])).unwrap();
        let bytes = STANDARD.decode(text).unwrap();
        let (start, sum) = bytes.split_at(18);
        assert_eq!(start, b"pyanlocv\x01\x02ab\x01\x00\x00\x00\x80\x3f");
        assert_eq!(hex::encode(sum), hex::encode(&Sha256::digest(start)[..8]));
    }

    #[test]
    fn all_base64_variants_and_surrounding_whitespace_are_accepted() {
        for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            let embedding = decode(&engine.encode(bytes()), MODEL).unwrap();
            assert_eq!(embedding.0, [0.5, -1.25, 3e-9]);
        }
        let line = format!(" {}\r\n", STANDARD.encode(bytes()));
        assert_eq!(decode(&line, MODEL).unwrap().0, [0.5, -1.25, 3e-9]);
        let blank = decode(" \n", MODEL);
        assert_eq!(blank.unwrap_err(), VoiceprintError::NotBase64);
    }

    #[test]
    fn invalid_voiceprints_have_specific_errors() {
        let whole = bytes();
        let without_checksum = &whole[..whole.len() - CHECKSUM_BYTES];
        let with = |place: usize, byte: u8| {
            let mut bytes = without_checksum.to_vec();
            bytes[place] = byte;
            with_checksum(bytes)
        };
        let mut longer = without_checksum.to_vec();
        longer.extend(1.0_f32.to_le_bytes());
        let mut not_finite = without_checksum.to_vec();
        let end = not_finite.len();
        not_finite[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        let mut zero = without_checksum.to_vec();
        zero[end - 12..].fill(0);
        let mut empty = without_checksum[..end - 12].to_vec();
        empty[end - 14] = 0;
        let other = VoiceprintError::Model {
            found: "model-b".to_owned(),
            required: MODEL.to_owned(),
        };
        for (text, expected) in [
            ("no base64".to_owned(), VoiceprintError::NotBase64),
            (String::new(), VoiceprintError::NotBase64),
            (
                "U29tZVZvaWNlUHJpbnREYXRhMQ==".to_owned(),
                VoiceprintError::NotLocal,
            ),
            (STANDARD.encode(&whole[..7]), VoiceprintError::NotLocal),
            (STANDARD.encode(&whole[..8]), VoiceprintError::Corrupted),
            (STANDARD.encode(&whole[..9]), VoiceprintError::Corrupted),
            (
                STANDARD.encode(&whole[..whole.len() - 1]),
                VoiceprintError::Corrupted,
            ),
            (with(8, 2), VoiceprintError::Version(2)),
            (with(9, 255), VoiceprintError::Corrupted),
            (with(10, b'\n'), VoiceprintError::Corrupted),
            (with(16, b'b'), other),
            (with_checksum(longer), VoiceprintError::Corrupted),
            (with_checksum(zero), VoiceprintError::Corrupted),
            (with_checksum(empty), VoiceprintError::Corrupted),
            (with_checksum(not_finite), VoiceprintError::Corrupted),
        ] {
            assert_eq!(decode(&text, MODEL).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn invalid_models_and_embeddings_are_rejected() {
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
        assert!(largest.len() <= MAX_BASE64_CHARS);
    }

    proptest! {
        #[test]
        fn round_trip(model in "[!-~]{1,64}", values in prop::collection::vec(-1e30_f32..1e30, 1..600)) {
            let text = encode(&model, &Embedding(values.clone())).unwrap();
            prop_assert_eq!(decode(&text, &model), Ok(Embedding(values)));
        }

        #[test]
        fn arbitrary_input_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), text in ".{0,40}") {
            prop_assert!(decode(&text, MODEL).is_err());
            let mut start = MAGIC.to_vec();
            start.push(VERSION);
            start.extend(&bytes);
            for text in [STANDARD.encode(&bytes), STANDARD.encode(&start)] {
                prop_assert!(decode(&text, MODEL).is_err());
            }
            // With the right checksum, only the canonical encoding is accepted.
            let text = with_checksum(start);
            if let Ok(embedding) = decode(&text, MODEL) {
                prop_assert_eq!(encode(MODEL, &embedding), Ok(text));
            }
        }

        #[test]
        fn corruption_is_detected(place in 0..10_000_usize, flip in 1..=255_u8) {
            let mut bytes = bytes();
            let place = place % bytes.len();
            bytes[place] ^= flip;
            prop_assert!(decode(&STANDARD.encode(bytes), MODEL).is_err());
        }
    }
}
