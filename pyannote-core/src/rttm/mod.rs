//! RTTM, the table of turns that evaluation tools read and write.
//!
//! One line is one turn, its fields apart by white space: the record type `SPEAKER`, the file, the channel, the start
//! and the duration in seconds, two fields that are not used, the speaker, and two more that are not used.
//!
//! ```text
//! SPEAKER meeting 1 0.5 1.75 <NA> <NA> SPEAKER_00 <NA> <NA>
//! ```
//!
//! [`Turns::to_rttm`](super::Turns::to_rttm) writes it, [`parse()`] reads it. What is written reads back exactly: see
//! there. The confidence of a turn has no place in RTTM and is not written.

mod decimal;
mod error;
mod name;
mod parse;
mod write;

pub use error::{ParseRttmError, WriteRttmError};
pub use name::name;
pub use parse::parse;
