//! Compares DER and JER with the values of pyannote.metrics.

use std::collections::BTreeMap;

use pyannote_core::{Der, Jer, ScoringOptions, Span, Turn, Turns};
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

#[derive(Deserialize)]
struct Expected {
    total: f64,
    missed_detection: f64,
    false_alarm: f64,
    confusion: f64,
    correct: f64,
    rate: f64,
    jer: f64,
    mapping: BTreeMap<String, String>,
}

fn turns(list: &[(f64, f64, String)]) -> Turns {
    list.iter()
        .map(|(start, end, speaker)| Turn::new(*start, *end, speaker.as_str()))
        .collect()
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
        let components = [
            ("total", der.total, case.expected.total),
            (
                "missed detection",
                der.missed_detection,
                case.expected.missed_detection,
            ),
            ("false alarm", der.false_alarm, case.expected.false_alarm),
            ("confusion", der.confusion, case.expected.confusion),
            ("correct", der.correct, case.expected.correct),
            ("rate", der.rate(), case.expected.rate),
            ("JER", jer.rate(), case.expected.jer),
        ];
        for (component, found, expected) in components {
            let name = &case.name;
            assert!(
                (found - expected).abs() < 1e-6,
                "{name}: {component} is {found}, not {expected}"
            );
        }
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
