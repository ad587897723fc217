//! Turns from the clusters of the speakers of all windows.

use pyannote_core::{Turn, Turns};

use super::clustering::{Clusters, MAX_REQUESTED_CLUSTERS};
use super::embeddings::LocalSpeaker;
use super::segmentation::{self, Segmentation};
use crate::models::{FRAME_STEP_SAMPLES, RECEPTIVE_FIELD_SAMPLES, WINDOW_FRAMES};
use crate::{Diarization, Embedding, SAMPLE_RATE, Scores, Speaker, SpeakerBounds, normalize};

/// Duration of a frame, and distance between frames: 16.875 ms.
const STEP_S: f64 = FRAME_STEP_SAMPLES as f64 / SAMPLE_RATE as f64;
/// Center of the receptive field of the first frame, where turns start and end.
const FIRST_CENTER_S: f64 = RECEPTIVE_FIELD_SAMPLES as f64 / 2.0 / SAMPLE_RATE as f64;

/// Who is active in each frame of a recording.
struct Frames {
    clusters: usize,
    /// The clusters that are active in some window, in order of frames and then of clusters.
    votes: Vec<Vote>,
    /// Index of the first vote of each frame, and the number of all votes.
    starts: Vec<usize>,
    /// Number of simultaneous speakers per frame.
    count: Vec<usize>,
}

/// A cluster that is active in a frame of some windows.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Vote {
    cluster: u32,
    /// The number of these windows, at most 10.
    windows: u8,
}

impl Frames {
    /// Adds up the activity of the speakers of all windows by cluster. At most `max_speakers` are active in a frame.
    fn new(
        segmentation: &Segmentation,
        speakers: &[LocalSpeaker],
        clusters: &Clusters,
        max_speakers: usize,
    ) -> Self {
        let mut count = segmentation.speaker_count();
        count
            .iter_mut()
            .for_each(|count| *count = (*count).min(max_speakers));
        // If more speakers are active at once than there are clusters, those beyond have a cluster without votes.
        let most = count.iter().copied().max().unwrap_or(0);
        let labeled: Vec<_> = speakers.iter().zip(&clusters.assignment).collect();
        let windows: Vec<_> = labeled
            .chunk_by(|a, b| a.0.window == b.0.window)
            .map(|speakers| (segmentation::first_frame(speakers[0].0.window), speakers))
            .collect();
        let mut votes: Vec<Vote> = Vec::new();
        let mut starts = Vec::with_capacity(count.len() + 1);
        starts.push(0);
        // The windows that cover a frame are consecutive.
        let mut first = 0;
        for frame in 0..count.len() {
            while windows
                .get(first)
                .is_some_and(|(start, _)| start + WINDOW_FRAMES <= frame)
            {
                first += 1;
            }
            let row = votes.len();
            let covering = windows[first..].iter();
            for (start, speakers) in covering.take_while(|(start, _)| *start <= frame) {
                let class = segmentation.window(speakers[0].0.window)[frame - start];
                let active = segmentation::speakers(class);
                let mut voted = None;
                for (speaker, cluster) in *speakers {
                    // Two speakers of one cluster are one vote.
                    if let Some(cluster) = cluster
                        && active.contains(&speaker.speaker)
                        && voted.replace(*cluster) != Some(*cluster)
                    {
                        let cluster = *cluster as u32;
                        match votes[row..].iter_mut().find(|vote| vote.cluster == cluster) {
                            Some(vote) => vote.windows += 1,
                            None => votes.push(Vote {
                                cluster,
                                windows: 1,
                            }),
                        }
                    }
                }
            }
            votes[row..].sort_unstable_by_key(|vote| vote.cluster);
            starts.push(votes.len());
        }
        Self {
            clusters: clusters.centroids.len().max(most),
            votes,
            starts,
            count,
        }
    }

    /// The votes in a frame, in order of clusters.
    fn row(&self, frame: usize) -> &[Vote] {
        &self.votes[self.starts[frame]..self.starts[frame + 1]]
    }

    /// The number of windows in which a cluster is active in a frame.
    fn windows(&self, frame: usize, cluster: usize) -> u8 {
        let mut row = self.row(frame).iter();
        row.find(|vote| vote.cluster as usize == cluster)
            .map_or(0, |vote| vote.windows)
    }

    /// The active clusters of a frame, the one with the most votes first: at most `max`.
    fn active(&self, frame: usize, max: usize) -> Vec<usize> {
        let count = self.count[frame].min(max);
        let mut row = self.row(frame).to_vec();
        // Stable: the first of equal ones.
        row.sort_by_key(|vote| std::cmp::Reverse(vote.windows));
        let voted = row.iter().map(|vote| vote.cluster as usize);
        let without = (0..self.clusters).filter(|cluster| self.windows(frame, *cluster) == 0);
        voted.chain(without).take(count).collect()
    }

    /// The turns of all clusters, by cluster: with at most `max` at the same time, and with pauses shorter than
    /// `min_pause_s` filled.
    fn turns(&self, max: usize, min_pause_s: f64, duration_s: f64) -> Vec<(usize, Turn)> {
        let mut turns = Vec::new();
        let mut starts: Vec<Option<f64>> = vec![None; self.clusters];
        let mut last: Vec<Option<usize>> = vec![None; self.clusters];
        // The clusters that have started a turn.
        let mut open: Vec<usize> = Vec::new();
        let frames = self.count.len();
        for frame in 0..frames {
            let active = self.active(frame, max);
            let time_s = FIRST_CENTER_S + frame as f64 * STEP_S;
            open.extend_from_slice(&active);
            open.sort_unstable();
            open.dedup();
            for cluster in open.iter().copied() {
                match (active.contains(&cluster), starts[cluster]) {
                    (true, None) => starts[cluster] = Some(time_s),
                    (true, Some(_)) if frame + 1 < frames => {}
                    // A turn ends at the first frame without the speaker, or at the last frame.
                    (_, Some(start_s)) => {
                        starts[cluster] = None;
                        let turn = Turn::new(start_s, time_s.min(duration_s), String::new());
                        match last[cluster] {
                            Some(index) if start_s - end_of(&turns, index) < min_pause_s => {
                                turns[index].1.end = turn.end;
                            }
                            _ if turn.end > turn.start => {
                                last[cluster] = Some(turns.len());
                                turns.push((cluster, turn));
                            }
                            _ => {}
                        }
                    }
                    (false, None) => {}
                }
            }
            open.retain(|cluster| starts[*cluster].is_some());
        }
        turns.sort_by(|a, b| a.1.start.total_cmp(&b.1.start).then(a.0.cmp(&b.0)));
        turns
    }

    /// Duration of the speech of each cluster without others, in seconds.
    fn solo_s(&self) -> Vec<f64> {
        let mut solo_s = vec![0.0; self.clusters];
        for frame in 0..self.count.len() {
            if let [cluster] = self.active(frame, usize::MAX)[..] {
                solo_s[cluster] += STEP_S;
            }
        }
        solo_s
    }
}

fn end_of(turns: &[(usize, Turn)], index: usize) -> f64 {
    turns[index].1.end
}

/// Builds the result.
pub(super) fn reconstruct(
    segmentation: &Segmentation,
    speakers: &[LocalSpeaker],
    clusters: &Clusters,
    bounds: SpeakerBounds,
    min_pause_s: f64,
    duration_s: f64,
) -> Diarization {
    let max = bounds.max.unwrap_or(usize::MAX);
    let frames = Frames::new(segmentation, speakers, clusters, max);
    let turns = frames.turns(usize::MAX, min_pause_s, duration_s);
    let exclusive = frames.turns(1, min_pause_s, duration_s);

    // Speakers are numbered in order of their first turns. Clusters without a turn are dropped.
    let mut order: Vec<usize> = Vec::new();
    for (cluster, _) in turns.iter().chain(&exclusive) {
        if !order.contains(cluster) {
            order.push(*cluster);
        }
    }
    let labels: Vec<String> = (0..order.len()).map(normalize::name).collect();
    let labeled = |turns: Vec<(usize, Turn)>| -> Turns {
        let turn = |(cluster, turn): (usize, Turn)| {
            let rank = order.iter().position(|other| *other == cluster)?;
            Some(Turn::new(turn.start, turn.end, &labels[rank]))
        };
        turns.into_iter().filter_map(turn).collect()
    };
    let (turns, exclusive) = (labeled(turns), labeled(exclusive));
    let solo_s = frames.solo_s();
    let speaker = |(cluster, label): (&usize, &String)| Speaker {
        label: label.clone(),
        embedding: clusters
            .centroids
            .get(*cluster)
            .and_then(|centroid| *centroid)
            .map(|centroid| Embedding(centroid.to_vec())),
        solo_speech_s: solo_s[*cluster],
        channel: None,
    };
    Diarization {
        speakers: order.iter().zip(&labels).map(speaker).collect(),
        warnings: warnings(bounds, order.len()),
        turns,
        exclusive,
        scores: scores(&frames, segmentation, &order, labels, duration_s),
        duration_s,
    }
}

fn warnings(bounds: SpeakerBounds, found: usize) -> Vec<String> {
    match bounds.min {
        Some(_) if found == 0 => {
            vec!["no speech was detected, so none of the requested speakers was found".to_owned()]
        }
        Some(min) if found < min && min > MAX_REQUESTED_CLUSTERS => vec![format!(
            "{min} speakers were requested, but community-1 looks for at most {MAX_REQUESTED_CLUSTERS} requested ones: \
             {found} were found"
        )],
        Some(min) if found < min => {
            vec![format!(
                "{min} speakers were requested, but only {found} could be distinguished"
            )]
        }
        _ => Vec::new(),
    }
}

/// The probabilities of each frame. Those of speakers are the fraction of windows in which they are active.
fn scores(
    frames: &Frames,
    segmentation: &Segmentation,
    order: &[usize],
    labels: Vec<String>,
    duration_s: f64,
) -> Scores {
    let count = (duration_s / STEP_S).ceil() as usize;
    // Frames are centered in their receptive fields, which start 1.3 steps before the frames of the scores.
    let last = frames.count.len().checked_sub(1);
    let source = |frame: usize| Some(frame.saturating_sub(1).min(last?));
    let each = |probability: &dyn Fn(usize) -> f32| -> Vec<f32> {
        let probabilities = (0..count).map(|frame| source(frame).map_or(0.0, probability));
        probabilities.collect()
    };
    let windows = segmentation.windows().len();
    let coverage = segmentation::coverage(windows);
    let values = (0..count)
        .filter_map(source)
        .flat_map(|frame| {
            let coverage = f32::from(coverage[frame].max(1));
            let windows = move |cluster: &usize| f32::from(frames.windows(frame, *cluster));
            order.iter().map(move |cluster| windows(cluster) / coverage)
        })
        .collect();
    Scores {
        resolution: STEP_S,
        speech: each(&|frame| segmentation.probabilities[frame].speech),
        overlap: each(&|frame| segmentation.probabilities[frame].overlap),
        speakers: labels,
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{POWERSET_CLASSES, RESNET_EMBEDDING_DIM};

    fn speaker(window: usize, speaker: usize) -> LocalSpeaker {
        LocalSpeaker {
            window,
            speaker,
            alone_frames: 0,
            embedding: [0.0; RESNET_EMBEDDING_DIM],
        }
    }

    fn clusters(assignment: &[usize], count: usize) -> Clusters {
        Clusters {
            assignment: assignment.iter().map(|cluster| Some(*cluster)).collect(),
            centroids: vec![Some([1.0; RESNET_EMBEDDING_DIM]); count],
        }
    }

    /// One window: speaker 0 in frames 100 to 300, speaker 1 in frames 200 to 400.
    fn one_window() -> Segmentation {
        let class = |frame: usize| match frame {
            100..200 => 1,
            200..300 => 4,
            300..400 => 2,
            _ => 0,
        };
        Segmentation::from_classes((0..WINDOW_FRAMES).map(class).collect())
    }

    fn rows(turns: &Turns) -> Vec<(f64, f64, &str)> {
        let milliseconds = |time: f64| (time * 1000.0).round();
        turns
            .iter()
            .map(|turn| {
                (
                    milliseconds(turn.start),
                    milliseconds(turn.end),
                    &turn.speaker[..],
                )
            })
            .collect()
    }

    fn run(clusters: &Clusters, bounds: SpeakerBounds) -> Diarization {
        let speakers = [speaker(0, 0), speaker(0, 1)];
        reconstruct(&one_window(), &speakers, clusters, bounds, 0.0, 10.0)
    }

    #[test]
    fn turns_start_and_end_at_the_centers_of_frames() {
        let found = run(&clusters(&[1, 0], 2), SpeakerBounds::default());
        assert_eq!(
            rows(&found.turns),
            [
                (1718.0, 5093.0, "SPEAKER_00"),
                (3406.0, 6781.0, "SPEAKER_01")
            ]
        );
        // Of two with as many votes, the first cluster is in the exclusive turns.
        assert_eq!(
            rows(&found.exclusive),
            [
                (1718.0, 3406.0, "SPEAKER_00"),
                (3406.0, 6781.0, "SPEAKER_01")
            ]
        );
        assert_eq!(found.speakers.len(), 2);
        assert!((found.speakers[0].solo_speech_s - 1.6875).abs() < 1e-9);
        assert_eq!(found.scores.speech.len(), found.scores.frames().len());
        assert_eq!(found.scores.frames().nth(251), Some(&[1.0, 1.0][..]));
    }

    #[test]
    fn two_speakers_of_one_cluster_are_one_and_a_second_has_no_embedding() {
        let found = run(&clusters(&[0, 0], 1), SpeakerBounds::default());
        assert_eq!(
            rows(&found.turns),
            [
                (1718.0, 6781.0, "SPEAKER_00"),
                (3406.0, 5093.0, "SPEAKER_01")
            ]
        );
        assert!(found.speakers[0].embedding.is_some());
        assert_eq!(found.speakers[1].embedding, None);
        assert_eq!(found.scores.frames().nth(251), Some(&[1.0, 0.0][..]));
    }

    #[test]
    fn the_maximum_number_of_speakers_limits_those_at_the_same_time() {
        let bounds = SpeakerBounds::exactly(1);
        let found = run(&clusters(&[0, 0], 1), bounds);
        assert_eq!(rows(&found.turns), [(1718.0, 6781.0, "SPEAKER_00")]);
        assert!(found.warnings.is_empty());
        let found = run(
            &clusters(&[0, 0], 1),
            SpeakerBounds {
                min: Some(3),
                max: None,
            },
        );
        assert_eq!(
            found.warnings,
            ["3 speakers were requested, but only 2 could be distinguished"]
        );
    }

    #[test]
    fn a_request_above_the_limit_has_a_warning_that_names_it() {
        let bounds = SpeakerBounds::exactly(10_000);
        assert_eq!(
            run(&clusters(&[1, 0], 2), bounds).warnings,
            [
                "10000 speakers were requested, but community-1 looks for at most 250 requested ones: 2 were found"
            ]
        );
    }

    #[test]
    fn votes_are_those_of_a_table_of_all_clusters() {
        const WINDOWS: usize = 25;
        const CLUSTERS: usize = 10_000;
        let hash = |n: usize| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        // Classes change every 7 frames. Some speakers have no cluster, and some windows no speakers.
        let class = |n: usize| (hash(n / 7) % POWERSET_CLASSES as u64) as u8;
        let segmentation =
            Segmentation::from_classes((0..WINDOWS * WINDOW_FRAMES).map(class).collect());
        let speakers: Vec<LocalSpeaker> = (0..WINDOWS * 3)
            .filter(|n| n / 3 % 6 != 2)
            .map(|n| speaker(n / 3, n % 3))
            .collect();
        let cluster = |n: usize| (!n.is_multiple_of(11)).then(|| hash(n) as usize % 4 * 3_333);
        let clusters = Clusters {
            assignment: (0..speakers.len()).map(cluster).collect(),
            centroids: vec![None; CLUSTERS],
        };
        let frames = Frames::new(&segmentation, &speakers, &clusters, usize::MAX);
        let mut table = vec![vec![0_u8; CLUSTERS]; frames.count.len()];
        for (window, classes) in segmentation.windows().enumerate() {
            let rows = table.iter_mut().skip(segmentation::first_frame(window));
            for (row, class) in rows.zip(classes) {
                let labeled = speakers.iter().zip(&clusters.assignment);
                let mut active: Vec<usize> = labeled
                    .filter(|(speaker, _)| {
                        speaker.window == window
                            && segmentation::speakers(*class).contains(&speaker.speaker)
                    })
                    .filter_map(|(_, cluster)| *cluster)
                    .collect();
                active.sort_unstable();
                active.dedup();
                active.iter().for_each(|cluster| row[*cluster] += 1);
            }
        }
        for (frame, row) in table.iter().enumerate() {
            let mut expected: Vec<usize> = (0..CLUSTERS).collect();
            expected.sort_by_key(|cluster| std::cmp::Reverse(row[*cluster]));
            for (max, count) in [
                (usize::MAX, frames.count[frame]),
                (1, frames.count[frame].min(1)),
            ] {
                assert_eq!(frames.active(frame, max), expected[..count], "{frame}");
            }
            let votes: Vec<u8> = (0..4).map(|n| frames.windows(frame, n * 3_333)).collect();
            let expected: Vec<u8> = (0..4).map(|n| row[n * 3_333]).collect();
            assert_eq!(votes, expected, "{frame}");
        }
        // A frame has at most 10 windows with 2 speakers, whatever the number of clusters.
        assert!(frames.votes.len() <= frames.count.len() * 4);
    }

    #[test]
    fn short_pauses_are_filled_and_turns_end_with_the_recording() {
        let class = |frame: usize| u8::from((50..100).contains(&frame) || frame >= 105);
        let segmentation = Segmentation::from_classes((0..WINDOW_FRAMES).map(class).collect());
        let turns = |min_pause_s| {
            let speakers = [speaker(0, 0)];
            let (clusters, bounds) = (clusters(&[0], 1), SpeakerBounds::default());
            reconstruct(
                &segmentation,
                &speakers,
                &clusters,
                bounds,
                min_pause_s,
                9.0,
            )
        };
        assert_eq!(turns(0.0).turns.len(), 2);
        assert_eq!(rows(&turns(0.1).turns), [(875.0, 9000.0, "SPEAKER_00")]);
    }

    #[test]
    fn an_empty_recording_has_no_turns() {
        let segmentation = Segmentation::from_classes(Vec::new());
        let bounds = SpeakerBounds::exactly(2);
        let found = reconstruct(&segmentation, &[], &Clusters::default(), bounds, 0.0, 0.0);
        assert!(found.turns.is_empty() && found.scores.speech.is_empty());
        assert_eq!(found.warnings.len(), 1);
    }
}
