//! Human-readable times: player clocks and durations.

/// Times from here on, in seconds, are formatted in scientific notation: more than a hundred thousand hours.
pub(crate) const SCIENTIFIC_FROM_S: f64 = 3.6e8;

/// Converts seconds to whole milliseconds, rounded to nearest. Negative times and NaN become 0.
pub(crate) fn to_millis(seconds: f64) -> u64 {
    // The cast saturates, and turns NaN into 0.
    (seconds * 1000.0).round() as u64
}

/// Formats a subtitle timestamp: `hh:mm:ss`, then `decimal_mark` and milliseconds.
pub(crate) fn format_timestamp(millis: u64, decimal_mark: char) -> String {
    format!(
        "{}{decimal_mark}{:03}",
        format_hms(millis / 1000),
        millis % 1000
    )
}

/// Formats whole seconds as `hh:mm:ss`, with more digits for the hours from 100 hours on.
pub(crate) fn format_hms(seconds: u64) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Formats a time in seconds as `m:ss.t`, or as `h:mm:ss.t` from one hour on.
pub(crate) fn format_time(seconds: f64) -> String {
    if seconds >= SCIENTIFIC_FROM_S {
        return format_scientific(seconds);
    }
    let tenths = (seconds * 10.0).round() as u64;
    let (hours, minutes, tenths) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
    let seconds = format!("{:02}.{}", tenths / 10, tenths % 10);
    if hours == 0 {
        format!("{minutes}:{seconds}")
    } else {
        format!("{hours}:{minutes:02}:{seconds}")
    }
}

/// Formats a duration in seconds with units: `12.3 s`, `4 min 10 s`, `2 h 5 min`.
pub(crate) fn format_duration(seconds: f64) -> String {
    if seconds >= SCIENTIFIC_FROM_S {
        return format_scientific(seconds);
    }
    // The unit is chosen after rounding, so that nothing is formatted as `60.0 s` or `60 min`.
    let tenths = (seconds * 10.0).round() as u64;
    let whole = seconds.round() as u64;
    let minutes = (seconds / 60.0).round() as u64;
    if tenths < 600 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else if whole < 3600 {
        format!("{} min {} s", whole / 60, whole % 60)
    } else {
        format!("{} h {} min", minutes / 60, minutes % 60)
    }
}

/// Formats a time in seconds as hours in scientific notation.
fn format_scientific(seconds: f64) -> String {
    format!("{:.1e} h", seconds / 3600.0)
}

#[cfg(test)]
mod tests {
    use super::{format_duration, format_hms, format_time, format_timestamp, to_millis};

    #[test]
    fn timestamps_round_to_the_nearest_millisecond() {
        for (seconds, expected) in [
            (0.0, "00:00:00,000"),
            (0.0004, "00:00:00,000"),
            (0.0005, "00:00:00,001"),
            (1.5, "00:00:01,500"),
            (59.9994, "00:00:59,999"),
            (59.9996, "00:01:00,000"),
            (3599.9999, "01:00:00,000"),
            (3_661.001, "01:01:01,001"),
            (86_400.0, "24:00:00,000"),
            (360_000.0, "100:00:00,000"),
            (-1.0, "00:00:00,000"),
            (f64::NAN, "00:00:00,000"),
        ] {
            assert_eq!(
                format_timestamp(to_millis(seconds), ','),
                expected,
                "{seconds} s"
            );
        }
        assert_eq!(format_timestamp(1500, '.'), "00:00:01.500");
    }

    #[test]
    fn clock_times_carry_into_minutes_and_hours() {
        for (seconds, expected) in [
            (0, "00:00:00"),
            (59, "00:00:59"),
            (3600, "01:00:00"),
            (359_999, "99:59:59"),
        ] {
            assert_eq!(format_hms(seconds), expected);
        }
        for (seconds, expected) in [
            (0.0, "0:00.0"),
            (9.96, "0:10.0"),
            (59.96, "1:00.0"),
            (3599.96, "1:00:00.0"),
            (45_296.7, "12:34:56.7"),
            (3.6e303, "1.0e300 h"),
        ] {
            assert_eq!(format_time(seconds), expected, "{seconds} s");
        }
    }

    #[test]
    fn durations_choose_their_unit_after_rounding() {
        for (seconds, expected) in [
            (0.0, "0.0 s"),
            (12.34, "12.3 s"),
            (59.94, "59.9 s"),
            (59.96, "1 min 0 s"),
            (250.0, "4 min 10 s"),
            (3599.4, "59 min 59 s"),
            (3599.6, "1 h 0 min"),
            (7_500.0, "2 h 5 min"),
            (7_199.0, "2 h 0 min"),
            (f64::MAX, "5.0e304 h"),
        ] {
            assert_eq!(format_duration(seconds), expected, "{seconds} s");
        }
    }
}
