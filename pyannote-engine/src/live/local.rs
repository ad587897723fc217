//! The speakers of a window, before they are assigned to those of the stream.

use std::ops::Range;

use super::last_window::Continued;
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
/// Embeddings are of the newest speech, up to this duration.
const MAX_EMBEDDED_S: f64 = 3.0;
/// Minimum duration of speech for an embedding.
const MIN_EMBEDDED_S: f64 = 0.5;
/// Minimum duration of a part of it.
const MIN_PART_S: f64 = 0.1;

/// A speaker of a window.
#[derive(Clone, Debug, Default)]
pub(super) struct LiveLocalSpeaker {
    /// Index of the speaker in the posteriors of the window.
    pub(super) index: usize,
    /// Duration of the speech.
    pub(super) speech_s: f32,
    /// Duration of the non-overlapped speech.
    pub(super) solo_s: f32,
    /// Duration of the non-overlapped speech that is not in the last window.
    pub(super) new_solo_s: f32,
    /// The unit embedding of the newest non-overlapped speech, if there is enough.
    pub(super) embedding: Option<EmbeddingVector>,
    /// The speaker of the stream in the last window.
    pub(super) before: Option<usize>,
    /// Duration of the activity in frames of both windows.
    pub(super) shared_s: f32,
}

/// The speakers of a window, of which `known_frames` were in the last one.
pub(super) fn find(
    networks: &impl LiveNetworks,
    samples: &[f32],
    activity: &[[f32; MAX_LOCAL_SPEAKERS]],
    known_frames: usize,
    continued: [Continued; MAX_LOCAL_SPEAKERS],
) -> Vec<LiveLocalSpeaker> {
    let speaker = |(index, continued): (usize, Continued)| {
        let speech_s = speech_s(activity, index);
        if speech_s < MIN_LIVE_SPEECH_S {
            return None;
        }
        let solo = solo_activity(activity, index);
        let duration_s = |solo: &[f32]| solo.iter().sum::<f32>() * frames::STEP_S as f32;
        let new = &solo[known_frames.min(solo.len())..];
        let spans = match continued.embedding {
            Some(_) if !new.iter().any(is_solo) => Vec::new(),
            _ => newest_spans(&solo),
        };
        let embedded_frames: usize = spans.iter().map(ExactSizeIterator::len).sum();
        let embedding = match embedded_frames as f64 * frames::STEP_S >= MIN_EMBEDDED_S {
            true => networks.embedding(&parts(samples, &spans)),
            false => continued.embedding,
        };
        Some(LiveLocalSpeaker {
            index,
            speech_s: speech_s as f32,
            solo_s: duration_s(&solo),
            new_solo_s: duration_s(new),
            embedding,
            before: continued.speaker,
            shared_s: continued.shared_s,
        })
    };
    continued
        .into_iter()
        .enumerate()
        .filter_map(speaker)
        .collect()
}

/// Whether a speaker speaks alone in a frame, with this probability.
fn is_solo(solo: &f32) -> bool {
    *solo > SOLO_THRESHOLD
}

/// The newest frames in which a speaker speaks alone, in order of time.
fn newest_spans(solo: &[f32]) -> Vec<Range<usize>> {
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
            ("not recent", vec![100..200], vec![100..200]),
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
