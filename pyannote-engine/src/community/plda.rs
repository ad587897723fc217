//! PLDA features: embeddings in the space of a probabilistic linear discriminant analysis.

use std::path::Path;

use super::npz;
use crate::models::RESNET_EMBEDDING_DIM;

/// Dimension of the features.
pub(super) const FEATURE_DIM: usize = 128;

/// The transform from embeddings to features whose within-speaker covariance is the identity and whose between-speaker
/// covariance is diagonal.
#[derive(Clone, Debug)]
pub(crate) struct Plda {
    embedding_mean: Vec<f64>,
    /// Linear discriminant analysis, as `(embedding, feature)`.
    lda: Vec<f64>,
    lda_mean: Vec<f64>,
    mean: Vec<f64>,
    /// As `(feature, lda)`, by descending variance.
    transform: Vec<f64>,
    /// Between-speaker variance of each feature, in descending order.
    phi: Vec<f64>,
}

/// The arrays of the two files.
#[derive(Clone, Debug, Default)]
pub(super) struct PldaArrays {
    pub(super) mean1: Vec<f64>,
    pub(super) lda: Vec<f64>,
    pub(super) mean2: Vec<f64>,
    pub(super) mu: Vec<f64>,
    pub(super) tr: Vec<f64>,
    pub(super) psi: Vec<f64>,
}

impl PldaArrays {
    /// Reads the arrays of `xvec_transform.npz`.
    ///
    /// # Errors
    ///
    /// If an array is missing or has another shape, with the reason.
    pub(super) fn read_transform(&mut self, path: &Path) -> Result<(), String> {
        self.mean1 = npz::read(path, "mean1", &[RESNET_EMBEDDING_DIM])?;
        self.lda = npz::read(path, "lda", &[RESNET_EMBEDDING_DIM, FEATURE_DIM])?;
        self.mean2 = npz::read(path, "mean2", &[FEATURE_DIM])?;
        Ok(())
    }

    /// Reads the arrays of `plda.npz`.
    ///
    /// # Errors
    ///
    /// If an array is missing or has another shape, with the reason.
    pub(super) fn read_model(&mut self, path: &Path) -> Result<(), String> {
        self.mu = npz::read(path, "mu", &[FEATURE_DIM])?;
        self.tr = npz::read(path, "tr", &[FEATURE_DIM, FEATURE_DIM])?;
        self.psi = npz::read(path, "psi", &[FEATURE_DIM])?;
        match self.psi.iter().all(|value| *value > 0.0) {
            true => Ok(()),
            false => Err("array `psi` has variances that are not positive".to_owned()),
        }
    }
}

impl Plda {
    /// Prepares the transform.
    ///
    /// The reference solves a generalized eigenvalue problem, B v = phi W v, where W = (T'T)^-1 and B = (T'P^-1 T)^-1 for
    /// the transform T and the diagonal matrix P of `psi`. Its solutions are the rows of T, with the values of `psi`, so
    /// that only their order changes: the largest variances come first. The sign of a feature is arbitrary.
    pub(super) fn new(arrays: PldaArrays) -> Self {
        let mut order: Vec<usize> = (0..FEATURE_DIM).collect();
        order.sort_by(|a, b| arrays.psi[*b].total_cmp(&arrays.psi[*a]));
        let row = |index: &usize| &arrays.tr[index * FEATURE_DIM..(index + 1) * FEATURE_DIM];
        Self {
            transform: order.iter().flat_map(row).copied().collect(),
            phi: order.iter().map(|index| arrays.psi[*index]).collect(),
            embedding_mean: arrays.mean1,
            lda: arrays.lda,
            lda_mean: arrays.mean2,
            mean: arrays.mu,
        }
    }

    /// Between-speaker variance of each feature.
    pub(super) fn phi(&self) -> &[f64] {
        &self.phi
    }

    /// The features of an embedding.
    pub(super) fn features(&self, embedding: &[f32]) -> Vec<f64> {
        let values = embedding.iter().zip(&self.embedding_mean);
        let mut centered: Vec<f64> = values.map(|(x, mean)| f64::from(*x) - mean).collect();
        scale_to_dimension(&mut centered);
        let mut reduced = vec![0.0; FEATURE_DIM];
        for (value, weights) in centered.iter().zip(self.lda.chunks_exact(FEATURE_DIM)) {
            for (reduced, weight) in reduced.iter_mut().zip(weights) {
                *reduced += value * weight;
            }
        }
        subtract(&mut reduced, &self.lda_mean);
        scale_to_dimension(&mut reduced);
        subtract(&mut reduced, &self.mean);
        let rows = self.transform.chunks_exact(FEATURE_DIM);
        let product = |row: &[f64]| row.iter().zip(&reduced).map(|(a, b)| a * b).sum();
        rows.map(product).collect()
    }
}

fn subtract(values: &mut [f64], mean: &[f64]) {
    for (value, mean) in values.iter_mut().zip(mean) {
        *value -= mean;
    }
}

/// Scales a vector so that its squared length is its dimension. Zeros stay.
fn scale_to_dimension(values: &mut [f64]) {
    let squares: f64 = values.iter().map(|value| value * value).sum();
    if squares > 0.0 {
        let factor = (values.len() as f64 / squares).sqrt();
        values.iter_mut().for_each(|value| *value *= factor);
    }
}
