//! The position of decoded frames on the time axis of the recording.

use std::ops::Range;

/// Minimum difference between the time of a packet and the end of the previous one, in seconds, that is corrected: a
/// smaller one may be rounding or jitter of the recorder. As in ffmpeg.
const MIN_JUMP_S: f64 = 0.1;

/// A section of the media that is presented, as in an edit list of MP4.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edit {
    /// Start of the section in the media, in seconds.
    pub(super) media_s: f64,
    /// Duration, in seconds. It may be infinite.
    pub(super) duration_s: f64,
    /// Time at which it is presented, in seconds.
    pub(super) at_s: f64,
}

/// Frames of a packet that are presented, and the silence before them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placement {
    /// Number of frames of silence.
    pub(super) silence: u64,
    /// The frames of the packet.
    pub(super) frames: Range<usize>,
}

/// Places packets by their timestamps: gaps become silence, overlaps are cut, and what is not presented is dropped.
#[derive(Debug)]
pub(super) struct TimeAxis {
    edits: Vec<Edit>,
    /// The end of the last packet, in seconds of the media.
    media_s: f64,
    /// Duration of the output so far, in seconds.
    end_s: f64,
    /// The start of the output on the time axis, in seconds: chained streams start again at zero.
    base_s: f64,
    /// The latest plausible time, in seconds.
    latest_s: f64,
    /// Duration of the gaps that became silence, in seconds.
    gaps_s: f64,
}

impl TimeAxis {
    /// Creates a time axis of edits, in the order of the media, that starts at `base_s` of the output, in seconds. Gaps
    /// that extend beyond the duration `expected_s` are ignored: the timestamp is damaged.
    pub(super) fn new(edits: Vec<Edit>, base_s: f64, expected_s: Option<f64>) -> Self {
        Self {
            edits,
            media_s: 0.0,
            end_s: base_s,
            base_s,
            latest_s: expected_s.unwrap_or(f64::INFINITY) + MIN_JUMP_S,
            gaps_s: 0.0,
        }
    }

    /// Duration of the output so far, in seconds.
    pub(super) fn end_s(&self) -> f64 {
        self.end_s
    }

    /// Duration of the gaps that became silence, in seconds. A late start is none.
    pub(super) fn gaps_s(&self) -> f64 {
        self.gaps_s
    }

    /// Places `frames` frames at `rate` in Hz that start at `start_s` of the media, in seconds, or else at the end of the
    /// last packet.
    pub(super) fn place(
        &mut self,
        start_s: Option<f64>,
        frames: usize,
        rate: u32,
    ) -> Vec<Placement> {
        let rate = f64::from(rate);
        let start_s = start_s.unwrap_or(self.media_s);
        self.media_s = start_s + frames as f64 / rate;
        let mut placements = Vec::new();
        for edit in &self.edits {
            let to_frame = |seconds: f64| {
                // The casts saturate.
                (((seconds - start_s) * rate).round() as usize).min(frames)
            };
            let from = to_frame(edit.media_s);
            let to = to_frame(edit.media_s + edit.duration_s);
            if from >= to {
                continue;
            }
            let at_s = self.base_s + edit.at_s + start_s + from as f64 / rate - edit.media_s;
            let jump_s = at_s - self.end_s;
            let is_first = self.end_s == self.base_s;
            let (mut silence, mut cut) = (0, 0);
            if at_s > self.latest_s {
                // Continues without a gap.
            } else if jump_s >= MIN_JUMP_S || is_first {
                silence = (jump_s * rate).round() as u64;
            } else if jump_s <= -MIN_JUMP_S {
                cut = ((-jump_s * rate).round() as usize).min(to - from);
            }
            if from + cut < to {
                if !is_first {
                    self.gaps_s += silence as f64 / rate;
                }
                self.end_s += (silence as f64 + (to - from - cut) as f64) / rate;
                placements.push(Placement {
                    silence,
                    frames: from + cut..to,
                });
            }
        }
        placements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(media_s: f64, duration_s: f64, at_s: f64) -> Edit {
        Edit {
            media_s,
            duration_s,
            at_s,
        }
    }

    fn placement(silence: u64, frames: Range<usize>) -> Vec<Placement> {
        vec![Placement { silence, frames }]
    }

    #[test]
    fn gaps_become_silence_and_overlaps_are_cut() {
        let mut axis = TimeAxis::new(vec![edit(2.0, f64::INFINITY, 0.0)], 0.0, None);
        // 20 ms of a late start, and jitter.
        assert_eq!(
            axis.place(Some(2.02), 1_000, 1_000),
            placement(20, 0..1_000)
        );
        assert_eq!(axis.place(Some(3.07), 1_000, 1_000), placement(0, 0..1_000));
        assert_eq!(
            axis.place(Some(13.02), 1_000, 1_000),
            placement(9_000, 0..1_000)
        );
        assert_eq!(
            axis.place(Some(13.52), 1_000, 1_000),
            placement(0, 500..1_000)
        );
        assert_eq!(axis.place(Some(0.0), 1_000, 1_000), []);
        assert_eq!(
            axis.place(Some(14.52), 1_000, 1_000),
            placement(0, 0..1_000)
        );
        // The late start is no gap.
        assert_eq!(axis.gaps_s(), 9.0);
    }

    #[test]
    fn packets_without_a_time_continue() {
        let mut axis = TimeAxis::new(vec![edit(0.5, f64::INFINITY, 0.0)], 0.0, None);
        assert_eq!(
            axis.place(Some(0.0), 1_000, 1_000),
            placement(0, 500..1_000)
        );
        assert_eq!(axis.place(None, 1_000, 1_000), placement(0, 0..1_000));
        assert_eq!(
            axis.place(Some(5.0), 1_000, 1_000),
            placement(3_000, 0..1_000)
        );
        assert_eq!(axis.place(None, 1_000, 1_000), placement(0, 0..1_000));
    }

    #[test]
    fn what_is_before_the_origin_is_dropped() {
        let mut axis = TimeAxis::new(vec![edit(0.0, f64::INFINITY, 0.0)], 0.0, None);
        assert_eq!(axis.place(Some(-1.5), 1_000, 1_000), []);
        assert_eq!(
            axis.place(Some(-0.5), 1_000, 1_000),
            placement(0, 500..1_000)
        );
        assert_eq!(axis.place(Some(0.5), 1_000, 1_000), placement(0, 0..1_000));
    }

    #[test]
    fn edits_select_and_move_sections() {
        let edits = vec![edit(1.0, 0.5, 3.0), edit(1.75, 0.75, 3.5)];
        let mut axis = TimeAxis::new(edits, 0.0, None);
        assert_eq!(axis.place(Some(0.0), 1_000, 1_000), []);
        let placements = axis.place(Some(1.0), 1_000, 1_000);
        assert_eq!(
            placements,
            [placement(3_000, 0..500), placement(0, 750..1_000)].concat()
        );
        assert_eq!(axis.place(Some(2.0), 1_000, 1_000), placement(0, 0..500));
        assert_eq!(axis.place(Some(3.0), 1_000, 1_000), []);
    }

    #[test]
    fn chained_streams_continue() {
        let mut axis = TimeAxis::new(vec![edit(0.5, f64::INFINITY, 0.0)], 7.0, None);
        assert_eq!(
            axis.place(Some(0.0), 1_000, 1_000),
            placement(0, 500..1_000)
        );
        assert_eq!(axis.place(Some(1.0), 1_000, 1_000), placement(0, 0..1_000));
        assert_eq!(axis.end_s(), 8.5);
    }

    #[test]
    fn damaged_timestamps_are_ignored() {
        let mut axis = TimeAxis::new(vec![edit(0.0, f64::INFINITY, 0.0)], 0.0, Some(10.0));
        assert_eq!(axis.place(Some(1e9), 1_000, 1_000), placement(0, 0..1_000));
        assert_eq!(
            axis.place(Some(2.0), 1_000, 1_000),
            placement(1_000, 0..1_000)
        );
    }
}
