//! What holds for every list of turns.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use pyannote_core::{Der, DerOptions, Span, Transcript, TranscriptSegment, Turn, Turns, Word};

/// Turns on a grid of tenths, so that starts and ends meet often.
fn gridded() -> impl Strategy<Value = Turns> {
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

/// Any number that a double can be.
fn any_time() -> impl Strategy<Value = f64> {
    let odd = prop::sample::select(vec![
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
    prop_oneof![any::<f64>(), odd, -10.0..100.0]
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

/// Whether a speaker speaks at a time.
fn speaks(turns: &Turns, speaker: &str, time: f64) -> bool {
    turns
        .iter()
        .any(|turn| turn.speaker == speaker && turn.start <= time && time < turn.end)
}

/// Whether someone speaks, and whether two different speakers do.
fn depth(turns: &Turns, time: f64) -> usize {
    ["A", "B", "C", "D"]
        .iter()
        .filter(|s| speaks(turns, s, time))
        .count()
}

/// The middle of each cell of the grid.
fn moments() -> impl Iterator<Item = f64> {
    (0..400).map(|cell| f64::from(cell) / 10.0 + 0.05)
}

fn within(spans: &[Span], time: f64) -> bool {
    spans
        .iter()
        .any(|span| span.start <= time && time < span.end)
}

/// The scored speech of each speaker who has some: the middles of the stretches in which nothing changes.
///
/// The turns of a speaker do not overlap, so that an overlap is one of two speakers.
fn scored_speech(turns: &Turns, collar: f64, skip_overlap: bool) -> BTreeMap<String, Vec<f64>> {
    let half = 0.5 * collar;
    let bounds: Vec<f64> = turns
        .iter()
        .flat_map(|turn| [turn.start, turn.end])
        .collect();
    let mut changes: Vec<f64> = bounds
        .iter()
        .flat_map(|time| [time - half, *time, time + half])
        .collect();
    changes.sort_by(f64::total_cmp);
    let mut speech: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for pair in changes.windows(2).filter(|pair| pair[1] - pair[0] > 1e-6) {
        let middle = f64::midpoint(pair[0], pair[1]);
        let in_collar = bounds.iter().any(|time| (time - middle).abs() < half);
        if in_collar || skip_overlap && depth(turns, middle) > 1 {
            continue;
        }
        for turn in turns
            .iter()
            .filter(|turn| turn.start < middle && middle < turn.end)
        {
            speech.entry(turn.speaker.clone()).or_default().push(middle);
        }
    }
    speech
}

fn spoken(turns: &Turns) -> f64 {
    turns.iter().map(Turn::duration).sum()
}

proptest! {
    #[test]
    fn merge_gaps_fills_short_silences_and_nothing_else(turns in gridded(), max_gap in 0.0..5.0) {
        let merged = turns.merge_gaps(max_gap);
        for speaker in ["A", "B", "C", "D"] {
            let own: Turns = turns.iter().filter(|turn| turn.speaker == speaker).cloned().collect();
            let short: Vec<Span> = own.gaps().into_iter().filter(|gap| gap.duration() < max_gap).collect();
            for time in moments() {
                let expected = speaks(&turns, speaker, time) || within(&short, time);
                prop_assert_eq!(speaks(&merged, speaker, time), expected, "{} at {}", speaker, time);
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
    fn crop_keeps_the_range_and_all_that_is_in_it(turns in gridded(), start in 0_u16..300, length in 0_u16..200) {
        let (start, end) = (f64::from(start) / 10.0, f64::from(start + length) / 10.0);
        let cropped = turns.crop(start, end);
        for turn in &cropped {
            prop_assert!(start <= turn.start && turn.start < turn.end && turn.end <= end);
        }
        for time in moments() {
            for speaker in ["A", "B", "C", "D"] {
                let expected = start <= time && time < end && speaks(&turns, speaker, time);
                prop_assert_eq!(speaks(&cropped, speaker, time), expected);
            }
        }
    }

    #[test]
    fn measures_count_the_moments(turns in gridded()) {
        let (overlap, gaps) = (turns.overlap(), turns.gaps());
        let cells = |least: usize| moments().filter(|time| depth(&turns, *time) >= least).count() as f64 / 10.0;
        prop_assert!((turns.speech_time() - cells(1)).abs() < 1e-6);
        prop_assert!((turns.overlap_time() - cells(2)).abs() < 1e-6);
        let speech: Vec<f64> = moments().filter(|time| depth(&turns, *time) > 0).collect();
        for time in moments() {
            prop_assert_eq!(within(&overlap, time), depth(&turns, time) >= 2);
            let between = speech.first().is_some_and(|t| *t < time) && speech.last().is_some_and(|t| time < *t);
            prop_assert_eq!(within(&gaps, time), between && depth(&turns, time) == 0);
        }
    }

    #[test]
    fn a_list_has_no_error_against_itself(turns in gridded(), collar in 0.0..2.0, skip in any::<bool>()) {
        let options = DerOptions::new().collar(collar).skip_overlap(skip);
        // A speaker's own overlap counts twice, as in pyannote.metrics, and could then be mapped to another's.
        let turns = turns.merge_gaps(0.0);
        let renamed = turns.map_speakers(|speaker| format!("S{speaker}"));
        let der = Der::score(&turns, &renamed, &options);
        prop_assert_eq!((der.missed, der.false_alarm, der.confusion, der.rate()), (0.0, 0.0, 0.0, 0.0));
        prop_assert_eq!(der.correct, der.total);
        // Everybody is mapped to themselves, but where two have the same scored speech: either is as good there.
        let scored = scored_speech(&turns, collar, skip);
        for (speaker, speech) in &scored {
            let mapped = der.mapping.get(&format!("S{speaker}"));
            let as_good = mapped.and_then(|mapped| scored.get(mapped));
            prop_assert_eq!(as_good, Some(speech), "{} {:?}", speaker, der.mapping);
        }
        let mapped: BTreeSet<_> = der.mapping.values().collect();
        prop_assert_eq!(mapped.len(), der.mapping.len());
        prop_assert!(der.total == 0.0 || !der.mapping.is_empty());
    }

    #[test]
    fn the_components_add_up(reference in gridded(), hypothesis in gridded()) {
        let der = Der::score(&reference, &hypothesis, &DerOptions::new());
        prop_assert!((der.total - spoken(&reference)).abs() < 1e-6);
        prop_assert!((der.correct + der.missed + der.confusion - der.total).abs() < 1e-6);
        prop_assert!((der.correct + der.false_alarm + der.confusion - spoken(&hypothesis)).abs() < 1e-6);
        for part in [der.missed, der.false_alarm, der.confusion, der.correct] {
            prop_assert!(part >= 0.0);
        }
        // The mirror image: what the one misses, the other invents.
        let mirrored = Der::score(&hypothesis, &reference, &DerOptions::new());
        prop_assert!((mirrored.missed - der.false_alarm).abs() < 1e-6);
        prop_assert!((mirrored.false_alarm - der.missed).abs() < 1e-6);
    }

    #[test]
    fn every_word_comes_out_once(turns in gridded(), words in prop::collection::vec((0_u16..320, 0_u16..9), 0..30)) {
        let time = |tenths: u16| f64::from(tenths) / 10.0;
        let words: Vec<Word> = words
            .iter()
            .enumerate()
            .map(|(i, &(start, length))| Word::new(time(start), time(start + length), format!("w{i}")))
            .collect();
        let given = turns.assign_words_within(words.clone(), 0.0);
        prop_assert_eq!(given.len(), words.len());
        for (word, given) in words.iter().zip(&given) {
            prop_assert_eq!((&word.text, word.start, word.end), (&given.text, given.start, given.end));
            let inside = depth(&turns, word.start + 0.01) > 0;
            prop_assert!(given.speaker.is_some() || !inside);
        }
        let joined = given.turn_level("?", f64::INFINITY);
        let text: Vec<&str> = joined.iter().flat_map(|segment| segment.text.split(' ')).filter(|w| !w.is_empty()).collect();
        let expected: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        prop_assert_eq!(text, expected);
        let transcript = given.word_level("?");
        let by_turn = turns.words(&transcript);
        let placed: usize = by_turn.turns.iter().map(|turn| turn.words.len()).sum();
        prop_assert_eq!(placed + by_turn.unplaced.len(), transcript.len());
        for turn in &by_turn.turns {
            prop_assert!(turn.words.iter().all(|word| word.speaker == turn.turn.speaker));
        }
    }

    #[test]
    fn nothing_panics_and_nothing_is_less_than_none(
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
        prop_assert_eq!(turns.rename("A", "B").len(), turns.len());
        prop_assert!(turns.merge_gaps(a).iter().all(|turn| turn.end > turn.start));
        let mut options = DerOptions::new().collar(a).skip_overlap(skip);
        if let Some(uem) = uem {
            options = options.uem(uem.into_iter().map(|(start, end)| Span::new(start, end)));
        }
        let der = Der::score(&turns, &other, &options);
        for part in [der.total, der.missed, der.false_alarm, der.confusion, der.correct] {
            prop_assert!(part >= 0.0, "{:?}", der);
        }
        let words: Vec<Word> = other.iter().map(|turn| Word::new(turn.start, turn.end, "w")).collect();
        prop_assert_eq!(turns.assign_words_within(words, a).turn_level("?", b).is_empty(), other.is_empty());
        let segments: Vec<_> = other
            .iter()
            .map(|turn| TranscriptSegment::new(turn.start, turn.end, "w", turn.speaker.as_str()))
            .collect();
        let transcript = Transcript::from(segments);
        prop_assert!(turns.words(&transcript).unplaced.len() <= transcript.len());
        let json = serde_json::json!({"score": [1.0, 2.0, 3.0], "resolution": if b.is_finite() { b } else { 0.5 }});
        let frames: pyannote_core::FrameConfidence = serde_json::from_value(json).unwrap();
        prop_assert!(frames.duration() >= 0.0);
        prop_assert!(frames.at(a).is_none_or(|value| (1.0..=3.0).contains(&value)));
        prop_assert!(frames.mean(a, 7.0).is_none_or(|value| (0.999..=3.001).contains(&value)));
    }
}
