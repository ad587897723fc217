//! UEM (un-partitioned evaluation map), the format of scored regions of evaluation tools.
//!
//! Each line is one region of a recording. Its fields are separated by white space: the URI of the recording, the
//! channel, start and end in seconds.
//!
//! ```text
//! meeting 1 0.5 312.25
//! ```
//!
//! [`format()`] writes UEM, [`parse()`] reads it. Times round-trip exactly.
//! [`ScoringOptions::uem`](crate::ScoringOptions::uem) scores the regions of one recording,
//! [`Evaluation::score`](crate::Evaluation::score) those of many.

use std::error::Error;
use std::fmt;
use std::fmt::Write;

use crate::line_format::{
    InvalidField, TIMES_RULE, are_valid_times, parse_lines, parse_time, split_fields,
};
use crate::rttm::name::{NAME_RULE, is_valid_name};
use crate::{ParseLineError, Span};

/// Parses UEM: returns the URI of each recording with its regions.
///
/// Recordings are in order of first appearance, regions in the order of their lines. Comments (`;;`) and blank lines
/// are skipped. The channel is ignored: regions of several channels overlap, which does not change a score.
///
/// # Errors
///
/// Fails at the first line that does not have four fields, whose start or end is not a number, not finite, or negative,
/// or whose end is before its start.
///
/// ```
/// use pyannote_core::{Span, uem};
///
/// let recordings = uem::parse(";; two regions\nmonday 1 0 60\nmonday 1 90.5 120\n")?;
/// assert_eq!(recordings, [("monday".to_owned(), vec![Span::new(0.0, 60.0), Span::new(90.5, 120.0)])]);
///
/// let error = uem::parse("monday 1 60 0").unwrap_err();
/// assert_eq!(error.to_string(), r#"UEM line 1: end is before start: "monday 1 60 0""#);
/// # Ok::<(), pyannote_core::ParseLineError>(())
/// ```
pub fn parse(text: &str) -> Result<Vec<(String, Vec<Span>)>, ParseLineError> {
    parse_lines("UEM", text, |_, line| parse_line(line))
}

/// Parses the URI and the region of a line, or `None` if it is blank or a comment.
fn parse_line(line: &str) -> Result<Option<(&str, Span)>, InvalidField> {
    let fields = split_fields(line);
    let [uri, _, start, end] = match fields.as_slice() {
        [] => return Ok(None),
        [first, ..] if first.starts_with(";;") => return Ok(None),
        [uri, channel, start, end] => [uri, channel, start, end],
        _ => {
            return Err(InvalidField::new(
                "a line must have 4 fields: file, channel, start, end",
                line,
            ));
        }
    };
    let region = Span::new(parse_time("start", start)?, parse_time("end", end)?);
    if region.end < region.start {
        return Err(InvalidField::new("end is before start", line));
    }
    Ok(Some((uri, region)))
}

/// Formats regions as UEM, one line per region in list order. `uri` identifies the recording.
///
/// # Errors
///
/// Fails if `uri` is not a valid name, because UEM has no quoting: [`rttm::sanitize_name`](crate::rttm::sanitize_name)
/// makes names valid. Fails if the times of a region are not finite, negative, or reversed: skipping the region would
/// silently change a score.
///
/// ```
/// use pyannote_core::{Span, uem};
///
/// assert_eq!(uem::format("monday", &[Span::new(0.0, 60.5)])?, "monday 1 0 60.5\n");
/// # Ok::<(), uem::WriteUemError>(())
/// ```
pub fn format(uri: &str, regions: &[Span]) -> Result<String, WriteUemError> {
    // A reader would take such a line for a comment, or remove the mark.
    let has_reserved_start = uri.starts_with(";;") || uri.starts_with('\u{feff}');
    if !is_valid_name(uri) || has_reserved_start {
        return Err(WriteUemError::Uri(uri.to_owned()));
    }
    let mut text = String::new();
    for (index, &Span { start, end }) in regions.iter().enumerate() {
        if !are_valid_times(start, end) {
            return Err(WriteUemError::Times {
                region: index,
                start,
                end,
            });
        }
        // Writing to a string cannot fail. `+ 0.0` turns -0.0 into 0.0.
        let _ = writeln!(text, "{uri} 1 {} {}", start + 0.0, end + 0.0);
    }
    Ok(text)
}

/// The reason why regions cannot be written as UEM.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WriteUemError {
    /// The URI is empty, `<NA>`, contains white space or control characters, or starts with `;;` or a byte order mark.
    Uri(String),
    /// The times of a region are not finite, negative, or reversed.
    #[non_exhaustive]
    Times {
        /// Index of the region.
        region: usize,
        /// Start of the region, in seconds.
        start: f64,
        /// End of the region, in seconds.
        end: f64,
    },
}

impl fmt::Display for WriteUemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(name) => write!(
                f,
                "URI {name:?} is invalid in UEM: it must not start with `;;` or a byte order mark; {NAME_RULE}"
            ),
            Self::Times { region, start, end } => write!(
                f,
                "region {region} has invalid times for UEM: start {start} s, end {end} s; {TIMES_RULE}"
            ),
        }
    }
}

impl Error for WriteUemError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{WriteUemError, format, parse};
    use crate::Span;

    #[test]
    fn recordings_are_in_order_of_first_appearance() {
        let text = "\u{feff};; a comment\r\n\
            b 1 1.440 13.312\r\n\
            \r\n\
            \ta   2\t0 1e1 \n\
            ;;b 1 3\n\
            b NA .5 .5";
        let expected = vec![
            (
                "b".to_owned(),
                vec![Span::new(1.44, 13.312), Span::new(0.5, 0.5)],
            ),
            ("a".to_owned(), vec![Span::new(0.0, 10.0)]),
        ];
        assert_eq!(parse(text), Ok(expected));
        assert_eq!(parse(""), Ok(vec![]));
    }

    #[test]
    fn errors_have_line_problem_and_text() {
        let fields = "a line must have 4 fields: file, channel, start, end";
        for (line, problem, text) in [
            ("f 1 0", fields, "f 1 0"),
            ("a b 1 0 5", fields, "a b 1 0 5"),
            ("f 1 x 5", "start is not a number", "x"),
            ("f 1 -1 5", "start is negative", "-1"),
            ("f 1 0 <NA>", "end is not a number", "<NA>"),
            ("f 1 0 inf", "end is not finite", "inf"),
            ("f 1 NaN 5", "start is not finite", "NaN"),
            ("f 1 5 4.9", "end is before start", "f 1 5 4.9"),
        ] {
            let error = parse(&format!(";;\n\n{line}\n")).unwrap_err();
            assert_eq!(
                (error.line(), error.problem(), error.text()),
                (3, problem, text)
            );
        }
    }

    #[test]
    fn invalid_names_and_times_are_errors() {
        for uri in ["", "a b", "<NA>", "a\n", ";;a", "\u{feff}a"] {
            assert_eq!(format(uri, &[]), Err(WriteUemError::Uri(uri.to_owned())));
        }
        for (start, end) in [
            (-1.0, 1.0),
            (2.0, 1.0),
            (f64::NAN, 1.0),
            (0.0, f64::NAN),
            (0.0, f64::INFINITY),
        ] {
            let regions = [Span::new(0.0, 1.0), Span::new(start, end)];
            let error = format("f", &regions).unwrap_err();
            assert!(
                matches!(error, WriteUemError::Times { region: 1, .. }),
                "{start}..{end}"
            );
        }
        let error = format("f", &[Span::new(2.0, 1.0)]).unwrap_err();
        insta::assert_snapshot!(error, @"region 0 has invalid times for UEM: start 2 s, end 1 s; times must be finite, not negative, and in order");
        assert_eq!(format("f", &[Span::new(-0.0, 1.0)]).unwrap(), "f 1 0 1\n");
    }

    proptest! {
        #[test]
        fn round_trip_is_exact(
            times in prop::collection::vec((0.0..1e9_f64, 0.0..1e9_f64), 1..20),
            uri in "[^\\s\\p{Cc};<\u{feff}][^\\s\\p{Cc}]{0,11}",
        ) {
            let regions: Vec<_> = times.iter().map(|(a, b)| Span::new(a.min(*b), a.max(*b))).collect();
            let text = format(&uri, &regions).unwrap();
            prop_assert_eq!(parse(&text).unwrap(), vec![(uri, regions)]);
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in any::<String>(), fields in "(f 1 [-+.0-9eE]{1,6} [-+.0-9eE]{1,6}\n){0,3}") {
            let _ = parse(&text);
            for (_, regions) in parse(&fields).unwrap_or_default() {
                prop_assert!(regions.iter().all(|r| 0.0 <= r.start && r.start <= r.end && r.end.is_finite()));
            }
        }
    }
}
