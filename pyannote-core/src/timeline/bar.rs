//! Merges segments that are too small to be drawn separately, so that long recordings stay small files.

use super::lane::Segment;
use crate::time_format::{format_duration, format_time};

/// Segments shorter than this may share a bar, in pixels.
const MAX_MERGED_SEGMENT_PX: f64 = 3.0;
/// Gaps shorter than this are not visible, in pixels.
const MAX_MERGED_GAP_PX: f64 = 1.0;
/// Maximum width of a shared bar, in pixels, so that its opacity reflects the local density of speech.
const MAX_SHARED_BAR_PX: f64 = 8.0;

/// One rectangle of a lane.
#[derive(Debug, PartialEq)]
pub(crate) struct Bar {
    /// Start in seconds.
    pub(crate) start: f64,
    /// End in seconds.
    pub(crate) end: f64,
    pub(crate) turns: usize,
    /// Speech within the bar, in seconds.
    pub(crate) speech: f64,
}

/// Returns the bars of `segments`, which must be sorted and must not overlap.
pub(crate) fn bars(segments: &[Segment], seconds_per_px: f64) -> Vec<Bar> {
    let max_segment = MAX_MERGED_SEGMENT_PX * seconds_per_px;
    let max_gap = MAX_MERGED_GAP_PX * seconds_per_px;
    let max_bar = MAX_SHARED_BAR_PX * seconds_per_px;
    let mut bars: Vec<Bar> = Vec::new();
    for segment in segments {
        match bars.last_mut() {
            Some(bar)
                if segment.duration() < max_segment
                    && bar.duration() < max_bar
                    && segment.start - bar.end < max_gap
                    && segment.end - bar.start < max_bar
                    && (bar.turns > 1 || bar.duration() < max_segment) =>
            {
                bar.end = segment.end;
                bar.turns += segment.turns;
                bar.speech += segment.duration();
            }
            _ => bars.push(Bar {
                start: segment.start,
                end: segment.end,
                turns: segment.turns,
                speech: segment.duration(),
            }),
        }
    }
    bars
}

impl Bar {
    /// Duration in seconds.
    fn duration(&self) -> f64 {
        self.end - self.start
    }

    /// The proportion of speech within the bar, 0..1.
    pub(crate) fn density(&self) -> f64 {
        if self.duration() > 0.0 {
            (self.speech / self.duration()).clamp(0.0, 1.0)
        } else {
            1.0
        }
    }

    /// The opacity as an SVG attribute, which reflects the density. Empty if the bar is opaque.
    pub(crate) fn opacity(&self) -> String {
        // The minimum keeps sparse speech visible.
        let opacity = 0.35 + 0.65 * self.density();
        if opacity > 0.99 {
            String::new()
        } else {
            format!(" fill-opacity=\"{opacity:.2}\"")
        }
    }

    /// The times of the bar, for its tooltip: `0:11.0–0:20.3 (9.3 s)`.
    pub(crate) fn times(&self) -> String {
        let turn_count = if self.turns > 1 {
            format!(" in {} turns", self.turns)
        } else {
            String::new()
        };
        format!(
            "{}–{} ({}{turn_count})",
            format_time(self.start),
            format_time(self.end),
            format_duration(self.speech)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::bars;
    use crate::timeline::lane::Segment;

    fn bars_of(times: &[(f64, f64)]) -> Vec<(f64, f64, usize)> {
        let segment = |&(start, end)| Segment {
            start,
            end,
            turns: 1,
        };
        let segments: Vec<_> = times.iter().map(segment).collect();
        let bars = bars(&segments, 1.0);
        bars.iter()
            .map(|bar| (bar.start, bar.end, bar.turns))
            .collect()
    }

    #[test]
    fn only_short_and_close_segments_share_a_bar() {
        assert_eq!(bars_of(&[(0.0, 1.0), (1.5, 2.5)]), [(0.0, 2.5, 2)]);
        assert_eq!(
            bars_of(&[(0.0, 1.0), (2.0, 2.5)]),
            [(0.0, 1.0, 1), (2.0, 2.5, 1)]
        );
        assert_eq!(
            bars_of(&[(0.0, 3.0), (3.0, 4.0)]),
            [(0.0, 3.0, 1), (3.0, 4.0, 1)]
        );
        assert_eq!(
            bars_of(&[(0.0, 1.0), (1.0, 4.0)]),
            [(0.0, 1.0, 1), (1.0, 4.0, 1)]
        );
        assert_eq!(bars_of(&[]), []);
    }

    #[test]
    fn shared_bars_are_short_and_have_a_density() {
        let segments: Vec<_> = (0..1000)
            .map(|i| Segment {
                start: f64::from(i) * 0.1,
                end: f64::from(i) * 0.1 + 0.05,
                turns: 1,
            })
            .collect();
        let bars = bars(&segments, 1.0);
        assert!(bars.len() < 20, "{}", bars.len());
        assert_eq!(bars.iter().map(|bar| bar.turns).sum::<usize>(), 1000);
        assert!(
            bars.iter().all(|bar| (0.45..0.6).contains(&bar.density())),
            "{bars:?}"
        );
    }
}
