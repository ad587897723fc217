//! What the line-based formats RTTM and UEM share: the error of an invalid line, and the parser of fields.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;

/// Longest excerpt of a line in an error message, in characters.
const MAX_EXCERPT_CHARS: usize = 80;

/// An invalid line of RTTM or UEM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseLineError {
    format: &'static str,
    line: usize,
    invalid: InvalidField,
}

/// What is wrong with a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct InvalidField {
    problem: String,
    text: String,
}

impl InvalidField {
    /// `text` is the invalid field, or the whole line.
    pub(crate) fn new(problem: impl Into<String>, text: &str) -> Self {
        Self {
            problem: problem.into(),
            text: text.to_owned(),
        }
    }
}

impl ParseLineError {
    /// Returns the line number, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns what is wrong, such as `start is not a number`.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.invalid.problem
    }

    /// Returns the invalid field, or the whole line if it has too few or too many fields.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.invalid.text
    }
}

impl fmt::Display for ParseLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, line, .. } = self;
        let (problem, text) = (self.problem(), self.text());
        let excerpt: String = text.chars().take(MAX_EXCERPT_CHARS).collect();
        let ellipsis = if excerpt.len() < text.len() {
            "…"
        } else {
            ""
        };
        write!(f, "{format} line {line}: {problem}: {excerpt:?}{ellipsis}")
    }
}

impl Error for ParseLineError {}

/// Parses the lines of a file and groups the items by recording: in order of first appearance, each with its items in
/// the order of their lines.
///
/// `parse_line` returns the URI of the recording and the item of a line, or `None` to skip the line.
pub(crate) fn parse_lines<T>(
    format: &'static str,
    text: &str,
    parse_line: impl Fn(&str) -> Result<Option<(&str, T)>, InvalidField>,
) -> Result<Vec<(String, Vec<T>)>, ParseLineError> {
    let mut recordings: Vec<(String, Vec<T>)> = Vec::new();
    let mut index_by_uri = HashMap::new();
    // Some editors write a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let parsed = parse_line(line).map_err(|invalid| ParseLineError {
            format,
            line: index + 1,
            invalid,
        })?;
        let Some((uri, item)) = parsed else {
            continue;
        };
        let index = *index_by_uri.entry(uri).or_insert(recordings.len());
        match recordings.get_mut(index) {
            Some((_, items)) => items.push(item),
            None => recordings.push((uri.to_owned(), vec![item])),
        }
    }
    Ok(recordings)
}

/// Parses a finite, non-negative time in seconds. `field` names it in the error.
pub(crate) fn parse_time(field: &str, text: &str) -> Result<f64, InvalidField> {
    let problem = match text.parse::<f64>() {
        Err(_) => "not a number",
        Ok(seconds) if !seconds.is_finite() => "not finite",
        Ok(seconds) if seconds < 0.0 => "negative",
        // `+ 0.0` turns -0.0 into 0.0.
        Ok(seconds) => return Ok(seconds + 0.0),
    };
    Err(InvalidField::new(format!("{field} is {problem}"), text))
}
