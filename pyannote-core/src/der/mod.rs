//! Diarization error rate (DER) and Jaccard error rate (JER).
//!
//! The values equal those of `DiarizationErrorRate` and `JaccardErrorRate` in pyannote.metrics, with the same meaning
//! of collar, overlap and scored regions. Both lists of turns are cropped to the scored regions; then hypothesis
//! speakers are mapped one-to-one to reference speakers so that the time they share is greatest; then the errors are
//! summed.

mod assignment;
mod evaluation;
mod jer;
mod options;
mod sweep;

use std::collections::BTreeMap;

pub use self::evaluation::{Evaluation, FileScore};
pub use self::jer::Jer;
pub use self::options::ScoringOptions;
use self::sweep::Sweep;
use crate::Turns;

/// The diarization error rate (DER) of a hypothesis and its components, in seconds.
///
/// `total` equals `correct + missed_detection + confusion`. Overlapping turns all count: ten seconds in which two
/// speakers speak are twenty seconds of speech. This includes overlapping turns of the same speaker, as in
/// pyannote.metrics.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Der {
    /// Speech in the reference, in seconds.
    pub total: f64,
    /// Speech in the reference without a speaker in the hypothesis, in seconds.
    pub missed_detection: f64,
    /// Speech in the hypothesis without a speaker in the reference, in seconds.
    pub false_alarm: f64,
    /// Speech attributed to the wrong speaker, in seconds.
    pub confusion: f64,
    /// Speech attributed to the right speaker, in seconds.
    pub correct: f64,
    /// Optimal mapping from hypothesis speakers to reference speakers. Unmapped speakers are not included.
    pub mapping: BTreeMap<String, String>,
}

impl Der {
    /// Scores `hypothesis` against `reference`.
    ///
    /// Turns that are not finite, or not longer than a microsecond, are ignored, as in pyannote.metrics. O(n log n) for
    /// n turns, plus the mapping of the speakers.
    ///
    /// ```
    /// use pyannote_core::{Der, ScoringOptions, Turn, Turns};
    ///
    /// let reference = Turns::from([Turn::new(0.0, 10.0, "Ada"), Turn::new(10.0, 20.0, "Bob")]);
    /// let hypothesis = Turns::from([Turn::new(0.0, 11.0, "S0"), Turn::new(11.0, 19.0, "S1")]);
    ///
    /// let der = Der::score(&reference, &hypothesis, &ScoringOptions::new());
    /// assert_eq!((der.confusion, der.missed_detection, der.total), (1.0, 1.0, 20.0));
    /// assert_eq!(der.rate(), 0.1);
    /// assert_eq!(der.mapping["S0"], "Ada");
    ///
    /// let with_collar = Der::score(&reference, &hypothesis, &ScoringOptions::new().collar(2.0));
    /// assert_eq!(with_collar.rate(), 0.0);
    /// ```
    #[must_use]
    pub fn score(reference: &Turns, hypothesis: &Turns, options: &ScoringOptions) -> Self {
        let sweep = Sweep::new(reference, hypothesis, options);
        let mapping = sweep.optimal_mapping();
        let mut der = Self {
            mapping: sweep.named_mapping(&mapping),
            ..Self::default()
        };
        sweep.run(|seconds, reference, hypothesis| {
            let matched = reference.total().min(hypothesis.total());
            let correct: usize = hypothesis
                .iter()
                .filter_map(|(speaker, count)| {
                    Some(count.min(reference.count(*mapping.get(&speaker)?)))
                })
                .sum();
            der.total += seconds * reference.total() as f64;
            der.missed_detection += seconds * (reference.total() - matched) as f64;
            der.false_alarm += seconds * (hypothesis.total() - matched) as f64;
            der.correct += seconds * correct as f64;
            der.confusion += seconds * matched.saturating_sub(correct) as f64;
        });
        der
    }

    /// Returns the diarization error rate: (missed detection + false alarm + confusion) / total.
    ///
    /// May exceed 1. If the reference has no speech, returns 0 if there are no errors and 1 otherwise, as in
    /// pyannote.metrics. For the rate over several recordings, sum the components first, as [`Evaluation`] does; do not
    /// average the rates.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let errors = self.missed_detection + self.false_alarm + self.confusion;
        if self.total > 0.0 {
            errors / self.total
        } else if errors > 0.0 {
            1.0
        } else {
            0.0
        }
    }
}
