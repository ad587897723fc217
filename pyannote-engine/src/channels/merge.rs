//! Merges the diarizations of channels.

use std::collections::HashMap;

use pyannote_core::{Turn, Turns};

use crate::{Diarization, Scores, Speaker, normalize};

/// Merges the diarizations of `channels` channels. Each comes with the index of its channel, in order.
///
/// Speakers are numbered by channel: a channel has as many numbers as speakers, but at least one. With one speaker per
/// channel, `SPEAKER_00` is channel 1 even if the first turn is in another channel, or channel 1 has none.
pub(super) fn merge(diarizations: Vec<(usize, Diarization)>, channels: usize) -> Diarization {
    let mut merged = Diarization::default();
    let mut turns = Vec::new();
    let mut scores = Vec::new();
    let mut diarizations = diarizations.into_iter().peekable();
    let mut next = 0;
    for channel in 0..channels {
        let own = diarizations.next_if(|(index, _)| *index == channel);
        let Some((_, diarization)) = own else {
            next += 1;
            continue;
        };
        let labels: HashMap<String, String> = (next..)
            .zip(&diarization.speakers)
            .map(|(rank, speaker)| (speaker.label.clone(), normalize::name(rank)))
            .collect();
        next += diarization.speakers.len().max(1);
        let rename = |label: &str| labels.get(label).cloned().unwrap_or_default();
        turns.extend(diarization.turns.into_iter().map(|turn| {
            let label = rename(&turn.speaker);
            Turn::new(turn.start, turn.end, label)
        }));
        merged
            .speakers
            .extend(diarization.speakers.into_iter().map(|speaker| Speaker {
                label: rename(&speaker.label),
                channel: Some(channel + 1),
                ..speaker
            }));
        let mut own = diarization.scores;
        for label in &mut own.speakers {
            *label = rename(label);
        }
        scores.push(own);
        let warnings = diarization.warnings.into_iter();
        merged
            .warnings
            .extend(warnings.map(|warning| format!("channel {}: {warning}", channel + 1)));
    }
    turns.sort_by(|a, b| {
        let by_start = a.start.total_cmp(&b.start);
        by_start.then_with(|| a.speaker.cmp(&b.speaker))
    });
    merged.scores = merge_scores(&scores);
    merged.exclusive = exclusive(&turns, &merged.scores);
    merged.turns = turns.into_iter().collect();
    merged
}

/// The scores of all channels on one axis of frames. There is speech if there is speech in any channel, and overlap if
/// there is overlap in a channel, or speech in several: given their probabilities, channels are independent.
fn merge_scores(channels: &[Scores]) -> Scores {
    let resolution = channels.first().map_or(0.0, |scores| scores.resolution);
    let frames = channels.iter().map(|scores| scores.speech.len()).max();
    let frames = frames.unwrap_or_default();
    let mut merged = Scores {
        resolution,
        speech: vec![0.0; frames],
        overlap: vec![0.0; frames],
        speakers: channels
            .iter()
            .flat_map(|scores| scores.speakers.clone())
            .collect(),
        values: Vec::new(),
    };
    let columns = merged.speakers.len();
    merged.values = vec![0.0; frames * columns];
    // The probability that nobody speaks. That of overlap is the rest, without exactly one speaker.
    let mut nobody = vec![1.0; frames];
    let mut one = vec![0.0; frames];
    let mut first_column = 0;
    for scores in channels {
        for (at, speech) in merged.speech.iter_mut().enumerate() {
            // Diarizers have one resolution; if not, the frame at the same time counts.
            let frame = match scores.resolution == resolution {
                true => at,
                false => ((at as f64 + 0.5) * resolution / scores.resolution) as usize,
            };
            let own = scores.speech.get(frame).copied().unwrap_or_default();
            *speech = speech.max(own);
            let overlap = scores.overlap.get(frame).copied().unwrap_or_default();
            one[at] = one[at] * (1.0 - own) + nobody[at] * (own - overlap).max(0.0);
            nobody[at] *= 1.0 - own;
            let start = frame.saturating_mul(scores.speakers.len());
            let row = scores
                .values
                .get(start..start.saturating_add(scores.speakers.len()));
            let first = at * columns + first_column;
            for (to, from) in merged
                .values
                .iter_mut()
                .skip(first)
                .zip(row.unwrap_or_default())
            {
                *to = *from;
            }
        }
        first_column += scores.speakers.len();
    }
    for (at, overlap) in merged.overlap.iter_mut().enumerate() {
        *overlap = (1.0 - nobody[at] - one[at]).clamp(0.0, merged.speech[at].max(0.0));
    }
    merged
}

/// The turns with one speaker at a time: while several speak, the one with the highest mean score.
fn exclusive(turns: &[Turn], scores: &Scores) -> Turns {
    let mut times: Vec<f64> = turns
        .iter()
        .flat_map(|turn| [turn.start, turn.end])
        .collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let mut exclusive: Vec<Turn> = Vec::new();
    let mut starting = turns.iter().peekable();
    let mut active: Vec<&Turn> = Vec::new();
    for (start, end) in times.iter().zip(times.iter().skip(1)) {
        active.retain(|turn| turn.end > *start);
        while let Some(turn) = starting.next_if(|turn| turn.start <= *start) {
            active.push(turn);
        }
        let score = |turn: &Turn| match active.len() {
            1 => 0.0,
            _ => mean_score(scores, &turn.speaker, *start, *end),
        };
        // The first of several equal ones: the one who spoke first.
        let best = active.iter().map(|turn| (score(turn), *turn));
        let Some((_, turn)) = best.reduce(|best, next| if next.0 > best.0 { next } else { best })
        else {
            continue;
        };
        match exclusive.last_mut() {
            Some(last) if last.end == *start && last.speaker == turn.speaker => last.end = *end,
            _ => exclusive.push(Turn::new(*start, *end, turn.speaker.clone())),
        }
    }
    exclusive.into_iter().collect()
}

/// The mean score of a speaker in a time span, in seconds.
fn mean_score(scores: &Scores, speaker: &str, start: f64, end: f64) -> f64 {
    let Some(column) = scores.column(speaker).filter(|_| scores.resolution > 0.0) else {
        return 0.0;
    };
    // The casts saturate.
    let first = (start / scores.resolution) as usize;
    let last = (end / scores.resolution) as usize;
    let columns = scores.speakers.len();
    let cells = (first..=last).map_while(|frame| scores.values.get(frame * columns + column));
    let (mut sum, mut count) = (0.0, 0_u32);
    for score in cells {
        sum += f64::from(*score);
        count += 1;
    }
    sum / f64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(speaker: usize, start: f64, end: f64) -> Turn {
        Turn::new(start, end, format!("SPEAKER_{speaker:02}"))
    }

    /// A diarization of speakers with these turns and constant scores.
    fn diarization(turns: &[Turn], scores: &[f32]) -> Diarization {
        let labels = (0..scores.len()).map(|rank| format!("SPEAKER_{rank:02}"));
        Diarization {
            turns: turns.iter().cloned().collect(),
            speakers: labels
                .clone()
                .map(|label| Speaker {
                    label,
                    ..Speaker::default()
                })
                .collect(),
            scores: Scores {
                resolution: 0.5,
                speech: vec![0.5; 12],
                overlap: vec![0.1; 12],
                speakers: labels.collect(),
                values: scores.repeat(12),
            },
            ..Diarization::default()
        }
    }

    #[test]
    fn speakers_are_numbered_by_channel() {
        let first = diarization(&[turn(0, 3.0, 4.0)], &[0.9]);
        let third = diarization(&[turn(0, 1.0, 2.0), turn(1, 2.0, 5.0)], &[0.8, 0.7]);
        let mut fourth = diarization(&[turn(0, 0.0, 1.0)], &[0.6]);
        fourth.warnings.push("too short".to_owned());
        let merged = merge(vec![(0, first), (2, third), (3, fourth)], 5);
        let expected = [
            turn(4, 0.0, 1.0),
            turn(2, 1.0, 2.0),
            turn(3, 2.0, 5.0),
            turn(0, 3.0, 4.0),
        ];
        assert_eq!(merged.turns.to_vec(), expected);
        let channels: Vec<_> = merged
            .speakers
            .iter()
            .map(|speaker| (speaker.label.as_str(), speaker.channel))
            .collect();
        let expected = [
            ("SPEAKER_00", 1),
            ("SPEAKER_02", 3),
            ("SPEAKER_03", 3),
            ("SPEAKER_04", 4),
        ];
        assert_eq!(
            channels,
            expected.map(|(label, channel)| (label, Some(channel)))
        );
        assert_eq!(merged.scores.frames().next().unwrap(), [0.9, 0.8, 0.7, 0.6]);
        assert_eq!(merged.warnings, ["channel 4: too short"]);
        // 1 - 0.5^3 - 3 * 0.4 * 0.5^2, and at most the probability of speech.
        assert_eq!(merged.scores.overlap, [0.5; 12]);
        assert_eq!(merged.scores.speech, [0.5; 12]);
        assert_eq!(merge(Vec::new(), 2), Diarization::default());
    }

    #[test]
    fn one_speaks_at_a_time_in_exclusive_turns() {
        let a = diarization(&[turn(0, 0.0, 4.0), turn(0, 5.0, 6.0)], &[0.6]);
        let b = diarization(&[turn(0, 1.0, 2.0), turn(0, 3.0, 4.5)], &[0.9]);
        let merged = merge(vec![(0, a), (1, b)], 2);
        assert_eq!(
            merged.exclusive.to_vec(),
            [
                turn(0, 0.0, 1.0),
                turn(1, 1.0, 2.0),
                turn(0, 2.0, 3.0),
                turn(1, 3.0, 4.5),
                turn(0, 5.0, 6.0),
            ]
        );
    }

    #[test]
    fn scores_of_other_resolutions_are_those_at_the_same_time() {
        let a = diarization(&[], &[0.5]);
        let mut b = diarization(&[], &[0.0]);
        b.scores.resolution = 0.25;
        b.scores.values = (0..12).map(|n| n as f32).collect();
        let merged = merge(vec![(0, a), (1, b)], 2);
        let column: Vec<f32> = merged.scores.frames().map(|frame| frame[1]).collect();
        assert_eq!(
            column,
            [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        );
    }
}
