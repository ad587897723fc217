//! Sums and differences of decimals, without the rounding of binary floats.
//!
//! RTTM holds start and duration, turns hold start and end. In floats, 13.312 - 1.44 is 11.872000000000002 at best,
//! and start + duration may miss the end by its last bit. In decimals the duration is 11.872, and the sum is the end.

/// Decimal places that are kept: enough for each float from a hundred-millionth of a second on.
const PLACES: usize = 25;

/// One, with its places. A value fits up to some 10^13 seconds.
const ONE: i128 = 10_i128.pow(PLACES as u32);

/// `a + b`, or `None` where either is no plain decimal or is out of range.
pub(super) fn sum(a: &str, b: &str) -> Option<String> {
    scaled(a)?.checked_add(scaled(b)?).and_then(plain)
}

/// `a - b`, or `None` where either is no plain decimal, is out of range, or the difference is below 0.
pub(super) fn difference(a: &str, b: &str) -> Option<String> {
    scaled(a)?.checked_sub(scaled(b)?).and_then(plain)
}

/// A decimal as a whole number of its smallest place. A text with an exponent is none.
fn scaled(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > PLACES {
        return None;
    }
    format!("{whole}{fraction:0<PLACES$}").parse().ok()
}

/// The shortest decimal of what [`scaled`] made.
fn plain(value: i128) -> Option<String> {
    if value < 0 {
        return None;
    }
    let text = format!("{}.{:0PLACES$}", value / ONE, value % ONE);
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::{difference, sum};

    #[test]
    fn decimals_are_exact() {
        assert_eq!(difference("13.312", "1.44").as_deref(), Some("11.872"));
        assert_eq!(sum("1.440", "11.872").as_deref(), Some("13.312"));
        assert_eq!(sum("0.1", "0.2").as_deref(), Some("0.3"));
        assert_eq!(sum("100", "0").as_deref(), Some("100"));
        assert_eq!(sum(".5", "+5.").as_deref(), Some("5.5"));
        assert_eq!(difference("1", "1").as_deref(), Some("0"));
    }

    #[test]
    fn what_is_out_of_range_is_none() {
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
