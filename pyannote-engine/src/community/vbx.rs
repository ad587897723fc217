//! VBx: variational Bayes clustering of PLDA features.
//!
//! Landini, Profant, Diez and Burget, "Bayesian HMM clustering of x-vector sequences (VBx) in speaker diarization: theory,
//! implementation and analysis on standard tasks", Computer Speech & Language, 2022; here, as in pyannote.audio, without
//! the transitions of the hidden Markov model. The numbers of equations in comments are those of that paper.

use std::f64::consts::TAU;

use super::plda::FEATURE_DIM;
use crate::{CancelToken, DiarizeError};

/// Maximum number of iterations.
const MAX_ITERATIONS: usize = 20;
/// Improvement of the objective below which iterations end.
const MIN_IMPROVEMENT: f64 = 1e-4;
/// Log-odds of the cluster that a point starts in.
const START_LOG_ODDS: f64 = 7.0;
/// Keeps the logarithm of priors finite.
const PRIOR_EPSILON: f64 = 1e-8;

/// Parameters of VBx.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct VbxParameters {
    /// Scale of the statistics (`Fa`).
    pub(super) acoustic_scale: f64,
    /// Regularization (`Fb`): the higher, the fewer speakers.
    pub(super) regularization: f64,
}

/// The result of VBx.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Responsibilities {
    /// The probability that each point is of each speaker, as `(point, speaker)`.
    pub(super) values: Vec<f64>,
    /// The prior of each speaker. That of a redundant speaker is about 0.
    pub(super) priors: Vec<f64>,
}

/// Clusters features, `(point, FEATURE_DIM)`, whose between-speaker variances are `phi`.
///
/// `start` is the initial cluster of each point. Each point stands for `weight` points.
///
/// # Errors
///
/// [`DiarizeError::Cancelled`].
pub(super) fn cluster(
    features: &[f64],
    phi: &[f64],
    start: &[usize],
    weight: f64,
    parameters: VbxParameters,
    cancel: &CancelToken,
) -> Result<Responsibilities, DiarizeError> {
    let speakers = start.iter().max().map_or(0, |max| max + 1);
    let VbxParameters {
        acoustic_scale: fa,
        regularization: fb,
    } = parameters;
    let points = || features.chunks_exact(FEATURE_DIM);
    // Terms of (23) that depend only on the point, and (18).
    let constants: Vec<f64> = points()
        .map(|point| {
            let squares: f64 = point.iter().map(|value| value * value).sum();
            -0.5 * (squares + FEATURE_DIM as f64 * TAU.ln())
        })
        .collect();
    let scaled: Vec<f64> = points()
        .flat_map(|point| point.iter().zip(phi).map(|(value, phi)| value * phi.sqrt()))
        .collect();

    let mut priors = vec![1.0 / speakers as f64; speakers];
    let mut values = initial(start, speakers);
    let mut previous = f64::NEG_INFINITY;
    for iteration in 0..MAX_ITERATIONS {
        cancel.check()?;
        // The mean and the variance of each speaker's model, (16) and (17), as `(speaker, FEATURE_DIM)`.
        let mut means = vec![0.0; speakers * FEATURE_DIM];
        let mut totals = vec![0.0; speakers];
        for (row, point) in values
            .chunks_exact(speakers)
            .zip(scaled.chunks_exact(FEATURE_DIM))
        {
            for ((value, total), mean) in row
                .iter()
                .zip(&mut totals)
                .zip(means.chunks_exact_mut(FEATURE_DIM))
            {
                *total += value * weight;
                for (mean, point) in mean.iter_mut().zip(point) {
                    *mean += value * weight * point;
                }
            }
        }
        // Terms of (23) and (25) that depend only on the speaker.
        let mut penalties = Vec::with_capacity(speakers);
        let mut regularizer = 0.0;
        for (total, mean) in totals.iter().zip(means.chunks_exact_mut(FEATURE_DIM)) {
            let mut penalty = 0.0;
            for (mean, phi) in mean.iter_mut().zip(phi) {
                let variance = 1.0 / (1.0 + fa / fb * total * phi);
                *mean *= fa / fb * variance;
                penalty += 0.5 * (variance + *mean * *mean) * phi;
                regularizer += variance.ln() - variance - *mean * *mean + 1.0;
            }
            penalties.push(penalty);
        }

        let log_priors: Vec<f64> = priors.iter().map(|p| (p + PRIOR_EPSILON).ln()).collect();
        let mut objective = 0.5 * fb * regularizer;
        priors.fill(0.0);
        let rows = values.chunks_exact_mut(speakers);
        for ((row, point), constant) in rows.zip(scaled.chunks_exact(FEATURE_DIM)).zip(&constants) {
            let speakers = row.iter_mut().zip(means.chunks_exact(FEATURE_DIM));
            for (((value, mean), penalty), log_prior) in speakers.zip(&penalties).zip(&log_priors) {
                let product: f64 = point.iter().zip(mean).map(|(a, b)| a * b).sum();
                *value = fa * (product - penalty + constant) + log_prior;
            }
            let log_likelihood = log_sum_exp(row);
            objective += weight * log_likelihood;
            for (value, prior) in row.iter_mut().zip(&mut priors) {
                *value = (*value - log_likelihood).exp();
                *prior += *value;
            }
        }
        let total: f64 = priors.iter().sum();
        priors.iter_mut().for_each(|prior| *prior /= total);
        if iteration > 0 && objective - previous < MIN_IMPROVEMENT {
            break;
        }
        previous = objective;
    }
    Ok(Responsibilities { values, priors })
}

/// Responsibilities that favor the initial clusters: a softmax.
fn initial(start: &[usize], speakers: usize) -> Vec<f64> {
    let own = START_LOG_ODDS.exp() / (START_LOG_ODDS.exp() + (speakers as f64 - 1.0));
    let other = 1.0 / (START_LOG_ODDS.exp() + (speakers as f64 - 1.0));
    let mut values = vec![other; start.len() * speakers];
    for (row, cluster) in values.chunks_exact_mut(speakers.max(1)).zip(start) {
        row[*cluster] = own;
    }
    values
}

fn log_sum_exp(values: &[f64]) -> f64 {
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    max + values
        .iter()
        .map(|value| (value - max).exp())
        .sum::<f64>()
        .ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: VbxParameters = VbxParameters {
        acoustic_scale: 0.07,
        regularization: 0.8,
    };

    fn cluster(features: &[f64], phi: &[f64], start: &[usize], weight: f64) -> Responsibilities {
        super::cluster(
            features,
            phi,
            start,
            weight,
            PARAMETERS,
            &CancelToken::new(),
        )
        .unwrap()
    }

    /// Points of two speakers, who differ in the first ten dimensions.
    fn points(count: usize) -> Vec<f64> {
        let value = |n: usize| ((n * n * 31 + n * 17) % 1009) as f64 / 504.0 - 1.0;
        let point = |point: usize| {
            let center = if point.is_multiple_of(2) { 3.0 } else { -3.0 };
            (0..FEATURE_DIM)
                .map(move |d| value(point * FEATURE_DIM + d) + if d < 10 { center } else { 0.0 })
        };
        (0..count).flat_map(point).collect()
    }

    #[test]
    fn a_cancelled_run_ends() {
        let cancel = CancelToken::new();
        cancel.cancel();
        let found = super::cluster(
            &points(4),
            &[1.0; FEATURE_DIM],
            &[0; 4],
            1.0,
            PARAMETERS,
            &cancel,
        );
        assert_eq!(found, Err(DiarizeError::Cancelled));
    }

    #[test]
    fn redundant_clusters_vanish() {
        let phi = vec![5.0; FEATURE_DIM];
        let start: Vec<usize> = (0..40).map(|point| point % 4).collect();
        let found = cluster(&points(40), &phi, &start, 1.0);
        let speakers = found.priors.iter().filter(|prior| **prior > 1e-7).count();
        assert_eq!(speakers, 2, "{:?}", found.priors);
        for (point, row) in found.values.chunks_exact(4).enumerate() {
            let own: f64 = row.iter().skip(point % 2).step_by(2).sum();
            assert!(own > 0.99, "{row:?}");
        }
    }

    #[test]
    fn a_weight_stands_for_repeated_points() {
        let phi = vec![2.0; FEATURE_DIM];
        let start: Vec<usize> = (0..12).map(|point| point % 3).collect();
        let once = points(12);
        let once_weighted = cluster(&once, &phi, &start, 3.0);
        let thrice = cluster(&once.repeat(3), &phi, &start.repeat(3), 1.0);
        for (a, b) in once_weighted.values.iter().zip(&thrice.values) {
            assert!((a - b).abs() < 1e-9, "{a} and {b}");
        }
    }

    #[test]
    fn a_single_cluster_stays_one() {
        let phi = vec![1.0; FEATURE_DIM];
        let found = cluster(&points(4), &phi, &[0; 4], 1.0);
        assert_eq!((found.values, found.priors), (vec![1.0; 4], vec![1.0]));
    }
}
