//! Clustering of recordings of any length, in blocks of ten minutes.
//!
//! Local speakers are clustered within each block; then the clusters of all blocks are clustered. Time and memory would
//! otherwise grow with the square of the duration.

use super::affinity::{Affinity, embedding_weight_s};
use super::clustering::{self, cluster_count};
use super::embeddings::{self, EmbeddingVector, SubSegmentEmbeddings};
use super::local_speakers::LocalSpeaker;
use super::windows::HOP_FRAMES;
use super::{cluster_split, reassignment};
use crate::models::EMBEDDING_DIM;
use crate::{CancelToken, DiarizeError, SpeakerBounds};

/// Frames between the starts of blocks: ten minutes.
const BLOCK_FRAMES: usize = 240 * HOP_FRAMES;

/// Weight of the speech of clusters of the same block in their cannot-link constraint. The more blocks there are, the
/// more pairs of embeddings oppose these constraints; a higher weight keeps speakers with similar embeddings in
/// different clusters.
const BLOCK_CANNOT_LINK_WEIGHT: f32 = 2.0;

/// Local speakers and their clusters.
#[derive(Default)]
pub(super) struct Clustering {
    /// The local speakers, some of which may have been split.
    pub(super) speakers: Vec<LocalSpeaker>,
    /// The cluster of each local speaker.
    pub(super) labels: Vec<usize>,
    /// Number of clusters.
    pub(super) cluster_count: usize,
}

impl Clustering {
    /// The local speakers, each with its cluster.
    pub(super) fn labeled(&self) -> impl Iterator<Item = (&LocalSpeaker, usize)> {
        self.speakers.iter().zip(self.labels.iter().copied())
    }

    /// The local speakers of a cluster.
    fn members(&self, cluster: usize) -> impl Iterator<Item = &LocalSpeaker> {
        let members = self.labeled().filter(move |(_, label)| *label == cluster);
        members.map(|(speaker, _)| speaker)
    }

    /// The centroid of each cluster.
    pub(super) fn centroids(&self) -> Vec<Option<EmbeddingVector>> {
        (0..self.cluster_count)
            .map(|cluster| self.centroid(cluster))
            .collect()
    }

    /// The centroid of a cluster: the unit mean of the embeddings of its local speakers, weighted by seconds of
    /// non-overlapped speech. `None` if there are no embeddings.
    fn centroid(&self, cluster: usize) -> Option<EmbeddingVector> {
        let mut sum = [0.0; EMBEDDING_DIM];
        for speaker in self.members(cluster) {
            if let Some(embedding) = speaker.embedding.as_deref() {
                embeddings::add_scaled(&mut sum, embedding, speaker.solo_s);
            }
        }
        embeddings::normalized(sum)
    }
}

/// Clusters the local speakers of a recording, which are in order of their windows.
pub(super) fn cluster(
    speakers: Vec<LocalSpeaker>,
    embeddings: &SubSegmentEmbeddings,
    bounds: SpeakerBounds,
    cancel: &CancelToken,
) -> Result<Clustering, DiarizeError> {
    let blocks: Vec<usize> = speakers
        .chunk_by(|a, b| a.first_frame / BLOCK_FRAMES == b.first_frame / BLOCK_FRAMES)
        .map(<[LocalSpeaker]>::len)
        .collect();
    let max = bounds.max.unwrap_or(usize::MAX);
    let mut all = Clustering::default();
    let mut block_clusters = Vec::new();
    let mut speakers = speakers.into_iter();
    for (index, size) in blocks.iter().enumerate() {
        let block = speakers.by_ref().take(*size).collect();
        let clustering = cluster_block(block, embeddings, max, cancel)?;
        block_clusters.extend(
            (0..clustering.cluster_count)
                .map(|cluster| BlockCluster::new(index, &clustering, cluster)),
        );
        let labels = clustering.labels.iter();
        all.labels
            .extend(labels.map(|label| label + all.cluster_count));
        all.speakers.extend(clustering.speakers);
        all.cluster_count += clustering.cluster_count;
    }
    if blocks.len() > 1 {
        let weight_s: Vec<f32> = block_clusters
            .iter()
            .map(|cluster| cluster.solo_s)
            .collect();
        let affinity = |a: usize, b: usize| block_clusters[a].affinity(&block_clusters[b]);
        let merged = clustering::cluster(&weight_s, affinity, max, cancel)?;
        for label in &mut all.labels {
            *label = merged[*label];
        }
        all.cluster_count = cluster_count(&merged);
    }
    let min = bounds.min.unwrap_or(0);
    if all.cluster_count < min {
        all = cluster_split::split_until(min, all, embeddings, cancel)?;
    }
    Ok(all)
}

/// Clusters the local speakers of a block, and splits clusters that contain two speakers.
fn cluster_block(
    mut speakers: Vec<LocalSpeaker>,
    embeddings: &SubSegmentEmbeddings,
    max: usize,
    cancel: &CancelToken,
) -> Result<Clustering, DiarizeError> {
    let mut labels = cluster_and_reassign(&speakers, max, cancel)?;
    if let Some(split) = cluster_split::split(&speakers, &labels, embeddings) {
        labels = cluster_and_reassign(&split, max, cancel)?;
        speakers = split;
    }
    Ok(Clustering {
        cluster_count: cluster_count(&labels),
        speakers,
        labels,
    })
}

/// Clusters local speakers and reassigns them.
fn cluster_and_reassign(
    speakers: &[LocalSpeaker],
    max: usize,
    cancel: &CancelToken,
) -> Result<Vec<usize>, DiarizeError> {
    let weight_s: Vec<f32> = speakers
        .iter()
        .map(|speaker| embedding_weight_s(speaker.solo_s))
        .collect();
    let affinity = |a: usize, b: usize| Affinity::between(&speakers[a], &speakers[b]);
    let labels = clustering::cluster(&weight_s, affinity, max, cancel)?;
    reassignment::reassign(speakers, &labels, cancel)
}

/// A cluster of a block.
struct BlockCluster {
    block: usize,
    centroid: Option<EmbeddingVector>,
    /// Total non-overlapped speech of its local speakers.
    solo_s: f32,
}

impl BlockCluster {
    fn new(block: usize, clustering: &Clustering, cluster: usize) -> Self {
        let members = clustering.members(cluster);
        Self {
            block,
            centroid: clustering.centroid(cluster),
            solo_s: members.map(|speaker| speaker.solo_s).sum(),
        }
    }

    fn affinity(&self, other: &Self) -> Affinity {
        if self.block == other.block {
            return Affinity::cannot_link(
                BLOCK_CANNOT_LINK_WEIGHT * self.solo_s,
                BLOCK_CANNOT_LINK_WEIGHT * other.solo_s,
            );
        }
        Affinity::from_embeddings(
            (self.centroid.as_ref(), self.solo_s),
            (other.centroid.as_ref(), other.solo_s),
        )
    }
}
