//! Error rates and speakers of turns, compared with the reference of a recording.

use std::collections::BTreeSet;

use pyannote::output::{Der, ScoringOptions, Turn, Turns};

use crate::recordings::Recording;

/// The error rate in the scored regions, without a collar and with overlapped speech.
pub(crate) fn der(recording: &Recording, turns: &Turns) -> Der {
    let mut options = ScoringOptions::new();
    if let Some(scored) = &recording.scored {
        options = options.uem(scored.iter().copied());
    }
    Der::score(&recording.reference, turns, &options)
}

/// Adds the durations of another error rate.
pub(crate) fn add(sum: &mut Der, other: &Der) {
    sum.total += other.total;
    sum.missed_detection += other.missed_detection;
    sum.false_alarm += other.false_alarm;
    sum.confusion += other.confusion;
}

/// Number of speakers in the scored regions: in the turns, and in the reference.
pub(crate) fn speakers(recording: &Recording, turns: &[Turn]) -> (usize, usize) {
    let count = |turns: &[Turn]| {
        let scored = turns
            .iter()
            .filter(|turn| recording.is_scored(turn.start, turn.end));
        scored
            .map(|turn| &turn.speaker)
            .collect::<BTreeSet<_>>()
            .len()
    };
    (count(turns), count(&recording.reference))
}
