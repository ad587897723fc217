//! What can be wrong with RTTM, read or written.

use std::error::Error;
use std::fmt;

/// The longest part of a line that an error shows, in characters.
const SHOWN: usize = 80;

/// A line of RTTM that cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseRttmError {
    line: usize,
    problem: &'static str,
    text: String,
}

impl ParseRttmError {
    /// An error in line `line`, counted from 1; `text` is the field, or the line where the fields do not fit.
    pub(super) fn new(line: usize, problem: &'static str, text: &str) -> Self {
        Self {
            line,
            problem,
            text: text.to_owned(),
        }
    }

    /// The number of the line, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// What is wrong, as a clause.
    #[must_use]
    pub fn problem(&self) -> &str {
        self.problem
    }

    /// The field that is wrong, or the whole line where it has too few or too many fields.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ParseRttmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.text.chars().take(SHOWN).collect();
        let more = if shown.len() < self.text.len() {
            "…"
        } else {
            ""
        };
        write!(
            f,
            "RTTM line {}: {}: {shown:?}{more}",
            self.line, self.problem
        )
    }
}

impl Error for ParseRttmError {}

/// Turns that cannot be written as RTTM.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WriteRttmError {
    /// The name of the file is empty, `<NA>`, or holds white space or control characters.
    File(String),
    /// The name of a speaker is empty, `<NA>`, or holds white space or control characters.
    Speaker(String),
    /// The times of a turn are not finite, below 0, or reversed.
    #[non_exhaustive]
    Times {
        /// Which turn, counted from 0.
        turn: usize,
        /// Its start, in seconds.
        start: f64,
        /// Its end, in seconds.
        end: f64,
    },
}

impl fmt::Display for WriteRttmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, name) = match self {
            Self::File(name) => ("file", name),
            Self::Speaker(name) => ("speaker", name),
            Self::Times { turn, start, end } => {
                return write!(
                    f,
                    "turn {turn} cannot be written as RTTM: it lasts from {start} s to {end} s"
                );
            }
        };
        write!(
            f,
            "the {what} name {name:?} cannot be written as RTTM, whose fields are apart by white space and never empty: \
             rename it, as with `rttm::name`"
        )
    }
}

impl Error for WriteRttmError {}
