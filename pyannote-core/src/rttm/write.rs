//! Turns to RTTM.

use super::super::Turns;
use super::decimal;
use super::error::WriteRttmError;
use super::name::fits;

impl Turns {
    /// The turns as RTTM, one line a turn, in their order. `uri` names the recording.
    ///
    /// Start and duration are written as the shortest decimals that [`rttm::parse`](fn@super::parse) reads back to the
    /// same start and the same end, bit by bit. A reader that adds start and duration as floats gets the same start, and
    /// an end that is off by its last bit at most; so does `parse` for times between 0 and 10^-8 s and beyond 10^13 s,
    /// which no recording has. The confidence is not written.
    ///
    /// # Errors
    ///
    /// RTTM has no way to quote: a `uri` or a speaker that is empty, `<NA>`, or holds white space or control
    /// characters is an error that names it, rather than a file in which the name is another. Rename it before, with a
    /// name of your own or with [`rttm::name`](fn@super::name). Times that are not finite, below 0, or reversed are an
    /// error, as a turn left out in silence would change a score.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns, rttm};
    ///
    /// let turns = Turns::from(vec![Turn::new(0.5, 2.25, "SPEAKER_00")]);
    /// let text = turns.to_rttm(&rttm::name("Monday meeting"))?;
    /// assert_eq!(text, "SPEAKER Monday_meeting 1 0.5 1.75 <NA> <NA> SPEAKER_00 <NA> <NA>\n");
    /// # Ok::<(), rttm::WriteRttmError>(())
    /// ```
    pub fn to_rttm(&self, uri: &str) -> Result<String, WriteRttmError> {
        if !fits(uri) {
            return Err(WriteRttmError::File(uri.to_owned()));
        }
        let mut text = String::new();
        for (index, turn) in self.iter().enumerate() {
            if !fits(&turn.speaker) {
                return Err(WriteRttmError::Speaker(turn.speaker.clone()));
            }
            let (start, end) = (turn.start, turn.end);
            // Infinity is the end of a range that holds every finite number.
            if !(0.0..f64::INFINITY).contains(&start) || !(start..f64::INFINITY).contains(&end) {
                return Err(WriteRttmError::Times {
                    turn: index,
                    start,
                    end,
                });
            }
            let (start, duration) = start_and_duration(start, end);
            text.push_str(&format!(
                "SPEAKER {uri} 1 {start} {duration} <NA> <NA> {} <NA> <NA>\n",
                turn.speaker
            ));
        }
        Ok(text)
    }
}

/// Start and duration as decimals.
fn start_and_duration(start: f64, end: f64) -> (String, String) {
    // `+ 0.0` turns -0 into 0.
    let first = (start + 0.0).to_string();
    let duration = decimal::difference(&(end + 0.0).to_string(), &first);
    let duration = duration.unwrap_or_else(|| (end - start).to_string());
    (first, duration)
}

#[cfg(test)]
mod tests {
    use super::super::super::{Turn, Turns};
    use super::super::{WriteRttmError, parse};
    use proptest::prelude::*;

    fn one(start: f64, end: f64, speaker: &str) -> Turns {
        Turns::from(vec![Turn::new(start, end, speaker)])
    }

    #[test]
    fn turns_are_lines() {
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
    fn names_that_do_not_fit_are_errors() {
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
                one(0.0, 1.0, name).to_rttm("f"),
                Err(WriteRttmError::Speaker(name.to_owned()))
            );
            assert_eq!(
                one(0.0, 1.0, "a").to_rttm(name),
                Err(WriteRttmError::File(name.to_owned()))
            );
        }
        let error = one(0.0, 1.0, "Ada Lovelace").to_rttm("f").unwrap_err();
        insta::assert_snapshot!(error, @r#"the speaker name "Ada Lovelace" cannot be written as RTTM, whose fields are apart by white space and never empty: rename it, as with `rttm::name`"#);
    }

    #[test]
    fn times_that_do_not_fit_are_errors() {
        for (start, end) in [
            (-1.0, 1.0),
            (2.0, 1.0),
            (f64::NAN, 1.0),
            (0.0, f64::NAN),
            (0.0, f64::INFINITY),
            (f64::INFINITY, f64::INFINITY),
        ] {
            let error = one(start, end, "a").to_rttm("f").unwrap_err();
            assert!(
                matches!(error, WriteRttmError::Times { turn: 0, .. }),
                "{start}..{end}"
            );
        }
        let error = one(2.0, 1.0, "a").to_rttm("f").unwrap_err();
        insta::assert_snapshot!(error, @"turn 0 cannot be written as RTTM: it lasts from 2 s to 1 s");
    }

    fn round_trip(turns: &Turns) -> Vec<(String, Turns)> {
        parse(&turns.to_rttm("file").unwrap()).unwrap()
    }

    fn times() -> impl Strategy<Value = f64> {
        prop_oneof![0.0..1e6_f64, 1e-8..1e-3_f64, 1e9..1e13_f64, Just(0.0)]
    }

    proptest! {
        #[test]
        fn the_round_trip_is_exact(
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
        fn readers_that_add_floats_are_off_by_the_last_bit_at_most(a in times(), b in times()) {
            let turn = Turn::new(a.min(b), a.max(b), "a");
            let text = Turns::from(vec![turn.clone()]).to_rttm("file").unwrap();
            let field = |index| text.split(' ').nth(index).unwrap().parse::<f64>().unwrap();
            prop_assert_eq!(field(3), turn.start);
            prop_assert!((turn.end.next_down()..=turn.end.next_up()).contains(&(field(3) + field(4))));
        }

        #[test]
        fn times_of_any_size_keep_their_start_and_all_but_the_last_bit_of_their_end(
            a in any::<f64>().prop_map(f64::abs),
            b in any::<f64>().prop_map(f64::abs),
        ) {
            prop_assume!(a.is_finite() && b.is_finite());
            let turns = one(a.min(b), a.max(b), "a");
            let read = round_trip(&turns);
            let (read, turn) = (&read.first().unwrap().1[0], &turns[0]);
            prop_assert_eq!(read.start, turn.start);
            prop_assert!((turn.end.next_down()..=turn.end.next_up()).contains(&read.end));
        }
    }
}
