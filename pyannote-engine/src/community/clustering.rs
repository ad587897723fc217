//! Clustering of the speakers of all windows.

use super::embeddings::LocalSpeaker;
use super::vbx::VbxParameters;
use super::{Loaded, Plda, ahc, assignment, k_means, vbx};
use crate::models::{RESNET_EMBEDDING_DIM, WINDOW_FRAMES};
use crate::pipeline::windows::MAX_LOCAL_SPEAKERS;
use crate::{CancelToken, DiarizeError, SpeakerBounds};

/// Fraction of a window that a speaker must speak alone, for the embedding to be clustered.
const MIN_ALONE_RATIO: f64 = 0.2;
/// Prior above which VBx has kept a speaker.
const MIN_PRIOR: f64 = 1e-7;
/// The fraction of the golden ratio, times 2^64.
const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
/// Limits of what is clustered, so that the memory does not grow with the square of the duration.
///
/// Of more embeddings, as many are clustered as the limit allows, evenly spread over the recording, and each stands for
/// several in VBx. All others are assigned to the centroids, as are those with too little speech.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Maximum number of embeddings: the distances of all pairs take 4 bytes times its square.
    pub(super) embeddings: usize,
    /// Maximum number of pairs of an embedding and an initial cluster: VBx keeps 8 bytes for each.
    pub(super) responsibilities: usize,
}

/// The distances take up to 256 MB, and the responsibilities 128 MB. The first limit is reached after one to two hours of
/// speech, the second only if there are hundreds of initial clusters.
pub(super) const LIMITS: Limits = Limits {
    embeddings: 8_000,
    responsibilities: 16_000_000,
};

/// Number of clusters up to which a requested minimum counts.
///
/// k-means compares each of up to 8,000 embeddings with each cluster in hundreds of iterations, and the scores have a
/// value for each frame and speaker. More are possible if VBx finds them.
pub(super) const MAX_REQUESTED_CLUSTERS: usize = 250;

/// Parameters of the clustering.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ClusteringParameters {
    /// Distance of centroids of unit embeddings up to which the initial clusters are merged.
    pub(super) threshold: f64,
    pub(super) vbx: VbxParameters,
}

/// The clusters of the speakers of all windows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Clusters {
    /// The cluster of each speaker, or `None` if all clusters went to other speakers of the window.
    pub(super) assignment: Vec<Option<usize>>,
    /// The centroid of each cluster, or `None` if no speaker has enough speech for one.
    pub(super) centroids: Vec<Option<Centroid>>,
}

pub(super) type Centroid = [f32; RESNET_EMBEDDING_DIM];

/// The clustering of the speakers of all windows.
pub(super) struct Clustering<'a> {
    pub(super) plda: &'a Plda,
    pub(super) parameters: ClusteringParameters,
    pub(super) limits: Limits,
}

impl<'a> Clustering<'a> {
    /// The clustering with the models of a folder.
    pub(super) fn new(loaded: &'a Loaded) -> Self {
        Self {
            plda: &loaded.plda,
            parameters: loaded.parameters.clustering,
            limits: LIMITS,
        }
    }

    /// Clusters speakers, in order of windows.
    ///
    /// # Errors
    ///
    /// [`DiarizeError::Cancelled`], and [`DiarizeError::Failed`] if VBx has values that are not finite.
    pub(super) fn run(
        &self,
        speakers: &[LocalSpeaker],
        bounds: SpeakerBounds,
        cancel: &CancelToken,
    ) -> Result<Clusters, DiarizeError> {
        let embeddings = clean(speakers);
        if embeddings.len() < 2 {
            return Ok(Clusters {
                assignment: vec![Some(0); speakers.len()],
                centroids: vec![embeddings.first().map(|embedding| **embedding)],
            });
        }
        let found = self.vbx_centroids(&embeddings, cancel)?;
        cancel.check()?;
        let wanted = found
            .len()
            .max(bounds.min.unwrap_or(1).min(MAX_REQUESTED_CLUSTERS))
            .min(bounds.max.unwrap_or(usize::MAX))
            .min(embeddings.len());
        // With a given number of clusters, several speakers of a window may have the same one.
        let constrained = wanted == found.len();
        let centroids = match constrained {
            true => found,
            false => {
                let some = evenly_spread(&embeddings, self.limits.embeddings);
                k_means_centroids(&some, wanted, cancel)?
            }
        };
        Ok(Clusters {
            assignment: assign(speakers, &centroids, constrained),
            centroids: centroids.into_iter().map(Some).collect(),
        })
    }

    /// The centroids of the speakers that VBx finds: means of the embeddings, weighted by the responsibilities.
    fn vbx_centroids(
        &self,
        embeddings: &[&Centroid],
        cancel: &CancelToken,
    ) -> Result<Vec<Centroid>, DiarizeError> {
        let (some, start) = self.initial_clusters(embeddings, cancel)?;
        let features: Vec<f64> = some
            .iter()
            .flat_map(|embedding| self.plda.features(*embedding))
            .collect();
        let weight = embeddings.len() as f64 / some.len() as f64;
        let parameters = self.parameters.vbx;
        let found = vbx::cluster(
            &features,
            self.plda.phi(),
            &start,
            weight,
            parameters,
            cancel,
        )?;
        if !found.priors.iter().all(|prior| prior.is_finite()) {
            let reason = "the clustering has values that are not finite: download the folder of community-1 again";
            return Err(DiarizeError::Failed(reason.to_owned()));
        }
        let speakers = found.priors.len();
        let kept = (0..speakers).filter(|speaker| found.priors[*speaker] > MIN_PRIOR);
        let centroid = |speaker| {
            let weights = found.values.iter().skip(speaker).step_by(speakers);
            mean(some.iter().copied().zip(weights.copied()))
        };
        Ok(kept.map(centroid).collect())
    }

    /// The embeddings that are clustered, and their initial clusters.
    fn initial_clusters<'b>(
        &self,
        embeddings: &[&'b Centroid],
        cancel: &CancelToken,
    ) -> Result<(Vec<&'b Centroid>, Vec<usize>), DiarizeError> {
        let mut max = self.limits.embeddings;
        loop {
            let some = evenly_spread(embeddings, max);
            let threshold = self.parameters.threshold;
            let start = ahc::cluster(&units(&some), RESNET_EMBEDDING_DIM, threshold, cancel)?;
            let clusters = start.iter().max().map_or(0, |last| last + 1);
            if some.len() * clusters <= self.limits.responsibilities {
                return Ok((some, start));
            }
            max = some.len() / 2;
        }
    }
}

/// The embeddings of the speakers who speak enough alone.
fn clean(speakers: &[LocalSpeaker]) -> Vec<&Centroid> {
    let min_frames = MIN_ALONE_RATIO * WINDOW_FRAMES as f64;
    // Weights of absurd size may overflow.
    let is_finite =
        |speaker: &LocalSpeaker| speaker.embedding.iter().all(|value| value.is_finite());
    let clean = speakers
        .iter()
        .filter(|speaker| speaker.alone_frames as f64 >= min_frames && is_finite(speaker));
    clean.map(|speaker| &speaker.embedding).collect()
}

/// `max` of the embeddings, or all if there are fewer: evenly spread over them, and over every second or third of them.
///
/// They are in order of windows, and then of local speakers. A constant step would be in phase with people who keep
/// their local speaker, so that some have many embeddings and others none. Multiples of the golden ratio, modulo 1, are
/// evenly distributed, and so are those of every second or third index: the lowest ones have no phase.
fn evenly_spread<'a>(embeddings: &[&'a Centroid], max: usize) -> Vec<&'a Centroid> {
    if embeddings.len() <= max {
        return embeddings.to_vec();
    }
    let key = |index: usize| (index as u64).wrapping_mul(GOLDEN_RATIO);
    let mut keys: Vec<u64> = (0..embeddings.len()).map(key).collect();
    // The keys are distinct, since the factor is odd.
    let (_, &mut end, _) = keys.select_nth_unstable(max);
    let kept = embeddings.iter().enumerate();
    kept.filter(|(index, _)| key(*index) < end)
        .map(|(_, embedding)| *embedding)
        .collect()
}

/// The centroids of a given number of clusters: the means of the embeddings that k-means puts together.
fn k_means_centroids(
    embeddings: &[&Centroid],
    clusters: usize,
    cancel: &CancelToken,
) -> Result<Vec<Centroid>, DiarizeError> {
    let labels = k_means::cluster(&units(embeddings), RESNET_EMBEDDING_DIM, clusters, cancel)?;
    let centroid = |cluster| {
        let labels = labels
            .iter()
            .map(|label| f64::from(u8::from(*label == cluster)));
        mean(embeddings.iter().copied().zip(labels))
    };
    Ok((0..clusters).map(centroid).collect())
}

/// The embeddings scaled to unit length, one after the other.
fn units(embeddings: &[&Centroid]) -> Vec<f64> {
    embeddings
        .iter()
        .flat_map(|embedding| unit(embedding))
        .collect()
}

/// The clusters of all speakers: those with the most similar centroids. If `constrained`, the speakers of a window have
/// different clusters, and some of them may have none.
fn assign(
    speakers: &[LocalSpeaker],
    centroids: &[Centroid],
    constrained: bool,
) -> Vec<Option<usize>> {
    let centroids: Vec<Vec<f64>> = centroids.iter().map(unit).collect();
    // Above 0, and as the reference: 2 minus the cosine distance.
    let scores = |speaker: &LocalSpeaker| -> Vec<f64> {
        let own = unit(&speaker.embedding);
        centroids
            .iter()
            .map(|other| 1.0 + dot(&own, other))
            .collect()
    };
    let mut assignment = Vec::with_capacity(speakers.len());
    for window in speakers.chunk_by(|a, b| a.window == b.window) {
        debug_assert!(window.len() <= MAX_LOCAL_SPEAKERS);
        let scores: Vec<Vec<f64>> = window.iter().map(scores).collect();
        if constrained {
            let rows: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
            assignment.extend(assignment::constrained(&rows));
        } else {
            assignment.extend(scores.iter().map(|row| nearest(row)));
        }
    }
    assignment
}

/// The cluster with the highest score: the first of equal ones.
fn nearest(scores: &[f64]) -> Option<usize> {
    let scores = scores.iter().enumerate();
    let best = scores.reduce(|best, other| if other.1 > best.1 { other } else { best });
    best.map(|(cluster, _)| cluster)
}

/// The weighted mean of embeddings.
fn mean<'a>(embeddings: impl Iterator<Item = (&'a Centroid, f64)>) -> Centroid {
    let mut sum = [0.0; RESNET_EMBEDDING_DIM];
    let mut total = 0.0;
    for (embedding, weight) in embeddings {
        total += weight;
        for (sum, value) in sum.iter_mut().zip(embedding) {
            *sum += weight * f64::from(*value);
        }
    }
    // A cluster of k-means may be empty if embeddings are equal.
    let factor = if total > 0.0 { 1.0 / total } else { 0.0 };
    sum.map(|sum| (sum * factor) as f32)
}

/// An embedding scaled to unit length. Zeros stay.
pub(super) fn unit(embedding: &Centroid) -> Vec<f64> {
    let values: Vec<f64> = embedding.iter().copied().map(f64::from).collect();
    let length = dot(&values, &values).sqrt();
    let factor = if length > 0.0 { 1.0 / length } else { 0.0 };
    values.into_iter().map(|value| value * factor).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A speaker of a window whose embedding has a single nonzero value or two.
    fn speaker(window: usize, speaker: usize, values: [f32; 2]) -> LocalSpeaker {
        let mut embedding = [0.0; RESNET_EMBEDDING_DIM];
        embedding[..2].copy_from_slice(&values);
        LocalSpeaker {
            window,
            speaker,
            alone_frames: WINDOW_FRAMES,
            embedding,
        }
    }

    #[test]
    fn speakers_of_a_window_have_different_clusters_if_constrained() {
        let speakers = [
            speaker(0, 0, [1.0, 0.1]),
            speaker(0, 2, [1.0, 0.2]),
            speaker(3, 1, [0.1, 5.0]),
        ];
        let centroids = [
            speaker(0, 0, [2.0, 0.0]).embedding,
            speaker(0, 0, [0.0, 1.0]).embedding,
        ];
        let constrained = assign(&speakers, &centroids, true);
        assert_eq!(constrained, [Some(0), Some(1), Some(1)]);
        let free = assign(&speakers, &centroids, false);
        assert_eq!(free, [Some(0), Some(0), Some(1)]);
        let one = assign(&speakers, &centroids[..1], true);
        assert_eq!(one, [Some(0), None, Some(0)]);
    }

    #[test]
    fn a_day_of_speech_has_no_more_to_cluster_than_an_hour() {
        let embedding = [0.0; RESNET_EMBEDDING_DIM];
        for (all, expected) in [(0, 0), (8_000, 8_000), (8_001, 8_000), (259_173, 8_000)] {
            let some = evenly_spread(&vec![&embedding; all], LIMITS.embeddings);
            assert_eq!(some.len(), expected, "{all}");
        }
    }

    #[test]
    fn of_too_many_embeddings_every_local_speaker_keeps_its_share() {
        let embedding = |value: usize| speaker(0, 0, [value as f32, 0.0]).embedding;
        // The largest ratio of the numbers of embeddings of two local speakers: in all, and in any tenth of them.
        for local_speakers in 1..=MAX_LOCAL_SPEAKERS {
            let people: Vec<Centroid> = (0..local_speakers).map(embedding).collect();
            for all in [801, 1_200, 1_600, 2_400, 6_400, 12_345] {
                let list: Vec<&Centroid> = people.iter().cycle().take(all).collect();
                let some = evenly_spread(&list, 800);
                assert_eq!(some.len(), 800);
                for part in some.chunks_exact(80) {
                    let share = |person: &Centroid| part.iter().filter(|e| **e == person).count();
                    let expected = 80.0 / local_speakers as f64;
                    for share in people.iter().map(share) {
                        let ratio = share as f64 / expected;
                        assert!(
                            (0.8..1.25).contains(&ratio),
                            "{local_speakers} of {all}: {ratio}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn forced_clusters_have_the_means_of_their_embeddings() {
        let speakers = [[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]].map(|values| speaker(0, 0, values));
        let embeddings: Vec<&Centroid> = speakers.iter().map(|s| &s.embedding).collect();
        let mut found = k_means_centroids(&embeddings, 2, &CancelToken::new()).unwrap();
        found.sort_by(|a, b| b[0].total_cmp(&a[0]));
        assert_eq!(
            (&found[0][..2], &found[1][..2]),
            (&[2.0, 0.0][..], &[0.0, 2.0][..])
        );
    }
}
