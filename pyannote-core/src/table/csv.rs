//! CSV, with a header row.

use std::error::Error;

use super::super::{Transcript, Turns};

impl Turns {
    /// The turns as CSV: `start,end,speaker,confidence`, a row a turn, in their order, times in seconds.
    ///
    /// The confidence is that of the turn's own speaker, 0..100; the cell is empty where there is none. Every number is
    /// the shortest that reads back to the same; what is not finite is written as `NaN` or `inf`.
    ///
    /// Cells are written as they are, so that they read back as they were. A spreadsheet takes a cell that begins with
    /// `=`, `+`, `-` or `@` as a formula. Where names come from people that you do not trust, import the columns as
    /// text, or rename the speakers before.
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from(vec![Turn::new(0.5, 2.25, "Lovelace, Ada")]);
    /// assert_eq!(turns.to_csv(), "start,end,speaker,confidence\n0.5,2.25,\"Lovelace, Ada\",\n");
    /// ```
    #[must_use]
    pub fn to_csv(&self) -> String {
        table(
            ["start", "end", "speaker", "confidence"],
            self.iter().map(|turn| {
                let confidence = turn.speaker_confidence().map(|score| score.to_string());
                [
                    turn.start.to_string(),
                    turn.end.to_string(),
                    turn.speaker.clone(),
                    confidence.unwrap_or_default(),
                ]
            }),
        )
    }
}

impl Transcript {
    /// The transcript as CSV: `start,end,speaker,text`, a row a segment, in their order, times in seconds.
    ///
    /// Cells are written as they are: see [`Turns::to_csv`] on formulas, which words can look like too.
    ///
    /// ```
    /// use pyannote_core::{Transcript, TranscriptSegment};
    ///
    /// let transcript = Transcript::from(vec![TranscriptSegment::new(0.5, 1.0, "Hello.", "Ada")]);
    /// assert_eq!(transcript.to_csv(), "start,end,speaker,text\n0.5,1,Ada,Hello.\n");
    /// ```
    #[must_use]
    pub fn to_csv(&self) -> String {
        table(
            ["start", "end", "speaker", "text"],
            self.iter().map(|segment| {
                [
                    segment.start.to_string(),
                    segment.end.to_string(),
                    segment.speaker.clone(),
                    segment.text.clone(),
                ]
            }),
        )
    }
}

fn table(header: [&str; 4], rows: impl Iterator<Item = [String; 4]>) -> String {
    // It cannot fail: memory takes what is written, each row has four cells, and strings make a string.
    written(header, rows).unwrap_or_default()
}

fn written(
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

#[cfg(test)]
mod tests {
    use super::super::super::{Transcript, TranscriptSegment, Turn, Turns};
    use proptest::prelude::*;

    #[test]
    fn turns_are_rows() {
        let mut sure = Turn::new(0.1, 0.3, "SPEAKER_00");
        let scores = [
            ("SPEAKER_00".to_owned(), 97.5),
            ("SPEAKER_01".to_owned(), 2.5),
        ];
        sure.confidence = Some(scores.into());
        let mut other = Turn::new(1.0, 2.0, "a \"b\", c\nd");
        other.confidence = Some([("x".to_owned(), 1.0)].into());
        let turns = Turns::from(vec![
            sure,
            other,
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
    fn segments_are_rows() {
        let segments = vec![TranscriptSegment::new(0.5, 1.25, "Well, \"no\".", "Ada")];
        insta::assert_snapshot!(Transcript::from(segments).to_csv(), @r#"
        start,end,speaker,text
        0.5,1.25,Ada,"Well, ""no""."
        "#);
    }

    proptest! {
        #[test]
        fn cells_read_back_as_they_were(start in any::<f64>(), end in any::<f64>(), text: String, speaker: String) {
            prop_assume!(!start.is_nan() && !end.is_nan());
            let segment = TranscriptSegment::new(start, end, text, speaker);
            let csv = Transcript::from(vec![segment.clone()]).to_csv();
            let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
            let rows: Vec<TranscriptSegment> = reader.deserialize().map(Result::unwrap).collect();
            prop_assert_eq!(rows, vec![segment]);
        }
    }
}
