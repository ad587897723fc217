//! Curves of scores, reduced to what can be seen: one point per pixel.

use std::fmt::Write;

use crate::{FrameScores, Span};

/// Draws scores, 0..100, as the data of an SVG path in a box of this size, whose left edge is at `left` and whose
/// bottom is at `bottom`, in pixels.
///
/// Each point is the mean of a pixel. There is a gap where there are no scores. Empty if there are none at all.
pub(crate) fn curve(
    scores: &FrameScores,
    range: Span,
    (left, bottom): (f64, f64),
    (width, height): (f64, f64),
) -> String {
    let mut path = String::new();
    let columns = width.max(1.0) as usize;
    let step_s = (range.end - range.start) / columns as f64;
    let mut is_drawing = false;
    let mut last_y = String::new();
    for column in 0..columns {
        let start = range.start + column as f64 * step_s;
        let Some(mean) = scores.mean(start, start + step_s) else {
            is_drawing = false;
            continue;
        };
        let x = left + (column as f64 + 0.5) * width / columns as f64;
        let y = tenths(bottom - mean.clamp(0.0, 100.0) / 100.0 * height);
        // A horizontal line needs its end only.
        let is_same = is_drawing && y == last_y;
        let command = if is_drawing { 'L' } else { 'M' };
        if is_same
            && let Some(at) = path.rfind('H')
            && !path[at..].contains(['M', 'L'])
        {
            path.truncate(at);
        }
        let _ = match is_same {
            true => write!(path, "H{}", tenths(x)),
            false => write!(path, "{command}{} {y}", tenths(x)),
        };
        is_drawing = true;
        last_y = y;
    }
    path
}

/// Formats a length with one decimal at most.
fn tenths(value: f64) -> String {
    ((value * 10.0).round() / 10.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::curve;
    use crate::{FrameScores, Span};

    fn path(scores: &[f32], resolution: f64, range: (f64, f64), width: f64) -> String {
        let scores = FrameScores::new(scores.to_vec(), resolution);
        curve(
            &scores,
            Span::new(range.0, range.1),
            (10.0, 20.0),
            (width, 20.0),
        )
    }

    #[test]
    fn a_point_is_the_mean_of_a_pixel() {
        let scores = [0.0, 50.0, 100.0, 100.0];
        assert_eq!(path(&scores, 0.5, (0.0, 2.0), 2.0), "M10.5 15L11.5 0");
        assert_eq!(path(&scores, 0.5, (1.0, 2.0), 2.0), "M10.5 0H11.5");
        // Fewer scores than pixels.
        assert_eq!(
            path(&[0.0, 100.0], 1.0, (0.0, 2.0), 6.0),
            "M10.5 20H12.5L13.5 0H15.5"
        );
    }

    #[test]
    fn there_is_a_gap_without_scores() {
        let scores = [100.0, f32::NAN, 50.0, f32::INFINITY, 0.0];
        assert_eq!(
            path(&scores, 1.0, (0.0, 8.0), 8.0),
            "M10.5 0M12.5 10M14.5 20"
        );
        assert_eq!(path(&[], 1.0, (0.0, 2.0), 2.0), "");
        assert_eq!(path(&[1.0], f64::NAN, (0.0, 2.0), 2.0), "");
        assert_eq!(
            path(&[300.0, -7.0], 1.0, (0.0, 2.0), 2.0),
            "M10.5 0L11.5 20"
        );
    }

    #[test]
    fn a_day_of_scores_gives_a_short_path() {
        let scores = (0..4_320_000_u64).map(|n| (n * n / 7_919 % 101) as f32);
        let scores: Vec<f32> = scores.collect();
        let path = path(&scores, 0.02, (0.0, 86_400.0), 680.0);
        assert!(path.len() < 10_000, "{}", path.len());
    }
}
