//! From who is active in each frame to the starts and ends of turns.

use super::last_window::MAX_SPEAKERS;

/// A speaker starts or stops speaking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Change {
    /// Index in the stream of the first frame after it.
    pub(super) frame: usize,
    pub(super) speaker: usize,
    pub(super) starts: bool,
}

/// Decides frame by frame who is speaking.
#[derive(Debug)]
pub(super) struct TurnFinder {
    speaking: [bool; MAX_SPEAKERS],
    /// Index in the stream of the first frame that is not decided.
    next_frame: usize,
    min_turn_frames: usize,
    min_gap_frames: usize,
}

impl TurnFinder {
    /// Turns that are shorter than `min_turn_frames` are dropped, gaps that are shorter than `min_gap_frames` are
    /// filled.
    pub(super) fn new(min_turn_frames: usize, min_gap_frames: usize) -> Self {
        Self {
            speaking: [false; MAX_SPEAKERS],
            next_frame: 0,
            min_turn_frames: min_turn_frames.max(1),
            min_gap_frames: min_gap_frames.max(1),
        }
    }

    /// Index in the stream of the first frame that is not decided.
    pub(super) fn next_frame(&self) -> usize {
        self.next_frame
    }

    /// Decides the frames before `end_frame`, given who is active in each frame from [`next_frame`](Self::next_frame)
    /// on. The frames from `end_frame` on show whether a turn or a gap is long enough.
    pub(super) fn advance(
        &mut self,
        active: &[[bool; MAX_SPEAKERS]],
        end_frame: usize,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let count = end_frame.saturating_sub(self.next_frame).min(active.len());
        for first in 0..count {
            let coming = &active[first..];
            let mut changed = |starts: bool, is_needed: &dyn Fn(usize) -> bool| {
                for speaker in 0..MAX_SPEAKERS {
                    if self.speaking[speaker] != starts && is_needed(speaker) {
                        self.speaking[speaker] = starts;
                        changes.push(Change {
                            frame: self.next_frame,
                            speaker,
                            starts,
                        });
                    }
                }
            };
            changed(false, &|speaker| {
                !coming
                    .iter()
                    .take(self.min_gap_frames)
                    .any(|row| row[speaker])
            });
            changed(true, &|speaker| {
                coming
                    .iter()
                    .take(self.min_turn_frames)
                    .all(|row| row[speaker])
            });
            self.next_frame += 1;
        }
        changes
    }

    /// Ends all turns.
    pub(super) fn finish(&mut self) -> Vec<Change> {
        let speaking = std::mem::take(&mut self.speaking);
        let frame = self.next_frame;
        let speakers = (0..MAX_SPEAKERS).filter(|speaker| speaking[*speaker]);
        speakers
            .map(|speaker| Change {
                frame,
                speaker,
                starts: false,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rows of frames from strings: one for each speaker, `#` is active.
    fn frames(speakers: &[&str]) -> Vec<[bool; MAX_SPEAKERS]> {
        let row = |frame: usize| {
            let mut row = [false; MAX_SPEAKERS];
            for (active, text) in row.iter_mut().zip(speakers) {
                *active = text.as_bytes()[frame] == b'#';
            }
            row
        };
        (0..speakers[0].len()).map(row).collect()
    }

    /// The changes if `hop` frames become known at a time, and are decided `ahead` frames later.
    fn changes(
        active: &[[bool; MAX_SPEAKERS]],
        hop: usize,
        ahead: usize,
    ) -> Vec<(usize, usize, bool)> {
        let mut finder = TurnFinder::new(3, 2);
        let mut changes = Vec::new();
        for end in (hop..=active.len()).step_by(hop) {
            changes.extend(
                finder.advance(&active[finder.next_frame()..end], end.saturating_sub(ahead)),
            );
        }
        changes.extend(finder.advance(&active[finder.next_frame()..], usize::MAX));
        assert_eq!(finder.next_frame(), active.len());
        changes.extend(finder.finish());
        changes
            .iter()
            .map(|change| (change.frame, change.speaker, change.starts))
            .collect()
    }

    #[test]
    fn short_turns_and_gaps_are_not_reported() {
        for (name, speakers, expected) in [
            ("silence", vec!["........"], vec![]),
            (
                "a turn",
                vec!["..###..."],
                vec![(2, 0, true), (5, 0, false)],
            ),
            ("too short", vec!["..##...."], vec![]),
            (
                "short gap",
                vec!["###.####"],
                vec![(0, 0, true), (8, 0, false)],
            ),
            (
                "long gap",
                vec!["###..###"],
                vec![(0, 0, true), (3, 0, false), (5, 0, true), (8, 0, false)],
            ),
            (
                "short turn after a long gap",
                vec!["###..##.."],
                vec![(0, 0, true), (3, 0, false)],
            ),
            (
                "short turn at the end",
                vec!["......##"],
                vec![(6, 0, true), (8, 0, false)],
            ),
            (
                "one ends when the other starts",
                vec!["....####", "####...."],
                vec![(0, 1, true), (4, 1, false), (4, 0, true), (8, 0, false)],
            ),
            (
                "overlap",
                vec!["######..", "..####.."],
                vec![(0, 0, true), (2, 1, true), (6, 0, false), (6, 1, false)],
            ),
        ] {
            assert_eq!(changes(&frames(&speakers), 1, 4), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn the_size_of_the_hop_makes_no_difference(
            rows in prop::collection::vec(prop::collection::vec(any::<bool>(), 3), 0..60),
            hop in 1_usize..12,
        ) {
            let rows: Vec<_> = rows
                .into_iter()
                .map(|row| {
                    let mut active = [false; MAX_SPEAKERS];
                    active[..3].copy_from_slice(&row);
                    active
                })
                .collect();
            let found = changes(&rows, hop, 3);
            prop_assert_eq!(&found, &changes(&rows, 1, 3));
            prop_assert!(found.is_sorted_by_key(|(frame, ..)| *frame));
            // Each speaker starts and stops alternately.
            for speaker in 0..3 {
                let own: Vec<bool> = found.iter().filter(|(_, s, _)| *s == speaker).map(|(_, _, starts)| *starts).collect();
                prop_assert!(own.len().is_multiple_of(2) && own.iter().enumerate().all(|(n, starts)| *starts == n.is_multiple_of(2)));
            }
        }
    }
}
