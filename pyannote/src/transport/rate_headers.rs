//! Rate limit headers of a response.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::retry_after::{parse_seconds, retry_after, server_time};

/// From this value on, a reset is a Unix timestamp (2001 and later) and not a number of seconds left.
const MIN_UNIX_TIMESTAMP: Duration = Duration::from_secs(1_000_000_000);

/// The rate limit headers of one response. Missing and invalid headers are `None`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct RateHeaders {
    /// `X-RateLimit-Limit`: requests per window.
    pub(crate) limit: Option<u32>,
    /// `X-RateLimit-Remaining`: requests left in the window.
    pub(crate) remaining: Option<u32>,
    /// `X-RateLimit-Reset`: time until the window ends.
    pub(crate) reset: Option<Duration>,
    /// `Retry-After`: time until the server accepts requests again.
    pub(crate) retry_after: Option<Duration>,
}

impl RateHeaders {
    /// Parses the headers of a response that arrived at the wall clock time `wall`.
    pub(crate) fn parse(headers: &HeaderMap, wall: SystemTime) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            // A limit of 0 would forbid all requests, which no server intends.
            limit: text("x-ratelimit-limit")
                .and_then(parse_count)
                .filter(|limit| *limit > 0),
            remaining: text("x-ratelimit-remaining").and_then(parse_count),
            reset: text("x-ratelimit-reset")
                .and_then(|text| parse_seconds(text.trim()))
                .map(|reset| time_until_reset(reset, server_time(headers, wall))),
            retry_after: retry_after(headers, wall),
        }
    }
}

/// Parses a whole number, saturating at `u32::MAX`. Some servers append their policy (`100, 100;w=60`); it is ignored.
fn parse_count(text: &str) -> Option<u32> {
    let number = text.split([',', ';']).next()?.trim();
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // All digits, so parsing fails only on overflow.
    Some(number.parse().unwrap_or(u32::MAX))
}

/// The documentation describes the reset both as a Unix timestamp and as seconds left. No window lasts 31 years, so the
/// magnitude of the number distinguishes them.
fn time_until_reset(reset: Duration, now: SystemTime) -> Duration {
    if reset < MIN_UNIX_TIMESTAMP {
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

    fn parse(name: &'static str, value: &str) -> RateHeaders {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        RateHeaders::parse(&headers, wall())
    }

    #[test]
    fn reset_as_seconds_left_or_unix_timestamp() {
        let s = Duration::from_secs;
        let table = [
            // seconds left
            ("0", Some(s(0))),
            ("37", Some(s(37))),
            (" 37 ", Some(s(37))),
            ("0.5", Some(Duration::from_millis(500))),
            ("999999999", Some(s(999_999_999))),
            // Unix timestamp
            ("1000000000", Some(s(0))),
            ("1699999999", Some(s(0))),
            ("1700000000", Some(s(0))),
            ("1700000037", Some(s(37))),
            ("1700000037.25", Some(Duration::from_millis(37_250))),
            // huge
            ("18446744073709551615", Some(Duration::MAX)),
            ("999999999999999999999999999", Some(Duration::MAX)),
            // invalid
            ("", None),
            ("-5", None),
            ("soon", None),
            ("1e9", None),
        ];
        for (text, expected) in table {
            let headers = parse("x-ratelimit-reset", text);
            assert_eq!(headers.reset, expected, "{text:?}");
            assert_eq!(
                (headers.limit, headers.remaining, headers.retry_after),
                (None, None, None)
            );
        }
    }

    #[test]
    fn unix_timestamp_reset_is_compared_with_the_date_header() {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-reset", HeaderValue::from_static("1700000900"));
        headers.insert(
            "date",
            HeaderValue::from_static("Tue, 14 Nov 2023 22:28:00 GMT"),
        );
        let headers = RateHeaders::parse(&headers, wall());
        assert_eq!(
            headers.reset,
            Some(Duration::from_secs(20)),
            "the local clock is 880 s behind"
        );
    }

    #[test]
    fn limit_and_remaining() {
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
                parse("x-ratelimit-remaining", text).remaining,
                remaining,
                "{text:?}"
            );
            assert_eq!(parse("x-ratelimit-limit", text).limit, limit, "{text:?}");
        }
    }

    #[test]
    fn retry_after_is_included() {
        assert_eq!(
            parse("retry-after", "3").retry_after,
            Some(Duration::from_secs(3))
        );
        assert_eq!(
            RateHeaders::parse(&HeaderMap::new(), wall()),
            RateHeaders::default()
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..32), 5)) {
            let names = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after", "date"];
            let mut headers = HeaderMap::new();
            for (name, value) in names.into_iter().zip(values) {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    headers.insert(HeaderName::from_static(name), value);
                }
            }
            let _ = RateHeaders::parse(&headers, wall());
        }

        #[test]
        fn arbitrary_numbers_do_not_panic(reset in "[0-9]{0,40}(\\.[0-9]{0,20})?") {
            let _ = parse("x-ratelimit-reset", &reset);
        }
    }
}
