//! RTTM to turns.

use std::collections::HashMap;

use super::super::{Turn, Turns};
use super::decimal;
use super::error::ParseRttmError;

/// Reads RTTM: the turns of each file, the files in the order in which they first appear, the turns in that of their
/// lines.
///
/// `SPEAKER` lines are read; other record types, comments (`;;`) and blank lines are skipped. Lines may end in CR LF,
/// fields may be apart by any white space, and the last fields may be missing up to the speaker. The channel is not
/// looked at. The end of a turn is the sum of start and duration as decimals: 0.1 and 0.2 give 0.3.
///
/// # Errors
///
/// A `SPEAKER` line with too few or too many fields, or with a start or duration that is no number, not finite, or
/// below 0. The error tells the line.
///
/// ```
/// use pyannote_core::rttm;
///
/// let text = ";; two files\n\
///     SPEAKER monday 1 0.1 0.2 <NA> <NA> ada <NA> <NA>\n\
///     SPEAKER friday 1 3.0 1.5 <NA> <NA> bob <NA> <NA>\n";
/// let files = rttm::parse(text)?;
/// let (file, turns) = &files[0];
/// assert_eq!(file, "monday");
/// assert_eq!((turns[0].start, turns[0].end), (0.1, 0.3));
///
/// let error = rttm::parse("SPEAKER monday 1 0.1 long <NA> <NA> ada").unwrap_err();
/// assert_eq!(error.to_string(), r#"RTTM line 1: the duration is not a number: "long""#);
/// # Ok::<(), rttm::ParseRttmError>(())
/// ```
pub fn parse(text: &str) -> Result<Vec<(String, Turns)>, ParseRttmError> {
    let mut files: Vec<(&str, Vec<Turn>)> = Vec::new();
    let mut places = HashMap::new();
    // Editors of some systems put a byte order mark before the first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let Some((file, turn)) = turn_of(line, index + 1)? else {
            continue;
        };
        let place = *places.entry(file).or_insert(files.len());
        match files.get_mut(place) {
            Some((_, turns)) => turns.push(turn),
            None => files.push((file, vec![turn])),
        }
    }
    let named = |(file, turns): (&str, Vec<Turn>)| (file.to_owned(), Turns::from(turns));
    Ok(files.into_iter().map(named).collect())
}

/// The file and the turn of a line; `None` where it is no `SPEAKER` line.
fn turn_of(line: &str, number: usize) -> Result<Option<(&str, Turn)>, ParseRttmError> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    if fields.first() != Some(&"SPEAKER") {
        return Ok(None);
    }
    let [_, file, _, start, duration, _, _, speaker, rest @ ..] = fields.as_slice() else {
        return Err(ParseRttmError::new(
            number,
            "a SPEAKER line has 8 to 10 fields, this has less",
            line,
        ));
    };
    // More fields are a name with white space, and with that every field after it is another than it seems.
    if rest.len() > 2 {
        return Err(ParseRttmError::new(
            number,
            "a SPEAKER line has 8 to 10 fields, this has more; is there white space in a name?",
            line,
        ));
    }
    let from =
        time(start).map_err(|problem| ParseRttmError::new(number, problem.start(), start))?;
    let length = time(duration)
        .map_err(|problem| ParseRttmError::new(number, problem.duration(), duration))?;
    let end = decimal::sum(start, duration)
        .and_then(|end| end.parse().ok())
        .unwrap_or(from + length);
    if !f64::is_finite(end) {
        return Err(ParseRttmError::new(
            number,
            "start and duration are too large",
            duration,
        ));
    }
    Ok(Some((file, Turn::new(from, end, *speaker))))
}

/// What can be wrong with a time.
enum Problem {
    NoNumber,
    NotFinite,
    Negative,
}

impl Problem {
    fn start(&self) -> &'static str {
        match self {
            Self::NoNumber => "the start is not a number",
            Self::NotFinite => "the start is not finite",
            Self::Negative => "the start is below 0",
        }
    }

    fn duration(&self) -> &'static str {
        match self {
            Self::NoNumber => "the duration is not a number",
            Self::NotFinite => "the duration is not finite",
            Self::Negative => "the duration is below 0",
        }
    }
}

/// A time in seconds, at least 0 and finite.
fn time(text: &str) -> Result<f64, Problem> {
    let seconds: f64 = text.parse().map_err(|_| Problem::NoNumber)?;
    if !seconds.is_finite() {
        Err(Problem::NotFinite)
    } else if seconds < 0.0 {
        Err(Problem::Negative)
    } else {
        // `+ 0.0` turns -0 into 0.
        Ok(seconds + 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Turn, Turns};
    use super::parse;
    use proptest::prelude::*;

    #[test]
    fn files_keep_the_order_of_their_first_lines() {
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
    fn errors_tell_line_and_text() {
        for (line, problem, text) in [
            (
                "SPEAKER f 1 x 1 <NA> <NA> a",
                "the start is not a number",
                "x",
            ),
            ("SPEAKER f 1 -1 1 <NA> <NA> a", "the start is below 0", "-1"),
            (
                "SPEAKER f 1 NaN 1 <NA> <NA> a",
                "the start is not finite",
                "NaN",
            ),
            (
                "SPEAKER f 1 1e999 1 <NA> <NA> a",
                "the start is not finite",
                "1e999",
            ),
            (
                "SPEAKER f 1 1 <NA> <NA> <NA> a",
                "the duration is not a number",
                "<NA>",
            ),
            (
                "SPEAKER f 1 1 -0.1 <NA> <NA> a",
                "the duration is below 0",
                "-0.1",
            ),
            (
                "SPEAKER f 1 1 inf <NA> <NA> a",
                "the duration is not finite",
                "inf",
            ),
            (
                "SPEAKER f 1 1e308 1e308 <NA> <NA> a",
                "start and duration are too large",
                "1e308",
            ),
            (
                "SPEAKER f 1 1 1 <NA> <NA>",
                "a SPEAKER line has 8 to 10 fields, this has less",
                "SPEAKER f 1 1 1 <NA> <NA>",
            ),
            (
                "SPEAKER f 1 1 1 <NA> <NA> a b <NA> <NA>",
                "a SPEAKER line has 8 to 10 fields, this has more; is there white space in a name?",
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
    fn an_error_shows_the_start_of_a_long_field() {
        let error = parse(&format!("SPEAKER {}", "é".repeat(1000))).unwrap_err();
        assert!(error.to_string().chars().count() < 160, "{error}");
        assert!(error.to_string().ends_with("\"…"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn turns_that_are_read_have_sound_times(
            lines in prop::collection::vec("SPEAKER f 1 [-+.0-9eE]{1,6} ([-+.0-9eE]{1,6}|inf|NaN|\\PC{0,4}) x x s", 0..5),
        ) {
            for line in lines {
                for (_, turns) in parse(&line).unwrap_or_default() {
                    for turn in &turns {
                        prop_assert!(turn.start >= 0.0 && turn.end >= turn.start && turn.end.is_finite());
                    }
                }
            }
        }
    }
}
