//! Renders the SVG document: the layout of its parts, and the root element.

use super::SvgOptions;
use super::canvas::{
    Canvas, GUTTER_PX, LANE_HEIGHT_PX, MARGIN_PX, NAME_FONT_SIZE_PX, OVERLAP_LABEL,
    SPEECH_TIME_WIDTH_PX, TITLE_FONT_SIZE_PX,
};
use super::summary::{description, summary};
use super::text::{truncate, width_px};
use crate::markup::escape;
use crate::time_format::format_duration;
use crate::timeline::lane::{Lane, Segment, crop, lanes, simultaneous_speech, total_duration};
use crate::timeline::theme::{BACKGROUND, INK, MUTED, STYLE};
use crate::timeline::{display_name, displayed_span, format_share};
use crate::whitespace::collapse_whitespace;
use crate::{Span, Turns};

/// Renders the timeline of `turns`.
pub(super) fn render(turns: &Turns, options: &SvgOptions) -> String {
    let lanes = lanes(turns);
    let range = displayed_range(&lanes, options);
    let rows: Vec<Vec<Segment>> = lanes
        .iter()
        .map(|lane| crop(&lane.segments, range))
        .collect();
    let overlaps = simultaneous_speech(&rows, 2);
    let names: Vec<String> = lanes
        .iter()
        .map(|lane| display_name(lane.speaker))
        .collect();
    let title = options
        .title
        .as_deref()
        .map(collapse_whitespace)
        .unwrap_or_default();
    let speech: Vec<f64> = rows.iter().map(|row| total_duration(row)).collect();
    let total_speech: f64 = speech.iter().sum();
    let speech_times: Vec<(String, String)> = speech
        .iter()
        .map(|speech| {
            (
                format_duration(*speech),
                format_share(*speech, total_speech),
            )
        })
        .collect();

    let labels = names.iter().map(String::as_str);
    let labels = labels.chain((!overlaps.is_empty()).then_some(OVERLAP_LABEL));
    let curve_names: Vec<String> = options
        .curves
        .iter()
        .map(|(name, _)| display_name(name))
        .collect();
    let labels = labels.chain(curve_names.iter().map(String::as_str));
    let widest_label = labels
        .map(|label| width_px(label, NAME_FONT_SIZE_PX))
        .fold(40.0, f64::max);
    let width = f64::from(options.width_px);
    let name_width = widest_label.min(width * 0.24);
    let mut canvas = Canvas {
        svg: String::new(),
        left: MARGIN_PX + name_width + GUTTER_PX,
        right: width - MARGIN_PX - SPEECH_TIME_WIDTH_PX - GUTTER_PX,
        range,
    };

    let summary = summary(&lanes, &rows, &overlaps);
    let mut y = MARGIN_PX;
    if !title.is_empty() {
        y += 16.0;
        let truncated = truncate(&title, TITLE_FONT_SIZE_PX, width - 2.0 * MARGIN_PX);
        let attributes = format!(
            r#"class="pya-ink" fill="{INK}" font-size="{TITLE_FONT_SIZE_PX}" font-weight="600""#
        );
        canvas.text(MARGIN_PX, y, &attributes, &escape(&truncated));
        y += 8.0;
    }
    y += 12.0;
    let attributes = format!(r#"class="pya-mute" fill="{MUTED}" font-size="12""#);
    canvas.text(MARGIN_PX, y, &attributes, &escape(&summary));
    y += 14.0;

    if !lanes.is_empty() || !options.curves.is_empty() {
        let overlap_lanes = usize::from(!overlaps.is_empty());
        let lane_count = lanes.len() + overlap_lanes + options.curves.len();
        let (top, bottom) = (y, y + LANE_HEIGHT_PX * lane_count as f64);
        let right = width - MARGIN_PX;
        let without_overlap = (0..lanes.len()).chain(lanes.len() + overlap_lanes..lane_count);
        for index in without_overlap {
            canvas.lane(top + LANE_HEIGHT_PX * index as f64);
        }
        canvas.axis(bottom, top, right);
        for (index, ((name, row), (time, share))) in
            names.iter().zip(&rows).zip(&speech_times).enumerate()
        {
            let truncated = truncate(name, NAME_FONT_SIZE_PX, name_width);
            canvas.name(y, &truncated, name, "pya-ink", INK);
            canvas.speech_time(y, right, time, share);
            canvas.speaker_bars(y, row, index, &escape(&truncated));
            let scores = options.speaker_scores.as_ref();
            if let Some(scores) = scores.and_then(|scores| scores.get(lanes[index].speaker)) {
                canvas.curve(y, scores);
            }
            y += LANE_HEIGHT_PX;
        }
        if !overlaps.is_empty() {
            canvas.name(y, OVERLAP_LABEL, OVERLAP_LABEL, "pya-mute", MUTED);
            canvas.speech_time(y, right, &format_duration(total_duration(&overlaps)), "");
            canvas.overlap_bars(y, &overlaps);
            y += LANE_HEIGHT_PX;
        }
        for (name, (_, scores)) in curve_names.iter().zip(&options.curves) {
            let truncated = truncate(name, NAME_FONT_SIZE_PX, name_width);
            canvas.name(y, &truncated, name, "pya-mute", MUTED);
            canvas.curve(y, scores);
            y += LANE_HEIGHT_PX;
        }
        y = bottom + 22.0;
    }
    let height = (y + MARGIN_PX * 0.7).round();
    let label = if title.is_empty() {
        "Speaker timeline"
    } else {
        &title
    };
    let description = description(&summary, &names, &speech_times);
    format!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="pya-timeline" role="img" aria-label="{label}" "#,
            r#"viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif">"#,
            "\n<desc>{description}</desc>\n<style>{style}</style>\n",
            r#"<rect class="pya-bg" fill="{background}" width="{width}" height="{height}" rx="8"/>"#,
            "\n{body}</svg>\n"
        ),
        label = escape(label),
        width = width,
        height = height,
        description = escape(&description),
        style = STYLE,
        background = BACKGROUND,
        body = canvas.svg
    )
}

/// The displayed times, in seconds.
fn displayed_range(lanes: &[Lane<'_>], options: &SvgOptions) -> Span {
    let ends = lanes
        .iter()
        .flat_map(|lane| &lane.segments)
        .map(|segment| segment.end);
    // Curves may be longer than the last turn, or all that there is.
    let durations = options.curves.iter().map(|(_, scores)| scores.duration());
    let Span { start, end } = options
        .range
        .unwrap_or_else(|| Span::new(0.0, ends.chain(durations).fold(0.0, f64::max)));
    displayed_span(start, end)
}
