//! Compares DER and JER with the values of pyannote.metrics, for single recordings and for several.

use std::collections::BTreeMap;

use pyannote_core::{Der, Evaluation, Jer, ScoringOptions, Span, Turn, Turns};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    collar: f64,
    skip_overlap: bool,
    uem: Option<Vec<(f64, f64)>>,
    reference: Vec<(f64, f64, String)>,
    hypothesis: Vec<(f64, f64, String)>,
    expected: Expected,
}

/// Several recordings, and their total.
#[derive(Deserialize)]
struct Recordings {
    collar: f64,
    skip_overlap: bool,
    files: Vec<File>,
    expected: Expected,
}

#[derive(Deserialize)]
struct File {
    uem: Vec<(f64, f64)>,
    reference: Vec<(f64, f64, String)>,
    hypothesis: Vec<(f64, f64, String)>,
    /// Number of speakers in the regions, of reference and hypothesis.
    speakers: (usize, usize),
}

#[derive(Deserialize)]
struct Expected {
    total: f64,
    missed_detection: f64,
    false_alarm: f64,
    confusion: f64,
    correct: f64,
    rate: f64,
    jer: f64,
    /// Not for several recordings.
    #[serde(default)]
    mapping: BTreeMap<String, String>,
}

fn turns(list: &[(f64, f64, String)]) -> Turns {
    list.iter()
        .map(|(start, end, speaker)| Turn::new(*start, *end, speaker.as_str()))
        .collect()
}

fn assert_scores(name: &str, der: &Der, jer: f64, expected: &Expected) {
    for (component, found, expected) in [
        ("total", der.total, expected.total),
        (
            "missed detection",
            der.missed_detection,
            expected.missed_detection,
        ),
        ("false alarm", der.false_alarm, expected.false_alarm),
        ("confusion", der.confusion, expected.confusion),
        ("correct", der.correct, expected.correct),
        ("rate", der.rate(), expected.rate),
        ("JER", jer, expected.jer),
    ] {
        assert!(
            (found - expected).abs() < 1e-6,
            "{name}: {component} is {found}, not {expected}"
        );
    }
}

#[test]
fn totals_equal_pyannote_metrics() {
    let text = include_str!("reference/evaluations.json");
    let evaluations: Vec<Recordings> = serde_json::from_str(text).unwrap();
    assert!(evaluations.len() > 5);
    for (index, case) in evaluations.iter().enumerate() {
        let options = ScoringOptions::new()
            .collar(case.collar)
            .skip_overlap(case.skip_overlap);
        let files = || {
            let files = case.files.iter().enumerate();
            files.map(|(index, file)| (format!("file{index}"), file))
        };
        let reference: Vec<_> = files()
            .map(|(uri, file)| (uri, turns(&file.reference)))
            .collect();
        let hypothesis: Vec<_> = files()
            .map(|(uri, file)| (uri, turns(&file.hypothesis)))
            .collect();
        let spans = |file: &File| {
            file.uem
                .iter()
                .map(|&(start, end)| Span::new(start, end))
                .collect()
        };
        let regions: Vec<_> = files().map(|(uri, file)| (uri, spans(file))).collect();
        let evaluation = Evaluation::score(&reference, &hypothesis, Some(&regions), &options);
        let name = format!("evaluation {index}");
        assert_scores(&name, &evaluation.der(), evaluation.jer(), &case.expected);
        for (score, file) in evaluation.files.iter().zip(&case.files) {
            let speakers = (score.reference_speakers, score.hypothesis_speakers);
            assert_eq!(speakers, file.speakers, "{name}, {}", score.uri);
        }
        assert_eq!(evaluation.files.len(), case.files.len());
        assert!(evaluation.unscored.is_empty());
    }
}

#[test]
fn der_and_jer_equal_pyannote_metrics() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("reference/der_cases.json")).unwrap();
    assert!(cases.len() > 50);
    for case in cases {
        let mut options = ScoringOptions::new()
            .collar(case.collar)
            .skip_overlap(case.skip_overlap);
        if let Some(uem) = &case.uem {
            options = options.uem(uem.iter().map(|&(start, end)| Span::new(start, end)));
        }
        let der = Der::score(&turns(&case.reference), &turns(&case.hypothesis), &options);
        let jer = Jer::score(&turns(&case.reference), &turns(&case.hypothesis), &options);
        assert_scores(&case.name, &der, jer.rate(), &case.expected);
        assert_eq!(der.mapping, case.expected.mapping, "{}", case.name);
    }
}

#[test]
fn scored_regions_may_be_infinite() {
    let reference: Turns = [Turn::new(0.0, 4.0, "A"), Turn::new(6.0, 8.0, "B")]
        .into_iter()
        .collect();
    let hypothesis: Turns = [Turn::new(1.0, 5.0, "x")].into_iter().collect();
    let score = |uem: &[Span]| {
        let options = ScoringOptions::new().uem(uem.iter().copied());
        let der = Der::score(&reference, &hypothesis, &options);
        (
            der.total,
            der.missed_detection,
            der.false_alarm,
            der.correct,
        )
    };
    let unbounded = Span::new(f64::NEG_INFINITY, f64::INFINITY);
    assert_eq!(score(&[unbounded]), (6.0, 3.0, 1.0, 3.0));
    assert_eq!(
        score(&[Span::new(4.0, f64::INFINITY)]),
        (2.0, 2.0, 1.0, 0.0)
    );
    assert_eq!(
        score(&[Span::new(4.0, 0.0), Span::new(f64::NAN, 9.0)]),
        (0.0, 0.0, 0.0, 0.0)
    );
}

#[test]
fn infinite_silence_is_not_an_error() {
    let distant = [
        Turn::new(-f64::MAX, -f64::MAX / 2.0, "A"),
        Turn::new(f64::MAX / 2.0, f64::MAX, "A"),
    ];
    let turns: Turns = distant.into_iter().collect();
    let der = Der::score(&turns, &turns, &ScoringOptions::new());
    assert_eq!(
        (der.missed_detection, der.false_alarm, der.confusion),
        (0.0, 0.0, 0.0)
    );
}

#[test]
fn invalid_collars_are_ignored() {
    let turns: Turns = [Turn::new(0.0, 4.0, "A")].into_iter().collect();
    for collar in [-1.0, f64::NAN] {
        let der = Der::score(&turns, &turns, &ScoringOptions::new().collar(collar));
        assert_eq!(der.total, 4.0, "{collar}");
    }
    let der = Der::score(&turns, &turns, &ScoringOptions::new().collar(f64::INFINITY));
    assert_eq!(der.total, 0.0);
}
