//! RTTM writer.

use std::fmt::Write;

use super::decimal;
use super::error::WriteRttmError;
use super::name::is_valid_name;
use crate::Turns;
use crate::line_format::are_valid_times;

impl Turns {
    /// Formats the turns as RTTM, one line per turn in list order. `uri` identifies the recording.
    ///
    /// [`rttm::parse`](fn@crate::rttm::parse) returns the same turns, bit for bit, except for their confidences, which
    /// RTTM cannot store. Readers that add start and duration in floating point get the same start, and an end that
    /// differs in the last bit at most; so does `parse` for times below 10^-8 s or above 10^13 s.
    ///
    /// # Errors
    ///
    /// Fails if `uri` or the name of a speaker is empty, `<NA>`, or contains white space or control characters, because
    /// RTTM has no quoting. [`rttm::sanitize_name`](crate::rttm::sanitize_name) makes names valid. Fails if the times
    /// of a turn are not finite, negative, or reversed: skipping the turn would silently change a score.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns, rttm};
    ///
    /// let turns = Turns::from([Turn::new(0.5, 2.25, "SPEAKER_00")]);
    /// let text = turns.to_rttm(&rttm::sanitize_name("Monday meeting"))?;
    /// assert_eq!(text, "SPEAKER Monday_meeting 1 0.5 1.75 <NA> <NA> SPEAKER_00 <NA> <NA>\n");
    /// # Ok::<(), rttm::WriteRttmError>(())
    /// ```
    pub fn to_rttm(&self, uri: &str) -> Result<String, WriteRttmError> {
        if !is_valid_name(uri) {
            return Err(WriteRttmError::Uri(uri.to_owned()));
        }
        let mut text = String::new();
        for (index, turn) in self.iter().enumerate() {
            let (start, end, speaker) = (turn.start, turn.end, &turn.speaker);
            if !is_valid_name(speaker) {
                return Err(WriteRttmError::Speaker(speaker.clone()));
            }
            if !are_valid_times(start, end) {
                return Err(WriteRttmError::Times {
                    turn: index,
                    start,
                    end,
                });
            }
            let (start, duration) = start_and_duration(start, end);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "SPEAKER {uri} 1 {start} {duration} <NA> <NA> {speaker} <NA> <NA>"
            );
        }
        Ok(text)
    }
}

/// Formats start and duration as decimal numbers.
fn start_and_duration(start: f64, end: f64) -> (String, String) {
    // `+ 0.0` turns -0.0 into 0.0.
    let start_text = (start + 0.0).to_string();
    let duration = decimal::difference(&(end + 0.0).to_string(), &start_text);
    let duration = duration.unwrap_or_else(|| (end - start).to_string());
    (start_text, duration)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::rttm::{WriteRttmError, parse};
    use crate::{Turn, Turns};

    fn single_turn(start: f64, end: f64, speaker: &str) -> Turns {
        Turns::from(vec![Turn::new(start, end, speaker)])
    }

    #[test]
    fn each_turn_is_one_line() {
        let turns = Turns::from(vec![
            Turn::new(1.44, 13.312, "SPEAKER_00"),
            Turn::new(0.1, 0.3, "Ünï"),
            Turn::new(7.0, 7.0, "SPEAKER_00"),
        ]);
        insta::assert_snapshot!(turns.to_rttm("dev00").unwrap(), @r"
        SPEAKER dev00 1 1.44 11.872 <NA> <NA> SPEAKER_00 <NA> <NA>
        SPEAKER dev00 1 0.1 0.2 <NA> <NA> Ünï <NA> <NA>
        SPEAKER dev00 1 7 0 <NA> <NA> SPEAKER_00 <NA> <NA>
        ");
        assert_eq!(Turns::default().to_rttm("dev00").unwrap(), "");
    }

    #[test]
    fn invalid_names_are_errors() {
        for name in [
            "",
            " ",
            "Ada Lovelace",
            "a\tb",
            "a\u{1c}b",
            "a\u{2028}b",
            "<NA>",
        ] {
            assert_eq!(
                single_turn(0.0, 1.0, name).to_rttm("f"),
                Err(WriteRttmError::Speaker(name.to_owned()))
            );
            assert_eq!(
                single_turn(0.0, 1.0, "a").to_rttm(name),
                Err(WriteRttmError::Uri(name.to_owned()))
            );
        }
        let error = single_turn(0.0, 1.0, "Ada Lovelace")
            .to_rttm("f")
            .unwrap_err();
        insta::assert_snapshot!(error, @r#"speaker name "Ada Lovelace" is invalid in RTTM: names must not be empty or `<NA>`, nor contain white space or control characters; use `rttm::sanitize_name`"#);
    }

    #[test]
    fn invalid_times_are_errors() {
        for (start, end) in [
            (-1.0, 1.0),
            (2.0, 1.0),
            (f64::NAN, 1.0),
            (0.0, f64::NAN),
            (0.0, f64::INFINITY),
            (f64::INFINITY, f64::INFINITY),
        ] {
            let error = single_turn(start, end, "a").to_rttm("f").unwrap_err();
            assert!(
                matches!(error, WriteRttmError::Times { turn: 0, .. }),
                "{start}..{end}"
            );
        }
        let error = single_turn(2.0, 1.0, "a").to_rttm("f").unwrap_err();
        insta::assert_snapshot!(error, @"turn 0 has invalid times for RTTM: start 2 s, end 1 s; times must be finite, not negative, and in order");
    }

    fn round_trip(turns: &Turns) -> Vec<(String, Turns)> {
        parse(&turns.to_rttm("file").unwrap()).unwrap()
    }

    fn times() -> impl Strategy<Value = f64> {
        prop_oneof![0.0..1e6_f64, 1e-8..1e-3_f64, 1e9..1e13_f64, Just(0.0)]
    }

    proptest! {
        #[test]
        fn round_trip_is_exact(
            times in prop::collection::vec((times(), times(), "[^\\s\\p{Cc}]{1,12}"), 1..20),
        ) {
            let turns: Turns = times
                .iter()
                .filter(|(.., speaker)| speaker != "<NA>")
                .map(|(a, b, speaker)| Turn::new(a.min(*b), a.max(*b), speaker.as_str()))
                .collect();
            prop_assume!(!turns.is_empty());
            prop_assert_eq!(round_trip(&turns), vec![("file".to_owned(), turns)]);
        }

        #[test]
        fn floating_point_readers_differ_in_the_last_bit_at_most(a in times(), b in times()) {
            let turn = Turn::new(a.min(b), a.max(b), "a");
            let text = Turns::from(vec![turn.clone()]).to_rttm("file").unwrap();
            let field = |index| text.split(' ').nth(index).unwrap().parse::<f64>().unwrap();
            prop_assert_eq!(field(3), turn.start);
            prop_assert!((turn.end.next_down()..=turn.end.next_up()).contains(&(field(3) + field(4))));
        }

        #[test]
        fn extreme_times_keep_their_start_and_all_but_the_last_bit_of_their_end(
            a in any::<f64>().prop_map(f64::abs),
            b in any::<f64>().prop_map(f64::abs),
        ) {
            prop_assume!(a.is_finite() && b.is_finite());
            let turns = single_turn(a.min(b), a.max(b), "a");
            let read = round_trip(&turns);
            let (read, turn) = (&read.first().unwrap().1[0], &turns[0]);
            prop_assert_eq!(read.start, turn.start);
            prop_assert!((turn.end.next_down()..=turn.end.next_up()).contains(&read.end));
        }
    }
}
