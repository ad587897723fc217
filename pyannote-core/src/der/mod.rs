//! Diarization error rate (DER): how far a hypothesis is from a reference.
//!
//! The numbers are those of `DiarizationErrorRate` in pyannote.metrics, with the same meaning of collar, overlap and
//! scored regions. Both lists are cut to the scored regions first; then each hypothesis speaker is mapped to at most
//! one reference speaker, so that they speak together as long as possible; then time is counted.

mod assignment;
mod regions;
mod timeline;

use std::collections::BTreeMap;

use self::assignment::assign;
use self::timeline::Timeline;
use super::{Span, Turns};

/// How a diarization error rate is measured.
///
/// By default there is no collar, overlap is scored, and the scored region reaches from the first start to the last end
/// of reference and hypothesis together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DerOptions {
    collar: f64,
    skip_overlap: bool,
    uem: Option<Vec<Span>>,
}

impl DerOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves `seconds` around each start and end of a reference turn unscored: half before it, half after it.
    ///
    /// This is the total width, as in pyannote.metrics. The NIST tools name the half: their 0.25 is 0.5 here. A value that
    /// is negative or no number is as 0.
    #[must_use]
    pub fn collar(mut self, seconds: f64) -> Self {
        self.collar = seconds;
        self
    }

    /// Whether to leave out where two or more turns of the reference overlap.
    #[must_use]
    pub fn skip_overlap(mut self, skip: bool) -> Self {
        self.skip_overlap = skip;
        self
    }

    /// The scored regions (un-partitioned evaluation map, UEM). Outside of them nothing counts.
    ///
    /// They may overlap and be in any order; an infinite bound leaves its side open. Regions whose end is not after their
    /// start count for nothing. An empty list scores nothing.
    #[must_use]
    pub fn uem(mut self, regions: impl IntoIterator<Item = Span>) -> Self {
        self.uem = Some(regions.into_iter().collect());
        self
    }
}

/// The diarization error rate and its components, in seconds.
///
/// `total` is `correct + missed + confusion`. Where turns overlap, each counts: ten seconds in which two speak are twenty
/// seconds of speech. That holds as well for turns of one speaker that overlap each other, as in pyannote.metrics.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Der {
    /// Speech in the reference, in seconds.
    pub total: f64,
    /// Missed detection: speech of the reference for which the hypothesis has no speaker, in seconds.
    pub missed: f64,
    /// False alarm: speech of the hypothesis for which the reference has no speaker, in seconds.
    pub false_alarm: f64,
    /// Confusion: speech that the hypothesis gives to the wrong speaker, in seconds.
    pub confusion: f64,
    /// Speech that the hypothesis gives to the right speaker, in seconds.
    pub correct: f64,
    /// The reference speaker of each hypothesis speaker. Those that have none are not in it.
    pub mapping: BTreeMap<String, String>,
}

impl Der {
    /// Scores `hypothesis` against `reference`.
    ///
    /// Turns that are not longer than a microsecond, or not finite, are left out, as pyannote.metrics does. It cannot fail;
    /// O(n log n) for n turns, beside the mapping of the speakers.
    ///
    /// ```
    /// use pyannote_core::{Der, DerOptions, Turn, Turns};
    ///
    /// let reference: Turns = [Turn::new(0.0, 10.0, "Ada"), Turn::new(10.0, 20.0, "Bob")].into_iter().collect();
    /// let hypothesis: Turns = [Turn::new(0.0, 11.0, "S0"), Turn::new(11.0, 19.0, "S1")].into_iter().collect();
    ///
    /// let der = Der::score(&reference, &hypothesis, &DerOptions::new());
    /// assert_eq!((der.confusion, der.missed, der.total), (1.0, 1.0, 20.0));
    /// assert_eq!(der.rate(), 0.1);
    /// assert_eq!(der.mapping["S0"], "Ada");
    ///
    /// let lenient = Der::score(&reference, &hypothesis, &DerOptions::new().collar(2.0));
    /// assert_eq!(lenient.rate(), 0.0);
    /// ```
    #[must_use]
    pub fn score(reference: &Turns, hypothesis: &Turns, options: &DerOptions) -> Self {
        let regions = regions::scored(reference, hypothesis, options);
        let timeline = Timeline::new(reference, hypothesis, &regions);

        // How long each pair of speakers is heard together; a speaker who is there twice counts twice.
        let mut together: Vec<BTreeMap<usize, f64>> =
            vec![BTreeMap::new(); timeline.hypothesis.len()];
        timeline.sweep(|seconds, reference, hypothesis| {
            for (speaker, count) in hypothesis.iter() {
                let Some(row) = together.get_mut(speaker) else {
                    continue;
                };
                for (other, times) in reference.iter() {
                    *row.entry(other).or_insert(0.0) += seconds * count as f64 * times as f64;
                }
            }
        });
        let mapping = assign(&together);

        let mut der = Self::default();
        timeline.sweep(|seconds, reference, hypothesis| {
            let both = reference.total().min(hypothesis.total());
            let right: usize = hypothesis
                .iter()
                .filter_map(|(speaker, count)| {
                    Some(count.min(reference.count(*mapping.get(&speaker)?)))
                })
                .sum();
            der.total += seconds * reference.total() as f64;
            der.missed += seconds * (reference.total() - both) as f64;
            der.false_alarm += seconds * (hypothesis.total() - both) as f64;
            der.correct += seconds * right as f64;
            der.confusion += seconds * both.saturating_sub(right) as f64;
        });
        let named = |(speaker, other): (usize, usize)| {
            let speaker = timeline.hypothesis.get(speaker)?;
            let other = timeline.reference.get(other)?;
            Some(((*speaker).to_owned(), (*other).to_owned()))
        };
        der.mapping = mapping.into_iter().filter_map(named).collect();
        der
    }

    /// The diarization error rate: missed detection, false alarm and confusion by the speech of the reference.
    ///
    /// It may exceed 1. Where the reference has no speech it is 0 if there is no error and 1 if there is any, as in
    /// pyannote.metrics. For the rate of many recordings, divide the sums of the components, not the sum of the rates.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let errors = self.missed + self.false_alarm + self.confusion;
        if self.total > 0.0 {
            errors / self.total
        } else if errors > 0.0 {
            1.0
        } else {
            0.0
        }
    }
}
