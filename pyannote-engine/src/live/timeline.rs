//! Who speaks in each frame of the current window, averaged over the windows that cover it.

use std::collections::VecDeque;

use crate::LiveOptions;
use crate::models::POWERSET_CLASSES;
use crate::pipeline::reconstruction::active_speakers;
use crate::pipeline::windows::{MAX_LOCAL_SPEAKERS, SpeakerCount, Window};

/// Maximum number of speakers of the stream.
pub(super) const MAX_SPEAKERS: usize = LiveOptions::MAX_SPEAKERS;
/// The column of those who are unknown.
const UNKNOWN: usize = MAX_SPEAKERS;
/// Weight of a window relative to the next one, in which more audio follows the frame.
const WINDOW_DECAY: f32 = 0.8;

/// Sums over the windows that cover a frame.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    weight: f32,
    count: SpeakerCount,
    /// The activity of each speaker and of unknown ones.
    activity: [f32; MAX_SPEAKERS + 1],
}

/// The newest frames.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    frames: VecDeque<Frame>,
    /// Index in the stream of the first of them.
    first_frame: usize,
}

impl Timeline {
    /// Index in the stream of the frame after the last one.
    pub(super) fn end_frame(&self) -> usize {
        self.first_frame + self.frames.len()
    }

    /// Drops the frames before `first_frame`, and adds silent ones up to `end_frame`.
    pub(super) fn shift(&mut self, first_frame: usize, end_frame: usize) {
        let dropped = first_frame.saturating_sub(self.first_frame);
        self.frames.drain(..dropped.min(self.frames.len()));
        self.first_frame += dropped;
        let count = end_frame.saturating_sub(self.first_frame);
        self.frames
            .resize(count.max(self.frames.len()), Frame::default());
    }

    /// The activity of each speaker in the frames from `first_frame` on.
    pub(super) fn activity(&self, first_frame: usize) -> impl Iterator<Item = [f32; MAX_SPEAKERS]> {
        self.from(first_frame).map(|frame| {
            let mut row = [0.0; MAX_SPEAKERS];
            for (value, sum) in row.iter_mut().zip(frame.activity) {
                *value = sum / frame.weight.max(f32::MIN_POSITIVE);
            }
            row
        })
    }

    /// Adds the posteriors of a window, given its activity and the speaker of the stream that each of its local
    /// speakers is, if known.
    pub(super) fn add(
        &mut self,
        window: &Window,
        posteriors: &[f32],
        speakers: &[Option<usize>; MAX_LOCAL_SPEAKERS],
    ) {
        let skipped = window.first_frame.saturating_sub(self.first_frame);
        let frames = self.frames.iter_mut().skip(skipped);
        let rows = window
            .activity
            .iter()
            .zip(posteriors.chunks_exact(POWERSET_CLASSES));
        for (frame, (activity, posteriors)) in frames.zip(rows) {
            for (speaker, value) in speakers.iter().zip(activity) {
                // Earlier windows had the speaker as an unknown one.
                if let Some(speaker) = speaker {
                    let recognized = value.clamp(0.0, 1.0) * frame.activity[UNKNOWN];
                    frame.activity[*speaker] += recognized;
                    frame.activity[UNKNOWN] -= recognized;
                }
            }
            frame.weight = WINDOW_DECAY * frame.weight + 1.0;
            frame.count.silence *= WINDOW_DECAY;
            frame.count.overlap *= WINDOW_DECAY;
            frame.count.add(posteriors);
            frame
                .activity
                .iter_mut()
                .for_each(|sum| *sum *= WINDOW_DECAY);
            for (speaker, value) in speakers.iter().zip(activity) {
                frame.activity[speaker.unwrap_or(UNKNOWN)] += value;
            }
        }
    }

    /// Whether each speaker is active, in the frames from `first_frame` on.
    pub(super) fn active(&self, first_frame: usize) -> impl Iterator<Item = [bool; MAX_SPEAKERS]> {
        self.from(first_frame).map(|frame| {
            let mut active = [false; MAX_SPEAKERS];
            // Frames that no window covers are silent.
            if frame.weight > 0.0 {
                let count = SpeakerCount {
                    silence: frame.count.silence / frame.weight,
                    overlap: frame.count.overlap / frame.weight,
                };
                let row = frame.activity.map(|sum| sum / frame.weight);
                for speaker in active_speakers(count, &row).into_iter().flatten() {
                    if let Some(active) = active.get_mut(speaker) {
                        *active = true;
                    }
                }
            }
            active
        })
    }

    fn from(&self, first_frame: usize) -> impl Iterator<Item = &Frame> {
        let skipped = first_frame.saturating_sub(self.first_frame);
        self.frames.iter().skip(skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::windows::powerset_to_multilabel;

    /// Adds a window of 100 frames in which local speaker 0 or 1 speaks alone.
    fn add(
        timeline: &mut Timeline,
        first_frame: usize,
        local: usize,
        speakers: [Option<usize>; 3],
    ) {
        let mut posteriors = [0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        posteriors[1 + local] = 0.9;
        let window = Window {
            first_frame,
            activity: vec![powerset_to_multilabel(&posteriors); 100],
        };
        timeline.add(&window, &posteriors.repeat(100), &speakers);
    }

    /// The active speakers of the only frame at `frame`.
    fn active(timeline: &Timeline, frame: usize) -> Vec<usize> {
        let row = timeline.active(frame).next().unwrap();
        (0..MAX_SPEAKERS).filter(|speaker| row[*speaker]).collect()
    }

    #[test]
    fn local_speakers_become_those_of_the_stream() {
        let mut timeline = Timeline::default();
        timeline.shift(0, 120);
        add(&mut timeline, 10, 1, [None, Some(7), None]);
        assert!(active(&timeline, 9).is_empty());
        assert_eq!(active(&timeline, 10), [7]);
        assert_eq!(active(&timeline, 109), [7]);
        assert!(active(&timeline, 110).is_empty());
        assert_eq!(timeline.activity(10).next().unwrap()[7], 0.9);
    }

    #[test]
    fn unknown_speakers_are_not_reported_and_can_be_recognized_later() {
        let mut timeline = Timeline::default();
        timeline.shift(0, 100);
        for _ in 0..5 {
            add(&mut timeline, 0, 0, [None, None, None]);
        }
        assert!(active(&timeline, 0).is_empty());
        add(&mut timeline, 0, 0, [Some(3), None, None]);
        assert_eq!(active(&timeline, 0), [3]);
    }

    #[test]
    fn newer_windows_count_for_more() {
        let mut timeline = Timeline::default();
        timeline.shift(0, 100);
        add(&mut timeline, 0, 0, [Some(0), None, None]);
        add(&mut timeline, 0, 0, [Some(1), None, None]);
        assert_eq!(active(&timeline, 0), [1]);
    }

    #[test]
    fn old_frames_are_dropped() {
        let mut timeline = Timeline::default();
        for step in 0..1_000 {
            timeline.shift(step * 30, step * 30 + 589);
            assert_eq!(timeline.frames.len(), 589);
        }
        assert_eq!(timeline.end_frame(), 999 * 30 + 589);
        // A jump beyond the end.
        timeline.shift(100_000, 100_010);
        assert_eq!((timeline.frames.len(), timeline.end_frame()), (10, 100_010));
    }
}
