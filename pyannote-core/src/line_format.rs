//! What the line-based formats RTTM and UEM share: the error of an invalid line, the parser of fields, and which times
//! can be written.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;

/// What [`are_valid_times`] requires, for error messages.
pub(crate) const TIMES_RULE: &str = "times must be finite, not negative, and in order";

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
    pub(crate) fn new(format: &'static str, line: usize, invalid: InvalidField) -> Self {
        Self {
            format,
            line,
            invalid,
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
/// `parse_line` gets the number of a line, from 1, and its text. It returns the URI of the recording and the item of
/// the line, or `None` to skip the line.
pub(crate) fn parse_lines<T>(
    format: &'static str,
    text: &str,
    mut parse_line: impl FnMut(usize, &str) -> Result<Option<(&str, T)>, InvalidField>,
) -> Result<Vec<(String, Vec<T>)>, ParseLineError> {
    let mut recordings: Vec<(String, Vec<T>)> = Vec::new();
    let mut index_by_uri = HashMap::new();
    // Some editors write a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in lines(text).enumerate() {
        let number = index + 1;
        let parsed = parse_line(number, line)
            .map_err(|invalid| ParseLineError::new(format, number, invalid))?;
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

/// The lines of a text, which end with LF, CR LF or CR.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// The fields of a line, separated by spaces and tabs. Other white space, such as a no-break space, is part of a field,
/// as in pyannote.database.
pub(crate) fn split_fields(line: &str) -> Vec<&str> {
    line.split([' ', '\t'])
        .filter(|field| !field.is_empty())
        .collect()
}

/// Whether a turn or region with these times can be written.
pub(crate) fn are_valid_times(start: f64, end: f64) -> bool {
    start >= 0.0 && start <= end && end.is_finite()
}

/// Parses a finite time in seconds, which may be negative. `field` names it in the error.
pub(crate) fn parse_signed_time(field: &str, text: &str) -> Result<f64, InvalidField> {
    let problem = match text.parse::<f64>() {
        Err(_) => "not a number",
        Ok(seconds) if !seconds.is_finite() => "not finite",
        // `+ 0.0` turns -0.0 into 0.0.
        Ok(seconds) => return Ok(seconds + 0.0),
    };
    Err(InvalidField::new(format!("{field} is {problem}"), text))
}

/// Parses a finite, non-negative time in seconds. `field` names it in the error.
pub(crate) fn parse_time(field: &str, text: &str) -> Result<f64, InvalidField> {
    match parse_signed_time(field, text)? {
        seconds if seconds < 0.0 => Err(InvalidField::new(format!("{field} is negative"), text)),
        seconds => Ok(seconds),
    }
}
