//! Totals per speaker.

use pyannote_core::Turns;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The speech of one speaker.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpeakerSummary {
    /// The name of the speaker.
    pub(crate) speaker: String,
    /// Duration of the speaker's turns, in seconds.
    pub(crate) speech_time: f64,
    /// Share of the speech of all speakers, 0..1.
    pub(crate) share: f64,
    /// Number of turns.
    pub(crate) turns: usize,
    /// Number of the channel, from 1, if channels were diarized alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<usize>,
}

/// Sums up the turns of each speaker, in the order of their first turns.
pub(crate) fn summarize(turns: &Turns) -> Vec<SpeakerSummary> {
    let times = turns.speech_time_by_speaker();
    let total: f64 = times.iter().map(|(_, time)| time).sum();
    times
        .into_iter()
        .map(|(speaker, speech_time)| SpeakerSummary {
            speaker: speaker.to_owned(),
            speech_time: milliseconds(speech_time),
            share: if total > 0.0 {
                milliseconds(speech_time / total)
            } else {
                0.0
            },
            turns: turns.iter().filter(|turn| turn.speaker == speaker).count(),
            channel: None,
        })
        .collect()
}

/// Rounds to three decimals: sums of times have no more.
pub(super) fn milliseconds(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use pyannote_core::Turn;

    use super::*;

    #[test]
    fn shares_add_up() {
        let turns = Turns::from([
            Turn::new(0.0, 3.0, "Ada"),
            Turn::new(2.0, 3.0, "Grace"),
            Turn::new(4.0, 4.0, "Ada"),
        ]);
        let speakers = summarize(&turns);
        assert_eq!(speakers[0].speech_time, 3.0);
        assert_eq!(speakers[0].turns, 2);
        assert_eq!(
            speakers.iter().map(|speaker| speaker.share).sum::<f64>(),
            1.0
        );
        assert_eq!(summarize(&Turns::new()), []);
    }
}
