//! Whether the clock of this machine is right.

use std::time::SystemTime;

use chrono::DateTime;
use pyannote::http::{HeaderMap, header};

use super::report::Check;

/// Difference of the clocks at which something is wrong with this one.
const MAX_SKEW_S: u64 = 30;
/// Difference of the clocks at which the signatures of webhooks are rejected.
const WEBHOOK_TOLERANCE_S: u64 = 300;

/// Compares the clocks. `now` is when the server is assumed to have set its header.
pub(super) fn check(headers: &HeaderMap, now: SystemTime) -> Check {
    const NAME: &str = "clock";
    let date = headers
        .get(header::DATE)
        .and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
    let Some(date) = date else {
        return Check::warn(
            NAME,
            "the server does not tell its time",
            "check the clock of this machine",
        );
    };
    // Positive if this clock is ahead.
    let skew_s = DateTime::<chrono::Utc>::from(now)
        .signed_duration_since(date)
        .num_seconds();
    let direction = match skew_s {
        skew_s if skew_s > 0 => "ahead of",
        _ => "behind",
    };
    let message = format!("{} s {direction} that of the server", skew_s.abs());
    let remedy = "set the clock of this machine, for example by NTP";
    match skew_s.unsigned_abs() {
        // The header has whole seconds.
        0..=1 => Check::ok(NAME, "as that of the server"),
        skew_s if skew_s <= MAX_SKEW_S => Check::ok(NAME, message),
        skew_s if skew_s < WEBHOOK_TOLERANCE_S => Check::warn(
            NAME,
            format!("{message}; webhooks and pre-signed URLs depend on it"),
            remedy,
        ),
        _ => Check::fail(
            NAME,
            format!("{message}; webhooks and pre-signed URLs do not work"),
            remedy,
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn clocks_are_compared() {
        let headers = |date: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::DATE, date.parse().unwrap());
            headers
        };
        let date = headers("Thu, 26 Nov 2026 18:00:00 GMT");
        let noon = DateTime::parse_from_rfc3339("2026-11-26T18:00:00Z").unwrap();
        for (skew_s, status, words) in [
            (0, Status::Ok, "as that of"),
            (20, Status::Ok, "20 s ahead of"),
            (-45, Status::Warn, "45 s behind"),
            (299, Status::Warn, "299 s ahead of"),
            (-300, Status::Fail, "300 s behind"),
            (31_536_000, Status::Fail, "ahead of"),
        ] {
            let now = SystemTime::from(noon + chrono::TimeDelta::seconds(skew_s));
            let check = check(&date, now);
            assert_eq!(check.status, status, "{check:?}");
            assert!(check.message.contains(words), "{check:?}");
        }
        for headers in [HeaderMap::new(), headers("yesterday")] {
            assert_eq!(check(&headers, SystemTime::now()).status, Status::Warn);
        }
    }
}
