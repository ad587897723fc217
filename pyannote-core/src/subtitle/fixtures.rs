//! Transcripts for the snapshot tests of both formats.

use crate::{Transcript, TranscriptSegment};

fn transcript(segments: &[(f64, f64, &str, &str)]) -> Transcript {
    let segments = segments
        .iter()
        .map(|&(start, end, text, speaker)| TranscriptSegment::new(start, end, text, speaker));
    Transcript::from(segments.collect::<Vec<_>>())
}

/// One segment per word, with a pause, overlapped speech, and an end that rounds up to a minute.
pub(super) fn words() -> Transcript {
    transcript(&[
        (0.1, 0.4, "Good", "SPEAKER_00"),
        (0.4, 0.9, "morning.", "SPEAKER_00"),
        (2.5, 2.8, "How", "SPEAKER_00"),
        (2.8, 3.0, "are", "SPEAKER_00"),
        (3.0, 3.4, "you?", "SPEAKER_00"),
        (3.3, 3.9, "Fine,", "SPEAKER_01"),
        (3.9, 4.4, "thanks.", "SPEAKER_01"),
        (59.0, 59.9996, "Bye.", "SPEAKER_00"),
    ])
}

/// One segment per turn; two are too long for a single cue.
pub(super) fn turns() -> Transcript {
    transcript(&[
        (
            0.0,
            16.0,
            "We should talk about the schedule first, because the second half of the year is rather full. \
             After that we can look at the budget, and see what is left for the two new people.",
            "Ada Lovelace",
        ),
        (16.5, 17.0, "Agreed.", "Grace Hopper"),
        (
            3600.0,
            3601.25,
            "日本語の文には空白がありません。だから長い行は文字で切ります。そうしないと一行が画面より長くなります。",
            "山田",
        ),
    ])
}

/// Names and words with markup, line breaks and arrows, and invalid times.
pub(super) fn markup() -> Transcript {
    transcript(&[
        (
            0.0,
            1.0,
            "a --> b\n\nWEBVTT\r\n\r\n1\n",
            "<b>\nAda & \"Co\"",
        ),
        (2.0, 3.0, "{\\an8}<i>x</i> &lt; 1 < 2", ""),
        (4.0, 5.0, "\u{0}\u{b}\u{2029} \u{85}", "silent"),
        (f64::NAN, 5.0, "skipped", "A"),
        (6.0, f64::INFINITY, "skipped", "A"),
        (8.0, 7.0, "skipped", "A"),
        (-1.0, 0.0001, "--", "C--"),
        (
            9.0,
            10.0,
            "word",
            "a name that is longer than a line of a subtitle may be",
        ),
    ])
}
