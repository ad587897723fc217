//! Exact sums and differences of decimal numbers.
//!
//! RTTM stores start and duration, turns store start and end. In floating point, 13.312 - 1.44 is 11.872000000000002 at
//! best, and start + duration may differ from the end in the last bit. In decimals the duration is exactly 11.872.

/// Decimal places of the fixed-point representation: enough for every float of at least 10^-8.
const DECIMAL_PLACES: usize = 25;

/// The number 1 in fixed point. Values up to about 10^13 fit.
const ONE: i128 = 10_i128.pow(DECIMAL_PLACES as u32);

/// Returns `a + b`, or `None` if either has an exponent or is out of range.
pub(super) fn sum(a: &str, b: &str) -> Option<String> {
    parse_fixed(a)?
        .checked_add(parse_fixed(b)?)
        .and_then(format_fixed)
}

/// Returns `a - b`, or `None` if either has an exponent or is out of range, or if the difference is negative.
pub(super) fn difference(a: &str, b: &str) -> Option<String> {
    parse_fixed(a)?
        .checked_sub(parse_fixed(b)?)
        .and_then(format_fixed)
}

/// Parses a decimal number without exponent as fixed point.
fn parse_fixed(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > DECIMAL_PLACES {
        return None;
    }
    format!("{whole}{fraction:0<DECIMAL_PLACES$}").parse().ok()
}

/// Formats a non-negative fixed-point number as the shortest decimal number.
fn format_fixed(value: i128) -> Option<String> {
    if value < 0 {
        return None;
    }
    let text = format!("{}.{:0DECIMAL_PLACES$}", value / ONE, value % ONE);
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::{difference, sum};

    #[test]
    fn sums_and_differences_are_exact() {
        assert_eq!(difference("13.312", "1.44").as_deref(), Some("11.872"));
        assert_eq!(sum("1.440", "11.872").as_deref(), Some("13.312"));
        assert_eq!(sum("0.1", "0.2").as_deref(), Some("0.3"));
        assert_eq!(sum("100", "0").as_deref(), Some("100"));
        assert_eq!(sum(".5", "+5.").as_deref(), Some("5.5"));
        assert_eq!(difference("1", "1").as_deref(), Some("0"));
    }

    #[test]
    fn out_of_range_values_are_none() {
        for (a, b) in [
            ("1", "2"),
            ("1e3", "1"),
            ("1", "0.00000000000000000000000001"),
            ("100000000000000", "1"),
        ] {
            assert_eq!(difference(a, b), None, "{a} - {b}");
        }
        assert_eq!(sum("17000000000000", "17000000000000"), None);
    }
}
