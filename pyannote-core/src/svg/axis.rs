//! The ticks of a time axis, at times that people count in.

use super::super::clock::FAR;

/// Distances of ticks, in seconds. Beyond the last, days are counted in powers of ten.
const STEPS: [f64; 25] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0,
];

/// The least distance of ticks, in pixels: room for the longest label and some air.
const APART: f64 = 68.0;

/// The ticks of an axis.
#[derive(Debug, PartialEq)]
pub(super) struct Axis {
    /// Time in seconds, and its label.
    pub(super) ticks: Vec<(f64, String)>,
    /// How the labels are to be read.
    pub(super) unit: &'static str,
}

/// The ticks from `start` to `end`, in seconds, on `pixels` pixels.
pub(super) fn axis(start: f64, end: f64, pixels: f64) -> Axis {
    let least = (end - start) / pixels * APART;
    let step = STEPS.into_iter().find(|step| *step >= least);
    let step = step
        .unwrap_or_else(|| 86_400.0 * 10_f64.powf((least / 86_400.0).log10().ceil()))
        .min(f64::MAX);
    let form = Form::of(end, step);
    let first = (start / step).ceil();
    let mut ticks: Vec<(f64, String)> = Vec::new();
    // Ticks are at least `APART` pixels apart, so this many are enough; times too large to count end earlier.
    for index in 0..=(pixels / APART) as u32 {
        let time = (first + f64::from(index)) * step;
        // Three times 0.1 is more than 0.3, by its last bit.
        if time - end > step * 1e-9 || ticks.last().is_some_and(|(last, _)| *last >= time) {
            break;
        }
        ticks.push((time.min(end), form.label(time)));
    }
    Axis {
        ticks,
        unit: form.unit(),
    }
}

/// How the times of an axis are written.
enum Form {
    /// With so many decimals.
    Seconds(usize),
    Minutes,
    HoursAndMinutes,
    Hours,
    Far,
}

impl Form {
    fn of(end: f64, step: f64) -> Self {
        if end >= FAR {
            Self::Far
        } else if step < 1.0 {
            Self::Seconds(if step < 0.1 { 2 } else { 1 })
        } else if end < 60.0 {
            Self::Seconds(0)
        } else if end < 3600.0 {
            Self::Minutes
        } else if step < 60.0 {
            Self::Hours
        } else {
            Self::HoursAndMinutes
        }
    }

    fn unit(&self) -> &'static str {
        match self {
            Self::Seconds(_) => "seconds",
            Self::Minutes => "min:sec",
            Self::HoursAndMinutes => "h:min",
            Self::Hours => "h:min:sec",
            Self::Far => "hours",
        }
    }

    fn label(&self, time: f64) -> String {
        let whole = time.round() as u64;
        let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
        match self {
            Self::Seconds(places) => format!("{time:.places$}"),
            Self::Minutes => format!("{minutes}:{seconds:02}"),
            Self::HoursAndMinutes => format!("{hours}:{minutes:02}"),
            Self::Hours => format!("{hours}:{minutes:02}:{seconds:02}"),
            Self::Far => format!("{:.2e}", time / 3600.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::axis;

    #[test]
    fn ticks_are_at_times_that_people_count_in() {
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
    fn times_of_any_size_end() {
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
