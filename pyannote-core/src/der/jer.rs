//! Jaccard error rate (JER).

use std::collections::BTreeMap;

use super::options::ScoringOptions;
use super::sweep::Sweep;
use crate::Turns;

/// The Jaccard error rate (JER) of a hypothesis, in total and by speaker.
///
/// JER weights all speakers of the reference equally, regardless of how much they speak. Unlike DER it never exceeds 1.
///
/// The values equal those of `JaccardErrorRate` in pyannote.metrics. Their source is the evaluation plan of the second
/// DIHARD challenge.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Jer {
    /// Error rate of each reference speaker with scored speech, 0..1.
    ///
    /// This is 1 minus the Jaccard index of the speech of the two mapped speakers (the duration of the intersection
    /// divided by that of the union), or 1 if no hypothesis speaker is mapped to this one.
    pub by_speaker: BTreeMap<String, f64>,
    /// Optimal mapping from hypothesis speakers to reference speakers. Unmapped speakers are not included.
    pub mapping: BTreeMap<String, String>,
}

impl Jer {
    /// Scores `hypothesis` against `reference`.
    ///
    /// Turns that are not finite, or not longer than a microsecond, are ignored.
    ///
    /// ```
    /// use pyannote_core::{Jer, ScoringOptions, Turn, Turns};
    ///
    /// let reference = Turns::from([Turn::new(0.0, 10.0, "Ada"), Turn::new(10.0, 12.0, "Bob")]);
    /// let hypothesis = Turns::from([Turn::new(0.0, 8.0, "S0")]);
    ///
    /// let jer = Jer::score(&reference, &hypothesis, &ScoringOptions::new());
    /// assert!((jer.by_speaker["Ada"] - 0.2).abs() < 1e-9);
    /// assert_eq!(jer.by_speaker["Bob"], 1.0);
    /// assert!((jer.rate() - 0.6).abs() < 1e-9);
    /// ```
    #[must_use]
    pub fn score(reference: &Turns, hypothesis: &Turns, options: &ScoringOptions) -> Self {
        let sweep = Sweep::new(reference, hypothesis, options);
        let mapping = sweep.optimal_mapping();

        // Durations in seconds: of the speech of each speaker, and of what each hypothesis speaker shares with the
        // reference speaker to whom it is mapped.
        let mut reference_speech = vec![0.0; sweep.reference_speakers.len()];
        let mut hypothesis_speech = vec![0.0; sweep.hypothesis_speakers.len()];
        let mut intersection = hypothesis_speech.clone();
        sweep.run(|seconds, reference, hypothesis| {
            for (speaker, _) in reference.iter() {
                reference_speech[speaker] += seconds;
            }
            for (speaker, _) in hypothesis.iter() {
                hypothesis_speech[speaker] += seconds;
                let mapped = mapping.get(&speaker);
                if mapped.is_some_and(|mapped| reference.count(*mapped) > 0) {
                    intersection[speaker] += seconds;
                }
            }
        });

        let mut error_rates = vec![1.0; reference_speech.len()];
        for (hypothesis, reference) in &mapping {
            let shared = intersection[*hypothesis];
            let union = reference_speech[*reference] + hypothesis_speech[*hypothesis] - shared;
            // Turns near the limit of `f64` make the sums infinite and the quotient NaN; `max` discards NaN.
            let jaccard_index = (shared / union).max(0.0);
            error_rates[*reference] = 1.0 - jaccard_index.min(1.0);
        }
        let by_speaker = sweep
            .reference_speakers
            .iter()
            .zip(reference_speech.iter().zip(error_rates))
            .filter(|(_, (speech, _))| **speech > 0.0)
            .map(|(speaker, (_, error_rate))| ((*speaker).to_owned(), error_rate))
            .collect();
        Self {
            by_speaker,
            mapping: sweep.named_mapping(&mapping),
        }
    }

    /// Returns the Jaccard error rate, 0..1: the mean over the speakers of the reference.
    ///
    /// If the reference has no scored speech, returns 1, as pyannote.metrics does.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.by_speaker.is_empty() {
            return 1.0;
        }
        self.by_speaker.values().sum::<f64>() / self.by_speaker.len() as f64
    }
}
