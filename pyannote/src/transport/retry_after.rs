//! The `Retry-After` header.

use std::time::{Duration, SystemTime};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};

/// How long the server asks to wait, or `None` if the header is missing or invalid.
///
/// A date is compared with the server's own clock if the response has a `Date`, and with `wall` otherwise, so that a
/// wrong local clock does not change the delay.
pub(crate) fn retry_after(headers: &HeaderMap, wall: SystemTime) -> Option<Duration> {
    parse(headers.get(RETRY_AFTER)?, server_time(headers, wall))
}

/// Parses seconds (`120`, also `1.5`) or an HTTP date. Dates in the past are zero; numbers that are too large are
/// [`Duration::MAX`]; anything else is `None`.
fn parse(value: &HeaderValue, now: SystemTime) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Some(seconds) = parse_seconds(text) {
        return Some(seconds);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

/// The server's time according to its `Date` header, or `wall` without one.
pub(super) fn server_time(headers: &HeaderMap, wall: SystemTime) -> SystemTime {
    headers
        .get(DATE)
        .and_then(|date| date.to_str().ok())
        .and_then(|date| httpdate::parse_http_date(date.trim()).ok())
        .unwrap_or(wall)
}

/// Parses seconds as digits with an optional fraction, saturating at [`Duration::MAX`].
///
/// Not parsed as a float, which would accept `inf`, `1e9` and `-1`.
pub(super) fn parse_seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    // All digits, so parsing fails only on overflow.
    let Ok(whole) = whole.parse() else {
        return Some(Duration::MAX);
    };
    // Truncated or zero-padded to nine digits.
    let nanos = fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0_u32, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    Some(Duration::new(whole, nanos))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2015-10-21T07:28:00Z
    fn wall() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_480)
    }

    #[test]
    fn every_format() {
        let s = Duration::from_secs;
        let table: &[(&str, Option<Duration>)] = &[
            // seconds
            ("0", Some(s(0))),
            ("1", Some(s(1))),
            ("120", Some(s(120))),
            ("007", Some(s(7))),
            (" 30 ", Some(s(30))),
            ("\t30", Some(s(30))),
            // decimals
            ("1.5", Some(Duration::from_millis(1_500))),
            ("0.25", Some(Duration::from_millis(250))),
            ("2.0", Some(s(2))),
            ("0.000000001", Some(Duration::from_nanos(1))),
            ("0.9999999999999", Some(Duration::from_nanos(999_999_999))),
            // huge
            ("18446744073709551615", Some(s(u64::MAX))),
            ("18446744073709551616", Some(Duration::MAX)),
            (
                "99999999999999999999999999999999999999",
                Some(Duration::MAX),
            ),
            ("99999999999999999999999999.5", Some(Duration::MAX)),
            // the three HTTP date formats
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(s(0))),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some(s(30))),
            ("Wednesday, 21-Oct-15 07:29:00 GMT", Some(s(60))),
            ("Wed Oct 21 07:30:00 2015", Some(s(120))),
            // in the past
            ("Wed, 21 Oct 2015 07:27:59 GMT", Some(s(0))),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(s(0))),
            // invalid
            ("", None),
            (" ", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1.", None),
            (".5", None),
            ("1.2.3", None),
            ("1,5", None),
            ("1 2", None),
            ("inf", None),
            ("NaN", None),
            ("0x10", None),
            ("soon", None),
            ("10s", None),
            ("Wed, 32 Oct 2015 07:28:00 GMT", None),
            ("2015-10-21T07:28:00Z", None),
        ];
        for (text, expected) in table {
            let value = HeaderValue::from_str(text).unwrap();
            assert_eq!(parse(&value, wall()), *expected, "{text:?}");
        }
        let far_future = HeaderValue::from_static("Fri, 31 Dec 9999 23:59:59 GMT");
        assert!(parse(&far_future, wall()).unwrap() > s(86_400 * 365 * 7_000));
        let binary = HeaderValue::from_bytes(b"\xff12").unwrap();
        assert_eq!(parse(&binary, wall()), None);
    }

    #[test]
    fn date_is_compared_with_the_date_header_if_present() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers, wall()), None);
        headers.insert(
            RETRY_AFTER,
            HeaderValue::from_static("Wed, 21 Oct 2015 07:38:10 GMT"),
        );
        assert_eq!(
            retry_after(&headers, wall()),
            Some(Duration::from_secs(610))
        );
        headers.insert(
            DATE,
            HeaderValue::from_static("Wed, 21 Oct 2015 07:38:00 GMT"),
        );
        assert_eq!(retry_after(&headers, wall()), Some(Duration::from_secs(10)));
        headers.insert(DATE, HeaderValue::from_static("yesterday"));
        assert_eq!(
            retry_after(&headers, wall()),
            Some(Duration::from_secs(610))
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), date in any::<Vec<u8>>()) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.insert(RETRY_AFTER, value);
            }
            if let Ok(value) = HeaderValue::from_bytes(&date) {
                headers.insert(DATE, value);
            }
            let _ = retry_after(&headers, wall());
        }

        #[test]
        fn almost_valid_dates_do_not_panic(text in "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT") {
            let _ = parse(&HeaderValue::from_str(&text).unwrap(), wall());
        }

        #[test]
        fn whole_seconds_are_parsed_exactly(seconds in any::<u64>()) {
            let value = HeaderValue::from(seconds);
            prop_assert_eq!(parse(&value, wall()), Some(Duration::from_secs(seconds)));
        }
    }
}
