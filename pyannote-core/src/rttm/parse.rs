//! RTTM parser.

use super::decimal;
use crate::line_format::{InvalidField, parse_lines, parse_signed_time, split_fields};
use crate::{ParseLineError, Turn, Turns};

/// The name of the format in errors.
const FORMAT: &str = "RTTM";

/// Parses RTTM: returns the URI of each recording with its turns.
///
/// Recordings are in order of first appearance, turns in the order of their lines. Record types other than `SPEAKER`,
/// comments (`;;`) and blank lines are skipped. The channel is ignored, and the unused fields after the speaker are
/// optional. The end of a turn is the decimal sum of start and duration: 0.1 and 0.2 give 0.3. As in pyannote.database,
/// fields are separated by spaces and tabs alone, starts may be negative, and turns with a negative duration are skipped;
/// [`parse_with`] reports these.
///
/// # Errors
///
/// Fails at the first `SPEAKER` line that has too few or too many fields, or whose start or duration is not a number or
/// not finite.
///
/// ```
/// use pyannote_core::rttm;
///
/// let text = ";; two recordings\n\
///     SPEAKER monday 1 0.1 0.2 <NA> <NA> ada <NA> <NA>\n\
///     SPEAKER friday 1 3.0 1.5 <NA> <NA> bob <NA> <NA>\n";
/// let recordings = rttm::parse(text)?;
/// let (uri, turns) = &recordings[0];
/// assert_eq!(uri, "monday");
/// assert_eq!((turns[0].start, turns[0].end), (0.1, 0.3));
///
/// let error = rttm::parse("SPEAKER monday 1 0.1 long <NA> <NA> ada").unwrap_err();
/// assert_eq!(error.to_string(), r#"RTTM line 1: duration is not a number: "long""#);
/// # Ok::<(), pyannote_core::ParseLineError>(())
/// ```
pub fn parse(text: &str) -> Result<Vec<(String, Turns)>, ParseLineError> {
    parse_with(text, |_| {})
}

/// Parses RTTM as [`parse()`], and calls `on_skipped` for each line that is skipped: turns with a negative duration.
///
/// # Errors
///
/// As [`parse()`].
///
/// ```
/// use pyannote_core::rttm;
///
/// let text = "SPEAKER monday 1 0.5 -1 <NA> <NA> ada\nSPEAKER monday 1 3 1 <NA> <NA> bob\n";
/// let mut skipped = Vec::new();
/// let recordings = rttm::parse_with(text, |line| skipped.push(line))?;
/// assert_eq!(recordings[0].1.len(), 1);
/// assert_eq!(skipped[0].to_string(), r#"RTTM line 1: duration is negative: "-1""#);
/// # Ok::<(), pyannote_core::ParseLineError>(())
/// ```
pub fn parse_with(
    text: &str,
    mut on_skipped: impl FnMut(ParseLineError),
) -> Result<Vec<(String, Turns)>, ParseLineError> {
    let recordings = parse_lines(FORMAT, text, |number, line| {
        let parsed = parse_line(line)?;
        Ok(parsed.map(|(uri, turn)| {
            let skip = |invalid| on_skipped(ParseLineError::new(FORMAT, number, invalid));
            (uri, turn.map_err(skip).ok())
        }))
    })?;
    let with_turns = |(uri, turns): (String, Vec<Option<Turn>>)| {
        let turns: Vec<Turn> = turns.into_iter().flatten().collect();
        (uri, Turns::from(turns))
    };
    Ok(recordings.into_iter().map(with_turns).collect())
}

/// The URI and the turn of a line, or why the turn is skipped.
type Parsed<'a> = (&'a str, Result<Turn, InvalidField>);

/// Parses the URI and the turn of a line, or `None` unless it is a `SPEAKER` line.
fn parse_line(line: &str) -> Result<Option<Parsed<'_>>, InvalidField> {
    let fields = split_fields(line);
    if fields.first() != Some(&"SPEAKER") {
        return Ok(None);
    }
    let [_, uri, _, start, duration, _, _, speaker, unused @ ..] = fields.as_slice() else {
        return Err(InvalidField::new(
            "a SPEAKER line must have 8 to 10 fields, this one has fewer",
            line,
        ));
    };
    // Additional fields come from a name with white space, so that the fields after it are not what they seem to be.
    if unused.len() > 2 {
        return Err(InvalidField::new(
            "a SPEAKER line must have 8 to 10 fields, this one has more; names must not contain white space",
            line,
        ));
    }
    let start_s = parse_signed_time("start", start)?;
    let duration_s = parse_signed_time("duration", duration)?;
    if duration_s < 0.0 {
        let invalid = InvalidField::new("duration is negative", duration);
        return Ok(Some((uri, Err(invalid))));
    }
    let end_s = decimal::sum(start, duration)
        .and_then(|end| end.parse().ok())
        .unwrap_or(start_s + duration_s);
    if !f64::is_finite(end_s) {
        return Err(InvalidField::new(
            "start + duration is not finite",
            duration,
        ));
    }
    Ok(Some((uri, Ok(Turn::new(start_s, end_s, *speaker)))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{parse, parse_with};
    use crate::{Turn, Turns};

    #[test]
    fn recordings_are_in_order_of_first_appearance() {
        let text = "\u{feff};; a comment\r\n\
            SPKR-INFO b 1 <NA> <NA> <NA> unknown x <NA> <NA>\r\n\
            \r\n\
            SPEAKER b 1 1.440 11.872 <NA> <NA> x <NA> <NA>\r\n\
            \tSPEAKER   a 2\t0 1e1 <NA> <NA> y\r\n\
            SPEAKER b 1 2 .5 <NA> <NA> z <NA>";
        let expected = vec![
            (
                "b".to_owned(),
                Turns::from(vec![Turn::new(1.44, 13.312, "x"), Turn::new(2.0, 2.5, "z")]),
            ),
            ("a".to_owned(), Turns::from(vec![Turn::new(0.0, 10.0, "y")])),
        ];
        assert_eq!(parse(text), Ok(expected));
        assert_eq!(parse(""), Ok(vec![]));
    }

    #[test]
    fn lines_that_pyannote_reads_are_read_alike() {
        let turns = |list: &[(f64, f64, &str)]| {
            let turn = |(start, end, speaker): &(f64, f64, &str)| Turn::new(*start, *end, *speaker);
            list.iter().map(turn).collect::<Vec<_>>()
        };
        for (text, expected) in [
            (
                "SPEAKER f 1 0 1 <NA> <NA> A <NA> <NA>\rSPEAKER f 1 2 1 <NA> <NA> B <NA> <NA>\r",
                turns(&[(0.0, 1.0, "A"), (2.0, 3.0, "B")]),
            ),
            (
                "SPEAKER f 1 0 1 <NA> <NA> A\r\n\r\r\nSPEAKER f 1 2 1 <NA> <NA> B",
                turns(&[(0.0, 1.0, "A"), (2.0, 3.0, "B")]),
            ),
            (
                "SPEAKER f 1 -0.010 1.5 <NA> <NA> A <NA> <NA>\nSPEAKER f 1 -3 1 <NA> <NA> A",
                turns(&[(-0.01, 1.49, "A"), (-3.0, -2.0, "A")]),
            ),
            (
                "SPEAKER f 1 0 1 <NA> <NA> Ada\u{a0}L <NA> <NA>\nSPEAKER f 1 2 1 <NA> <NA> a\u{2003}b\u{b}\u{85}",
                turns(&[
                    (0.0, 1.0, "Ada\u{a0}L"),
                    (2.0, 3.0, "a\u{2003}b\u{b}\u{85}"),
                ]),
            ),
            (
                "SPEAKER f 1 3 -1 <NA> <NA> A <NA> <NA>\nSPEAKER f 1 2 1 <NA> <NA> B",
                turns(&[(2.0, 3.0, "B")]),
            ),
            ("SPEAKER f 1 3 -1 <NA> <NA> A", turns(&[])),
        ] {
            let expected = vec![("f".to_owned(), Turns::from(expected))];
            assert_eq!(parse(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn skipped_lines_are_reported() {
        let text = "SPEAKER f 1 0 1 <NA> <NA> A\rSPEAKER f 1 3 -0.5 <NA> <NA> A\r";
        let mut skipped = Vec::new();
        parse_with(text, |line| skipped.push(line)).unwrap();
        let [error] = skipped.as_slice() else {
            unreachable!("{skipped:?}");
        };
        assert_eq!(
            (error.line(), error.problem(), error.text()),
            (2, "duration is negative", "-0.5")
        );
    }

    #[test]
    fn errors_have_line_problem_and_text() {
        for (line, problem, text) in [
            ("SPEAKER f 1 x 1 <NA> <NA> a", "start is not a number", "x"),
            (
                "SPEAKER f 1 NaN 1 <NA> <NA> a",
                "start is not finite",
                "NaN",
            ),
            (
                "SPEAKER f 1 1e999 1 <NA> <NA> a",
                "start is not finite",
                "1e999",
            ),
            (
                "SPEAKER f 1 1 <NA> <NA> <NA> a",
                "duration is not a number",
                "<NA>",
            ),
            (
                "SPEAKER f 1 1 inf <NA> <NA> a",
                "duration is not finite",
                "inf",
            ),
            (
                "SPEAKER f 1 1e308 1e308 <NA> <NA> a",
                "start + duration is not finite",
                "1e308",
            ),
            (
                "SPEAKER f 1 1 1 <NA> <NA>",
                "a SPEAKER line must have 8 to 10 fields, this one has fewer",
                "SPEAKER f 1 1 1 <NA> <NA>",
            ),
            (
                "SPEAKER f 1 1 1 <NA> <NA> a b <NA> <NA>",
                "a SPEAKER line must have 8 to 10 fields, this one has more; names must not contain white space",
                "SPEAKER f 1 1 1 <NA> <NA> a b <NA> <NA>",
            ),
        ] {
            let error = parse(&format!(";;\n\n{line}\n")).unwrap_err();
            assert_eq!(
                (error.line(), error.problem(), error.text()),
                (3, problem, text)
            );
        }
    }

    #[test]
    fn error_messages_truncate_long_fields() {
        let error = parse(&format!("SPEAKER {}", "é".repeat(1000))).unwrap_err();
        assert!(error.to_string().chars().count() < 160, "{error}");
        assert!(error.to_string().ends_with("\"…"), "{error}");
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn parsed_turns_have_valid_times(
            lines in prop::collection::vec("SPEAKER f 1 [-+.0-9eE]{1,6} ([-+.0-9eE]{1,6}|inf|NaN|\\PC{0,4}) x x s", 0..5),
        ) {
            for line in lines {
                for (_, turns) in parse(&line).unwrap_or_default() {
                    for turn in &turns {
                        prop_assert!(turn.start.is_finite() && turn.end >= turn.start && turn.end.is_finite());
                    }
                }
            }
        }
    }
}
