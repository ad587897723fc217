//! Snapshots of timelines, and invariants of every timeline.

use crate::{FrameScores, SpeakerScores, SvgOptions, Turn, Turns};

fn turns(turns: &[(f64, f64, &str)]) -> Turns {
    turns
        .iter()
        .map(|&(start, end, speaker)| Turn::new(start, end, speaker))
        .collect()
}

/// Pseudo-random turns, the same on each run.
fn random_turns(count: u32, speakers: u32, seconds: f64) -> Turns {
    let mut state = 12_345_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    let step = seconds / f64::from(count);
    (0..count)
        .map(|index| {
            let start = f64::from(index) * step + next() * step * 0.4;
            let end = (start + step * (0.2 + next())).min(seconds);
            let speaker = (next() * next() * f64::from(speakers)) as u32;
            Turn::new(start, end, format!("SPEAKER_{speaker:02}"))
        })
        .collect()
}

#[test]
fn two_speakers() {
    let turns = turns(&[
        (0.5, 12.0, "SPEAKER_00"),
        (11.0, 20.25, "SPEAKER_01"),
        (20.25, 30.0, "SPEAKER_00"),
    ]);
    insta::assert_snapshot!(turns.to_svg_with(&SvgOptions::default().title("A short talk")));
}

#[test]
fn no_turns() {
    insta::assert_snapshot!(Turns::default().to_svg());
}

#[test]
fn markup_in_names() {
    let turns = turns(&[
        (0.0, 1.0, "</text><script>\"'&\u{0}\u{ffff}"),
        (1.0, 1.0, ""),
        (f64::NAN, 2.0, "skipped"),
    ]);
    let svg = turns.to_svg_with(&SvgOptions::default().title("\"<&\n>").width(0));
    insta::assert_snapshot!(svg);
    assert!(roxmltree::Document::parse(&svg).is_ok());
}

#[test]
fn range_changes_times_but_not_lanes_or_colors() {
    let turns = turns(&[(0.0, 5.0, "A"), (5.0, 10.0, "B"), (10.0, 20.0, "C")]);
    let svg = turns.to_svg_with(&SvgOptions::default().range(6.0, 12.0));
    for part in [
        "A: 0.0 s, 0%",
        "B: 4.0 s, 67%",
        "C: 2.0 s, 33%",
        "pya-s2\" fill=\"#00805c\">\n<rect",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    for (start, end) in [
        (f64::NAN, 1.0),
        (2.0, 1.0),
        (1.0, 1.0),
        (-1.0, 1.0),
        (0.0, f64::INFINITY),
    ] {
        assert_eq!(
            turns.to_svg_with(&SvgOptions::default().range(start, end)),
            turns.to_svg()
        );
    }
}

#[test]
fn curves_have_lanes_or_are_in_those_of_their_speakers() {
    let turns = turns(&[(0.0, 1.0, "Ada"), (1.0, 2.0, "Bob")]);
    let scores = |score: f32| FrameScores::new(vec![score; 150], 0.02);
    let by_speaker = ["Ada", "Nobody"].map(|name| (name.to_owned(), vec![50.0; 150]));
    let options = SvgOptions::default()
        .curve("Speech <probability>", scores(75.0))
        .curve("None", FrameScores::new(Vec::new(), 0.02))
        .speaker_scores(SpeakerScores::new(by_speaker, 0.02));
    let svg = turns.to_svg_with(&options);
    roxmltree::Document::parse(&svg).unwrap();
    // Ada has a curve in her lane, Bob has none, and one lane has no scores.
    assert_eq!(svg.matches("class=\"pya-curve\"").count(), 2);
    assert_eq!(svg.matches("class=\"pya-lane\"").count(), 4);
    let ada = svg.find(">Ada<").unwrap();
    let bob = svg.find(">Bob<").unwrap();
    let curve = svg.find("class=\"pya-curve\"").unwrap();
    assert!(ada < curve && curve < bob, "{svg}");
    assert!(svg.contains("Speech &lt;probability&gt;"), "{svg}");
    // The scores last 3 s, longer than the turns.
    assert!(svg.contains(">3.0</text>"), "{svg}");

    let nothing = Turns::new().to_svg_with(&SvgOptions::default().curve("Speech", scores(1.0)));
    assert!(
        nothing.contains("No speech") && nothing.contains("class=\"pya-curve\""),
        "{nothing}"
    );
}

#[test]
fn ten_thousand_turns_give_a_small_file() {
    let svg = random_turns(10_000, 8, 86_400.0).to_svg();
    assert!(svg.len() < 200_000, "{} bytes", svg.len());
    let one_hour = random_turns(10_000, 8, 3_600.0).to_svg();
    assert!(one_hour.len() < 200_000, "{} bytes", one_hour.len());
}

#[test]
fn bars_and_labels_are_inside_the_document() {
    for turns in [
        random_turns(300, 8, 3_600.0),
        random_turns(10, 20, 7.0),
        turns(&[(1e300, f64::MAX, "a")]),
    ] {
        for width in [480, 960, 3000] {
            let svg = turns.to_svg_with(&SvgOptions::default().width(width));
            let document = roxmltree::Document::parse(&svg).unwrap();
            for node in document.descendants() {
                let number = |name| {
                    node.attribute(name)
                        .and_then(|value| value.parse::<f64>().ok())
                };
                if let Some(x) = number("x") {
                    assert!(
                        x >= 0.0 && x + number("width").unwrap_or(0.0) <= f64::from(width),
                        "{node:?}"
                    );
                }
            }
        }
    }
}
