//! Errors of parsing and writing RTTM.

use std::error::Error;
use std::fmt;

/// Longest excerpt of a line in an error message, in characters.
const MAX_EXCERPT_CHARS: usize = 80;

/// An invalid line of RTTM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseRttmError {
    line: usize,
    problem: &'static str,
    text: String,
}

impl ParseRttmError {
    /// Creates an error for line `line`, counted from 1. `text` is the invalid field, or the whole line.
    pub(super) fn new(line: usize, problem: &'static str, text: &str) -> Self {
        Self {
            line,
            problem,
            text: text.to_owned(),
        }
    }

    /// Returns the line number, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns what is wrong, such as `start is not a number`.
    #[must_use]
    pub fn problem(&self) -> &str {
        self.problem
    }

    /// Returns the invalid field, or the whole line if it has too few or too many fields.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ParseRttmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let excerpt: String = self.text.chars().take(MAX_EXCERPT_CHARS).collect();
        let ellipsis = if excerpt.len() < self.text.len() {
            "…"
        } else {
            ""
        };
        write!(
            f,
            "RTTM line {}: {}: {excerpt:?}{ellipsis}",
            self.line, self.problem
        )
    }
}

impl Error for ParseRttmError {}

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
                    "turn {turn} has invalid times for RTTM: start {start} s, end {end} s; \
                     times must be finite, not negative, and in order"
                );
            }
        };
        write!(
            f,
            "{field} {name:?} is invalid in RTTM: names must not be empty or `<NA>`, nor contain white space or \
             control characters; use `rttm::sanitize_name`"
        )
    }
}

impl Error for WriteRttmError {}
