//! The speakers of a page, and their measures.

use std::collections::{BTreeMap, HashMap};

use super::rows::Row;
use crate::timeline::display_name;
use crate::timeline::lane::{Segment, lanes, simultaneous_speech, total_duration};
use crate::{Span, Turns};

/// A speaker with a lane.
#[derive(Debug)]
pub(super) struct Speaker {
    /// The name to display.
    pub(super) name: String,
    /// The name in the diarization, if the speaker has been identified under another one.
    pub(super) label: Option<String>,
    /// The speech: sorted and disjoint.
    pub(super) segments: Vec<Segment>,
    /// Speech, in seconds.
    pub(super) speech_s: f64,
    /// Speech while others speak, in seconds.
    pub(super) overlap_s: f64,
    pub(super) turns: usize,
}

/// The speakers of a page.
#[derive(Debug)]
pub(super) struct Speakers<'a> {
    /// In order of appearance; those who have only words outside of turns come last.
    pub(super) list: Vec<Speaker>,
    /// Index by name in the diarization.
    pub(super) index: HashMap<&'a str, usize>,
    /// The regions in which two or more speakers speak.
    pub(super) overlaps: Vec<Segment>,
    /// The time in which at least one speaker speaks, in seconds.
    pub(super) speech_s: f64,
}

impl<'a> Speakers<'a> {
    /// Measures the speakers of `turns` and `rows`. `names` are those of identified speakers.
    pub(super) fn new(
        turns: &'a Turns,
        rows: &[Row<'a>],
        names: &BTreeMap<String, String>,
    ) -> Self {
        let lanes = lanes(turns);
        let mut index: HashMap<&str, usize> = HashMap::new();
        let mut segments = Vec::new();
        for lane in lanes {
            index.insert(lane.speaker, segments.len());
            segments.push((lane.speaker, lane.segments));
        }
        for row in rows {
            index.entry(row.speaker).or_insert_with(|| {
                segments.push((row.speaker, Vec::new()));
                segments.len() - 1
            });
        }
        let by_speaker: Vec<Vec<Segment>> = segments.iter().map(|(_, list)| list.clone()).collect();
        let overlaps = simultaneous_speech(&by_speaker, 2);
        let speaker = |(label, segments): (&str, Vec<Segment>)| {
            let name = names.get(label);
            Speaker {
                name: display_name(name.map_or(label, String::as_str)),
                label: name
                    .filter(|name| *name != label)
                    .map(|_| display_name(label)),
                speech_s: total_duration(&segments),
                overlap_s: shared_duration(&segments, &overlaps),
                turns: segments.iter().map(|segment| segment.turns).sum(),
                segments,
            }
        };
        Self {
            speech_s: total_duration(&simultaneous_speech(&by_speaker, 1)),
            list: segments.into_iter().map(speaker).collect(),
            index,
            overlaps,
        }
    }
}

/// The time that two sorted lists of disjoint segments share, in seconds. O(n + m).
fn shared_duration(a: &[Segment], b: &[Segment]) -> f64 {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut shared = 0.0;
    while let (Some(first), Some(second)) = (a.peek(), b.peek()) {
        let both = Span::new(first.start.max(second.start), first.end.min(second.end));
        shared += both.duration();
        if first.end < second.end {
            a.next();
        } else {
            b.next();
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Speakers;
    use crate::html::rows::rows;
    use crate::{Transcript, TranscriptSegment, Turn, Turns};

    #[test]
    fn speakers_have_time_turns_and_overlap() {
        let turns = Turns::from([
            Turn::new(0.0, 4.0, "S0"),
            Turn::new(3.0, 6.0, "S1"),
            Turn::new(3.5, 5.0, "S0"),
            Turn::new(5.5, 7.0, "S2"),
        ]);
        let transcript = Transcript::from([TranscriptSegment::new(9.0, 9.5, "Hi", "S3")]);
        let names = BTreeMap::from([
            ("S0".to_owned(), " Ada\nLovelace".to_owned()),
            ("S1".to_owned(), "S1".to_owned()),
        ]);
        let speakers = Speakers::new(&turns, &rows(&turns, &transcript), &names);
        let found: Vec<_> = speakers
            .list
            .iter()
            .map(|s| {
                (
                    s.name.as_str(),
                    s.label.as_deref(),
                    s.speech_s,
                    s.overlap_s,
                    s.turns,
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("Ada Lovelace", Some("S0"), 5.0, 2.0, 2),
                ("S1", None, 3.0, 2.5, 1),
                ("S2", None, 1.5, 0.5, 1),
                ("S3", None, 0.0, 0.0, 0),
            ]
        );
        assert_eq!(speakers.speech_s, 7.0);
        assert_eq!(speakers.index["S3"], 3);
    }
}
