//! PLDA features: embeddings in the space of a probabilistic linear discriminant analysis.

use std::path::{Path, PathBuf};

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

/// The names and shapes of the arrays, by the archive that has them.
const TRANSFORM: [(&str, &[usize]); 3] = [
    ("mean1", &[RESNET_EMBEDDING_DIM]),
    ("lda", &[RESNET_EMBEDDING_DIM, FEATURE_DIM]),
    ("mean2", &[FEATURE_DIM]),
];
const MODEL: [(&str, &[usize]); 3] = [
    ("mu", &[FEATURE_DIM]),
    ("tr", &[FEATURE_DIM, FEATURE_DIM]),
    ("psi", &[FEATURE_DIM]),
];

/// The files of the arrays.
pub(super) enum PldaFiles {
    /// As published: `xvec_transform.npz` and `plda.npz`.
    Archives([PathBuf; 2]),
    /// One of each array, in NumPy's format or 64-bit floats, as other projects publish them.
    Arrays(Vec<PathBuf>),
}

impl PldaFiles {
    /// Finds the files in a folder.
    ///
    /// # Errors
    ///
    /// What `existing` returns for the file that is missing.
    pub(super) fn find<E>(
        folder: &Path,
        existing: impl Fn(&Path) -> Result<PathBuf, E>,
    ) -> Result<Self, E> {
        let archives = ["xvec_transform.npz", "plda.npz"].map(|name| folder.join(name));
        let arrays: Vec<PathBuf> = TRANSFORM
            .iter()
            .chain(&MODEL)
            .filter_map(|(name, _)| {
                let names = [
                    format!("{name}.npy"),
                    format!("plda_{name}.npy"),
                    format!("{name}.bin"),
                ];
                names
                    .map(|name| folder.join(name))
                    .into_iter()
                    .find(|path| path.is_file())
            })
            .collect();
        let complete = arrays.len() == TRANSFORM.len() + MODEL.len();
        if complete && !archives.iter().any(|path| path.exists()) {
            return Ok(Self::Arrays(arrays));
        }
        let [transform, model] = &archives;
        Ok(Self::Archives([existing(transform)?, existing(model)?]))
    }

    pub(super) fn into_paths(self) -> Vec<PathBuf> {
        match self {
            Self::Archives(paths) => paths.into(),
            Self::Arrays(paths) => paths,
        }
    }
}

/// The arrays of the two archives.
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
    /// Reads the arrays.
    ///
    /// # Errors
    ///
    /// What `invalid` makes of the file that cannot be used, and the reason.
    pub(super) fn read<E>(
        files: &PldaFiles,
        invalid: impl Fn(&Path, String) -> E,
    ) -> Result<Self, E> {
        let mut values = Vec::new();
        let all = TRANSFORM.iter().chain(&MODEL);
        for (index, (name, shape)) in all.enumerate() {
            let (path, array) = match files {
                PldaFiles::Archives([transform, model]) => {
                    let path = if index < TRANSFORM.len() {
                        transform
                    } else {
                        model
                    };
                    (path, npz::read(path, name, shape))
                }
                PldaFiles::Arrays(paths) => (&paths[index], npz::read_single(&paths[index], shape)),
            };
            let array =
                array.and_then(
                    |array| match *name != "psi" || array.iter().all(|v| *v > 0.0) {
                        true => Ok(array),
                        false => Err("array `psi` has variances that are not positive".to_owned()),
                    },
                );
            values.push(array.map_err(|reason| invalid(path, reason))?);
        }
        let mut values = values.into_iter();
        let mut next = || values.next().unwrap_or_default();
        Ok(Self {
            mean1: next(),
            lda: next(),
            mean2: next(),
            mu: next(),
            tr: next(),
            psi: next(),
        })
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

#[cfg(test)]
mod tests {
    use super::super::tests::noise;
    use super::*;

    // What pyannote.audio 4.0.7 computes with the published arrays: the largest variances, the magnitudes of the first
    // features of an embedding, and its product with another.
    const PHI: [f64; 3] = [25.882_384_299_701, 10.646_547_679_134, 7.097_496_641_140];
    const FIRST: [f64; 3] = [0.700_611_376_151, 1.117_443_688_775, 2.377_320_557_546];
    const PRODUCT: f64 = -213.929_361_691_212;

    /// `PYANNOTE_PLDA` names the folder `models/plda` of the crate diaric 0.1.0, or that of community-1.
    #[test]
    fn features_with_the_published_arrays_match() {
        let Some(folder) = std::env::var_os("PYANNOTE_PLDA").map(PathBuf::from) else {
            eprintln!("skipped: PYANNOTE_PLDA is not set");
            return;
        };
        let files = PldaFiles::find(&folder, |path| {
            path.is_file().then(|| path.to_owned()).ok_or(())
        });
        let arrays = PldaArrays::read(&files.unwrap(), |path, reason| {
            format!("{}: {reason}", path.display())
        });
        let plda = Plda::new(arrays.unwrap());
        for (found, expected) in plda.phi().iter().zip(PHI) {
            assert!((found - expected).abs() < 1e-9, "{found}");
        }
        let embeddings: Vec<f32> = noise(0, "real-plda", 8 * 256)
            .iter()
            .map(|value| (0.5 * value) as f32)
            .collect();
        let [first, .., last] = &embeddings
            .chunks_exact(256)
            .map(|e| plda.features(e))
            .collect::<Vec<_>>()[..]
        else {
            panic!();
        };
        // The signs of features are arbitrary, but not those of their products.
        let product: f64 = first.iter().zip(last).map(|(a, b)| a * b).sum();
        assert!((product - PRODUCT).abs() < 1e-9, "{product}");
        for (found, expected) in first.iter().zip(FIRST) {
            assert!(
                (found.abs() - expected).abs() < 1e-9,
                "{found} and {expected}"
            );
        }
    }
}
