//! Parsers of option values that must be within a range.

use std::ops::RangeInclusive;
use std::time::Duration;

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
}
