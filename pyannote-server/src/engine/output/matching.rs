//! Which voiceprint is whose.

use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;
use serde_json::{Map, Value};

/// Whole numbers are assigned: this many to a probability of 1.
const SCALE: f64 = 1e9;

/// How speakers are matched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Matching {
    /// From which score on a voiceprint matches, 0 to 100.
    threshold: f64,
    /// Whether a voiceprint matches one speaker at most.
    exclusive: bool,
}

impl Matching {
    pub(super) fn read(request: &Map<String, Value>) -> Self {
        let option = |name: &str| {
            request
                .get("matching")
                .and_then(|options| options.get(name))
        };
        Self {
            threshold: option("threshold").and_then(Value::as_f64).unwrap_or(0.0),
            exclusive: option("exclusive").and_then(Value::as_bool).unwrap_or(true),
        }
    }

    /// The voiceprint of each speaker who has one. `speakers` hold the probability of each voiceprint; a speaker
    /// without any has no match.
    ///
    /// A pair below the threshold is never made, so that it takes no voiceprint from a speaker who is above it.
    pub(super) fn assign(self, speakers: &[Vec<f64>]) -> Vec<Option<usize>> {
        if self.exclusive {
            self.exclusively(speakers)
        } else {
            speakers.iter().map(|row| self.best(row)).collect()
        }
    }

    /// The best voiceprint; the first of them, where there are several.
    fn best(self, row: &[f64]) -> Option<usize> {
        let passing = row.iter().enumerate().filter(|pair| self.passes(*pair.1));
        let best = passing.reduce(|best, other| if other.1 > best.1 { other } else { best });
        best.map(|(voiceprint, _)| voiceprint)
    }

    /// The pairs with the greatest sum, and each voiceprint once.
    fn exclusively(self, speakers: &[Vec<f64>]) -> Vec<Option<usize>> {
        let mut found = vec![None; speakers.len()];
        let voiceprints = speakers.iter().map(Vec::len).max().unwrap_or(0);
        if voiceprints == 0 {
            return found;
        }
        let passing = |voiceprint: usize, speaker: usize| {
            let probability = speakers.get(speaker)?.get(voiceprint).copied()?;
            self.passes(probability).then_some(probability)
        };
        // Each row has a column of its own, so there are as many columns at least. A pair that must not be made is worth
        // nothing, and one that may is worth more, however little.
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

    /// Whether a score is not below the threshold, as it is shown.
    fn passes(self, probability: f64) -> bool {
        f64::from(score(probability)) >= self.threshold
    }
}

/// A probability as it is shown: 0 to 100.
pub(super) fn score(probability: f64) -> u8 {
    (probability * 100.0).round() as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assign(threshold: f64, exclusive: bool, speakers: &[&[f64]]) -> Vec<Option<usize>> {
        let rows: Vec<Vec<f64>> = speakers.iter().map(|row| row.to_vec()).collect();
        let matching = Matching {
            threshold,
            exclusive,
        };
        matching.assign(&rows)
    }

    #[test]
    fn the_sum_decides_and_not_the_best_pair() {
        let speakers: [&[f64]; 2] = [&[0.9, 0.8], &[0.85, 0.1]];
        assert_eq!(assign(0.0, true, &speakers), [Some(1), Some(0)]);
        assert_eq!(assign(0.0, false, &speakers), [Some(0), Some(0)]);
    }

    #[test]
    fn a_pair_below_the_threshold_takes_nothing_away() {
        // Without the threshold, the first speaker would leave the first voiceprint to the second.
        let speakers: [&[f64]; 2] = [&[0.55, 0.45], &[0.49, 0.0]];
        assert_eq!(assign(0.0, true, &speakers), [Some(1), Some(0)]);
        assert_eq!(assign(50.0, true, &speakers), [Some(0), None]);
        assert_eq!(assign(50.0, false, &speakers), [Some(0), None]);
        // What is shown as 50 is not below 50.
        assert_eq!(assign(50.0, true, &[&[0.496]]), [Some(0)]);
        assert_eq!(assign(50.5, true, &[&[0.504]]), [None]);
    }

    #[test]
    fn without_a_threshold_all_voiceprints_match() {
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

    /// The greatest sum of pairs that pass, by trying everything.
    fn brute(matching: Matching, speakers: &[Vec<f64>], taken: u32) -> f64 {
        let Some((row, rest)) = speakers.split_first() else {
            return 0.0;
        };
        let mut best = brute(matching, rest, taken);
        for (voiceprint, value) in row.iter().enumerate() {
            if taken & (1 << voiceprint) == 0 && matching.passes(*value) {
                best = best.max(value + brute(matching, rest, taken | (1 << voiceprint)));
            }
        }
        best
    }

    /// SpeakerBounds by voiceprints; some probabilities are equal.
    fn speakers() -> impl Strategy<Value = Vec<Vec<f64>>> {
        let value = prop_oneof![0.0..=1.0, (0_u8..=4).prop_map(|n| f64::from(n) / 4.0)];
        (0_usize..6).prop_flat_map(move |voiceprints| {
            let heard = prop::collection::vec(value.clone(), voiceprints);
            let row = prop_oneof![4 => heard, 1 => Just(Vec::new())];
            prop::collection::vec(row, 0..6)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn exclusive_matches_are_the_best(speakers in speakers(), threshold in 0.0..=100.0) {
            for threshold in [0.0, threshold] {
                let matching = Matching { threshold, exclusive: true };
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
                prop_assert!((sum - brute(matching, &speakers, 0)).abs() < 1e-6);
            }
        }
    }
}
