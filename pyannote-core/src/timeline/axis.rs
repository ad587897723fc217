//! The ticks of the time axis.

use crate::time_format::SCIENTIFIC_FROM_S;

/// Seconds per day.
const DAY_S: f64 = 86_400.0;

/// Distances between ticks, in seconds. Greater distances are a power of ten of days.
const TICK_STEPS_S: [f64; 25] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0,
];

/// Minimum distance between ticks, in pixels, to fit the longest label.
const MIN_TICK_DISTANCE_PX: f64 = 68.0;

/// The ticks of an axis.
#[derive(Debug, PartialEq)]
pub(crate) struct Axis {
    /// Time in seconds, and label.
    pub(crate) ticks: Vec<(f64, String)>,
    /// The unit of the labels.
    pub(crate) unit: &'static str,
}

/// Returns the ticks from `start` to `end`, in seconds, for an axis of the given width.
pub(crate) fn axis(start: f64, end: f64, width_px: f64) -> Axis {
    let min_step = (end - start) / width_px * MIN_TICK_DISTANCE_PX;
    let step = TICK_STEPS_S
        .into_iter()
        .find(|step| *step >= min_step)
        .unwrap_or_else(|| DAY_S * 10_f64.powf((min_step / DAY_S).log10().ceil()))
        .min(f64::MAX);
    let format = LabelFormat::new(end, step);
    let first = (start / step).ceil();
    let mut ticks: Vec<(f64, String)> = Vec::new();
    for index in 0..=(width_px / MIN_TICK_DISTANCE_PX) as u32 {
        let time = (first + f64::from(index)) * step;
        // The tolerance is for rounding errors, as in 3 * 0.1 > 0.3. Huge times may not advance from tick to tick.
        if time - end > step * 1e-9 || ticks.last().is_some_and(|(last, _)| *last >= time) {
            break;
        }
        ticks.push((time.min(end), format.label(time)));
    }
    Axis {
        ticks,
        unit: format.unit(),
    }
}

/// The format of the labels of an axis.
enum LabelFormat {
    Seconds { decimals: usize },
    MinutesSeconds,
    HoursMinutes,
    HoursMinutesSeconds,
    ScientificHours,
}

impl LabelFormat {
    fn new(end: f64, step: f64) -> Self {
        if end >= SCIENTIFIC_FROM_S {
            Self::ScientificHours
        } else if step < 0.1 {
            Self::Seconds { decimals: 2 }
        } else if step < 1.0 {
            Self::Seconds { decimals: 1 }
        } else if end < 60.0 {
            Self::Seconds { decimals: 0 }
        } else if end < 3600.0 {
            Self::MinutesSeconds
        } else if step < 60.0 {
            Self::HoursMinutesSeconds
        } else {
            Self::HoursMinutes
        }
    }

    fn unit(&self) -> &'static str {
        match self {
            Self::Seconds { .. } => "seconds",
            Self::MinutesSeconds => "min:sec",
            Self::HoursMinutes => "h:min",
            Self::HoursMinutesSeconds => "h:min:sec",
            Self::ScientificHours => "hours",
        }
    }

    fn label(&self, time: f64) -> String {
        let whole = time.round() as u64;
        let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
        match self {
            Self::Seconds { decimals } => format!("{time:.decimals$}"),
            Self::MinutesSeconds => format!("{minutes}:{seconds:02}"),
            Self::HoursMinutes => format!("{hours}:{minutes:02}"),
            Self::HoursMinutesSeconds => format!("{hours}:{minutes:02}:{seconds:02}"),
            Self::ScientificHours => format!("{:.2e}", time / 3600.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::axis;

    #[test]
    fn ticks_are_at_round_times() {
        for (start, end, expected) in [
            (
                0.0,
                0.5,
                "0.00 0.05 0.10 0.15 0.20 0.25 0.30 0.35 0.40 0.45 0.50 seconds",
            ),
            (0.0, 0.3, "0.00 0.05 0.10 0.15 0.20 0.25 0.30 seconds"),
            (0.0, 30.0, "0 5 10 15 20 25 30 seconds"),
            (0.0, 59.0, "0 10 20 30 40 50 seconds"),
            (
                0.0,
                90.0,
                "0:00 0:10 0:20 0:30 0:40 0:50 1:00 1:10 1:20 1:30 min:sec",
            ),
            (31.0, 100.0, "0:40 0:50 1:00 1:10 1:20 1:30 1:40 min:sec"),
            (0.0, 3600.0, "0:00 0:10 0:20 0:30 0:40 0:50 1:00 h:min"),
            (
                7000.0,
                7060.0,
                "1:56:40 1:56:50 1:57:00 1:57:10 1:57:20 1:57:30 1:57:40 h:min:sec",
            ),
            (
                0.0,
                86_400.0,
                "0:00 3:00 6:00 9:00 12:00 15:00 18:00 21:00 24:00 h:min",
            ),
        ] {
            let axis = axis(start, end, 680.0);
            let labels: Vec<_> = axis.ticks.iter().map(|(_, label)| label.as_str()).collect();
            let text = format!("{} {}", labels.join(" "), axis.unit);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn extreme_ranges_have_few_ticks() {
        for (start, end) in [
            (0.0, f64::MAX),
            (1e300, 1.1e300),
            (1e17, 1e17 + 64.0),
            (0.0, 1e-3),
        ] {
            let ticks = axis(start, end, 680.0).ticks;
            assert!(ticks.len() <= 11, "{start}..{end}: {ticks:?}");
            assert!(ticks.iter().all(|(time, _)| (start..=end).contains(time)));
        }
    }
}
