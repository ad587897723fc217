//! The text of a timeline: its summary, and the description for screen readers.

use super::text::truncate;
use crate::time_format::format_duration;
use crate::timeline::lane::{Lane, Segment, simultaneous_speech, total_duration};

/// Maximum number of speakers in a description.
const MAX_DESCRIBED_SPEAKERS: usize = 30;

/// Maximum width of a name in a description, in multiples of the font size.
const MAX_NAME_EM: f64 = 50.0;

/// The line above the lanes. `rows` are the segments of the lanes within the displayed range.
pub(super) fn summary(lanes: &[Lane<'_>], rows: &[Vec<Segment>], overlaps: &[Segment]) -> String {
    let speakers = match lanes.len() {
        0 => return "No speech".to_owned(),
        1 => "1 speaker".to_owned(),
        count => format!("{count} speakers"),
    };
    let speech = format_duration(total_duration(&simultaneous_speech(rows, 1)));
    let overlap = match overlaps {
        [] => "no overlap".to_owned(),
        overlaps => format!("{} of overlap", format_duration(total_duration(overlaps))),
    };
    format!("{speakers} · {speech} of speech · {overlap}")
}

/// The description for screen readers: the summary, and the speech time and share of each speaker.
pub(super) fn description(
    summary: &str,
    names: &[String],
    speech_times: &[(String, String)],
) -> String {
    let mut text = format!("{summary}.");
    for (name, (time, share)) in names.iter().zip(speech_times).take(MAX_DESCRIBED_SPEAKERS) {
        let name = truncate(name, 1.0, MAX_NAME_EM);
        text.push_str(&format!(" {name}: {time}, {share}."));
    }
    if names.len() > MAX_DESCRIBED_SPEAKERS {
        let more = names.len() - MAX_DESCRIBED_SPEAKERS;
        text.push_str(&format!(" And {more} more."));
    }
    text
}
