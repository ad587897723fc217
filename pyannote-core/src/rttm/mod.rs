//! RTTM (Rich Transcription Time Marked), the format of diarization evaluation tools.
//!
//! Each line is one turn. Its fields are separated by white space: the record type `SPEAKER`, the URI of the recording,
//! the channel, start and duration in seconds, two unused fields, the speaker, and two more unused fields.
//!
//! ```text
//! SPEAKER meeting 1 0.5 1.75 <NA> <NA> SPEAKER_00 <NA> <NA>
//! ```
//!
//! [`Turns::to_rttm`](crate::Turns::to_rttm) writes RTTM, [`parse()`] reads it. Times round-trip exactly. RTTM has no
//! field for the confidences of a turn, so they are not written.

mod decimal;
mod error;
pub(crate) mod name;
mod parse;
mod write;

pub use error::WriteRttmError;
pub use name::sanitize_name;
pub use parse::{parse, parse_with};
