//! The last window: who speaks in its frames, and which speakers of the next window are the same.

use crate::LiveOptions;
use crate::models::POWERSET_CLASSES;
use crate::pipeline::embeddings::EmbeddingVector;
use crate::pipeline::frames;
use crate::pipeline::reassignment::best_permutation;
use crate::pipeline::reconstruction::active_speakers;
use crate::pipeline::windows::{MAX_LOCAL_SPEAKERS, SpeakerCount, Window};

/// Maximum number of speakers of the stream.
pub(super) const MAX_SPEAKERS: usize = LiveOptions::MAX_SPEAKERS;
/// The column of those who are unknown.
const UNKNOWN: usize = MAX_SPEAKERS;

/// Minimum duration of activity in frames of both windows for a speaker to continue.
const MIN_CONTINUED_S: f32 = 0.05;

/// A window, with the speaker of the stream and the embedding of each of its speakers, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct LastWindow {
    first_frame: usize,
    counts: Vec<SpeakerCount>,
    activity: Vec<[f32; MAX_LOCAL_SPEAKERS]>,
    pub(super) speakers: [Option<usize>; MAX_LOCAL_SPEAKERS],
    pub(super) embeddings: [Option<EmbeddingVector>; MAX_LOCAL_SPEAKERS],
}

/// What is known of a speaker who was in the last window.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Continued {
    /// The speaker of the stream.
    pub(super) speaker: Option<usize>,
    /// Duration of the activity in frames of both windows.
    pub(super) shared_s: f32,
    pub(super) embedding: Option<EmbeddingVector>,
}

impl LastWindow {
    /// A window whose speakers are unknown.
    pub(super) fn new(window: Window, posteriors: &[f32]) -> Self {
        let count = |posteriors: &[f32]| {
            let mut count = SpeakerCount::default();
            count.add(posteriors);
            count
        };
        Self {
            first_frame: window.first_frame,
            counts: posteriors
                .chunks_exact(POWERSET_CLASSES)
                .map(count)
                .collect(),
            activity: window.activity,
            ..Self::default()
        }
    }

    /// Index in the stream of the frame after the last one.
    pub(super) fn end_frame(&self) -> usize {
        self.first_frame + self.activity.len()
    }

    /// What is known of each speaker of the next window, who continues the one of this window with the most activity in
    /// the same frames. Nothing is known of a speaker who is not active in the frames of both windows.
    pub(super) fn continued(&self, next: &Window) -> [Continued; MAX_LOCAL_SPEAKERS] {
        let skipped = next.first_frame.saturating_sub(self.first_frame);
        let mut shared_s = vec![vec![0.0; MAX_LOCAL_SPEAKERS]; MAX_LOCAL_SPEAKERS];
        for (before, now) in self.activity.iter().skip(skipped).zip(&next.activity) {
            for (row, now) in shared_s.iter_mut().zip(now) {
                for (shared_s, before) in row.iter_mut().zip(before) {
                    *shared_s += now * before * frames::STEP_S as f32;
                }
            }
        }
        let permutation = best_permutation(&shared_s);
        std::array::from_fn(|local| {
            let before = permutation[local];
            let shared_s = shared_s[local][before];
            match shared_s >= MIN_CONTINUED_S {
                true => Continued {
                    speaker: self.speakers[before],
                    shared_s,
                    embedding: self.embeddings[before],
                },
                false => Continued::default(),
            }
        })
    }

    /// Whether each speaker of the stream is active in a frame. Those after the window are silent.
    pub(super) fn active(&self, frame: usize) -> [bool; MAX_SPEAKERS] {
        let mut active = [false; MAX_SPEAKERS];
        let Some(position) = frame.checked_sub(self.first_frame) else {
            return active;
        };
        let row = self.counts.get(position).zip(self.activity.get(position));
        if let Some((count, activity)) = row {
            let mut row = [0.0; MAX_SPEAKERS + 1];
            for (speaker, value) in self.speakers.iter().zip(activity) {
                row[speaker.unwrap_or(UNKNOWN)] += value;
            }
            for speaker in active_speakers(*count, &row).into_iter().flatten() {
                if let Some(active) = active.get_mut(speaker) {
                    *active = true;
                }
            }
        }
        active
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::EMBEDDING_DIM;
    use crate::pipeline::windows::powerset_to_multilabel;

    /// Posteriors of 100 frames in which the local speaker that is given speaks alone.
    fn posteriors(speaks: impl Fn(usize) -> Option<usize>) -> Vec<f32> {
        let row = |frame| {
            let mut row = [0.0; POWERSET_CLASSES];
            row[speaks(frame).map_or(0, |local| 1 + local)] = 1.0;
            row
        };
        (0..100).flat_map(row).collect()
    }

    fn window(first_frame: usize, posteriors: &[f32]) -> Window {
        Window {
            first_frame,
            activity: posteriors
                .chunks_exact(POWERSET_CLASSES)
                .map(powerset_to_multilabel)
                .collect(),
        }
    }

    /// The window from frame 1000 on in which local speaker 0 speaks in the first half, and 1 in the second one.
    fn last() -> LastWindow {
        let posteriors = posteriors(|frame| Some(frame / 50));
        LastWindow {
            speakers: [Some(7), Some(2), None],
            embeddings: [Some([0.7; EMBEDDING_DIM]), Some([0.2; EMBEDDING_DIM]), None],
            ..LastWindow::new(window(1_000, &posteriors), &posteriors)
        }
    }

    #[test]
    fn speakers_continue_those_with_the_most_activity_in_the_same_frames() {
        // In frames 1050 to 1100, local speaker 0 speaks who was 1, and in the first 20, 2 who was 0.
        let next = posteriors(|frame| match frame {
            0..20 => Some(2),
            20..90 => Some(0),
            _ => Some(1),
        });
        let [second, new, first] = last().continued(&window(1_030, &next));
        assert_eq!((first.speaker, second.speaker), (Some(7), Some(2)));
        assert!((second.shared_s - 50.0 * frames::STEP_S as f32).abs() < 1e-3);
        assert_eq!(first.embedding, Some([0.7; EMBEDDING_DIM]));
        assert_eq!(new, Continued::default());
    }

    #[test]
    fn nobody_continues_after_a_gap() {
        let next = posteriors(|_| Some(0));
        let continued = last().continued(&window(5_000, &next));
        assert_eq!(continued, <[Continued; MAX_LOCAL_SPEAKERS]>::default());
    }

    #[test]
    fn known_speakers_are_active_and_others_are_not() {
        let active = |last: &LastWindow, frame| -> Vec<usize> {
            let row = last.active(frame);
            (0..MAX_SPEAKERS).filter(|speaker| row[*speaker]).collect()
        };
        let mut last = last();
        for (frame, expected) in [
            (0, vec![]),
            (999, vec![]),
            (1_000, vec![7]),
            (1_050, vec![2]),
            (1_099, vec![2]),
            (1_100, vec![]),
        ] {
            assert_eq!(active(&last, frame), expected, "{frame}");
        }
        last.speakers[1] = None;
        assert!(active(&last, 1_050).is_empty());
        assert_eq!(last.end_frame(), 1_100);
    }
}
