//! Lanes of a timeline: the speech of each speaker.

use std::collections::HashMap;

use crate::span::{clamp_to_recording, regions_with_depth};
use crate::{Span, Turns};

/// A span of speech in a lane, made of one or more turns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Segment {
    /// Start in seconds.
    pub(crate) start: f64,
    /// End in seconds.
    pub(crate) end: f64,
    pub(crate) turns: usize,
}

impl Segment {
    /// Duration in seconds.
    pub(crate) fn duration(&self) -> f64 {
        self.end - self.start
    }
}

/// The speech of one speaker. The segments are sorted and do not overlap.
#[derive(Debug)]
pub(crate) struct Lane<'a> {
    pub(crate) speaker: &'a str,
    pub(crate) segments: Vec<Segment>,
}

/// Returns one lane per speaker, in order of appearance. Turns with invalid times are skipped.
pub(crate) fn lanes(turns: &Turns) -> Vec<Lane<'_>> {
    let mut lanes: Vec<Lane<'_>> = Vec::new();
    let mut index_by_speaker = HashMap::new();
    let mut sorted: Vec<(Span, &str)> = turns
        .iter()
        .filter_map(|turn| {
            let span = clamp_to_recording(turn.start, turn.end)?;
            Some((span, turn.speaker.as_str()))
        })
        .collect();
    sorted.sort_by(|(a, _), (b, _)| a.start.total_cmp(&b.start));
    for (span, speaker) in sorted {
        let index = *index_by_speaker.entry(speaker).or_insert_with(|| {
            lanes.push(Lane {
                speaker,
                segments: Vec::new(),
            });
            lanes.len() - 1
        });
        lanes[index].push(span);
    }
    lanes
}

impl Lane<'_> {
    /// Adds a turn that does not start before the previous ones, merging it with a turn that it overlaps.
    fn push(&mut self, span: Span) {
        match self.segments.last_mut() {
            Some(last) if span.start < last.end => {
                last.end = last.end.max(span.end);
                last.turns += 1;
            }
            _ => self.segments.push(Segment {
                start: span.start,
                end: span.end,
                turns: 1,
            }),
        }
    }
}

/// Returns the segments within `range`, cut to it.
pub(crate) fn crop(segments: &[Segment], range: Span) -> Vec<Segment> {
    segments
        .iter()
        .filter(|segment| segment.start <= range.end && segment.end >= range.start)
        .map(|segment| Segment {
            start: segment.start.max(range.start),
            end: segment.end.min(range.end),
            turns: segment.turns,
        })
        .collect()
}

/// The sum of the durations of all segments in seconds. Infinite if turns are near the limit of `f64`.
pub(crate) fn total_duration(segments: &[Segment]) -> f64 {
    // Not `Iterator::sum`, which is -0.0 if there are no segments.
    segments
        .iter()
        .map(Segment::duration)
        .fold(0.0, |sum, duration| sum + duration)
}

/// Returns the regions in which at least `min_speakers` of the lanes have speech.
pub(crate) fn simultaneous_speech(lanes: &[Vec<Segment>], min_speakers: usize) -> Vec<Segment> {
    let spans = lanes.iter().flatten();
    let spans = spans.map(|segment| Span::new(segment.start, segment.end));
    regions_with_depth(spans, min_speakers)
        .into_iter()
        .map(|span| Segment {
            start: span.start,
            end: span.end,
            turns: 1,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Segment, crop, lanes, simultaneous_speech, total_duration};
    use crate::{Span, Turn, Turns};

    fn segments(times: &[(f64, f64)]) -> Vec<Segment> {
        let segment = |&(start, end)| Segment {
            start,
            end,
            turns: 1,
        };
        times.iter().map(segment).collect()
    }

    #[test]
    fn lanes_are_in_order_of_appearance() {
        let turns = Turns::from(vec![
            Turn::new(5.0, 6.0, "B"),
            Turn::new(4.0, 5.5, "B"),
            Turn::new(1.0, 2.0, "A"),
            Turn::new(f64::NAN, 2.0, "C"),
            Turn::new(6.0, 7.0, "B"),
        ]);
        let lanes = lanes(&turns);
        let speakers: Vec<_> = lanes.iter().map(|lane| lane.speaker).collect();
        assert_eq!(speakers, ["A", "B"]);
        let times: Vec<_> = lanes[1]
            .segments
            .iter()
            .map(|s| (s.start, s.end, s.turns))
            .collect();
        assert_eq!(times, [(4.0, 6.0, 2), (6.0, 7.0, 1)]);
    }

    #[test]
    fn simultaneous_speech_counts_lanes() {
        let lanes = [
            segments(&[(0.0, 4.0), (6.0, 8.0)]),
            segments(&[(3.0, 7.0)]),
            segments(&[(3.5, 3.75), (8.0, 9.0)]),
        ];
        assert_eq!(
            simultaneous_speech(&lanes, 2),
            segments(&[(3.0, 4.0), (6.0, 7.0)])
        );
        assert_eq!(simultaneous_speech(&lanes, 3), segments(&[(3.5, 3.75)]));
        assert_eq!(total_duration(&simultaneous_speech(&lanes, 1)), 9.0);
    }

    #[test]
    fn crop_cuts_segments_to_the_range() {
        let cropped = crop(
            &segments(&[(0.0, 1.0), (2.0, 5.0), (6.0, 7.0)]),
            Span::new(3.0, 6.5),
        );
        assert_eq!(cropped, segments(&[(3.0, 5.0), (6.0, 6.5)]));
    }
}
