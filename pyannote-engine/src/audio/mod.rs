//! Audio decoding to mono samples at 16 kHz.
//!
//! The formats are AAC (LC), ADPCM, AIFF, ALAC, CAF, FLAC, MKV and WebM, MP1 to MP3, MP4, Ogg Vorbis, PCM and WAV. Opus
//! is not supported.

mod codec;
mod correct;
mod decode;
mod decoder;
mod downmix;
mod error;
mod levels;
mod limits;
mod mpeg;
mod open;
mod overlay;
mod resample;
mod riff;

pub use crate::Recording;
pub use decode::{decode, decode_with};
pub use decoder::Decoder;
pub use error::AudioError;
pub use limits::Limits;
