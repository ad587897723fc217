//! Local speakers: speaker identities within one window, before clustering.

use super::embeddings::{self, EmbeddingVector, SubSegmentEmbeddings};
use super::frames;
use super::windows::{MAX_LOCAL_SPEAKERS, Window};
use crate::models::EMBEDDING_DIM;

/// Activity from which a local speaker counts as speaking in a frame.
const ACTIVITY_THRESHOLD: f32 = 0.4;
/// Minimum duration of a local speaker's speech in its window. Shorter ones are dropped.
const MIN_LOCAL_SPEECH_S: f64 = 0.6;
/// Replaces [`MIN_LOCAL_SPEECH_S`] if no local speaker of the whole recording reaches it.
const MIN_LOCAL_SPEECH_FALLBACK_S: f64 = 0.1;
/// Minimum fraction of a sub-segment that a window must cover to determine who speaks in it.
const MIN_SUB_SEGMENT_COVERAGE: f64 = 0.7;
/// Minimum solo ratio of a sub-segment for its embedding to contribute to a local speaker's.
const MIN_SOLO_RATIO: f32 = 0.1;
/// Embeddings of sub-segments are weighted by their solo ratio to this power, which favors non-overlapped speech.
const SOLO_RATIO_EXPONENT: i32 = 3;

/// A speaker of a window.
#[derive(Clone)]
pub(super) struct LocalSpeaker {
    /// Index of the window.
    pub(super) window: usize,
    /// Index in the recording of the window's first frame.
    pub(super) first_frame: usize,
    /// Probability that the speaker is active, per frame of the window.
    pub(super) activity: Vec<f32>,
    /// Duration of the speaker's non-overlapped speech.
    pub(super) solo_s: f32,
    /// Indices of the sub-segments in which the speaker speaks alone, each with its solo ratio: the proportion, 0..1,
    /// of the sub-segment that is non-overlapped speech of this speaker.
    pub(super) solo_ratios: Vec<(usize, f32)>,
    /// Unit embedding. `None` if the speaker never speaks alone.
    pub(super) embedding: Option<Box<EmbeddingVector>>,
}

impl LocalSpeaker {
    /// Index in the recording of the frame after the window's last one.
    pub(super) fn end_frame(&self) -> usize {
        self.first_frame + self.activity.len()
    }
}

/// Finds the local speakers of windows, without embeddings.
pub(super) struct LocalSpeakers {
    /// Number of sub-segments of the recording.
    sub_segments: usize,
    /// Number of windows so far.
    windows: usize,
    /// Those who reach [`MIN_LOCAL_SPEECH_S`], in order of the windows.
    speakers: Vec<LocalSpeaker>,
    /// Those who only reach [`MIN_LOCAL_SPEECH_FALLBACK_S`], as long as there are no others.
    short: Vec<LocalSpeaker>,
}

impl LocalSpeakers {
    /// None yet, of a recording with this number of frames.
    pub(super) fn new(frames: usize) -> Self {
        Self {
            sub_segments: embeddings::sub_segment_count(frames),
            windows: 0,
            speakers: Vec::new(),
            short: Vec::new(),
        }
    }

    /// Adds the local speakers of the next window.
    pub(super) fn push(&mut self, window: &Window) {
        let index = self.windows;
        self.windows += 1;
        for speaker in 0..MAX_LOCAL_SPEAKERS {
            let speech_s = speech_s(&window.activity, speaker);
            let found = if speech_s >= MIN_LOCAL_SPEECH_S {
                self.short = Vec::new();
                &mut self.speakers
            } else if speech_s >= MIN_LOCAL_SPEECH_FALLBACK_S && self.speakers.is_empty() {
                &mut self.short
            } else {
                continue;
            };
            found.push(local_speaker(index, window, speaker, self.sub_segments));
        }
    }

    /// The local speakers of all windows, in order of the windows.
    pub(super) fn finish(self) -> Vec<LocalSpeaker> {
        if self.speakers.is_empty() {
            self.short
        } else {
            self.speakers
        }
    }
}

/// Duration of the speech of one of the speakers of a window.
pub(crate) fn speech_s(activity: &[[f32; MAX_LOCAL_SPEAKERS]], speaker: usize) -> f64 {
    let active_frames = activity
        .iter()
        .filter(|row| row[speaker] > ACTIVITY_THRESHOLD)
        .count();
    (active_frames as f64) * frames::STEP_S
}

/// One of the speakers of a window.
fn local_speaker(
    index: usize,
    window: &Window,
    speaker: usize,
    sub_segments: usize,
) -> LocalSpeaker {
    let solo = solo_activity(&window.activity, speaker);
    let end_frame = window.first_frame + window.activity.len();
    let candidates = embeddings::sub_segments_around(window.first_frame..end_frame);
    let solo_ratios = (candidates.start..candidates.end.min(sub_segments))
        .filter_map(|index| Some((index, solo_ratio(&solo, window.first_frame, index)?)))
        .filter(|(_, ratio)| *ratio > MIN_SOLO_RATIO)
        .collect();
    LocalSpeaker {
        window: index,
        first_frame: window.first_frame,
        activity: window.activity.iter().map(|row| row[speaker]).collect(),
        solo_s: solo.iter().sum::<f32>() * frames::STEP_S as f32,
        solo_ratios,
        embedding: None,
    }
}

/// Probability that a speaker of a window is active and all others are not, per frame.
pub(crate) fn solo_activity(activity: &[[f32; MAX_LOCAL_SPEAKERS]], speaker: usize) -> Vec<f32> {
    let solo = |row: &[f32; MAX_LOCAL_SPEAKERS]| {
        let own = row[speaker];
        let others = row.iter().sum::<f32>() - own;
        own * (1.0 - others).clamp(0.0, 1.0)
    };
    activity.iter().map(solo).collect()
}

/// Mean of `solo` over a sub-segment. `None` if the window covers too little of it.
fn solo_ratio(solo: &[f32], first_frame: usize, sub_segment: usize) -> Option<f32> {
    let frames = embeddings::sub_segment_frames(sub_segment);
    let start = frames.start.max(first_frame);
    let end = frames.end.min(first_frame + solo.len());
    if start >= end || ((end - start) as f64) < MIN_SUB_SEGMENT_COVERAGE * frames.len() as f64 {
        return None;
    }
    let solo = &solo[start - first_frame..end - first_frame];
    Some(solo.iter().sum::<f32>() / solo.len() as f32)
}

/// Indices of the sub-segments whose embeddings are needed, in ascending order.
pub(super) fn sub_segments(speakers: &[LocalSpeaker]) -> Vec<usize> {
    let mut indices: Vec<usize> = speakers
        .iter()
        .flat_map(|speaker| speaker.solo_ratios.iter().map(|(index, _)| *index))
        .collect();
    indices.sort_unstable();
    indices.dedup();
    indices
}

/// Sets each speaker's embedding to the weighted mean of those of its sub-segments.
pub(super) fn assign_embeddings(speakers: &mut [LocalSpeaker], embeddings: &SubSegmentEmbeddings) {
    for speaker in speakers {
        let mut sum = [0.0; EMBEDDING_DIM];
        for (index, ratio) in &speaker.solo_ratios {
            if let Some(embedding) = embeddings.get(*index) {
                embeddings::add_scaled(&mut sum, embedding, ratio.powi(SOLO_RATIO_EXPONENT));
            }
        }
        speaker.embedding = embeddings::normalized(sum).map(Box::new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::WINDOW_FRAMES;

    /// The local speakers of a window in which the first speaker speaks alone, and then together with the second.
    fn find(solo_frames: usize, overlap_frames: usize) -> Vec<LocalSpeaker> {
        let mut speakers = LocalSpeakers::new(WINDOW_FRAMES);
        speakers.push(&window(solo_frames, overlap_frames));
        speakers.finish()
    }

    fn window(solo_frames: usize, overlap_frames: usize) -> Window {
        let activity = (0..WINDOW_FRAMES).map(|frame| match frame {
            frame if frame < solo_frames => [0.9, 0.0, 0.0],
            frame if frame < solo_frames + overlap_frames => [0.9, 0.9, 0.0],
            _ => [0.0; MAX_LOCAL_SPEAKERS],
        });
        Window {
            first_frame: 0,
            activity: activity.collect(),
        }
    }

    #[test]
    fn embeddings_come_from_non_overlapped_speech() {
        let mut speakers = find(200, 200);
        assert_eq!(speakers.len(), 2);
        // 200 frames are 3.4 s: the sub-segments that start at 0, 0.75 and 1.5 s, and two that are partly overlapped.
        let needed = sub_segments(&speakers);
        assert_eq!(needed, [0, 1, 2, 3, 4]);
        assert!(
            speakers[1].solo_ratios.is_empty(),
            "the second speaker never speaks alone"
        );

        let axis = |n: usize| {
            let mut embedding = [0.0; EMBEDDING_DIM];
            embedding[n] = 1.0;
            embedding
        };
        let embeddings = needed.iter().map(|index| (*index, axis(*index)));
        let embeddings = SubSegmentEmbeddings::from_sorted(embeddings);
        assign_embeddings(&mut speakers, &embeddings);
        let embedding = speakers[0].embedding.as_deref().unwrap();
        assert!(
            embedding[0] > embedding[4] && embedding[4] > 0.0,
            "{:?}",
            &embedding[..5]
        );
        assert!(speakers[1].embedding.is_none());
    }

    #[test]
    fn short_local_speakers_are_kept_only_if_there_are_no_longer_ones() {
        assert_eq!(find(10, 0).len(), 1);
        assert_eq!(find(200, 10).len(), 1);
        assert_eq!(find(2, 0).len(), 0);
        let mut speakers = LocalSpeakers::new(10 * WINDOW_FRAMES);
        for window in [window(10, 0), window(2, 0), window(200, 10), window(10, 0)] {
            speakers.push(&window);
        }
        let windows: Vec<usize> = speakers.finish().iter().map(|found| found.window).collect();
        assert_eq!(windows, [2]);
    }
}
