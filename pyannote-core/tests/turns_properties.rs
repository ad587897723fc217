//! Properties that hold for any list of turns.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use pyannote_core::{
    Der, Jer, ScoringOptions, Span, Transcript, TranscriptSegment, Turn, Turns, Word,
};

/// Turns on a grid of 0.1 s, so that starts and ends often coincide.
fn grid_turns() -> impl Strategy<Value = Turns> {
    let turn = (0_u16..300, 0_u16..60, 0_usize..4).prop_map(|(start, length, speaker)| {
        let name = ["A", "B", "C", "D"][speaker];
        Turn::new(
            f64::from(start) / 10.0,
            f64::from(start + length) / 10.0,
            name,
        )
    });
    prop::collection::vec(turn, 0..30).prop_map(Turns::from)
}

/// Any float, with special values more often.
fn any_time() -> impl Strategy<Value = f64> {
    let special = prop::sample::select(vec![
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        0.0,
        -0.0,
        f64::MIN_POSITIVE,
        1.0,
        2.0,
    ]);
    prop_oneof![any::<f64>(), special, -10.0..100.0]
}

fn any_turns() -> impl Strategy<Value = Turns> {
    let confidence = prop::option::of(prop::collection::btree_map("[A-C]", any_time(), 0..3));
    let turn = (any_time(), any_time(), "[A-C]", confidence).prop_map(
        |(start, end, speaker, confidence)| {
            let mut turn = Turn::new(start, end, speaker);
            turn.confidence = confidence;
            turn
        },
    );
    prop::collection::vec(turn, 0..20).prop_map(Turns::from)
}

/// Whether a speaker speaks at `time`.
fn is_speaking(turns: &Turns, speaker: &str, time: f64) -> bool {
    turns
        .iter()
        .any(|turn| turn.speaker == speaker && turn.start <= time && time < turn.end)
}

/// The number of speakers who speak at `time`.
fn speaker_count(turns: &Turns, time: f64) -> usize {
    ["A", "B", "C", "D"]
        .iter()
        .filter(|s| is_speaking(turns, s, time))
        .count()
}

/// The center of each cell of the grid.
fn cell_centers() -> impl Iterator<Item = f64> {
    (0..400).map(|cell| f64::from(cell) / 10.0 + 0.05)
}

fn contains(spans: &[Span], time: f64) -> bool {
    spans
        .iter()
        .any(|span| span.start <= time && time < span.end)
}

/// The scored speech of each speaker, as the centers of the regions between two changes.
///
/// The turns of each speaker must not overlap.
fn scored_speech(turns: &Turns, collar: f64, skip_overlap: bool) -> BTreeMap<String, Vec<f64>> {
    let half = 0.5 * collar;
    let boundaries: Vec<f64> = turns
        .iter()
        .flat_map(|turn| [turn.start, turn.end])
        .collect();
    let mut changes: Vec<f64> = boundaries
        .iter()
        .flat_map(|time| [time - half, *time, time + half])
        .collect();
    changes.sort_by(f64::total_cmp);
    let mut speech: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for pair in changes.windows(2).filter(|pair| pair[1] - pair[0] > 1e-6) {
        let center = f64::midpoint(pair[0], pair[1]);
        let in_collar = boundaries.iter().any(|time| (time - center).abs() < half);
        if in_collar || skip_overlap && speaker_count(turns, center) > 1 {
            continue;
        }
        for turn in turns
            .iter()
            .filter(|turn| turn.start < center && center < turn.end)
        {
            speech.entry(turn.speaker.clone()).or_default().push(center);
        }
    }
    speech
}

fn total_speech(turns: &Turns) -> f64 {
    turns.iter().map(Turn::duration).sum()
}

proptest! {
    #[test]
    fn merge_gaps_fills_only_short_gaps(turns in grid_turns(), max_gap in 0.0..5.0) {
        let merged = turns.merge_gaps(max_gap);
        for speaker in ["A", "B", "C", "D"] {
            let own: Turns = turns.iter().filter(|turn| turn.speaker == speaker).cloned().collect();
            let short: Vec<Span> = own.gaps().into_iter().filter(|gap| gap.duration() < max_gap).collect();
            for time in cell_centers() {
                let expected = is_speaking(&turns, speaker, time) || contains(&short, time);
                prop_assert_eq!(is_speaking(&merged, speaker, time), expected, "{} at {}", speaker, time);
            }
            let mut own: Vec<&Turn> = merged.iter().filter(|turn| turn.speaker == speaker).collect();
            own.sort_by(|a, b| a.start.total_cmp(&b.start));
            for pair in own.windows(2) {
                prop_assert!(pair[1].start > pair[0].end && pair[1].start - pair[0].end >= max_gap);
            }
        }
        prop_assert_eq!(merged.merge_gaps(max_gap), merged);
    }

    #[test]
    fn crop_keeps_exactly_the_speech_in_the_range(turns in grid_turns(), start in 0_u16..300, length in 0_u16..200) {
        let (start, end) = (f64::from(start) / 10.0, f64::from(start + length) / 10.0);
        let cropped = turns.crop(start, end);
        for turn in &cropped {
            prop_assert!(start <= turn.start && turn.start < turn.end && turn.end <= end);
        }
        for time in cell_centers() {
            for speaker in ["A", "B", "C", "D"] {
                let expected = start <= time && time < end && is_speaking(&turns, speaker, time);
                prop_assert_eq!(is_speaking(&cropped, speaker, time), expected);
            }
        }
    }

    #[test]
    fn measures_equal_a_count_of_grid_cells(turns in grid_turns()) {
        let (overlap, gaps) = (turns.overlap(), turns.gaps());
        let seconds = |min_speakers: usize| {
            let cells = cell_centers().filter(|time| speaker_count(&turns, *time) >= min_speakers);
            cells.count() as f64 / 10.0
        };
        prop_assert!((turns.speech_time() - seconds(1)).abs() < 1e-6);
        prop_assert!((turns.overlap_time() - seconds(2)).abs() < 1e-6);
        let speech: Vec<f64> = cell_centers().filter(|time| speaker_count(&turns, *time) > 0).collect();
        for time in cell_centers() {
            prop_assert_eq!(contains(&overlap, time), speaker_count(&turns, time) >= 2);
            let between = speech.first().is_some_and(|t| *t < time) && speech.last().is_some_and(|t| time < *t);
            prop_assert_eq!(contains(&gaps, time), between && speaker_count(&turns, time) == 0);
        }
    }

    #[test]
    fn identical_lists_have_no_errors(turns in grid_turns(), collar in 0.0..2.0, skip in any::<bool>()) {
        let options = ScoringOptions::new().collar(collar).skip_overlap(skip);
        // Overlapping turns of one speaker count twice, as in pyannote.metrics, and could change the mapping.
        let turns = turns.merge_gaps(0.0);
        let renamed = turns.map_speakers(|speaker| format!("S{speaker}"));
        let der = Der::score(&turns, &renamed, &options);
        prop_assert_eq!((der.missed_detection, der.false_alarm, der.confusion, der.rate()), (0.0, 0.0, 0.0, 0.0));
        prop_assert_eq!(der.correct, der.total);
        let jer = Jer::score(&turns, &renamed, &options);
        prop_assert!(jer.by_speaker.is_empty() || jer.rate().abs() < 1e-9, "{:?}", jer);
        // Speakers are mapped to themselves, except that those with the same scored speech are interchangeable.
        let scored = scored_speech(&turns, collar, skip);
        for (speaker, speech) in &scored {
            let mapped = der.mapping.get(&format!("S{speaker}"));
            let mapped_speech = mapped.and_then(|mapped| scored.get(mapped));
            prop_assert_eq!(mapped_speech, Some(speech), "{} {:?}", speaker, der.mapping);
        }
        let mapped: BTreeSet<_> = der.mapping.values().collect();
        prop_assert_eq!(mapped.len(), der.mapping.len());
        prop_assert!(der.total == 0.0 || !der.mapping.is_empty());
    }

    #[test]
    fn components_add_up(reference in grid_turns(), hypothesis in grid_turns()) {
        let der = Der::score(&reference, &hypothesis, &ScoringOptions::new());
        prop_assert!((der.total - total_speech(&reference)).abs() < 1e-6);
        prop_assert!((der.correct + der.missed_detection + der.confusion - der.total).abs() < 1e-6);
        prop_assert!((der.correct + der.false_alarm + der.confusion - total_speech(&hypothesis)).abs() < 1e-6);
        for component in [der.missed_detection, der.false_alarm, der.confusion, der.correct] {
            prop_assert!(component >= 0.0);
        }
        // Swapping reference and hypothesis swaps missed detection and false alarm.
        let swapped = Der::score(&hypothesis, &reference, &ScoringOptions::new());
        prop_assert!((swapped.missed_detection - der.false_alarm).abs() < 1e-6);
        prop_assert!((swapped.false_alarm - der.missed_detection).abs() < 1e-6);
    }

    #[test]
    fn every_word_is_kept_exactly_once(
        turns in grid_turns(),
        words in prop::collection::vec((0_u16..320, 0_u16..9), 0..30),
    ) {
        let time = |tenths: u16| f64::from(tenths) / 10.0;
        let words: Vec<Word> = words
            .iter()
            .enumerate()
            .map(|(i, &(start, length))| Word::new(time(start), time(start + length), format!("w{i}")))
            .collect();
        let attributed = turns.assign_words_within(words.clone(), 0.0);
        prop_assert_eq!(attributed.len(), words.len());
        for (word, attributed) in words.iter().zip(&attributed) {
            prop_assert_eq!((&word.text, word.start, word.end), (&attributed.text, attributed.start, attributed.end));
            let inside = speaker_count(&turns, word.start + 0.01) > 0;
            prop_assert!(attributed.speaker.is_some() || !inside);
        }
        let joined = attributed.turn_level("?", f64::INFINITY);
        let text = joined.iter().flat_map(|segment| segment.text.split(' '));
        let text: Vec<&str> = text.filter(|word| !word.is_empty()).collect();
        let expected: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        prop_assert_eq!(text, expected);
        let transcript = attributed.word_level("?");
        let by_turn = turns.words(&transcript);
        let assigned: usize = by_turn.turns.iter().map(|turn| turn.words.len()).sum();
        prop_assert_eq!(assigned + by_turn.unassigned.len(), transcript.len());
        for turn in &by_turn.turns {
            prop_assert!(turn.words.iter().all(|word| word.speaker == turn.turn.speaker));
        }
    }

    #[test]
    fn arbitrary_turns_never_panic_or_give_negative_durations(
        turns in any_turns(),
        other in any_turns(),
        a in any_time(),
        b in any_time(),
        uem in prop::option::of(prop::collection::vec((any_time(), any_time()), 0..4)),
        skip in any::<bool>(),
    ) {
        prop_assert!(turns.speech_time() >= 0.0);
        prop_assert!(turns.overlap_time() >= 0.0);
        prop_assert!(turns.speech_time_by_speaker().iter().all(|(_, seconds)| *seconds >= 0.0));
        prop_assert!(turns.gaps().iter().chain(&turns.overlap()).all(|span| span.end > span.start));
        prop_assert!(turns.below_confidence(a).count() <= turns.len());
        prop_assert!(turns.crop(a, b).iter().all(|turn| turn.end > turn.start && turn.start >= a && turn.end <= b));
        prop_assert_eq!(turns.rename_speaker("A", "B").len(), turns.len());
        prop_assert!(turns.merge_gaps(a).iter().all(|turn| turn.end > turn.start));
        let mut options = ScoringOptions::new().collar(a).skip_overlap(skip);
        if let Some(uem) = uem {
            options = options.uem(uem.into_iter().map(|(start, end)| Span::new(start, end)));
        }
        let der = Der::score(&turns, &other, &options);
        for component in [der.total, der.missed_detection, der.false_alarm, der.confusion, der.correct] {
            prop_assert!(component >= 0.0, "{:?}", der);
        }
        let jer = Jer::score(&turns, &other, &options);
        prop_assert!(jer.by_speaker.values().all(|rate| (0.0..=1.0).contains(rate)), "{:?}", jer);
        let words: Vec<Word> = other.iter().map(|turn| Word::new(turn.start, turn.end, "w")).collect();
        prop_assert_eq!(turns.assign_words_within(words, a).turn_level("?", b).is_empty(), other.is_empty());
        let segments: Vec<_> = other
            .iter()
            .map(|turn| TranscriptSegment::new(turn.start, turn.end, "w", turn.speaker.as_str()))
            .collect();
        let transcript = Transcript::from(segments);
        prop_assert!(turns.words(&transcript).unassigned.len() <= transcript.len());
        let json = serde_json::json!({"score": [1.0, 2.0, 3.0], "resolution": if b.is_finite() { b } else { 0.5 }});
        let frames: pyannote_core::FrameScores = serde_json::from_value(json).unwrap();
        prop_assert!(frames.duration() >= 0.0);
        prop_assert!(frames.at(a).is_none_or(|value| (1.0..=3.0).contains(&value)));
        prop_assert!(frames.mean(a, 7.0).is_none_or(|value| (0.999..=3.001).contains(&value)));
    }
}
