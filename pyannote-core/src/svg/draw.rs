//! The picture as a whole: what stands above what, and the document around it.

use super::super::Turns;
use super::super::clock::length;
use super::super::one_line::one_line;
use super::lane::{Lane, Stretch, at_once, lanes, seconds, within};
use super::options::SvgOptions;
use super::picture::{EDGE, GAP, INK, LANE, MUTE, NAME, NUMBERS, OVERLAPS, Picture, TITLE};
use super::summary::{described, share, summary};
use super::text::{escaped, fitted, width};
use super::theme::STYLE;

/// The least time that is shown, in seconds: a picture of a single moment has a width too.
const LEAST: f64 = 0.1;

/// The picture of `turns`.
pub(super) fn draw(turns: &Turns, options: &SvgOptions) -> String {
    let lanes = lanes(turns);
    let range = range(&lanes, options);
    let rows: Vec<Vec<Stretch>> = lanes
        .iter()
        .map(|lane| within(&lane.stretches, range))
        .collect();
    let overlaps = at_once(&rows, 2);
    let names: Vec<String> = lanes.iter().map(|lane| name_of(lane.speaker)).collect();
    let title = options.title.as_deref().map(one_line).unwrap_or_default();
    let total: f64 = rows.iter().map(|row| seconds(row)).fold(0.0, |a, b| a + b);
    let numbers: Vec<(String, String)> = rows
        .iter()
        .map(|row| (length(seconds(row)), share(seconds(row), total)))
        .collect();

    let labels = names.iter().map(String::as_str);
    let labels = labels.chain((!overlaps.is_empty()).then_some(OVERLAPS));
    let widest = labels.map(|label| width(label, NAME)).fold(40.0, f64::max);
    let full = f64::from(options.width);
    let name_room = widest.min(full * 0.24);
    let mut picture = Picture {
        svg: String::new(),
        left: EDGE + name_room + GAP,
        right: full - EDGE - NUMBERS - GAP,
        range,
    };

    let summary = summary(&lanes, &rows, &overlaps);
    let mut y = EDGE;
    if !title.is_empty() {
        y += 16.0;
        let shown = escaped(&fitted(&title, TITLE, full - 2.0 * EDGE));
        picture.text(
            EDGE,
            y,
            &format!(r#"class="pya-ink" fill="{INK}" font-size="16" font-weight="600""#),
            &shown,
        );
        y += 8.0;
    }
    y += 12.0;
    picture.text(
        EDGE,
        y,
        &format!(r#"class="pya-mute" fill="{MUTE}" font-size="12""#),
        &escaped(&summary),
    );
    y += 14.0;

    if !lanes.is_empty() {
        let bottom = y + LANE * lanes.len() as f64 + if overlaps.is_empty() { 0.0 } else { LANE };
        let lane_tops = y;
        for index in 0..lanes.len() {
            picture.lane(lane_tops + LANE * index as f64);
        }
        picture.axis(bottom, lane_tops, full - EDGE);
        for (index, ((name, row), (time, share))) in
            names.iter().zip(&rows).zip(&numbers).enumerate()
        {
            let shown = fitted(name, NAME, name_room);
            picture.name(y, &shown, name, "pya-ink", INK);
            picture.numbers(y, full - EDGE, time, share);
            picture.bars(y, row, index, &escaped(&shown));
            y += LANE;
        }
        if !overlaps.is_empty() {
            picture.name(y, OVERLAPS, OVERLAPS, "pya-mute", MUTE);
            picture.numbers(y, full - EDGE, &length(seconds(&overlaps)), "");
            picture.overlaps(y, &overlaps);
        }
        y = bottom + 22.0;
    }
    let height = (y + EDGE * 0.7).round();
    let label = if title.is_empty() {
        "Speaker timeline"
    } else {
        &title
    };
    let described = described(&summary, &names, &numbers);
    format!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="pya-timeline" role="img" aria-label="{label}" "#,
            r#"viewBox="0 0 {full} {height}" width="{full}" height="{height}" font-family="sans-serif">"#,
            "\n<desc>{described}</desc>\n<style>{style}</style>\n",
            r##"<rect class="pya-bg" fill="#fff" width="{full}" height="{height}" rx="8"/>"##,
            "\n{body}</svg>\n"
        ),
        label = escaped(label),
        full = full,
        height = height,
        described = escaped(&described),
        style = STYLE,
        body = picture.svg
    )
}

/// The name of a lane.
fn name_of(speaker: &str) -> String {
    match one_line(speaker) {
        name if name.is_empty() => "(no name)".to_owned(),
        name => name,
    }
}

/// What is shown, in seconds.
fn range(lanes: &[Lane<'_>], options: &SvgOptions) -> (f64, f64) {
    let ends = lanes
        .iter()
        .flat_map(|lane| &lane.stretches)
        .map(|stretch| stretch.end);
    let (start, end) = options
        .range
        .unwrap_or_else(|| (0.0, ends.fold(0.0, f64::max)));
    // At large times a tenth of a second is less than the next number.
    (
        start,
        end.max(start + LEAST).max(start.next_up()).min(f64::MAX),
    )
}
