//! Which times can be shown. A result may hold anything that JSON can hold; a player or a picture cannot.

/// The times of a turn or segment as they can be shown, in seconds; `None` where they cannot.
///
/// Times that are not finite, that end before they start, or that end before the recording starts cannot be shown.
/// A start before the recording is moved to 0.
pub(super) fn shown(start: f64, end: f64) -> Option<(f64, f64)> {
    let fit = start.is_finite() && end.is_finite() && start <= end && end >= 0.0;
    // `+ 0.0` turns -0 into 0, which would be written with its sign.
    fit.then(|| (start.max(0.0) + 0.0, end + 0.0))
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn times_that_can_be_shown() {
        for (start, end, expected) in [
            (1.0, 2.0, Some((1.0, 2.0))),
            (1.0, 1.0, Some((1.0, 1.0))),
            (-1.0, 2.0, Some((0.0, 2.0))),
            (-2.0, -1.0, None),
            (2.0, 1.0, None),
            (f64::NAN, 1.0, None),
            (0.0, f64::NAN, None),
            (0.0, f64::INFINITY, None),
            (f64::NEG_INFINITY, 1.0, None),
        ] {
            assert_eq!(shown(start, end), expected, "{start}..{end}");
        }
    }

    #[test]
    fn no_zero_keeps_a_sign() {
        let (start, end) = shown(-0.0, -0.0).unwrap();
        assert!(start.is_sign_positive() && end.is_sign_positive());
    }
}
