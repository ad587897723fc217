//! Results in the form of a diarized transcription of OpenAI (`response_format: "diarized_json"`), for programs that
//! were written for it.

use serde::{Deserialize, Serialize};

use crate::span::clamp_to_recording;
use crate::whitespace::collapse_whitespace;
use crate::{Span, Transcript, TranscriptSegment, Turns};

/// A diarized transcription, which serializes to OpenAI's `diarized_json`.
///
/// ```
/// use pyannote_core::{Transcript, TranscriptSegment};
///
/// let transcript = Transcript::from([TranscriptSegment::new(0.5, 1.0, "Hello.", "Ada")]);
/// let json = serde_json::to_string(&transcript.to_diarized_json(1.5))?;
/// assert_eq!(json, concat!(
///     r#"{"task":"transcribe","duration":1.5,"text":"Hello.","segments":[{"type":"transcript.text.segment","#,
///     r#""id":"seg_0","start":0.5,"end":1.0,"text":"Hello.","speaker":"Ada"}]}"#,
/// ));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DiarizedTranscription {
    /// Always `transcribe`.
    pub task: String,
    /// Duration of the recording, in seconds.
    pub duration: f64,
    /// The text of all segments, separated by spaces.
    pub text: String,
    /// The segments, sorted by start.
    pub segments: Vec<DiarizedSegment>,
}

/// A segment of a [`DiarizedTranscription`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DiarizedSegment {
    /// Always `transcript.text.segment`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Unique within the transcription: `seg_0`, `seg_1` and so on.
    pub id: String,
    /// Start, in seconds from the start of the recording.
    pub start: f64,
    /// End, in seconds from the start of the recording.
    pub end: f64,
    /// The words spoken. Empty if there is no transcript.
    pub text: String,
    /// Name of the speaker.
    pub speaker: String,
}

impl Turns {
    /// Returns the turns in the form of OpenAI's `diarized_json`: one segment per turn, with an empty text.
    ///
    /// See [`Transcript::to_diarized_json`].
    ///
    /// ```
    /// use pyannote_core::{Turn, Turns};
    ///
    /// let turns = Turns::from([Turn::new(0.5, 2.25, "SPEAKER_00")]);
    /// let segment = &turns.to_diarized_json(30.0).segments[0];
    /// assert_eq!((segment.end, segment.text.as_str(), segment.speaker.as_str()), (2.25, "", "SPEAKER_00"));
    /// ```
    #[must_use]
    pub fn to_diarized_json(&self, duration: f64) -> DiarizedTranscription {
        let segment = |turn: &crate::Turn| {
            TranscriptSegment::new(turn.start, turn.end, "", turn.speaker.as_str())
        };
        self.iter()
            .map(segment)
            .collect::<Transcript>()
            .to_diarized_json(duration)
    }
}

impl Transcript {
    /// Returns the transcript in the form of OpenAI's `diarized_json`: one segment per segment, sorted by start.
    ///
    /// `duration` is that of the recording, in seconds. A shorter one, or one that is not finite, is replaced by the
    /// last end.
    ///
    /// OpenAI's segments are whole turns, so convert the turn-level transcript rather than the one with a segment per
    /// word. White space becomes a single space. Segments whose times are not finite, reversed, or before the start of
    /// the recording are skipped, because JSON has no NaN.
    #[must_use]
    pub fn to_diarized_json(&self, duration: f64) -> DiarizedTranscription {
        let mut valid: Vec<(Span, &TranscriptSegment)> = self
            .iter()
            .filter_map(|segment| Some((clamp_to_recording(segment.start, segment.end)?, segment)))
            .collect();
        valid.sort_by(|(a, _), (b, _)| a.start.total_cmp(&b.start));
        let segments: Vec<DiarizedSegment> = valid
            .into_iter()
            .enumerate()
            .map(|(index, (span, segment))| DiarizedSegment {
                kind: "transcript.text.segment".to_owned(),
                id: format!("seg_{index}"),
                start: span.start,
                end: span.end,
                text: collapse_whitespace(&segment.text),
                speaker: segment.speaker.clone(),
            })
            .collect();
        let last_end = segments
            .iter()
            .map(|segment| segment.end)
            .fold(0.0, f64::max);
        let texts = segments.iter().map(|segment| segment.text.as_str());
        let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
        // `+ 0.0` turns -0.0 into 0.0.
        let is_known = duration.is_finite();
        let duration = if is_known {
            duration.max(last_end) + 0.0
        } else {
            last_end
        };
        DiarizedTranscription {
            task: "transcribe".to_owned(),
            duration,
            text: texts.join(" "),
            segments,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Transcript, TranscriptSegment, Turns};

    #[test]
    fn segments_are_sorted_and_valid() {
        let segment = TranscriptSegment::new;
        let transcript = Transcript::from([
            segment(2.0, 3.5, " How\n are you? ", "Bob"),
            segment(f64::NAN, 1.0, "no start", "Bob"),
            segment(4.0, 3.0, "reversed", "Bob"),
            segment(0.0, f64::INFINITY, "no end", "Bob"),
            segment(-0.5, 1.0, "Hello.", "Ada"),
            segment(3.0, 3.0, "", "Ada"),
        ]);
        insta::assert_json_snapshot!(transcript.to_diarized_json(f64::NAN), @r#"
        {
          "task": "transcribe",
          "duration": 3.5,
          "text": "Hello. How are you?",
          "segments": [
            {
              "type": "transcript.text.segment",
              "id": "seg_0",
              "start": 0.0,
              "end": 1.0,
              "text": "Hello.",
              "speaker": "Ada"
            },
            {
              "type": "transcript.text.segment",
              "id": "seg_1",
              "start": 2.0,
              "end": 3.5,
              "text": "How are you?",
              "speaker": "Bob"
            },
            {
              "type": "transcript.text.segment",
              "id": "seg_2",
              "start": 3.0,
              "end": 3.0,
              "text": "",
              "speaker": "Ada"
            }
          ]
        }
        "#);
    }

    #[test]
    fn duration_is_never_before_the_last_end() {
        let transcript = Transcript::from([TranscriptSegment::new(1.0, 2.0, "a", "A")]);
        for (duration, expected) in [
            (10.0, 10.0),
            (0.0, 2.0),
            (-1.0, 2.0),
            (f64::NAN, 2.0),
            (f64::INFINITY, 2.0),
        ] {
            assert_eq!(
                transcript.to_diarized_json(duration).duration,
                expected,
                "{duration}"
            );
        }
        assert_eq!(
            Turns::new().to_diarized_json(-0.0).duration.to_string(),
            "0"
        );
    }
}
