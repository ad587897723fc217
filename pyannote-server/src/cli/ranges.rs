//! Parsers of option values that must be within a range.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::RangedU64ValueParser;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a live stream may take.
pub(super) const LIVE_DURATION: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(7 * DAY.as_secs());
/// How long ended jobs are kept. The least leaves time to read the result.
pub(super) const RETENTION: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(3_650 * DAY.as_secs());
/// How long stopping may take.
pub(super) const GRACE_PERIOD: RangeInclusive<Duration> = Duration::ZERO..=DAY;

/// Size of all uploads of a server. The least leaves room for a recording.
pub(super) const MAX_UPLOADS: RangeInclusive<ByteSize> = ByteSize::mib(1)..=ByteSize::pib(1);
/// Space that uploads leave free.
pub(super) const FREE_SPACE: RangeInclusive<ByteSize> = ByteSize::b(0)..=ByteSize::pib(1);

/// Parses a number in `range`.
pub(super) fn number(range: RangeInclusive<u64>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(range)
}

/// Parses a duration in `range`, such as 8s or 30d.
pub(super) fn duration(
    range: RangeInclusive<Duration>,
) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    move |text| {
        let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
        match range.contains(&duration) {
            true => Ok(duration),
            false => Err(format!(
                "must be {} to {}",
                humantime::format_duration(*range.start()),
                format_days(*range.end())
            )),
        }
    }
}

/// Parses a size in `range`, such as 500MB or 1GiB.
pub(super) fn size(
    range: RangeInclusive<ByteSize>,
) -> impl Fn(&str) -> Result<ByteSize, String> + Clone {
    move |text| match text.parse::<ByteSize>() {
        Ok(size) if range.contains(&size) => Ok(size),
        Ok(_) => Err(format!("must be {} to {}", range.start(), range.end())),
        Err(_) => Err("must be a number and a unit, such as 500MB or 1GiB".to_owned()),
    }
}

/// Formats a duration without the months and years of `humantime`, which are fractions of days.
fn format_days(duration: Duration) -> String {
    match duration.as_secs() / DAY.as_secs() {
        1 => "1day".to_owned(),
        days => format!("{days}days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_out_of_range_are_rejected_with_the_range() {
        let parse = |text: &str| duration(GRACE_PERIOD)(text);
        for valid in ["0s", "8s", "1day", "24h"] {
            assert!(parse(valid).is_ok(), "{valid}");
        }
        for invalid in ["25h", "1000y"] {
            assert_eq!(parse(invalid), Err("must be 0s to 1day".to_owned()));
        }
        assert!(parse("-1s").is_err());
        let error = duration(RETENTION)("0s").unwrap_err();
        assert_eq!(error, "must be 1m to 3650days");
    }

    #[test]
    fn sizes_out_of_range_are_rejected_with_the_range() {
        let parse = |text: &str| size(MAX_UPLOADS)(text);
        for (valid, bytes) in [("1MiB", 1 << 20), ("500MB", 500_000_000), ("1PiB", 1 << 50)] {
            assert_eq!(parse(valid), Ok(ByteSize::b(bytes)));
        }
        for invalid in ["0", "1MB", "1000000000000000000", "99999999999999999999EB"] {
            assert_eq!(
                parse(invalid),
                Err("must be 1.0 MiB to 1.0 PiB".to_owned()),
                "{invalid}"
            );
        }
        for invalid in ["", "-1", "abc", "1.2.3GB", "NaN", "99999999999999999999999"] {
            let error = parse(invalid).unwrap_err();
            assert_eq!(
                error, "must be a number and a unit, such as 500MB or 1GiB",
                "{invalid}"
            );
        }
        assert_eq!(size(FREE_SPACE)("0"), Ok(ByteSize::b(0)));
    }
}
