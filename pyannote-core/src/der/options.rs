//! Options and scored regions, shared by DER and JER.

use crate::span::{regions_with_depth, subtract};
use crate::{Span, Turn, Turns};

/// Durations up to this are treated as empty, as in pyannote.core, in seconds.
const SEGMENT_PRECISION_S: f64 = 1e-6;

/// Options of [`Der::score`](crate::Der::score) and [`Jer::score`](crate::Jer::score).
///
/// By default there is no collar, overlapped speech is scored, and the scored region extends from the first start to
/// the last end of reference and hypothesis together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoringOptions {
    collar: f64,
    skip_overlap: bool,
    uem: Option<Vec<Span>>,
}

impl ScoringOptions {
    /// Creates the default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the width of the unscored collar around each start and end of a reference turn, in seconds.
    ///
    /// This is the total width: half of the collar is before the boundary, half after it, as in pyannote.metrics. NIST
    /// tools specify one half: their 0.25 is 0.5 here. A negative or NaN collar is treated as 0.
    #[must_use]
    pub fn collar(mut self, seconds: f64) -> Self {
        self.collar = seconds;
        self
    }

    /// Sets whether to exclude the regions in which two or more turns of the reference overlap.
    #[must_use]
    pub fn skip_overlap(mut self, skip: bool) -> Self {
        self.skip_overlap = skip;
        self
    }

    /// Sets the scored regions (un-partitioned evaluation map, UEM). Anything outside of them is ignored.
    ///
    /// Regions may overlap and need not be sorted; bounds may be infinite. Regions whose end is not after their start
    /// are ignored. If there are no regions, nothing is scored.
    #[must_use]
    pub fn uem(mut self, regions: impl IntoIterator<Item = Span>) -> Self {
        self.uem = Some(regions.into_iter().collect());
        self
    }

    /// The same regions, without a collar and with overlapped speech.
    pub(super) fn without_exclusions(&self) -> Self {
        Self {
            uem: self.uem.clone(),
            ..Self::default()
        }
    }

    /// The scored regions, sorted and disjoint: the UEM without collars and, optionally, overlapped speech.
    pub(super) fn scored_regions(&self, reference: &Turns, hypothesis: &Turns) -> Vec<Span> {
        let uem = match &self.uem {
            Some(uem) => regions_with_depth(uem.iter().copied(), 1),
            None => extent(reference.iter().chain(hypothesis))
                .into_iter()
                .collect(),
        };
        let speech: Vec<Span> = reference.iter().filter_map(scorable_speech).collect();
        let mut unscored = Vec::new();
        if self.collar > 0.0 {
            let half = 0.5 * self.collar;
            let boundaries = speech.iter().flat_map(|span| [span.start, span.end]);
            unscored.extend(boundaries.map(|time| Span::new(time - half, time + half)));
        }
        if self.skip_overlap {
            // Overlapping turns of the same speaker are skipped as well, as in pyannote.metrics.
            unscored.extend(regions_with_depth(speech.iter().copied(), 2));
        }
        let mut regions = subtract(&uem, &regions_with_depth(unscored, 1));
        regions.retain(|region| region.duration() > SEGMENT_PRECISION_S);
        regions
    }
}

/// The speech of a turn, or `None` if it is too short or invalid.
pub(super) fn scorable_speech(turn: &Turn) -> Option<Span> {
    Span::of_turn(turn).filter(|span| span.duration() > SEGMENT_PRECISION_S)
}

/// `span` without its first and last parts in `regions` that are too short to score, or `None` if nothing is left.
///
/// The regions must be sorted, disjoint and long enough. O(log n).
pub(super) fn without_slivers(span: Span, regions: &[Span]) -> Option<Span> {
    let Span { mut start, mut end } = span;
    let first = regions.partition_point(|region| region.end <= start);
    if let Some(region) = regions.get(first)
        && region.start < start
        && region.end - start <= SEGMENT_PRECISION_S
    {
        start = region.end;
    }
    let after = regions.partition_point(|region| region.start < end);
    if let Some(region) = after.checked_sub(1).and_then(|last| regions.get(last))
        && end < region.end
        && end - region.start <= SEGMENT_PRECISION_S
    {
        end = region.start;
    }
    (start < end).then(|| Span::new(start, end))
}

/// The span from the first start to the last end.
fn extent<'a>(turns: impl Iterator<Item = &'a Turn>) -> Option<Span> {
    turns
        .filter_map(scorable_speech)
        .reduce(|extent, span| Span::new(extent.start.min(span.start), extent.end.max(span.end)))
}

#[cfg(test)]
mod tests {
    use super::{ScoringOptions, without_slivers};
    use crate::{Der, Span, Turn, Turns};

    #[test]
    fn slivers_of_turns_after_cropping_are_not_scored() {
        // 0.7 + 0.1 and 0.9 - 0.1 differ in the last bit.
        let reference = Turns::from([Turn::new(0.7, 0.9, "A")]);
        let hypothesis = Turns::from([Turn::new(0.7, 0.9, "x"), Turn::new(3.0, 4.0, "x")]);
        let der = Der::score(&reference, &hypothesis, &ScoringOptions::new().collar(0.2));
        assert_eq!((der.rate(), der.total, der.false_alarm), (1.0, 0.0, 1.0));
        // A turn that extends into a region by 0.5 µs.
        let uem = [Span::new(1.0, 2.0)];
        let reference = Turns::from([Turn::new(0.0, 1.000_000_5, "A")]);
        let der = Der::score(&reference, &hypothesis, &ScoringOptions::new().uem(uem));
        assert_eq!((der.total, der.rate()), (0.0, 0.0));
    }

    #[test]
    fn only_the_first_and_the_last_part_can_be_slivers() {
        let regions = [Span::new(1.0, 2.0), Span::new(3.0, 4.0)];
        for (start, end, expected) in [
            (1.5, 3.5, Some((1.5, 3.5))),
            (1.999_999_5, 3.5, Some((2.0, 3.5))),
            (1.5, 3.000_000_5, Some((1.5, 3.0))),
            (0.0, 1.000_000_5, Some((0.0, 1.0))),
            (1.0, 2.000_01, Some((1.0, 2.000_01))),
            (1.999_999_5, 2.5, Some((2.0, 2.5))),
            (0.0, 9.0, Some((0.0, 9.0))),
        ] {
            let left = without_slivers(Span::new(start, end), &regions);
            assert_eq!(
                left,
                expected.map(|(start, end)| Span::new(start, end)),
                "{start} to {end}"
            );
        }
        let whole = Span::new(0.5, 0.6);
        assert_eq!(without_slivers(whole, &[]), Some(whole));
    }
}
