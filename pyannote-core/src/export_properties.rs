//! Properties of all exports, for arbitrary turns and transcripts.

use proptest::prelude::*;

use crate::{SubtitleOptions, SvgOptions, Transcript, TranscriptSegment, Turn, Turns};

/// Any float, and often floats that are close to each other.
pub(crate) fn times() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        -1.0..100.0_f64,
        Just(f64::NAN),
        Just(f64::MAX),
        Just(0.0)
    ]
}

fn near_zero() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(-0.0),
        Just(0.0),
        Just(-1e-9),
        Just(1e-9),
        Just(-0.04),
        Just(0.04),
        Just(-1.0),
        Just(1.0)
    ]
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[AB]",
        "[ \n\t\"'<>&\u{0}\u{fffe}\u{ffff};=-]{0,8}"
    ]
}

proptest! {
    #[test]
    fn exports_of_turns_are_well_formed(
        turns in prop::collection::vec((times(), times(), names()), 0..12),
        title in names(),
        width in any::<u32>(),
        range in (times(), times()),
        uri in names(),
    ) {
        let turns: Turns = turns.into_iter().map(|(start, end, speaker)| Turn::new(start, end, speaker)).collect();
        let _ = turns.to_rttm(&uri);
        let _ = turns.to_csv();
        prop_assert_eq!(turns.to_text().lines().count(), turns.len());
        // One label per line, three fields per label.
        prop_assert!(turns.to_audacity().split_terminator('\n').all(|line| line.split('\t').count() == 3));
        let options = SvgOptions::default().width(width).title(title).range(range.0, range.1);
        for svg in [turns.to_svg(), turns.to_svg_with(&options)] {
            let document = roxmltree::Document::parse(&svg);
            prop_assert!(document.is_ok(), "{:?}\n{}", document, svg);
            // Viewers do not draw elements with NaN or infinite attributes.
            let document = document.unwrap();
            for attribute in document.descendants().flat_map(|node| node.attributes()) {
                if matches!(attribute.name(), "x" | "y" | "x1" | "x2" | "width" | "height" | "fill-opacity") {
                    let value: f64 = attribute.value().parse().unwrap();
                    prop_assert!((0.0..1e7).contains(&value), "{} {}", attribute.name(), value);
                }
            }
        }
    }

    #[test]
    fn exports_have_no_negative_zero(
        spans in prop::collection::vec((near_zero(), near_zero(), "[AB]"), 0..6),
        range in (near_zero(), near_zero()),
    ) {
        let turns: Turns = spans.iter().map(|(start, end, speaker)| Turn::new(*start, *end, speaker)).collect();
        let transcript: Transcript =
            spans.iter().map(|(start, end, speaker)| TranscriptSegment::new(*start, *end, "x", speaker)).collect();
        let options = SvgOptions::default().range(range.0, range.1);
        for export in [
            turns.to_rttm("uri").unwrap_or_default(),
            turns.to_csv(),
            turns.to_text(),
            turns.to_audacity(),
            turns.to_svg_with(&options),
            transcript.to_csv(),
            transcript.to_text(),
            transcript.to_audacity(),
            transcript.to_srt(),
            transcript.to_webvtt(),
            serde_json::to_string(&transcript.to_diarized_json(range.0)).unwrap(),
        ] {
            let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.');
            let is_negative_zero = |text: &str| text.starts_with('-') && text.parse() == Ok(0.0);
            let found = export.split(|c| !is_part(c)).find(|text| is_negative_zero(text));
            prop_assert_eq!(found, None, "{}", export);
        }
    }

    #[test]
    fn exports_of_transcripts_are_well_formed(
        segments in prop::collection::vec((times(), times(), names(), names()), 0..12),
        max_line_chars: usize,
        max_lines: usize,
    ) {
        let transcript: Transcript = segments
            .into_iter()
            .map(|(start, end, text, speaker)| TranscriptSegment::new(start, end, text, speaker))
            .collect();
        let _ = transcript.to_csv();
        let _ = transcript.to_text();
        let _ = transcript.to_audacity();
        let options = SubtitleOptions::default().max_line_chars(max_line_chars).max_lines(max_lines);
        for (srt, webvtt) in [
            (transcript.to_srt(), transcript.to_webvtt()),
            (transcript.to_srt_with(&options), transcript.to_webvtt_with(&options)),
        ] {
            // One arrow per block, and each block is a number, a timing line and at least one line of text.
            let blocks: Vec<&str> = srt.split_terminator("\n\n").collect();
            prop_assert_eq!(blocks.len(), srt.matches("-->").count());
            prop_assert!(blocks.iter().all(|block| block.lines().count() >= 3), "{:?}", srt);
            let blocks: Vec<&str> = webvtt.trim_end().split("\n\n").skip(1).collect();
            prop_assert_eq!(blocks.len(), webvtt.matches("-->").count());
            prop_assert!(blocks.iter().all(|block| block.lines().count() >= 2), "{:?}", webvtt);
        }
    }
}
