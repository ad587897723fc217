//! CSV export, with a header row.

use std::error::Error;

use crate::{Transcript, Turns};

impl Turns {
    /// Formats the turns as CSV with the columns `start,end,speaker,confidence`, one row per turn in list order.
    ///
    /// Times are in seconds. The confidence is that of the turn's own speaker, 0..100, and empty if it is unknown.
    /// Numbers are written in the shortest form that parses to the same value; non-finite ones as `NaN` or `inf`.
    ///
    /// Text is written unchanged, so that it can be read back. Spreadsheets evaluate cells that begin with `=`, `+`,
    /// `-` or `@` as formulas: if names come from untrusted people, import the columns as text, or rename the speakers
    /// first.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.5, 2.25, "Lovelace, Ada")]);
    /// assert_eq!(turns.to_csv(), "start,end,speaker,confidence\n0.5,2.25,\"Lovelace, Ada\",\n");
    /// ```
    #[must_use]
    pub fn to_csv(&self) -> String {
        let header = ["start", "end", "speaker", "confidence"];
        let rows = self.iter().map(|turn| {
            let confidence = turn.speaker_confidence();
            [
                number(turn.start),
                number(turn.end),
                turn.speaker.clone(),
                confidence.map(number).unwrap_or_default(),
            ]
        });
        write_table(header, rows)
    }
}

impl Transcript {
    /// Formats the transcript as CSV with the columns `start,end,speaker,text`, one row per segment in list order.
    ///
    /// Times are in seconds. Text is written unchanged: see the note on formulas at [`Turns::to_csv`].
    ///
    /// ```
    /// use pyannote_core::{Transcript, TranscriptSegment};
    ///
    /// let transcript = Transcript::from([TranscriptSegment::new(0.5, 1.0, "Hello.", "Ada")]);
    /// assert_eq!(transcript.to_csv(), "start,end,speaker,text\n0.5,1,Ada,Hello.\n");
    /// ```
    #[must_use]
    pub fn to_csv(&self) -> String {
        let header = ["start", "end", "speaker", "text"];
        let rows = self.iter().map(|segment| {
            [
                number(segment.start),
                number(segment.end),
                segment.speaker.clone(),
                segment.text.clone(),
            ]
        });
        write_table(header, rows)
    }
}

#[expect(
    clippy::expect_used,
    reason = "writing UTF-8 rows of equal length to memory cannot fail"
)]
fn write_table(header: [&str; 4], rows: impl Iterator<Item = [String; 4]>) -> String {
    try_write_table(header, rows).expect("CSV in memory")
}

fn try_write_table(
    header: [&str; 4],
    rows: impl Iterator<Item = [String; 4]>,
) -> Result<String, Box<dyn Error>> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    Ok(String::from_utf8(bytes)?)
}

/// Formats a number. `+ 0.0` turns -0.0, which would be formatted with its sign, into 0.0.
fn number(value: f64) -> String {
    (value + 0.0).to_string()
}

#[cfg(test)]
mod tests {
    use crate::{Transcript, TranscriptSegment, Turn, Turns};
    use proptest::prelude::*;

    #[test]
    fn turns_become_rows() {
        let confidence = [("SPEAKER_00", 97.5), ("SPEAKER_01", 2.5)];
        let turns = Turns::from([
            Turn::new(0.1, 0.3, "SPEAKER_00").with_confidence(confidence),
            Turn::new(1.0, 2.0, "a \"b\", c\nd").with_confidence([("x", 1.0)]),
            Turn::new(f64::NAN, f64::INFINITY, "=1+1"),
        ]);
        insta::assert_snapshot!(turns.to_csv(), @r#"
        start,end,speaker,confidence
        0.1,0.3,SPEAKER_00,97.5
        1,2,"a ""b"", c
        d",
        NaN,inf,=1+1,
        "#);
        assert_eq!(Turns::default().to_csv(), "start,end,speaker,confidence\n");
    }

    #[test]
    fn segments_become_rows() {
        let segments = vec![TranscriptSegment::new(0.5, 1.25, "Well, \"no\".", "Ada")];
        insta::assert_snapshot!(Transcript::from(segments).to_csv(), @r#"
        start,end,speaker,text
        0.5,1.25,Ada,"Well, ""no""."
        "#);
    }

    proptest! {
        #[test]
        fn rows_round_trip(start in any::<f64>(), end in any::<f64>(), text: String, speaker: String) {
            prop_assume!(!start.is_nan() && !end.is_nan());
            let segment = TranscriptSegment::new(start, end, text, speaker);
            let csv = Transcript::from(vec![segment.clone()]).to_csv();
            let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
            let rows: Vec<TranscriptSegment> = reader.deserialize().map(Result::unwrap).collect();
            prop_assert_eq!(rows, vec![segment]);
        }
    }
}
