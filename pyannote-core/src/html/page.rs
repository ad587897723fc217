//! Writes the HTML document. Apart from style sheet and script, it is well-formed XML, so that the tests can parse it.

use std::fmt::Write;

use super::HtmlOptions;
use super::audio::AudioUrl;
use super::rows::{Row, rows};
use super::speakers::{Speaker, Speakers};
use super::timeline::{lane, time_axis};
use crate::Turns;
use crate::markup::escape;
use crate::time_format::{format_duration, format_time};
use crate::timeline::lane::total_duration;
use crate::timeline::theme::{PAGE_VARIABLES, SPEAKERS};
use crate::timeline::{display_name, displayed_span, format_share};
use crate::whitespace::collapse_whitespace;

pub(super) const STYLE: &str = include_str!("page.css");
pub(super) const SCRIPT: &str = include_str!("page.js");

/// The hashes of style sheet and script, which the content security policy permits. A test compares them.
pub(super) const STYLE_HASH: &str = "sha256-0/sbskfuW4YTzxvOfoMaKUUurezU7Bl9hkJZK795OsE=";
pub(super) const SCRIPT_HASH: &str = "sha256-bvJdsaE4k+/8bb99rUxVIuZ1Lca55XxWFM5FcSmnjOk=";

const DEFAULT_TITLE: &str = "Who speaks when";

/// Writes the page of `turns`.
pub(super) fn render(turns: &Turns, options: &HtmlOptions) -> String {
    let rows = rows(turns, &options.transcript);
    let speakers = Speakers::new(turns, &rows, &options.names);
    let ends = rows.iter().filter_map(|row| Some(row.span?.end));
    let curves = options.curves.iter();
    let durations = curves.map(|(_, scores)| scores.duration());
    let end_s = ends.chain(durations).fold(options.duration_s, f64::max);
    let title = match options.title.as_deref().map(collapse_whitespace) {
        Some(title) if !title.is_empty() => escape(&title),
        _ => DEFAULT_TITLE.to_owned(),
    };
    let mut page = String::new();
    head(&mut page, &title, options.audio.as_ref());
    let _ = writeln!(page, "<header>\n<h1><bdi>{title}</bdi></h1>\n<dl>");
    facts(&mut page, &speakers, options);
    page.push_str("</dl>\n</header>\n<main>\n");
    player(&mut page, options.audio.as_ref());
    if speakers.list.is_empty() {
        page.push_str("<p>No speech.</p>\n");
    }
    if !speakers.list.is_empty() || !options.curves.is_empty() {
        lanes(&mut page, &speakers, end_s, options);
    }
    list(&mut page, &rows, &speakers, !options.transcript.is_empty());
    page.push_str("</main>\n");
    footer(&mut page, options.audio.is_some());
    let _ = writeln!(page, "<script>{SCRIPT}</script>\n</body>\n</html>");
    page
}

/// Everything before the content. `title` must be escaped.
fn head(page: &mut String, title: &str, audio: Option<&AudioUrl>) {
    let media = audio.map_or("'none'", |audio| audio.csp_sources.as_str());
    let _ = write!(
        page,
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="generator" content="pyannote-core"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '{SCRIPT_HASH}'; style-src '{STYLE_HASH}'; img-src data:; media-src {media}; base-uri 'none'; form-action 'none'"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="referrer" content="no-referrer"/>
<link rel="icon" href="data:,"/>
<title>{title}</title>
<style>{PAGE_VARIABLES}{STYLE}</style>
</head>
<body>
"#
    );
}

/// What is displayed below the title.
fn facts(page: &mut String, speakers: &Speakers<'_>, options: &HtmlOptions) {
    let mut fact = |name: &str, value: &str| {
        let (name, value) = (collapse_whitespace(name), collapse_whitespace(value));
        let _ = writeln!(
            page,
            "<div><dt><bdi>{}</bdi></dt><dd><bdi>{}</bdi></dd></div>",
            escape(&name),
            escape(&value)
        );
    };
    if options.duration_s > 0.0 {
        fact("Duration", &format_duration(options.duration_s));
    }
    fact("Speakers", &speakers.list.len().to_string());
    fact("Speech", &format_duration(speakers.speech_s));
    fact(
        "Overlap",
        &format_duration(total_duration(&speakers.overlaps)),
    );
    for (name, value) in &options.facts {
        fact(name, value);
    }
}

/// The recording, and who is speaking.
fn player(page: &mut String, audio: Option<&AudioUrl>) {
    page.push_str("<div class=\"player\">\n");
    let _ = match audio {
        Some(AudioUrl { url, .. }) => writeln!(
            page,
            r#"<audio controls="" preload="metadata" src="{}"></audio>"#,
            escape(url)
        ),
        None => writeln!(page, r#"<p id="clock">0:00</p>"#),
    };
    page.push_str("<p id=\"now\"></p>\n</div>\n");
}

/// The speakers with their lanes.
fn lanes(page: &mut String, speakers: &Speakers<'_>, end_s: f64, options: &HtmlOptions) {
    let range = displayed_span(0.0, end_s);
    let mut scores = vec![None; speakers.list.len()];
    for (label, index) in &speakers.index {
        scores[*index] = options
            .speaker_scores
            .as_ref()
            .and_then(|all| all.get(label));
    }
    let _ = writeln!(
        page,
        r#"<section class="lanes" id="lanes" data-end="{}" aria-label="Speakers">
<table>
<thead><tr><th scope="col">Speaker</th><td></td><th scope="col">Speech</th><th scope="col">Share</th><th scope="col">Turns</th><th scope="col">Overlap</th></tr></thead>
<tbody>"#,
        seconds(range.end)
    );
    let total_s = speakers.list.iter().fold(0.0, |sum, s| sum + s.speech_s);
    for (index, speaker) in speakers.list.iter().enumerate() {
        let Speaker { name, label, .. } = speaker;
        let label = label.as_ref().map_or(String::new(), |label| {
            format!(" <small><bdi>{}</bdi></small>", escape(label))
        });
        let _ = writeln!(
            page,
            concat!(
                r#"<tr class="lane c{color}" data-speaker="{index}"><th scope="row"><label><input type="checkbox" checked="" autocomplete="off"/>"#,
                r#"<span><bdi>{name}</bdi>{label}</span></label></th><td>{lane}</td>"#,
                r#"<td>{speech}</td><td>{share}</td><td>{turns}<span> {turn}</span></td><td>{overlap}<span> overlap</span></td></tr>"#
            ),
            color = index % SPEAKERS.len(),
            index = index,
            name = escape(name),
            label = label,
            lane = lane(&speaker.segments, range, name, scores[index]),
            speech = format_duration(speaker.speech_s),
            share = escape(&format_share(speaker.speech_s, total_s)),
            turns = speaker.turns,
            turn = if speaker.turns == 1 { "turn" } else { "turns" },
            overlap = format_duration(speaker.overlap_s),
        );
    }
    if !speakers.overlaps.is_empty() {
        let _ = writeln!(
            page,
            r#"<tr class="lane over"><th scope="row">Overlap</th><td>{}</td><td>{}</td><td></td><td></td><td></td></tr>"#,
            lane(&speakers.overlaps, range, "Overlap", None),
            format_duration(total_duration(&speakers.overlaps))
        );
    }
    for (name, scores) in &options.curves {
        let name = display_name(name);
        let _ = writeln!(
            page,
            r#"<tr class="lane"><th scope="row"><bdi>{}</bdi></th><td>{}</td><td></td><td></td><td></td><td></td></tr>"#,
            escape(&name),
            lane(&[], range, &name, Some(scores)),
        );
    }
    let _ = writeln!(
        page,
        r#"<tr class="lane"><td></td><td>{}</td><td></td><td></td><td></td><td></td></tr>
</tbody>
</table>
<div id="cursor" role="slider" tabindex="0" aria-label="Position" aria-valuemin="0" aria-valuemax="{}" aria-valuenow="0" hidden=""></div>
</section>"#,
        time_axis(range),
        range.end.floor()
    );
}

/// The turns, with their words.
fn list(page: &mut String, rows: &[Row<'_>], speakers: &Speakers<'_>, has_text: bool) {
    let (heading, class) = if has_text {
        ("Transcript", "text")
    } else {
        ("Turns", "plain")
    };
    let _ = writeln!(
        page,
        r#"<h2 id="heading">{heading}</h2>
<ol class="{class}" id="turns" aria-labelledby="heading">"#
    );
    for row in rows {
        // Every speaker of a row has an index.
        let index = speakers.index.get(row.speaker).copied().unwrap_or_default();
        let name = speakers.list.get(index).map_or("", |speaker| &speaker.name);
        let color = index % SPEAKERS.len();
        let name = escape(name);
        match row.span {
            Some(span) => {
                let _ = write!(
                    page,
                    concat!(
                        r#"<li class="c{color}" data-speaker="{index}" data-start="{start}" data-end="{end}">"#,
                        r#"<button type="button" tabindex="-1">{time}</button>"#,
                        r#"<p class="who"><bdi>{name}</bdi> <small>{duration}</small></p>"#
                    ),
                    color = color,
                    index = index,
                    start = seconds(span.start),
                    end = seconds(span.end),
                    time = format_time(span.start),
                    name = name,
                    duration = format_duration(span.duration()),
                );
            }
            None => {
                let _ = write!(
                    page,
                    r#"<li class="c{color}" data-speaker="{index}"><p class="who"><bdi>{name}</bdi></p>"#
                );
            }
        }
        words(page, row);
        page.push_str("</li>\n");
    }
    page.push_str("</ol>\n");
}

/// The words of a row. The language is unknown.
fn words(page: &mut String, row: &Row<'_>) {
    let mut is_first = true;
    for word in &row.words {
        let text = collapse_whitespace(&word.text);
        if text.is_empty() {
            continue;
        }
        page.push_str(if is_first {
            r#"<p class="words" lang="" dir="auto">"#
        } else {
            " "
        });
        is_first = false;
        let text = escape(&text);
        let _ = if row.span.is_some() && word.start.is_finite() {
            write!(
                page,
                r#"<span data-at="{}">{text}</span>"#,
                seconds(word.start.max(0.0))
            )
        } else {
            write!(page, "<span>{text}</span>")
        };
    }
    if !is_first {
        page.push_str("</p>");
    }
}

/// The keys.
fn footer(page: &mut String, has_audio: bool) {
    let play = if has_audio {
        "<kbd>Space</kbd> play or pause, "
    } else {
        ""
    };
    let _ = writeln!(
        page,
        "<footer>{play}<kbd>←</kbd> <kbd>→</kbd> 5 s back or forward, <kbd>k</kbd> <kbd>j</kbd> previous or next turn. \
         Clear a speaker’s box to hide their turns.</footer>"
    );
}

/// Formats a time in seconds with three decimals at most.
fn seconds(time: f64) -> String {
    let rounded = (time * 1000.0).round() / 1000.0;
    // Huge times overflow.
    let time = if rounded.is_finite() { rounded } else { time };
    (time + 0.0).to_string()
}
