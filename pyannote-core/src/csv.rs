//! CSV export, with a header row.

use std::error::Error;

use crate::{FrameScores, SpeakerScores, Transcript, Turns};

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

impl FrameScores {
    /// Formats the scores as CSV with the columns `start,score`, one row per frame: 4.3 million for a day in frames of
    /// 20 ms.
    ///
    /// Starts are in seconds, rounded to microseconds. The score of a frame without one is empty.
    ///
    /// ```
    /// use pyannote_core::FrameScores;
    ///
    /// let scores = FrameScores::new(vec![97.5, f32::NAN], 0.02);
    /// assert_eq!(scores.to_csv(), "start,score\n0,97.5\n0.02,\n");
    /// ```
    #[must_use]
    pub fn to_csv(&self) -> String {
        let rows = (0..self.score.len())
            .map(|frame| vec![start(frame, self.resolution), score(self, frame)]);
        write_table(["start", "score"], rows)
    }
}

impl SpeakerScores {
    /// Formats the scores as CSV with the column `start` and one per speaker, one row per frame. See
    /// [`FrameScores::to_csv`], and the note on formulas at [`Turns::to_csv`].
    ///
    /// ```
    /// use pyannote_core::SpeakerScores;
    ///
    /// let speakers = [("Ada".to_owned(), vec![97.5, 4.0]), ("Bob".to_owned(), vec![1.0])];
    /// let scores = SpeakerScores::new(speakers, 0.02);
    /// assert_eq!(scores.to_csv(), "start,Ada,Bob\n0,97.5,1\n0.02,4,\n");
    /// ```
    #[must_use]
    pub fn to_csv(&self) -> String {
        let header = std::iter::once("start").chain(self.iter().map(|(speaker, _)| speaker));
        let frames = self.iter().map(|(_, scores)| scores.score.len()).max();
        let rows = (0..frames.unwrap_or_default()).map(|frame| {
            let scores = self.iter().map(|(_, scores)| score(scores, frame));
            let start = std::iter::once(start(frame, self.resolution()));
            start.chain(scores).collect::<Vec<String>>()
        });
        write_table(header, rows)
    }
}

/// The start of a frame.
fn start(frame: usize, resolution: f64) -> String {
    number((frame as f64 * resolution * 1e6).round() / 1e6)
}

/// The score of a frame, empty if it has none.
fn score(scores: &FrameScores, frame: usize) -> String {
    let score = scores.score.get(frame).filter(|score| score.is_finite());
    score
        .map(|score| (score + 0.0).to_string())
        .unwrap_or_default()
}

#[expect(
    clippy::expect_used,
    reason = "writing UTF-8 rows of equal length to memory cannot fail"
)]
fn write_table<'a>(
    header: impl IntoIterator<Item = &'a str>,
    rows: impl Iterator<Item: IntoIterator<Item = String>>,
) -> String {
    try_write_table(header, rows).expect("CSV in memory")
}

fn try_write_table<'a>(
    header: impl IntoIterator<Item = &'a str>,
    rows: impl Iterator<Item: IntoIterator<Item = String>>,
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
    use crate::{FrameScores, SpeakerScores, Transcript, TranscriptSegment, Turn, Turns};
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

    #[test]
    fn scores_become_rows() {
        let speakers = [("a, b", vec![0.1, -0.0, 100.0]), ("c", vec![f32::INFINITY])];
        let speakers = speakers.map(|(name, score)| (name.to_owned(), score));
        let scores = SpeakerScores::new(speakers, 0.02);
        assert_eq!(
            scores.to_csv(),
            "start,\"a, b\",c\n0,0.1,\n0.02,0,\n0.04,100,\n"
        );
        assert_eq!(SpeakerScores::new([], 0.02).to_csv(), "start\n");
        // 3 * 0.02 is not 0.06.
        let csv = FrameScores::new(vec![1.0; 4], 0.02).to_csv();
        assert!(csv.ends_with("0.06,1\n"), "{csv}");
        assert_eq!(
            FrameScores::new(vec![1.0], f64::NAN).to_csv(),
            "start,score\nNaN,1\n"
        );
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
