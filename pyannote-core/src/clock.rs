//! Times as people read them: the clock of a player, and lengths in words.

/// `seconds` as whole milliseconds, rounded to the nearest; 0 for what is below 0 or no number.
pub(super) fn milliseconds(seconds: f64) -> u64 {
    // The cast saturates, and turns NaN into 0.
    (seconds * 1000.0).round() as u64
}

/// `hh:mm:ss`, then `mark` and three digits: the timestamp of a subtitle.
pub(super) fn timestamp(milliseconds: u64, mark: char) -> String {
    format!(
        "{}{mark}{:03}",
        hms(milliseconds / 1000),
        milliseconds % 1000
    )
}

/// Whole seconds as `hh:mm:ss`; from 100 hours on with more digits.
pub(super) fn hms(seconds: u64) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// `seconds` as `m:ss.t`, or as `h:mm:ss.t` from an hour on.
pub(super) fn tenths(seconds: f64) -> String {
    if seconds >= FAR {
        return far(seconds);
    }
    let tenths = (seconds * 10.0).round() as u64;
    let (hours, minutes, rest) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
    let rest = format!("{:02}.{}", rest / 10, rest % 10);
    if hours == 0 {
        format!("{minutes}:{rest}")
    } else {
        format!("{hours}:{minutes:02}:{rest}")
    }
}

/// A length in words: `12.3 s`, `4 min 10 s`, `2 h 5 min`.
pub(super) fn length(seconds: f64) -> String {
    if seconds >= FAR {
        return far(seconds);
    }
    // The unit is chosen after rounding, so that nothing reads `60.0 s` or `60 min`.
    let (tenths, whole, minutes) = (
        (seconds * 10.0).round() as u64,
        seconds.round() as u64,
        (seconds / 60.0).round() as u64,
    );
    if tenths < 600 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else if whole < 3600 {
        format!("{} min {} s", whole / 60, whole % 60)
    } else {
        format!("{} h {} min", minutes / 60, minutes % 60)
    }
}

/// From here on, in seconds, times are written as a power of ten: more than a hundred thousand hours.
pub(super) const FAR: f64 = 3.6e8;

/// A time beyond every recording, in hours.
fn far(seconds: f64) -> String {
    format!("{:.1e} h", seconds / 3600.0)
}

#[cfg(test)]
mod tests {
    use super::{hms, length, milliseconds, tenths, timestamp};

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
                timestamp(milliseconds(seconds), ','),
                expected,
                "{seconds} s"
            );
        }
        assert_eq!(timestamp(1500, '.'), "00:00:01.500");
    }

    #[test]
    fn clocks_carry_over() {
        for (seconds, expected) in [
            (0, "00:00:00"),
            (59, "00:00:59"),
            (3600, "01:00:00"),
            (359_999, "99:59:59"),
        ] {
            assert_eq!(hms(seconds), expected);
        }
        for (seconds, expected) in [
            (0.0, "0:00.0"),
            (9.96, "0:10.0"),
            (59.96, "1:00.0"),
            (3599.96, "1:00:00.0"),
            (45_296.7, "12:34:56.7"),
            (3.6e303, "1.0e300 h"),
        ] {
            assert_eq!(tenths(seconds), expected, "{seconds} s");
        }
    }

    #[test]
    fn lengths_choose_their_unit_after_rounding() {
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
            assert_eq!(length(seconds), expected, "{seconds} s");
        }
    }
}
