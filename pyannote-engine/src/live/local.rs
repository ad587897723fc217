//! The speakers of a window, before they are assigned to those of the stream.

use std::ops::Range;

use super::networks::LiveNetworks;
use crate::SAMPLE_RATE;
use crate::pipeline::embeddings::EmbeddingVector;
use crate::pipeline::frames;
use crate::pipeline::local_speakers::{solo_activity, speech_s};
use crate::pipeline::windows::MAX_LOCAL_SPEAKERS;

/// Minimum duration of a speaker's speech in the window. Shorter ones are ignored.
const MIN_LIVE_SPEECH_S: f64 = 0.1;
/// Probability above which a speaker speaks alone in a frame.
const SOLO_THRESHOLD: f32 = 0.4;
/// Only those who spoke alone in this time before the end of the window get an embedding.
const RECENT_S: f64 = 1.0;
/// Embeddings are of the newest speech, up to this duration.
const MAX_EMBEDDED_S: f64 = 3.0;
/// Minimum duration of speech for an embedding.
const MIN_EMBEDDED_S: f64 = 0.3;
/// Minimum duration of a part of it.
const MIN_PART_S: f64 = 0.1;

/// A speaker of a window.
#[derive(Clone, Debug, Default)]
pub(super) struct LiveLocalSpeaker {
    /// Index of the speaker in the posteriors of the window.
    pub(super) index: usize,
    /// Probability that the speaker is active, per frame.
    pub(super) activity: Vec<f32>,
    /// Duration of the non-overlapped speech that the embedding is based on.
    pub(super) embedded_s: f32,
    /// Duration of the non-overlapped speech that is not in the previous window.
    pub(super) new_solo_s: f32,
    pub(super) embedding: Option<EmbeddingVector>,
}

/// The speakers of a window, given their activity and the number of frames that the previous window had, too.
pub(super) fn find(
    networks: &impl LiveNetworks,
    window: &[f32],
    activity: &[[f32; MAX_LOCAL_SPEAKERS]],
    known_frames: usize,
) -> Vec<LiveLocalSpeaker> {
    let speaker = |index: usize| {
        if speech_s(activity, index) < MIN_LIVE_SPEECH_S {
            return None;
        }
        let solo = solo_activity(activity, index);
        let spans = newest_spans(&solo);
        let embedded_s =
            spans.iter().map(ExactSizeIterator::len).sum::<usize>() as f64 * frames::STEP_S;
        let embedding = match embedded_s >= MIN_EMBEDDED_S {
            true => networks.embedding(&parts(window, &spans)),
            false => None,
        };
        let new_solo = solo
            .iter()
            .skip(known_frames)
            .filter(|solo| **solo > SOLO_THRESHOLD);
        Some(LiveLocalSpeaker {
            index,
            activity: activity.iter().map(|row| row[index]).collect(),
            embedded_s: embedded_s as f32,
            new_solo_s: new_solo.count() as f32 * frames::STEP_S as f32,
            embedding,
        })
    };
    (0..MAX_LOCAL_SPEAKERS).filter_map(speaker).collect()
}

/// The newest frames in which a speaker speaks alone, in order of time. Empty unless there are recent ones.
fn newest_spans(solo: &[f32]) -> Vec<Range<usize>> {
    let is_solo = |solo: &f32| *solo > SOLO_THRESHOLD;
    if !solo.iter().rev().take(in_frames(RECENT_S)).any(is_solo) {
        return Vec::new();
    }
    let mut spans = Vec::new();
    let mut left = in_frames(MAX_EMBEDDED_S);
    let mut end = solo.len();
    while end > 0 && left > 0 {
        let length = solo[..end]
            .iter()
            .rev()
            .take(left)
            .take_while(|solo| is_solo(solo))
            .count();
        if length >= in_frames(MIN_PART_S) {
            spans.push(end - length..end);
            left -= length;
        }
        end -= length.max(1);
    }
    spans.reverse();
    spans
}

/// The samples of spans of frames.
fn parts<'a>(window: &'a [f32], spans: &[Range<usize>]) -> Vec<&'a [f32]> {
    let sample = |frame: usize| {
        let sample = (frames::start_s(frame) * f64::from(SAMPLE_RATE)) as usize;
        sample.min(window.len())
    };
    spans
        .iter()
        .map(|span| &window[sample(span.start)..sample(span.end)])
        .collect()
}

/// Number of frames in a duration, rounded up.
fn in_frames(duration_s: f64) -> usize {
    (duration_s / frames::STEP_S).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Solo speech in these spans of 589 frames.
    fn solo(spans: &[Range<usize>]) -> Vec<f32> {
        let value = |frame: usize| {
            if spans.iter().any(|span| span.contains(&frame)) {
                0.9
            } else {
                0.1
            }
        };
        (0..589).map(value).collect()
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "a list of one span")]
    fn embeddings_are_of_the_newest_solo_speech() {
        for (name, speech, expected) in [
            ("none", vec![], vec![]),
            ("not recent", vec![100..500], vec![]),
            ("short", vec![580..589], vec![580..589]),
            ("too short a part", vec![500..503, 570..580], vec![570..580]),
            (
                "two parts",
                vec![400..450, 540..589],
                vec![400..450, 540..589],
            ),
            ("more than enough", vec![0..589], vec![589 - 178..589]),
            (
                "the second part is cut",
                vec![0..400, 489..589],
                vec![400 - 78..400, 489..589],
            ),
        ] {
            assert_eq!(newest_spans(&solo(&speech)), expected, "{name}");
        }
    }
}
