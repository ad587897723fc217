//! Agglomerative clustering: the two groups for whose being one person the most speaks become one, again and again.

use super::evidence::Evidence;
use crate::{CancelToken, DiarizeError, SpeakerBounds};

/// How much has to speak for two groups being one person: the logarithm of the odds.
const ENOUGH: f32 = 1.75;
/// Who speaks alone for less, in seconds, does not count as one of the speakers that were asked for.
const COUNTS: f32 = 1.0;

/// Puts into groups what has evidence for each pair. Gives the group of each, from 0 on.
///
/// `seconds` is how long each of them speaks alone, as evidence counts it. A largest number of groups is kept to,
/// whatever the evidence; a smallest one as long as there are as many who speak for a second.
pub(super) fn groups(
    seconds: &[f32],
    evidence: impl Fn(usize, usize) -> Evidence,
    asked: SpeakerBounds,
    cancel: &CancelToken,
) -> Result<Vec<usize>, DiarizeError> {
    let mut groups = Groups::new(seconds, evidence, cancel)?;
    let most = asked.max.unwrap_or(usize::MAX).max(1);
    let least = asked.min.unwrap_or(1);
    while let Some((a, b)) = groups.nearest() {
        if cancel.is_cancelled() {
            return Err(DiarizeError::Cancelled);
        }
        let odds = groups.odds(a, b);
        if odds == f32::NEG_INFINITY || (odds < ENOUGH && groups.alive() <= most) {
            break;
        }
        if groups.both_count(a, b) && groups.counting() <= least {
            groups.part(a, b);
        } else {
            groups.merge(a, b);
        }
    }
    Ok(groups.labels())
}

struct Groups {
    size: usize,
    /// The evidence for each pair of groups, row by row.
    pairs: Vec<Evidence>,
    /// The group nearest to each.
    nearest: Vec<Option<usize>>,
    /// How long each speaks alone; none where it has become part of another.
    seconds: Vec<Option<f32>>,
    /// The group that each belongs to.
    labels: Vec<usize>,
    /// The pairs that are to stay apart, the lower number first.
    parted: Vec<(usize, usize)>,
}

impl Groups {
    fn new(
        seconds: &[f32],
        evidence: impl Fn(usize, usize) -> Evidence,
        cancel: &CancelToken,
    ) -> Result<Self, DiarizeError> {
        let size = seconds.len();
        let mut groups = Self {
            size,
            pairs: vec![Evidence::default(); size * size],
            nearest: vec![None; size],
            seconds: seconds.iter().copied().map(Some).collect(),
            labels: (0..size).collect(),
            parted: Vec::new(),
        };
        for a in 0..size {
            if cancel.is_cancelled() {
                return Err(DiarizeError::Cancelled);
            }
            for b in 0..a {
                groups.set(a, b, evidence(a, b));
            }
        }
        for group in 0..size {
            groups.look_around(group);
        }
        Ok(groups)
    }

    fn pair(&self, a: usize, b: usize) -> Evidence {
        let pair = self.pairs.get(a * self.size + b);
        pair.copied().unwrap_or_default()
    }

    fn set(&mut self, a: usize, b: usize, evidence: Evidence) {
        for index in [a * self.size + b, b * self.size + a] {
            if let Some(pair) = self.pairs.get_mut(index) {
                *pair = evidence;
            }
        }
    }

    fn odds(&self, a: usize, b: usize) -> f32 {
        let seconds = |group: usize| {
            self.seconds
                .get(group)
                .copied()
                .flatten()
                .unwrap_or_default()
        };
        match self.parted.contains(&(a.min(b), a.max(b))) {
            true => f32::NEG_INFINITY,
            false => self.pair(a, b).odds(seconds(a).min(seconds(b))),
        }
    }

    fn is_alive(&self, group: usize) -> bool {
        self.seconds.get(group).is_some_and(Option::is_some)
    }

    fn others(&self, group: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.size).filter(move |other| *other != group && self.is_alive(*other))
    }

    fn alive(&self) -> usize {
        self.seconds.iter().flatten().count()
    }

    /// How many groups speak long enough to count.
    fn counting(&self) -> usize {
        let seconds = self.seconds.iter().flatten();
        seconds.filter(|seconds| **seconds >= COUNTS).count()
    }

    fn both_count(&self, a: usize, b: usize) -> bool {
        let counts = |group: usize| {
            let seconds = self.seconds.get(group).copied().flatten();
            seconds.is_some_and(|seconds| seconds >= COUNTS)
        };
        counts(a) && counts(b)
    }

    /// The two groups that are nearest to each other.
    fn nearest(&self) -> Option<(usize, usize)> {
        let pairs = self.nearest.iter().enumerate();
        let pairs = pairs.filter_map(|(group, nearest)| Some((group, (*nearest)?)));
        pairs
            .filter(|(group, _)| self.is_alive(*group))
            .max_by(|(a, b), (c, d)| self.odds(*a, *b).total_cmp(&self.odds(*c, *d)))
    }

    /// Finds the group nearest to one.
    fn look_around(&mut self, group: usize) {
        let nearest = self
            .others(group)
            .max_by(|a, b| self.odds(group, *a).total_cmp(&self.odds(group, *b)));
        if let Some(slot) = self.nearest.get_mut(group) {
            *slot = nearest;
        }
    }

    /// Keeps two groups apart for good.
    fn part(&mut self, a: usize, b: usize) {
        self.parted.push((a.min(b), a.max(b)));
        self.look_around(a);
        self.look_around(b);
    }

    /// Makes the second group a part of the first.
    fn merge(&mut self, a: usize, b: usize) {
        let gone = self.seconds.get_mut(b).and_then(Option::take);
        if let (Some(Some(seconds)), Some(more)) = (self.seconds.get_mut(a), gone) {
            *seconds += more;
        }
        for label in self.labels.iter_mut().filter(|label| **label == b) {
            *label = a;
        }
        let others: Vec<usize> = self.others(a).collect();
        for &other in &others {
            let mut evidence = self.pair(a, other);
            evidence += self.pair(b, other);
            self.set(a, other, evidence);
        }
        self.look_around(a);
        for other in others {
            match self.nearest.get(other).copied().flatten() {
                Some(nearest) if nearest == a || nearest == b => self.look_around(other),
                Some(nearest) if self.odds(other, nearest) < self.odds(other, a) => {
                    if let Some(slot) = self.nearest.get_mut(other) {
                        *slot = Some(a);
                    }
                }
                _ => {}
            }
        }
    }

    /// The group of each, numbered from 0 on.
    fn labels(self) -> Vec<usize> {
        renumbered(&self.labels)
    }
}

/// How many groups there are, when these are the labels.
pub(super) fn count(labels: &[usize]) -> usize {
    labels.iter().max().map_or(0, |label| label + 1)
}

/// The same labels, numbered from 0 on in the order in which they appear.
pub(super) fn renumbered(labels: &[usize]) -> Vec<usize> {
    let mut seen = Vec::new();
    labels
        .iter()
        .map(|label| {
            seen.iter()
                .position(|known| known == label)
                .unwrap_or_else(|| {
                    seen.push(*label);
                    seen.len() - 1
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Points on a line: the nearer, the more speaks for one.
    fn on_a_line(points: &[f32], asked: SpeakerBounds) -> Vec<usize> {
        let odds = |a: usize, b: usize| 5.0 - (points[a] - points[b]).abs();
        let seconds = vec![2.0; points.len()];
        let evidence = |a, b| Evidence::found(odds(a, b));
        groups(&seconds, evidence, asked, &CancelToken::default()).unwrap()
    }

    #[test]
    fn near_ones_are_one() {
        let points = [0.0, 1.0, 20.0, 0.5, 21.0];
        assert_eq!(
            on_a_line(&points, SpeakerBounds::default()),
            [0, 0, 1, 0, 1]
        );
        assert!(on_a_line(&[], SpeakerBounds::default()).is_empty());
    }

    #[test]
    fn the_number_asked_for_is_kept_to() {
        let points = [0.0, 1.0, 20.0, 0.5, 21.0];
        assert_eq!(on_a_line(&points, SpeakerBounds::exactly(1)), [0; 5]);
        assert_eq!(
            on_a_line(&points, SpeakerBounds::exactly(3)),
            [0, 0, 1, 0, 2]
        );
        assert_eq!(
            on_a_line(&points, SpeakerBounds::exactly(9)),
            [0, 1, 2, 3, 4]
        );
        let at_most = |max| SpeakerBounds {
            min: None,
            max: Some(max),
        };
        assert_eq!(on_a_line(&points, at_most(0)), [0; 5]);
        assert_eq!(on_a_line(&points, at_most(4)), [0, 0, 1, 0, 1]);
    }

    #[test]
    fn whoever_hardly_speaks_is_not_counted() {
        let evidence = |a: usize, b: usize| match (a.min(b), a.max(b)) {
            (0, 1) => Evidence::found(3.0),
            _ => Evidence::found(2.0),
        };
        let asked = SpeakerBounds::exactly(2);
        let labels = groups(&[5.0, 4.0, 0.3], evidence, asked, &CancelToken::default()).unwrap();
        assert_ne!(labels[0], labels[1]);
        assert_eq!(labels.iter().max(), Some(&1));
    }

    #[test]
    fn a_stop_is_heeded() {
        let cancel = CancelToken::default();
        cancel.cancel();
        let evidence = |_, _| Evidence::default();
        let result = groups(&[1.0; 3], evidence, SpeakerBounds::default(), &cancel);
        assert_eq!(result, Err(DiarizeError::Cancelled));
    }

    proptest! {
        /// The shortcut through the nearest groups finds what looking at all pairs each time finds.
        #[test]
        fn the_nearest_pair_is_found(odds in prop::collection::vec(-8.0_f32..8.0, 45)) {
            let size = 10;
            let of = |a: usize, b: usize| odds[a.max(b) * (a.max(b) - 1) / 2 + a.min(b)];
            let evidence = |a, b| Evidence::found(of(a, b));
            let found = groups(&[2.0; 10], evidence, SpeakerBounds::default(), &CancelToken::default()).unwrap();

            let mut plain: Vec<Vec<usize>> = (0..size).map(|n| vec![n]).collect();
            loop {
                let mut best = (f32::MIN, 0, 0);
                for a in 0..plain.len() {
                    for b in 0..a {
                        let pairs = plain[a].iter().flat_map(|x| plain[b].iter().map(move |y| of(*x, *y)));
                        let mean = pairs.sum::<f32>() / (plain[a].len() * plain[b].len()) as f32;
                        if mean > best.0 {
                            best = (mean, a, b);
                        }
                    }
                }
                if best.0 < ENOUGH {
                    break;
                }
                let moved = plain.remove(best.1);
                plain[best.2].extend(moved);
            }
            let mut labels = vec![0; size];
            for (label, group) in plain.iter().enumerate() {
                group.iter().for_each(|n| labels[*n] = label);
            }
            prop_assert_eq!(found, renumbered(&labels));
        }
    }
}
