//! Normalizes what a diarizer returns, which may be inconsistent.

use std::collections::HashMap;

use pyannote_core::{Turn, Turns};

use crate::{Diarization, Speaker};

/// Makes a diarization consistent.
///
/// Turns that are shorter than a millisecond or not finite are dropped, the others are sorted by start and rounded to
/// milliseconds. Speakers are renamed `SPEAKER_00` and so on, in the order of their first turns. Speakers without a
/// turn are dropped; those that are missing from the list of speakers are added to it. Their speech is rounded to
/// milliseconds.
pub(crate) fn normalize(diarization: &mut Diarization) {
    let Diarization {
        turns,
        exclusive,
        speakers,
        scores,
        ..
    } = diarization;
    let mut names = Names::default();
    for turns in [turns, exclusive] {
        let cleaned = clean(std::mem::take(turns)).into_iter();
        let renamed =
            cleaned.map(|turn| Turn::new(turn.start, turn.end, names.rename(&turn.speaker)));
        *turns = renamed.collect();
    }
    let mut ranked: Vec<Speaker> = (0..names.0.len())
        .map(|rank| Speaker {
            label: name(rank),
            ..Speaker::default()
        })
        .collect();
    for speaker in speakers.drain(..) {
        let rank = names.0.get(&speaker.label).copied();
        if let Some(slot) = rank.and_then(|rank| ranked.get_mut(rank)) {
            let label = std::mem::take(&mut slot.label);
            *slot = Speaker {
                label,
                solo_speech_s: to_milliseconds(speaker.solo_speech_s),
                ..speaker
            };
        }
    }
    *speakers = ranked;
    for label in &mut scores.speakers {
        *label = names.rename(label);
    }
    if !scores.resolution.is_finite() {
        scores.resolution = 0.0;
    }
}

/// Sorts turns by start, rounds them, and drops those that are shorter than a millisecond or not finite.
fn clean(turns: Turns) -> Vec<Turn> {
    let mut turns = turns.into_vec();
    turns.sort_by(|a, b| a.start.total_cmp(&b.start));
    for turn in &mut turns {
        turn.start = to_milliseconds(turn.start);
        turn.end = to_milliseconds(turn.end);
    }
    turns.retain(|turn| turn.duration() > 0.0 && turn.duration().is_finite());
    turns
}

/// Rounds seconds to milliseconds.
pub(crate) fn to_milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// The new name of the speaker with this rank.
pub(crate) fn name(rank: usize) -> String {
    format!("SPEAKER_{rank:02}")
}

/// The rank of each of the diarizer's labels, in the order in which they were renamed.
#[derive(Default)]
pub(crate) struct Names(HashMap<String, usize>);

impl Names {
    /// The new name of a speaker. A new label gets the next rank.
    pub(crate) fn rename(&mut self, label: &str) -> String {
        let next = self.0.len();
        name(*self.0.entry(label.to_owned()).or_insert(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scores;

    fn turn(speaker: usize, start: f64, end: f64) -> Turn {
        Turn::new(start, end, speaker.to_string())
    }

    fn normalized(mut diarization: Diarization) -> Diarization {
        normalize(&mut diarization);
        diarization
    }

    #[test]
    fn speakers_are_named_by_their_first_turns() {
        let turns = [(7, 0.0), (2, 1.0), (7, 2.0), (4, 3.0)];
        let turns = turns.map(|(speaker, start)| turn(speaker, start, start + 1.0));
        let speaker = |label: &str, solo_speech_s| Speaker {
            label: label.to_owned(),
            solo_speech_s,
            ..Speaker::default()
        };
        let found = normalized(Diarization {
            turns: turns.into(),
            speakers: vec![speaker("2", 1.5), speaker("9", 9.0), speaker("7", 2.5)],
            scores: Scores {
                speakers: ["2", "9", "7"].map(str::to_owned).to_vec(),
                ..Scores::default()
            },
            ..Diarization::default()
        });
        let named: Vec<&str> = found
            .turns
            .iter()
            .map(|turn| turn.speaker.as_str())
            .collect();
        assert_eq!(
            named,
            ["SPEAKER_00", "SPEAKER_01", "SPEAKER_00", "SPEAKER_02"]
        );
        // Speaker 9 has no turn, speaker 4 was not listed.
        assert_eq!(
            found.speakers,
            [
                speaker("SPEAKER_00", 2.5),
                speaker("SPEAKER_01", 1.5),
                speaker("SPEAKER_02", 0.0)
            ]
        );
        assert_eq!(
            found.scores.speakers,
            ["SPEAKER_01", "SPEAKER_03", "SPEAKER_00"]
        );
    }

    #[test]
    fn turns_without_duration_are_dropped() {
        let turns = Turns::from([
            turn(0, 1.0, 2.0),
            turn(1, 0.5, 0.5004),
            turn(2, 3.0, 2.0),
            turn(3, f64::NAN, 2.0),
            turn(4, 0.0004, f64::INFINITY),
            turn(5, 0.0, 0.001),
        ]);
        let left = clean(turns);
        let left: Vec<&str> = left.iter().map(|turn| turn.speaker.as_str()).collect();
        assert_eq!(left, ["5", "0"]);
        assert_eq!(to_milliseconds(1.234_56), 1.235);
    }
}
