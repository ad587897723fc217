//! Assignment of voiceprints to speakers.

use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;

use crate::{DiarizeError, Voiceprint};

/// Integer weight of a probability of 1: the assignment algorithm works on integers.
const SCALE: f64 = 1e9;

/// Voiceprints to identify speakers with, and the rules of matching.
///
/// ```
/// use pyannote_engine::{Embedding, Matching, Voiceprint};
///
/// let ada = Voiceprint::new("model", Embedding(vec![1.0, 0.0]))?;
/// let grace = Voiceprint::new("model", Embedding(vec![0.0, 1.0]))?;
/// let matching = Matching::new()
///     .voiceprint("Ada", ada)
///     .voiceprint("Grace", grace)
///     .threshold(50.0);
/// # Ok::<(), pyannote_engine::VoiceprintError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Matching {
    pub(crate) voiceprints: Vec<(String, Voiceprint)>,
    threshold: f64,
    exclusive: bool,
}

impl Matching {
    /// Matching without voiceprints yet, with the defaults of the pyannoteAI API: threshold 0, exclusive.
    #[must_use]
    pub fn new() -> Self {
        Self {
            voiceprints: Vec::new(),
            threshold: 0.0,
            exclusive: true,
        }
    }

    /// Adds a voiceprint. It replaces one with the same label. The label must not be blank.
    #[must_use]
    pub fn voiceprint(mut self, label: impl Into<String>, voiceprint: Voiceprint) -> Self {
        let label = label.into();
        self.voiceprints.retain(|(other, _)| *other != label);
        self.voiceprints.push((label, voiceprint));
        self
    }

    /// Sets the minimum score of a match, 0..100. The default is 0: speakers match however low the score is.
    #[must_use]
    pub fn threshold(mut self, score: f64) -> Self {
        self.threshold = score;
        self
    }

    /// Sets whether a voiceprint matches at most one speaker, which is the default.
    ///
    /// Exclusive matching maximizes the sum of all scores. Otherwise, each speaker gets the voiceprint with the highest
    /// score.
    #[must_use]
    pub fn exclusive(mut self, exclusive: bool) -> Self {
        self.exclusive = exclusive;
        self
    }

    /// Checks the threshold and the labels.
    pub(crate) fn check(&self) -> Result<(), DiarizeError> {
        let invalid = |option, reason: &str| DiarizeError::InvalidOptions {
            option,
            reason: reason.to_owned(),
        };
        if !(0.0..=100.0).contains(&self.threshold) {
            return Err(invalid("threshold", "must be 0 to 100"));
        }
        let is_blank = |(label, _): &(String, Voiceprint)| label.trim().is_empty();
        match self.voiceprints.iter().any(is_blank) {
            true => Err(invalid("voiceprint", "must have a label that is not blank")),
            false => Ok(()),
        }
    }

    /// Assigns a voiceprint to each speaker. `speakers` holds the probability of each voiceprint, or nothing for a
    /// speaker who cannot be compared and gets no match.
    ///
    /// Pairs below the threshold are excluded first, so that they do not take a voiceprint from a speaker above
    /// it.
    pub(crate) fn assign(&self, speakers: &[Vec<f64>]) -> Vec<Option<usize>> {
        if self.exclusive {
            self.assign_exclusively(speakers)
        } else {
            speakers.iter().map(|row| self.best(row)).collect()
        }
    }

    /// The voiceprint with the highest probability: the first of several.
    fn best(&self, row: &[f64]) -> Option<usize> {
        let passing = row.iter().enumerate().filter(|pair| self.passes(*pair.1));
        let best = passing.reduce(|best, other| if other.1 > best.1 { other } else { best });
        best.map(|(voiceprint, _)| voiceprint)
    }

    /// The assignment with the greatest sum of probabilities in which each voiceprint occurs at most once.
    fn assign_exclusively(&self, speakers: &[Vec<f64>]) -> Vec<Option<usize>> {
        let mut found = vec![None; speakers.len()];
        let voiceprints = speakers.iter().map(Vec::len).max().unwrap_or(0);
        if voiceprints == 0 {
            return found;
        }
        let passing = |voiceprint: usize, speaker: usize| {
            let probability = speakers.get(speaker)?.get(voiceprint).copied()?;
            self.passes(probability).then_some(probability)
        };
        // The algorithm assigns every row, so it needs at least as many columns. Excluded pairs weigh 0, others at
        // least 1.
        let columns = voiceprints.max(speakers.len());
        let weights = Matrix::from_fn(voiceprints, columns, |(voiceprint, speaker)| {
            passing(voiceprint, speaker).map_or(0, |value| 1 + (value * SCALE) as i64)
        });
        let (_, columns) = kuhn_munkres(&weights);
        for (voiceprint, speaker) in columns.into_iter().enumerate() {
            if let (Some(found), Some(_)) = (found.get_mut(speaker), passing(voiceprint, speaker)) {
                *found = Some(voiceprint);
            }
        }
        found
    }

    /// Whether the rounded score reaches the threshold.
    fn passes(&self, probability: f64) -> bool {
        score(probability) >= self.threshold
    }
}

impl Default for Matching {
    fn default() -> Self {
        Self::new()
    }
}

/// Converts a probability to a score, 0..100, rounded to an integer.
pub(crate) fn score(probability: f64) -> f64 {
    (probability * 100.0).round()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assign(threshold: f64, exclusive: bool, speakers: &[&[f64]]) -> Vec<Option<usize>> {
        let rows: Vec<Vec<f64>> = speakers.iter().map(|row| row.to_vec()).collect();
        let matching = Matching::new().threshold(threshold).exclusive(exclusive);
        matching.assign(&rows)
    }

    #[test]
    fn exclusive_matching_maximizes_the_sum() {
        let speakers: [&[f64]; 2] = [&[0.9, 0.8], &[0.85, 0.1]];
        assert_eq!(assign(0.0, true, &speakers), [Some(1), Some(0)]);
        assert_eq!(assign(0.0, false, &speakers), [Some(0), Some(0)]);
    }

    #[test]
    fn pairs_below_the_threshold_are_excluded_before_assignment() {
        // At threshold 0, the second speaker gets the first voiceprint.
        let speakers: [&[f64]; 2] = [&[0.55, 0.45], &[0.49, 0.0]];
        assert_eq!(assign(0.0, true, &speakers), [Some(1), Some(0)]);
        assert_eq!(assign(50.0, true, &speakers), [Some(0), None]);
        assert_eq!(assign(50.0, false, &speakers), [Some(0), None]);
        // The rounded score counts.
        assert_eq!(assign(50.0, true, &[&[0.496]]), [Some(0)]);
        assert_eq!(assign(50.5, true, &[&[0.504]]), [None]);
    }

    #[test]
    fn threshold_zero_matches_all_voiceprints() {
        let speakers: [&[f64]; 3] = [&[0.0, 0.0], &[], &[0.0, 0.0]];
        let found = assign(0.0, true, &speakers);
        assert_eq!(found[1], None);
        assert!(found[0].is_some() && found[2].is_some() && found[0] != found[2]);
        let more_speakers: [&[f64]; 3] = [&[0.2], &[0.9], &[0.3]];
        assert_eq!(assign(0.0, true, &more_speakers), [None, Some(0), None]);
        assert_eq!(assign(0.0, true, &[&[0.2, 0.9, 0.3]]), [Some(1)]);
        assert_eq!(assign(0.0, true, &[&[], &[]]), [None, None]);
        assert_eq!(assign(0.0, true, &[]), []);
    }

    /// The greatest sum of probabilities, by exhaustive search.
    fn exhaustive_best(matching: &Matching, speakers: &[Vec<f64>], taken: u32) -> f64 {
        let Some((row, rest)) = speakers.split_first() else {
            return 0.0;
        };
        let mut best = exhaustive_best(matching, rest, taken);
        for (voiceprint, value) in row.iter().enumerate() {
            if taken & (1 << voiceprint) == 0 && matching.passes(*value) {
                best = best.max(value + exhaustive_best(matching, rest, taken | (1 << voiceprint)));
            }
        }
        best
    }

    /// A matrix of speakers by voiceprints, in which some probabilities are equal.
    fn speakers() -> impl Strategy<Value = Vec<Vec<f64>>> {
        let value = prop_oneof![0.0..=1.0, (0_u8..=4).prop_map(|n| f64::from(n) / 4.0)];
        (0_usize..6).prop_flat_map(move |voiceprints| {
            let compared = prop::collection::vec(value.clone(), voiceprints);
            let row = prop_oneof![4 => compared, 1 => Just(Vec::new())];
            prop::collection::vec(row, 0..6)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn exclusive_matching_agrees_with_exhaustive_search(speakers in speakers(), threshold in 0.0..=100.0) {
            for threshold in [0.0, threshold] {
                let matching = Matching::new().threshold(threshold);
                let found = matching.assign(&speakers);
                prop_assert_eq!(found.len(), speakers.len());
                let mut taken: Vec<usize> = found.iter().flatten().copied().collect();
                taken.sort_unstable();
                let pairs = taken.len();
                taken.dedup();
                prop_assert_eq!(taken.len(), pairs);
                let made = speakers.iter().zip(&found).filter_map(|(row, found)| Some(row[(*found)?]));
                let made: Vec<f64> = made.collect();
                prop_assert!(made.iter().all(|value| matching.passes(*value)));
                let sum: f64 = made.iter().sum();
                prop_assert!((sum - exhaustive_best(&matching, &speakers, 0)).abs() < 1e-6);
            }
        }
    }
}
