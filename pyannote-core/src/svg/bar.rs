//! Few bars of many turns: what is smaller than a pixel is not worth an element.

use super::lane::Stretch;

/// A stretch that is shorter than this, in pixels, may share a bar.
const SHORT: f64 = 3.0;
/// A gap that is shorter than this, in pixels, is not seen.
const GAP: f64 = 1.0;
/// A shared bar is no longer than this, in pixels, so that its shade tells how dense the speech is there.
const SHARED: f64 = 8.0;

/// What is drawn as one rectangle.
#[derive(Debug, PartialEq)]
pub(super) struct Bar {
    /// In seconds.
    pub(super) start: f64,
    /// In seconds.
    pub(super) end: f64,
    pub(super) turns: usize,
    /// How much of it is speech, in seconds.
    pub(super) speech: f64,
}

/// The bars of `stretches`, which are sorted and do not overlap. `pixel` is how many seconds a pixel is.
pub(super) fn bars(stretches: &[Stretch], pixel: f64) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for stretch in stretches {
        let short = stretch.seconds() < SHORT * pixel;
        match bars.last_mut() {
            Some(bar)
                if short
                    && bar.end - bar.start < SHARED * pixel
                    && stretch.start - bar.end < GAP * pixel
                    && stretch.end - bar.start < SHARED * pixel
                    && (bar.turns > 1 || bar.end - bar.start < SHORT * pixel) =>
            {
                bar.end = stretch.end;
                bar.turns += stretch.turns;
                bar.speech += stretch.seconds();
            }
            _ => bars.push(Bar {
                start: stretch.start,
                end: stretch.end,
                turns: stretch.turns,
                speech: stretch.seconds(),
            }),
        }
    }
    bars
}

impl Bar {
    /// How much of the bar is speech, 0..1.
    pub(super) fn density(&self) -> f64 {
        let length = self.end - self.start;
        if length > 0.0 {
            (self.speech / length).clamp(0.0, 1.0)
        } else {
            1.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lane::Stretch;
    use super::bars;

    fn times(times: &[(f64, f64)]) -> Vec<(f64, f64, usize)> {
        let stretch = |&(start, end)| Stretch {
            start,
            end,
            turns: 1,
        };
        let stretches: Vec<_> = times.iter().map(stretch).collect();
        let bars = bars(&stretches, 1.0);
        bars.iter()
            .map(|bar| (bar.start, bar.end, bar.turns))
            .collect()
    }

    #[test]
    fn only_small_and_close_stretches_share_a_bar() {
        assert_eq!(times(&[(0.0, 1.0), (1.5, 2.5)]), [(0.0, 2.5, 2)]);
        assert_eq!(
            times(&[(0.0, 1.0), (2.0, 2.5)]),
            [(0.0, 1.0, 1), (2.0, 2.5, 1)]
        );
        assert_eq!(
            times(&[(0.0, 3.0), (3.0, 4.0)]),
            [(0.0, 3.0, 1), (3.0, 4.0, 1)]
        );
        assert_eq!(
            times(&[(0.0, 1.0), (1.0, 4.0)]),
            [(0.0, 1.0, 1), (1.0, 4.0, 1)]
        );
        assert_eq!(times(&[]), []);
    }

    #[test]
    fn shared_bars_stay_short_and_tell_their_density() {
        let stretches: Vec<_> = (0..1000)
            .map(|i| Stretch {
                start: f64::from(i) * 0.1,
                end: f64::from(i) * 0.1 + 0.05,
                turns: 1,
            })
            .collect();
        let bars = bars(&stretches, 1.0);
        assert!(bars.len() < 20, "{}", bars.len());
        assert_eq!(bars.iter().map(|bar| bar.turns).sum::<usize>(), 1000);
        assert!(
            bars.iter().all(|bar| (0.45..0.6).contains(&bar.density())),
            "{bars:?}"
        );
    }
}
