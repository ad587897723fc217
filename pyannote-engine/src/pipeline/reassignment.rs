//! Assigns the local speakers of each window anew to the people that were found.
//!
//! Clustering never takes a step back. Here each window is looked at with all others as they are: its speakers go to
//! different people, so that their voices and the moments at which they speak agree best. This is done until nothing
//! changes.

use super::evidence::{self, AT_ONCE};
use super::local::Local;
use super::voices::{self, Voice};
use super::{clustering, frames};
use crate::EMBEDDING;
use crate::{CancelToken, DiarizeError};

/// How often all windows are gone through at most.
const ROUNDS: usize = 5;
/// How much speaking at the same moments counts against voices, for each second.
const AT_ONCE_COUNTS: f32 = 0.5;

/// The labels after assigning anew. The local speakers are in the order of their windows. A person may vanish.
pub(super) fn refined(
    local: &[Local],
    labels: &[usize],
    cancel: &CancelToken,
) -> Result<Vec<usize>, DiarizeError> {
    let mut people = Known::new(local, labels);
    let mut labels = labels.to_vec();
    for _ in 0..ROUNDS {
        if cancel.is_cancelled() {
            return Err(DiarizeError::Cancelled);
        }
        let before = labels.clone();
        let mut start = 0;
        for window in local.chunk_by(|a, b| a.window == b.window) {
            let end = start + window.len();
            let Some(labels) = labels.get_mut(start..end) else {
                break;
            };
            people.change(window, labels, -1.0);
            let scores: Vec<Vec<f32>> = window.iter().map(|local| people.scores(local)).collect();
            for (label, best) in labels.iter_mut().zip(best(&scores)) {
                *label = best;
            }
            people.change(window, labels, 1.0);
            start = end;
        }
        if labels == before {
            break;
        }
    }
    Ok(clustering::renumbered(&labels))
}

/// What is known of the people, as the labels are.
struct Known {
    count: usize,
    /// The first frame of all windows.
    first: usize,
    /// For each frame and person, how many windows have them speak.
    activity: Vec<f32>,
    /// For each frame, how many windows hear it.
    windows: Vec<f32>,
    /// For each person, the sum of the voices with the seconds that each was heard.
    voices: Vec<Voice>,
}

impl Known {
    fn new(local: &[Local], labels: &[usize]) -> Self {
        let count = clustering::count(labels);
        let first = local.iter().map(|local| local.first).min().unwrap_or(0);
        let end = local.iter().map(Local::end).max().unwrap_or(0);
        let mut people = Self {
            count,
            first,
            activity: vec![0.0; (end - first) * count],
            windows: vec![0.0; end - first],
            voices: vec![[0.0; EMBEDDING]; count],
        };
        let mut labels = labels;
        for window in local.chunk_by(|a, b| a.window == b.window) {
            let (own, rest) = labels.split_at(window.len().min(labels.len()));
            people.change(window, own, 1.0);
            labels = rest;
        }
        people
    }

    /// Adds a window so many times.
    fn change(&mut self, window: &[Local], labels: &[usize], times: f32) {
        let Some(any) = window.first() else {
            return;
        };
        let range = any.first - self.first..any.end() - self.first;
        for count in self.windows.get_mut(range).unwrap_or_default() {
            *count += times;
        }
        for (local, &label) in window.iter().zip(labels) {
            let rows = self.activity.chunks_exact_mut(self.count.max(1));
            for (row, activity) in rows.skip(local.first - self.first).zip(&local.activity) {
                if let Some(slot) = row.get_mut(label) {
                    *slot += times * activity;
                }
            }
            if let (Some(sum), Some(voice)) = (self.voices.get_mut(label), &local.voice) {
                voices::add(sum, voice, times * local.alone);
            }
        }
    }

    /// How well a local speaker goes with each of the people, none of whom has a part in its window now.
    fn scores(&self, local: &Local) -> Vec<f32> {
        let mut scores = self.at_once(local);
        if let Some(voice) = &local.voice {
            for (score, sum) in scores.iter_mut().zip(&self.voices) {
                // What was added and taken away again leaves a little behind.
                let known = voices::cosine(sum, sum) > 1e-6;
                if let Some(person) = voices::unit(*sum).filter(|_| known) {
                    *score += local.alone.min(evidence::ENOUGH) * evidence::voices(voice, &person);
                }
            }
        }
        scores
    }

    /// What the frames say that other windows hear, too: much for a person who speaks there when this one does, and
    /// against one who does not.
    fn at_once(&self, local: &Local) -> Vec<f32> {
        let start = local.first - self.first;
        let rows = self.activity.chunks_exact(self.count.max(1)).skip(start);
        let windows = self.windows.iter().skip(start);
        let mut sums = vec![0.0; self.count];
        for ((row, windows), activity) in rows.zip(windows).zip(&local.activity) {
            if *windows < 0.5 {
                continue;
            }
            for (sum, person) in sums.iter_mut().zip(row) {
                *sum += activity * (2.0 * person / windows - 1.0);
            }
        }
        let factor = AT_ONCE_COUNTS * AT_ONCE * frames::STEP as f32;
        sums.iter_mut().for_each(|sum| *sum *= factor);
        sums
    }
}

/// The person for each local speaker of a window: different ones as long as there are enough, with the best sum.
fn best(scores: &[Vec<f32>]) -> Vec<usize> {
    let window = scores.len();
    let candidates: Vec<Vec<(usize, f32)>> = scores
        .iter()
        .map(|scores| {
            let mut ranked: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
            // One of so many is left, whoever the others get.
            ranked.truncate(window);
            ranked
        })
        .collect();
    let mut best = (0, f32::NEG_INFINITY, Vec::new());
    try_all(&candidates, &mut Vec::new(), (0, 0.0), &mut best);
    let chosen = best.2.into_iter().zip(&candidates);
    chosen
        .map(|(person, ranked)| {
            // Where there are too few people, two speakers of a window are one.
            person
                .or_else(|| ranked.first().map(|(person, _)| *person))
                .unwrap_or(0)
        })
        .collect()
}

/// Tries every assignment that begins with `chosen`, and keeps the best of those that leave the fewest out.
fn try_all(
    candidates: &[Vec<(usize, f32)>],
    chosen: &mut Vec<Option<usize>>,
    (assigned, sum): (usize, f32),
    best: &mut (usize, f32, Vec<Option<usize>>),
) {
    let Some(ranked) = candidates.get(chosen.len()) else {
        if assigned > best.0 || (assigned == best.0 && sum > best.1) {
            *best = (assigned, sum, chosen.clone());
        }
        return;
    };
    for (person, score) in ranked {
        if !chosen.contains(&Some(*person)) {
            chosen.push(Some(*person));
            try_all(candidates, chosen, (assigned + 1, sum + score), best);
            chosen.pop();
        }
    }
    chosen.push(None);
    try_all(candidates, chosen, (assigned, sum), best);
    chosen.pop();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn speakers_of_a_window_go_to_different_people() {
        assert_eq!(best(&[vec![5.0, 4.0], vec![5.0, 0.0]]), [1, 0]);
        assert_eq!(
            best(&[vec![1.0, 9.0], vec![2.0, 3.0], vec![-1.0, 0.0]]),
            [1, 0, 1]
        );
        assert_eq!(best(&[vec![-3.0]]), [0]);
        assert_eq!(best(&[]), Vec::<usize>::new());
    }

    proptest! {
        #[test]
        fn no_assignment_is_better(scores in prop::collection::vec(prop::collection::vec(-9.0_f32..9.0, 6), 3)) {
            let found = best(&scores);
            let sum = |people: &[usize]| -> f32 { people.iter().zip(&scores).map(|(p, s)| s[*p]).sum() };
            for a in 0..6 {
                for b in (0..6).filter(|b| *b != a) {
                    for c in (0..6).filter(|c| *c != a && *c != b) {
                        prop_assert!(sum(&[a, b, c]) <= sum(&found) + 1e-4);
                    }
                }
            }
        }
    }
}
