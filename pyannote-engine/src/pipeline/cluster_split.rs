//! Splits clusters that contain two speakers.
//!
//! The segmentation model sometimes merges two speakers of a window into one local speaker. Clustering cannot separate
//! them, because none of its items belongs to the second speaker alone. But the sub-segments of the whole cluster can:
//! if their embeddings form two distinct groups, each local speaker of the cluster is split into two, whose frames are
//! those nearest to the sub-segments of either group.
//!
//! If more speakers are requested than were found, the most distinct groups are split, however similar they are.

use super::block_clustering::Clustering;
use super::embeddings::{
    self, EmbeddingVector, SubSegmentEmbeddings, add_scaled, cosine, normalized,
};
use super::local_speakers::{self, LocalSpeaker};
use super::{clustering, frames};
use crate::models::EMBEDDING_DIM;
use crate::{CancelToken, DiarizeError};

/// Minimum solo ratio of a sub-segment to be considered.
const MIN_SPLIT_SOLO_RATIO: f32 = 0.5;
/// Minimum number of non-overlapping sub-segments of each group.
const MIN_SPLIT_SUB_SEGMENTS: usize = 3;
/// Maximum cosine similarity between the centroids of the two groups. More similar groups are the same speaker.
const MAX_SPLIT_COSINE: f32 = 0.43;
/// Maximum number of iterations of 2-means.
const MAX_TWO_MEANS_ITERATIONS: usize = 20;
/// Maximum number of sub-segments of which the two that are farthest apart are searched, in time that grows with its
/// square. Ten minutes have 800.
const MAX_COMPARED: usize = 1_000;
/// Minimum speech of each half of a local speaker. Others are not split.
const MIN_SPLIT_SPEECH_S: f64 = 0.3;

/// Splits local speakers of clusters that contain two speakers. `None` if there is no such cluster.
pub(super) fn split(
    speakers: &[LocalSpeaker],
    labels: &[usize],
    embeddings: &SubSegmentEmbeddings,
) -> Option<Vec<LocalSpeaker>> {
    let splits: Vec<Option<ClusterSplit>> = (0..clustering::cluster_count(labels))
        .map(|cluster| {
            let labeled = speakers.iter().zip(labels);
            let members = labeled.filter(|(_, label)| **label == cluster);
            let split = ClusterSplit::find(members.map(|(speaker, _)| speaker), embeddings);
            split.filter(ClusterSplit::is_distinct)
        })
        .collect();
    let halves: Vec<Option<[LocalSpeaker; 2]>> = speakers
        .iter()
        .zip(labels)
        .map(|(speaker, label)| {
            let mut halves = splits[*label].as_ref()?.split(speaker)?;
            local_speakers::assign_embeddings(&mut halves, embeddings);
            Some(halves)
        })
        .collect();
    halves.iter().any(Option::is_some).then(|| {
        speakers
            .iter()
            .zip(halves)
            .flat_map(|(whole, halves)| halves.map_or_else(|| vec![whole.clone()], Vec::from))
            .collect()
    })
}

/// Splits clusters until there are `min` of them, or none can be split: each time the one whose two groups are the most
/// distinct, however similar they are.
pub(super) fn split_until(
    min: usize,
    clustering: Clustering,
    embeddings: &SubSegmentEmbeddings,
    cancel: &CancelToken,
) -> Result<Clustering, DiarizeError> {
    let mut members = vec![Vec::new(); clustering.cluster_count];
    for (speaker, label) in clustering.speakers.into_iter().zip(clustering.labels) {
        members[label].push(speaker);
    }
    let with_split = |members: Vec<LocalSpeaker>| {
        let split = ClusterSplit::find(members.iter(), embeddings);
        (members, split)
    };
    let mut clusters: Vec<_> = members.into_iter().map(with_split).collect();
    while clusters.len() < min {
        if cancel.is_cancelled() {
            return Err(DiarizeError::Cancelled);
        }
        let gains = clusters.iter().enumerate();
        let gains = gains.filter_map(|(index, (_, split))| Some((index, split.as_ref()?.gain())));
        let Some((best, _)) = gains.max_by(|(_, a), (_, b)| a.total_cmp(b)) else {
            break;
        };
        let (members, split) = &mut clusters[best];
        let groups = split
            .take()
            .and_then(|split| split.of_members(members, embeddings));
        let Some([first, second]) = groups else {
            continue;
        };
        clusters[best] = with_split(first);
        clusters.push(with_split(second));
    }
    let cluster_count = clusters.len();
    let members = clusters.into_iter().map(|(members, _)| members).enumerate();
    let mut labeled: Vec<(LocalSpeaker, usize)> = members
        .flat_map(|(label, members)| members.into_iter().map(move |speaker| (speaker, label)))
        .collect();
    labeled.sort_by_key(|(speaker, _)| speaker.window);
    let (speakers, labels) = labeled.into_iter().unzip();
    Ok(Clustering {
        speakers,
        labels,
        cluster_count,
    })
}

/// One of the two groups that a cluster is split into.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Group {
    First,
    Second,
}

/// The sub-segments of a cluster in two groups.
struct ClusterSplit {
    /// In ascending order.
    sub_segments: Vec<(usize, Group)>,
    /// Cosine similarity between the centroids of the groups.
    cosine: f32,
}

impl ClusterSplit {
    /// Splits the sub-segments of a cluster into two groups. `None` if there are not two.
    fn find<'a>(
        speakers: impl Iterator<Item = &'a LocalSpeaker>,
        embeddings: &SubSegmentEmbeddings,
    ) -> Option<Self> {
        let mut indices: Vec<usize> = speakers
            .flat_map(|speaker| &speaker.solo_ratios)
            .filter(|(_, ratio)| *ratio > MIN_SPLIT_SOLO_RATIO)
            .map(|(index, _)| *index)
            .collect();
        indices.sort_unstable();
        indices.dedup();
        let embeddings: Vec<(usize, &EmbeddingVector)> = indices
            .iter()
            .filter_map(|index| Some((*index, embeddings.get(*index)?)))
            .collect();
        two_means(&embeddings)
    }

    /// The sub-segments of a group.
    fn of(&self, group: Group) -> impl Iterator<Item = usize> {
        let of = self.sub_segments.iter().filter(move |(_, of)| *of == group);
        of.map(|(index, _)| *index)
    }

    /// Whether the groups are large and different enough to be two speakers.
    fn is_distinct(&self) -> bool {
        let is_large = |group| non_overlapping_count(self.of(group)) >= MIN_SPLIT_SUB_SEGMENTS;
        is_large(Group::First) && is_large(Group::Second) && self.cosine < MAX_SPLIT_COSINE
    }

    /// How much speaks for splitting: how different the groups are, times the size of the smaller one up to what a
    /// speaker needs.
    fn gain(&self) -> f32 {
        let [first, second] =
            [Group::First, Group::Second].map(|group| self.of(group).count() as f32);
        first.min(second).min(MIN_SPLIT_SUB_SEGMENTS as f32) * (1.0 - self.cosine)
    }

    /// Splits the local speakers of a cluster. `None` if a group has none.
    fn of_members(
        &self,
        members: &[LocalSpeaker],
        embeddings: &SubSegmentEmbeddings,
    ) -> Option<[Vec<LocalSpeaker>; 2]> {
        let mut groups = [Vec::new(), Vec::new()];
        for speaker in members {
            match self.split(speaker) {
                None => groups[self.larger_group(speaker) as usize].push(speaker.clone()),
                Some(mut halves) => {
                    local_speakers::assign_embeddings(&mut halves, embeddings);
                    for (group, half) in groups.iter_mut().zip(halves) {
                        group.push(half);
                    }
                }
            }
        }
        groups
            .iter()
            .all(|group| !group.is_empty())
            .then_some(groups)
    }

    /// The group of a frame: that of the nearest sub-segment.
    fn group(&self, frame: usize) -> Group {
        let nearest = self
            .sub_segments
            .iter()
            .min_by_key(|(index, _)| center_frame(*index).abs_diff(frame));
        nearest.map_or(Group::First, |(_, group)| *group)
    }

    /// The group with more of the activity of a local speaker.
    fn larger_group(&self, speaker: &LocalSpeaker) -> Group {
        let frames = speaker.first_frame..speaker.end_frame();
        let activity = frames.zip(&speaker.activity);
        let balance: f32 = activity
            .map(|(frame, activity)| match self.group(frame) {
                Group::First => *activity,
                Group::Second => -activity,
            })
            .sum();
        match balance >= 0.0 {
            true => Group::First,
            false => Group::Second,
        }
    }

    /// Splits a local speaker into two. `None` if one of them has too little speech.
    fn split(&self, speaker: &LocalSpeaker) -> Option<[LocalSpeaker; 2]> {
        let groups: Vec<Group> = (speaker.first_frame..speaker.end_frame())
            .map(|frame| self.group(frame))
            .collect();
        let total: f32 = speaker.activity.iter().sum();
        let half = |group: Group| {
            let frames = speaker.activity.iter().zip(&groups);
            let activity: Vec<f32> = frames
                .map(|(activity, frame_group)| {
                    if *frame_group == group {
                        *activity
                    } else {
                        0.0
                    }
                })
                .collect();
            let share = activity.iter().sum::<f32>() / total;
            let speech_s = f64::from(share * total) * frames::STEP_S;
            (speech_s >= MIN_SPLIT_SPEECH_S).then(|| LocalSpeaker {
                activity,
                solo_s: speaker.solo_s * share,
                solo_ratios: speaker
                    .solo_ratios
                    .iter()
                    .copied()
                    .filter(|(index, _)| self.group(center_frame(*index)) == group)
                    .collect(),
                ..speaker.clone()
            })
        };
        Some([half(Group::First)?, half(Group::Second)?])
    }
}

/// The frame in the center of a sub-segment.
fn center_frame(sub_segment: usize) -> usize {
    let frames = embeddings::sub_segment_frames(sub_segment);
    frames.start.midpoint(frames.end)
}

/// Spherical 2-means of the embeddings of sub-segments, initialized with the two that are farthest apart. `None` if one
/// of the groups is empty.
fn two_means(embeddings: &[(usize, &EmbeddingVector)]) -> Option<ClusterSplit> {
    let step = embeddings.len().div_ceil(MAX_COMPARED).max(1);
    let compared: Vec<&EmbeddingVector> = embeddings
        .iter()
        .step_by(step)
        .map(|(_, embedding)| *embedding)
        .collect();
    let pairs = compared.iter().enumerate().flat_map(|(index, one)| {
        let others = compared[..index].iter();
        others.map(move |other| (*one, *other))
    });
    let (one, other) = pairs.min_by(|(a, b), (c, d)| cosine(a, b).total_cmp(&cosine(c, d)))?;
    let mut centroids = [*one, *other];
    let mut groups: Vec<Group> = Vec::new();
    for _ in 0..MAX_TWO_MEANS_ITERATIONS {
        let [one, other] = &centroids;
        let nearest = |(_, embedding): &(usize, &EmbeddingVector)| {
            let is_second = cosine(embedding, other) > cosine(embedding, one);
            if is_second {
                Group::Second
            } else {
                Group::First
            }
        };
        let before = std::mem::replace(&mut groups, embeddings.iter().map(nearest).collect());
        if groups == before {
            break;
        }
        let centroid = |group: Group| {
            let mut sum = [0.0; EMBEDDING_DIM];
            let members = embeddings
                .iter()
                .zip(&groups)
                .filter(|(_, member_group)| **member_group == group);
            members.for_each(|((_, embedding), _)| add_scaled(&mut sum, embedding, 1.0));
            normalized(sum)
        };
        centroids = [centroid(Group::First)?, centroid(Group::Second)?];
    }
    let [one, other] = &centroids;
    let indices = embeddings.iter().map(|(index, _)| *index);
    let split = ClusterSplit {
        cosine: cosine(one, other),
        sub_segments: indices.zip(groups).collect(),
    };
    let has = |group| split.of(group).next().is_some();
    (has(Group::First) && has(Group::Second)).then_some(split)
}

/// Maximum number of sub-segments, out of these in ascending order, that do not overlap: each overlaps with the next.
fn non_overlapping_count(indices: impl Iterator<Item = usize>) -> usize {
    let mut last = None;
    indices
        .filter(|index| {
            let is_separate = last.is_none_or(|last| last + 1 < *index);
            if is_separate {
                last = Some(*index);
            }
            is_separate
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An embedding at an angle in the plane of two axes, with a small component on an axis of its own.
    fn embedding(angle: f32, own_axis: usize) -> EmbeddingVector {
        let mut embedding = [0.0; EMBEDDING_DIM];
        (embedding[0], embedding[1]) = (angle.cos(), angle.sin());
        embedding[2 + own_axis] = 0.3;
        normalized(embedding).unwrap()
    }

    fn groups(angles: &[f32]) -> Option<Vec<Group>> {
        let embeddings: Vec<EmbeddingVector> = angles
            .iter()
            .enumerate()
            .map(|(own_axis, angle)| embedding(*angle, own_axis))
            .collect();
        let split = two_means(&embeddings.iter().enumerate().collect::<Vec<_>>());
        let split = split.filter(ClusterSplit::is_distinct)?;
        Some(split.sub_segments.iter().map(|(_, group)| *group).collect())
    }

    #[test]
    fn distinct_groups_are_split() {
        let groups = groups(&[0.0, 0.1, 1.5, 1.4, 0.1, 0.0, 1.5, 0.0, 1.4]).unwrap();
        let (first, other) = (groups[0], groups[2]);
        assert_ne!(first, other);
        assert_eq!(
            groups,
            [
                first, first, other, other, first, first, other, first, other
            ]
        );
    }

    #[test]
    fn similar_or_small_groups_are_not_split() {
        let similar = [0.0, 0.1, 0.6, 0.0, 0.1, 0.6, 0.0, 0.6, 0.1];
        assert_eq!(groups(&similar), None);
        let once = [0.0, 0.1, 0.0, 0.1, 1.5, 1.5, 1.5, 0.0, 0.1];
        assert_eq!(
            groups(&once),
            None,
            "three overlapping sub-segments are too few"
        );
        assert_eq!(groups(&[0.0, 1.5, 0.0, 1.5]), None);
        assert_eq!(groups(&[]), None);
        let same = embedding(0.3, 0);
        assert!(two_means(&[(0, &same), (2, &same), (4, &same)]).is_none());
    }

    #[test]
    fn a_local_speaker_is_split_at_the_speaker_change() {
        let embeddings =
            (0..12).map(|index| (index, embedding(if index < 6 { 0.0 } else { 1.5 }, index)));
        let embeddings = SubSegmentEmbeddings::from_sorted(embeddings);
        let speaker = LocalSpeaker {
            window: 3,
            first_frame: 0,
            activity: vec![1.0; 589],
            solo_s: 9.9,
            solo_ratios: (0..12).map(|index| (index, 1.0)).collect(),
            embedding: None,
        };
        let halves = split(&[speaker], &[0], &embeddings).unwrap();
        assert_eq!(halves.len(), 2);
        let active_frames = |half: &LocalSpeaker| {
            half.activity
                .iter()
                .filter(|activity| **activity > 0.0)
                .count()
        };
        assert_eq!(active_frames(&halves[0]) + active_frames(&halves[1]), 589);
        // The second speaker's sub-segments start at 4.5 s; the midpoint between the nearest centers is at 4.9 s.
        let change = halves.iter().map(active_frames).min().unwrap();
        assert!((280..300).contains(&change), "{change}");
        let cosine = cosine(
            halves[0].embedding.as_deref().unwrap(),
            halves[1].embedding.as_deref().unwrap(),
        );
        assert!(cosine < 0.2, "{cosine}");
        assert!((halves[0].solo_s + halves[1].solo_s - 9.9).abs() < 1e-3);
    }

    /// A cluster of one local speaker, whose embedding changes its direction after each of these numbers of
    /// sub-segments.
    fn cluster_of(changes: &[usize]) -> (Clustering, SubSegmentEmbeddings) {
        let count = changes.iter().sum();
        let of = changes.iter().enumerate();
        let parts = of.flat_map(|(part, count)| std::iter::repeat_n(part, *count));
        let embeddings = parts.enumerate().map(|(index, part)| {
            let mut embedding = [0.0; EMBEDDING_DIM];
            (embedding[part], embedding[20 + index]) = (1.0, 0.3);
            (index, normalized(embedding).unwrap())
        });
        let speaker = LocalSpeaker {
            window: 0,
            first_frame: 0,
            activity: vec![1.0; embeddings::sub_segment_frames(count).start],
            solo_s: 10.0,
            solo_ratios: (0..count).map(|index| (index, 1.0)).collect(),
            embedding: None,
        };
        let clustering = Clustering {
            speakers: vec![speaker],
            labels: vec![0],
            cluster_count: 1,
        };
        (clustering, SubSegmentEmbeddings::from_sorted(embeddings))
    }

    #[test]
    fn clusters_are_split_until_there_are_enough_or_none_can_be_split() {
        // The last part is too short to count as much as the others.
        let parts = [6, 6, 6, 1];
        for (min, expected) in [(1, 1), (2, 2), (3, 3), (4, 4), (100, 19)] {
            let (clustering, embeddings) = cluster_of(&parts);
            let cancel = CancelToken::default();
            let split = split_until(min, clustering, &embeddings, &cancel).unwrap();
            assert_eq!(split.cluster_count, expected, "{min}");
            let mut labels = split.labels.clone();
            labels.sort_unstable();
            labels.dedup();
            assert_eq!(
                labels,
                Vec::from_iter(0..expected),
                "each cluster has speech"
            );
            assert_eq!(split.labels.len(), split.speakers.len());
            if min == 3 {
                let mut sizes: Vec<usize> = split
                    .speakers
                    .iter()
                    .map(|part| part.solo_ratios.len())
                    .collect();
                sizes.sort_unstable();
                assert_eq!(sizes, [6, 6, 7]);
            }
        }
    }

    #[test]
    fn splitting_can_be_cancelled() {
        let (clustering, embeddings) = cluster_of(&[6, 6]);
        let cancel = CancelToken::default();
        cancel.cancel();
        let result = split_until(2, clustering, &embeddings, &cancel);
        assert_eq!(result.err(), Some(DiarizeError::Cancelled));
    }
}
