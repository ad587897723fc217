//! The error of writing RTTM.

use std::error::Error;
use std::fmt;

use super::name::NAME_RULE;
use crate::line_format::TIMES_RULE;

/// The reason why turns cannot be written as RTTM.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WriteRttmError {
    /// The URI is empty, `<NA>`, or contains white space or control characters.
    Uri(String),
    /// The name of a speaker is empty, `<NA>`, or contains white space or control characters.
    Speaker(String),
    /// The times of a turn are not finite, negative, or reversed.
    #[non_exhaustive]
    Times {
        /// Index of the turn.
        turn: usize,
        /// Start of the turn, in seconds.
        start: f64,
        /// End of the turn, in seconds.
        end: f64,
    },
}

impl fmt::Display for WriteRttmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, name) = match self {
            Self::Uri(name) => ("URI", name),
            Self::Speaker(name) => ("speaker name", name),
            Self::Times { turn, start, end } => {
                return write!(
                    f,
                    "turn {turn} has invalid times for RTTM: start {start} s, end {end} s; {TIMES_RULE}"
                );
            }
        };
        write!(f, "{field} {name:?} is invalid in RTTM: {NAME_RULE}")
    }
}

impl Error for WriteRttmError {}
