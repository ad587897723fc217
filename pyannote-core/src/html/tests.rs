//! Snapshots of pages, and invariants of every page.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use roxmltree::{Document, Node, ParsingOptions};
use sha2::{Digest, Sha256};

use super::page::{SCRIPT, SCRIPT_HASH, STYLE, STYLE_HASH};
use crate::export_properties::times;
use crate::timeline::theme::PAGE_VARIABLES;
use crate::whitespace::collapse_whitespace;
use crate::{FrameScores, HtmlOptions, SpeakerScores, Transcript, TranscriptSegment, Turn, Turns};

/// The page without style sheet and script, which are the same on every page.
fn without_assets(page: &str) -> String {
    page.replacen(&format!("{PAGE_VARIABLES}{STYLE}"), "", 1)
        .replacen(SCRIPT, "", 1)
        .replacen(STYLE_HASH, "[style]", 1)
        .replacen(SCRIPT_HASH, "[script]", 1)
}

fn parse(page: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(page, options).unwrap()
}

fn elements<'a>(document: &'a Document<'_>, name: &str) -> Vec<Node<'a, 'a>> {
    let elements = document.descendants();
    elements.filter(|node| node.has_tag_name(name)).collect()
}

fn text(node: Node<'_, '_>) -> String {
    let texts = node.descendants().filter(Node::is_text);
    texts.filter_map(|node| node.text()).collect()
}

#[test]
fn the_policy_permits_style_sheet_and_script() {
    let hash = |text: &str| format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)));
    assert_eq!(STYLE_HASH, hash(&format!("{PAGE_VARIABLES}{STYLE}")));
    assert_eq!(SCRIPT_HASH, hash(SCRIPT));
    // They would end their elements.
    assert!(!STYLE.contains("</") && !SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
}

#[test]
fn curves_have_lanes_or_are_in_those_of_their_speakers() {
    let turns = Turns::from([Turn::new(0.0, 1.0, "A"), Turn::new(1.0, 2.0, "B")]);
    let scores = |seconds: usize| FrameScores::new(vec![75.0; 50 * seconds], 0.02);
    let options = HtmlOptions::default()
        .names([("B", "Bob")])
        .curve("Speech <probability>", scores(3))
        .speaker_scores(SpeakerScores::new(
            [("B".to_owned(), vec![50.0; 100])],
            0.02,
        ));
    let page = without_assets(&turns.to_html_with(&options));
    let document = parse(&page);
    let rows = elements(&document, "tr");
    let curves = |name: &str| {
        let named = |row: &&Node<'_, '_>| row.descendants().any(|node| node.text() == Some(name));
        let row = rows.iter().find(named).unwrap();
        let paths = row
            .descendants()
            .filter(|node| node.tag_name().name() == "path");
        paths.count()
    };
    assert_eq!(
        (curves("A"), curves("Bob"), curves("Speech <probability>")),
        (0, 1, 1)
    );
    assert!(page.contains(r#"data-end="3""#));
}

#[test]
fn the_script_evaluates_no_text() {
    for unsafe_call in ["innerHTML", "outerHTML", "insertAdjacent", "eval", "write("] {
        assert!(!SCRIPT.contains(unsafe_call), "{unsafe_call}");
    }
}

#[test]
fn two_speakers() {
    let turns = Turns::from([
        Turn::new(0.5, 12.0, "SPEAKER_00"),
        Turn::new(11.0, 20.25, "SPEAKER_01"),
        Turn::new(f64::NAN, 30.0, "skipped"),
    ]);
    insta::assert_snapshot!(without_assets(&turns.to_html()));
}

#[test]
fn transcript_with_recording_and_names() {
    let turns = Turns::from([
        Turn::new(0.5, 2.0, "SPEAKER_00"),
        Turn::new(2.0, 4.0, "SPEAKER_01"),
    ]);
    let word = TranscriptSegment::new;
    let options = HtmlOptions::default()
        .title("Monday & Tuesday")
        .audio("https://host.example/a.wav?b=1&c=\"2\"")
        .unwrap()
        .duration(60.0)
        .transcript([
            word(0.5, 0.9, "Good", "SPEAKER_00"),
            word(1.0, 1.4, " morning.\n", "SPEAKER_00"),
            word(3.0, 3.4, "<Hello>", "SPEAKER_01"),
            word(4.5, 5.0, "Bye.", "SPEAKER_01"),
            word(f64::NAN, 5.0, "When?", "SPEAKER_02"),
        ])
        .names([("SPEAKER_00", "Ada")])
        .fact("DER", "3.1 %");
    insta::assert_snapshot!(without_assets(&turns.to_html_with(&options)));
}

#[test]
fn no_turns() {
    let page = Turns::new().to_html_with(&HtmlOptions::default().title(" \n"));
    insta::assert_snapshot!(without_assets(&page));
}

#[test]
fn thousands_of_turns_give_a_small_page() {
    let turn = |index: u32| {
        let start = f64::from(index) * 3.0;
        Turn::new(start, start + 2.9, format!("SPEAKER_{:02}", index % 8))
    };
    let turns: Turns = (0..5000).map(turn).collect();
    let words: Transcript = turns
        .iter()
        .flat_map(|turn| {
            let word = |index: u32| {
                let start = turn.start + f64::from(index) * 0.29;
                TranscriptSegment::new(start, start + 0.25, "word", turn.speaker.as_str())
            };
            (0..10).map(word).collect::<Vec<_>>()
        })
        .collect();
    let page = turns.to_html_with(&HtmlOptions::default().transcript(words));
    assert_eq!(page.matches("data-at=").count(), 50_000);
    assert!(page.len() < 4_000_000, "{} bytes", page.len());
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[AB]",
        Just("</script><script>alert(1)</script>".to_owned()),
        Just("</title></style><!--".to_owned()),
        Just("\"' onload=alert(1) x='\"&quot;&#0;".to_owned()),
        Just("\u{202e}\u{2066}\u{0}\r\n\u{ffff}]]>".to_owned()),
    ]
}

proptest! {
    #[test]
    fn text_from_outside_stays_text(
        turns in prop::collection::vec((times(), times(), hostile()), 0..6),
        words in prop::collection::vec((times(), times(), hostile(), hostile()), 0..6),
        names in prop::collection::btree_map(hostile(), hostile(), 0..3),
        (title, fact, value) in (hostile(), hostile(), hostile()),
        audio in hostile(),
        duration in times(),
    ) {
        let turns: Turns = turns.into_iter().map(|(start, end, speaker)| Turn::new(start, end, speaker)).collect();
        let words: Transcript = words
            .into_iter()
            .map(|(start, end, text, speaker)| TranscriptSegment::new(start, end, text, speaker))
            .collect();
        let mut options = HtmlOptions::default()
            .title(title.as_str())
            .fact(fact, value)
            .names(names)
            .duration(duration)
            .transcript(words.clone());
        if let Ok(with_audio) = options.clone().audio(audio) {
            options = with_audio;
        }
        let page = without_assets(&turns.to_html_with(&options));
        let document = parse(&page);

        for node in document.descendants().filter(Node::is_element) {
            let name = node.tag_name().name();
            let expected = [
                "html", "head", "meta", "link", "title", "style", "body", "header", "h1", "h2", "dl", "div", "dt", "dd", "main",
                "p", "audio", "section", "table", "thead", "tbody", "tr", "th", "td", "label", "input", "span", "bdi", "small",
                "svg", "rect", "g", "line", "text", "ol", "li", "button", "footer", "kbd", "script",
            ];
            prop_assert!(expected.contains(&name), "{name}");
            for attribute in node.attributes() {
                prop_assert!(!attribute.name().starts_with("on") && attribute.name() != "style", "{node:?}");
                let is_number = matches!(attribute.name(), "data-start" | "data-end" | "data-at" | "data-speaker");
                if is_number {
                    let value: f64 = attribute.value().parse().unwrap();
                    prop_assert!(value.is_finite() && value >= 0.0, "{node:?}");
                }
            }
        }
        prop_assert_eq!(elements(&document, "script").len(), 1);
        // Every word of the transcript is displayed.
        let shown = elements(&document, "span").into_iter().filter(|span| {
            span.parent().and_then(|parent| parent.attribute("class")) == Some("words")
        });
        let sorted = |texts: &mut dyn Iterator<Item = String>| {
            let mut texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
            texts.sort();
            texts
        };
        let replaced = |text: &str| collapse_whitespace(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
        prop_assert_eq!(
            sorted(&mut shown.map(text)),
            sorted(&mut words.iter().map(|word| replaced(&word.text)))
        );
        if !collapse_whitespace(&title).is_empty() {
            prop_assert_eq!(text(elements(&document, "h1")[0]), replaced(&title));
        }
        // The script relies on this order.
        let rows = elements(&document, "li");
        let starts: Vec<f64> = rows.iter().filter_map(|row| row.attribute("data-start")?.parse().ok()).collect();
        prop_assert!(starts.is_sorted(), "{starts:?}");
    }
}
