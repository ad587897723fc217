//! What an answer's headers say about the rate limit.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::retry_after::{retry_after, seconds, server_time};

/// From here on a number of seconds is a date (2001 and later), and no time left.
const EPOCH_FROM: Duration = Duration::from_secs(1_000_000_000);

/// The rate limit as one answer shows it. What is missing or cannot be read is `None`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct RateHeaders {
    /// `X-RateLimit-Limit`: requests a window.
    pub(crate) limit: Option<u32>,
    /// `X-RateLimit-Remaining`: requests left in the window.
    pub(crate) remaining: Option<u32>,
    /// `X-RateLimit-Reset`: time left until the window ends.
    pub(crate) reset: Option<Duration>,
    /// `Retry-After`: time for which the server wants no requests.
    pub(crate) retry_after: Option<Duration>,
}

impl RateHeaders {
    /// Reads the headers of an answer that came when the date was `wall`.
    pub(crate) fn read(headers: &HeaderMap, wall: SystemTime) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            // A limit of 0 would mean never, which no server means.
            limit: text("x-ratelimit-limit")
                .and_then(count)
                .filter(|limit| *limit > 0),
            remaining: text("x-ratelimit-remaining").and_then(count),
            reset: text("x-ratelimit-reset")
                .and_then(|text| seconds(text.trim()))
                .map(|reset| time_left(reset, server_time(headers, wall))),
            retry_after: retry_after(headers, wall),
        }
    }
}

/// A whole number; what is too large saturates. Some servers append their policy (`100, 100;w=60`): it is left out.
fn count(text: &str) -> Option<u32> {
    let number = text.split([',', ';']).next()?.trim();
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // All digits: the only way to fail is to be too large.
    Some(number.parse().unwrap_or(u32::MAX))
}

/// The documentation says once UTC epoch seconds and once seconds left. No window is 31 years long, so that the size
/// of the number tells which.
fn time_left(reset: Duration, now: SystemTime) -> Duration {
    if reset < EPOCH_FROM {
        return reset;
    }
    match SystemTime::UNIX_EPOCH.checked_add(reset) {
        Some(date) => date.duration_since(now).unwrap_or(Duration::ZERO),
        None => Duration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    /// 2023-11-14T22:13:20Z
    fn wall() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn read(name: &'static str, value: &str) -> RateHeaders {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        RateHeaders::read(&headers, wall())
    }

    #[test]
    fn both_forms_of_reset() {
        let s = Duration::from_secs;
        let table = [
            // seconds left
            ("0", Some(s(0))),
            ("37", Some(s(37))),
            (" 37 ", Some(s(37))),
            ("0.5", Some(Duration::from_millis(500))),
            ("999999999", Some(s(999_999_999))),
            // UTC epoch seconds
            ("1000000000", Some(s(0))),
            ("1699999999", Some(s(0))),
            ("1700000000", Some(s(0))),
            ("1700000037", Some(s(37))),
            ("1700000037.25", Some(Duration::from_millis(37_250))),
            // huge
            ("18446744073709551615", Some(Duration::MAX)),
            ("999999999999999999999999999", Some(Duration::MAX)),
            // garbage
            ("", None),
            ("-5", None),
            ("soon", None),
            ("1e9", None),
        ];
        for (text, expected) in table {
            let seen = read("x-ratelimit-reset", text);
            assert_eq!(seen.reset, expected, "{text:?}");
            assert_eq!(
                (seen.limit, seen.remaining, seen.retry_after),
                (None, None, None)
            );
        }
    }

    #[test]
    fn an_epoch_reset_is_compared_with_the_servers_clock() {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-reset", HeaderValue::from_static("1700000900"));
        headers.insert(
            "date",
            HeaderValue::from_static("Tue, 14 Nov 2023 22:28:00 GMT"),
        );
        let seen = RateHeaders::read(&headers, wall());
        assert_eq!(
            seen.reset,
            Some(Duration::from_secs(20)),
            "our clock is 880 s behind"
        );
    }

    #[test]
    fn counts() {
        // text, as remaining, as limit
        let table = [
            ("0", Some(0), None),
            ("1", Some(1), Some(1)),
            ("100", Some(100), Some(100)),
            (" 100 ", Some(100), Some(100)),
            ("100, 100;w=60", Some(100), Some(100)),
            ("100;w=60", Some(100), Some(100)),
            ("4294967295", Some(u32::MAX), Some(u32::MAX)),
            ("99999999999999999999", Some(u32::MAX), Some(u32::MAX)),
            ("", None, None),
            (",5", None, None),
            ("-1", None, None),
            ("1.5", None, None),
            ("many", None, None),
        ];
        for (text, remaining, limit) in table {
            assert_eq!(
                read("x-ratelimit-remaining", text).remaining,
                remaining,
                "{text:?}"
            );
            assert_eq!(read("x-ratelimit-limit", text).limit, limit, "{text:?}");
        }
    }

    #[test]
    fn retry_after_is_read_too() {
        assert_eq!(
            read("retry-after", "3").retry_after,
            Some(Duration::from_secs(3))
        );
        assert_eq!(
            RateHeaders::read(&HeaderMap::new(), wall()),
            RateHeaders::default()
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..32), 5)) {
            let names = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after", "date"];
            let mut headers = HeaderMap::new();
            for (name, value) in names.into_iter().zip(values) {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    headers.insert(HeaderName::from_static(name), value);
                }
            }
            let _ = RateHeaders::read(&headers, wall());
        }

        #[test]
        fn no_number_panics(reset in "[0-9]{0,40}(\\.[0-9]{0,20})?") {
            let _ = read("x-ratelimit-reset", &reset);
        }
    }
}
