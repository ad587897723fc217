//! Audio decoding to mono samples at 16 kHz.

mod blocks;
mod codec;
mod decode;
mod error;
mod limits;
mod mono;
mod resample;

pub use crate::Recording;
pub use blocks::Blocks;
pub use decode::{decode, decode_within};
pub use error::AudioError;
pub use limits::Limits;
