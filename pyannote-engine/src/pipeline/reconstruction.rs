//! Reconstruction of the global diarization from clustered local speakers: frame-level scores and speaker turns.

use pyannote_core::{Turn, Turns};

use super::block_clustering::Clustering;
use super::frames;
use super::windows::{Segmentation, SpeakerCount, coverage};
use crate::{Diarization, Embedding, Scores, Sensitivity, Speaker, SpeakerBounds, normalize};

/// VAD probability above which a frame is speech, with the default sensitivity.
const SPEECH_THRESHOLD: f32 = 0.5;
/// Overlap probability above which two speakers are active, with the default sensitivity. Below 0.5, because the model
/// underestimates overlap.
const OVERLAP_THRESHOLD: f32 = 1.0 / 3.0;
/// Activity above which a cluster can be the second speaker of overlapped speech.
const MIN_SECOND_SPEAKER_ACTIVITY: f32 = 0.05;
/// Minimum duration of a turn. Shorter ones are dropped.
const MIN_TURN_S: f64 = 0.1;
/// Number of frames of the scores in addition to those of the model: they cover the whole recording.
const EXTRA_SCORE_FRAMES: usize = 3;

/// Builds the result from the segmentation and the clusters of its local speakers.
pub(super) fn reconstruct(
    duration_s: f64,
    segmentation: Segmentation,
    clustering: Clustering,
    bounds: SpeakerBounds,
    sensitivity: Sensitivity,
) -> Diarization {
    let thresholds = Thresholds::new(sensitivity);
    let frames = ClusterFrames::new(segmentation, &clustering, thresholds);
    let centroids = clustering.centroids();
    // The activity of local speakers is large, too.
    drop(clustering);
    let turns = frames.turns(duration_s, |frame| frames.active(frame));
    let exclusive = frames.turns(duration_s, |frame| [frames.active(frame)[0], None]);

    // Speakers are numbered in order of their first turns. Clusters without a turn are dropped.
    let mut order: Vec<usize> = Vec::new();
    for turn in &turns {
        if !order.contains(&turn.cluster) {
            order.push(turn.cluster);
        }
    }
    let labels: Vec<String> = (0..order.len()).map(normalize::name).collect();
    let labeled = |turns: Vec<ClusterTurn>| -> Turns {
        let turn = |turn: ClusterTurn| {
            let rank = order.iter().position(|cluster| *cluster == turn.cluster)?;
            Some(Turn::new(turn.start_s, turn.end_s, &labels[rank]))
        };
        turns.into_iter().filter_map(turn).collect()
    };
    let (turns, exclusive) = (labeled(turns), labeled(exclusive));
    let solo_s = frames.solo_s();
    let speakers: Vec<Speaker> = order
        .iter()
        .zip(&labels)
        .map(|(cluster, label)| Speaker {
            label: label.clone(),
            embedding: centroids[*cluster].map(|centroid| Embedding(centroid.to_vec())),
            solo_speech_s: solo_s[*cluster],
            channel: None,
        })
        .collect();
    Diarization {
        warnings: warnings(bounds, speakers.len()),
        turns,
        exclusive,
        speakers,
        scores: frames.into_scores(duration_s, &order, labels),
        duration_s,
    }
}

fn warnings(bounds: SpeakerBounds, found: usize) -> Vec<String> {
    match bounds.min {
        Some(min) if found == 0 && min > 0 => {
            vec!["no speech was detected, so none of the requested speakers was found".to_owned()]
        }
        Some(min) if found < min => {
            vec![format!(
                "{min} speakers were requested, but only {found} could be distinguished"
            )]
        }
        _ => Vec::new(),
    }
}

/// A turn of a cluster, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ClusterTurn {
    cluster: usize,
    start_s: f64,
    end_s: f64,
}

/// Probabilities above which a frame is speech, and above which it is overlapped speech.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Thresholds {
    speech: f32,
    overlap: f32,
}

impl Thresholds {
    fn new(sensitivity: Sensitivity) -> Self {
        Self {
            speech: shifted(SPEECH_THRESHOLD, sensitivity.vad),
            overlap: shifted(OVERLAP_THRESHOLD, sensitivity.crosstalk),
        }
    }

    /// The active speakers in a frame, the most active one first, given the activity of each.
    fn active_speakers(self, count: SpeakerCount, activity: &[f32]) -> [Option<usize>; 2] {
        if 1.0 - count.silence <= self.speech {
            return [None; 2];
        }
        let most_active = |except: Option<usize>| {
            let others = activity
                .iter()
                .enumerate()
                .filter(|(speaker, _)| Some(*speaker) != except);
            others.max_by(|(i, a), (j, b)| a.total_cmp(b).then(j.cmp(i)))
        };
        let first = most_active(None).map(|(speaker, _)| speaker);
        let second = most_active(first)
            .filter(|(_, activity)| {
                count.overlap > self.overlap && **activity > MIN_SECOND_SPEAKER_ACTIVITY
            })
            .map(|(speaker, _)| speaker);
        [first, second]
    }
}

/// The threshold on probabilities that corresponds to adding `sensitivity` to their log-odds.
fn shifted(threshold: f32, sensitivity: f64) -> f32 {
    if sensitivity == 0.0 {
        // To the bit.
        return threshold;
    }
    let odds = f64::from(threshold) / (1.0 - f64::from(threshold));
    (1.0 / (1.0 + sensitivity.exp() / odds)) as f32
}

/// The active speakers in a frame, the most active one first, given the activity of each.
pub(crate) fn active_speakers(count: SpeakerCount, activity: &[f32]) -> [Option<usize>; 2] {
    Thresholds::new(Sensitivity::default()).active_speakers(count, activity)
}

/// Activity of each cluster and the speaker count, per frame.
struct ClusterFrames {
    speaker_count: Vec<SpeakerCount>,
    clusters: usize,
    /// Activity of each cluster, averaged over the windows, as `(frame, cluster)`.
    activity: Vec<f32>,
    thresholds: Thresholds,
}

impl ClusterFrames {
    /// Aggregates the activity of local speakers by cluster.
    fn new(segmentation: Segmentation, clustering: &Clustering, thresholds: Thresholds) -> Self {
        let frames = segmentation.speaker_count.len();
        let clusters = clustering.cluster_count;
        // With room for the frames that the scores have in addition.
        let mut activity = Vec::with_capacity((frames + EXTRA_SCORE_FRAMES) * clusters);
        activity.resize(frames * clusters, 0.0);
        for (speaker, cluster) in clustering.labeled() {
            let rows = activity
                .chunks_exact_mut(clusters)
                .skip(speaker.first_frame);
            for (row, value) in rows.zip(&speaker.activity) {
                row[cluster] += value;
            }
        }
        let coverage = coverage(&segmentation.windows, frames);
        for (row, windows) in activity.chunks_exact_mut(clusters.max(1)).zip(coverage) {
            for value in row {
                // Two local speakers of a window may belong to the same cluster.
                *value = (*value / windows.max(1.0)).min(1.0);
            }
        }
        Self {
            speaker_count: segmentation.speaker_count,
            clusters,
            activity,
            thresholds,
        }
    }

    /// Activity of each cluster in a frame.
    fn row(&self, frame: usize) -> &[f32] {
        let start = frame * self.clusters;
        &self.activity[start..start + self.clusters]
    }

    /// The active clusters in a frame, the most active one first.
    fn active(&self, frame: usize) -> [Option<usize>; 2] {
        self.thresholds
            .active_speakers(self.speaker_count[frame], self.row(frame))
    }

    /// Non-overlapped speech of each cluster, in seconds.
    fn solo_s(&self) -> Vec<f64> {
        let mut solo_s = vec![0.0; self.clusters];
        for frame in 0..self.speaker_count.len() {
            if let [Some(cluster), None] = self.active(frame) {
                solo_s[cluster] += frames::STEP_S;
            }
        }
        solo_s
    }

    /// The turns of all clusters, sorted by start. `active` returns the active clusters of a frame.
    fn turns(
        &self,
        duration_s: f64,
        active: impl Fn(usize) -> [Option<usize>; 2],
    ) -> Vec<ClusterTurn> {
        let mut turns = Vec::new();
        let mut first_frames: Vec<Option<usize>> = vec![None; self.clusters];
        let end = self.speaker_count.len();
        // A silent frame after the last one ends all turns.
        for frame in 0..=end {
            let active = if frame < end {
                active(frame)
            } else {
                [None; 2]
            };
            for (cluster, first_frame) in first_frames.iter_mut().enumerate() {
                match (active.contains(&Some(cluster)), *first_frame) {
                    (true, None) => *first_frame = Some(frame),
                    (false, Some(first)) => {
                        *first_frame = None;
                        let turn = ClusterTurn {
                            cluster,
                            start_s: frames::start_s(first),
                            end_s: frames::start_s(frame).min(duration_s),
                        };
                        if turn.end_s - turn.start_s >= MIN_TURN_S {
                            turns.push(turn);
                        }
                    }
                    _ => {}
                }
            }
        }
        turns.sort_by(|a, b| {
            a.start_s
                .total_cmp(&b.start_s)
                .then(a.cluster.cmp(&b.cluster))
        });
        turns
    }

    /// Scores of the whole recording, for these clusters and their labels in this order.
    ///
    /// The activity becomes the scores in place, because there may be a gigabyte of either.
    fn into_scores(self, duration_s: f64, clusters: &[usize], labels: Vec<String>) -> Scores {
        let frames = (duration_s / frames::STEP_S).ceil() as usize;
        // Without a frame of the model, the recording is too short for speech.
        let last = self.speaker_count.len().checked_sub(1);
        // The first frame of the model starts 1.3 steps after the start of the recording.
        let count_at = |frame: usize| Some(self.speaker_count[frame.saturating_sub(1).min(last?)]);
        let each = |probability: fn(SpeakerCount) -> f32| {
            let probabilities = (0..frames).map(|frame| count_at(frame).map_or(0.0, probability));
            probabilities.map(|value| value.clamp(0.0, 1.0)).collect()
        };
        Scores {
            resolution: frames::STEP_S,
            speech: each(|count| 1.0 - count.silence),
            overlap: each(|count| count.overlap),
            speakers: labels,
            values: score_rows(self.activity, self.clusters, clusters, frames),
        }
    }
}

/// Selects columns of a table of frames, and shifts it by a frame: the first frame is repeated at the start, and the
/// last one as often as necessary for `frames` in all.
fn score_rows(mut table: Vec<f32>, columns: usize, selected: &[usize], frames: usize) -> Vec<f32> {
    let width = selected.len();
    let rows = table.len() / columns.max(1);
    if width == 0 || rows == 0 {
        return Vec::new();
    }
    let mut row = Vec::with_capacity(width);
    for index in 0..rows {
        let source = &table[index * columns..(index + 1) * columns];
        row.clear();
        row.extend(selected.iter().map(|column| source[*column]));
        // A row is never moved beyond itself, because no column is selected twice.
        table[index * width..(index + 1) * width].copy_from_slice(&row);
    }
    table.truncate(rows * width);
    table.resize((rows + 1) * width, 0.0);
    table.copy_within(..rows * width, width);
    while table.len() < frames * width {
        table.extend_from_slice(&row);
    }
    table.truncate(frames * width);
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::WINDOW_FRAMES;

    const ONE_SPEAKER: SpeakerCount = SpeakerCount {
        silence: 0.1,
        overlap: 0.1,
    };
    const OVERLAP: SpeakerCount = SpeakerCount {
        silence: 0.0,
        overlap: 0.8,
    };
    const SILENCE: SpeakerCount = SpeakerCount {
        silence: 0.9,
        overlap: 0.0,
    };

    /// Two clusters: cluster 1 is active in frames 100 to 300, cluster 0 in frames 200 to 400.
    fn cluster_frames(speaker_count: Vec<SpeakerCount>) -> ClusterFrames {
        let activity = (0..speaker_count.len()).flat_map(|frame| {
            let first = if (200..400).contains(&frame) {
                0.7
            } else {
                0.0
            };
            let second = if (100..300).contains(&frame) {
                0.9
            } else {
                0.0
            };
            [first, second]
        });
        ClusterFrames {
            speaker_count,
            clusters: 2,
            activity: activity.collect(),
            thresholds: Thresholds::new(Sensitivity::default()),
        }
    }

    fn speaker_count() -> Vec<SpeakerCount> {
        let count = |frame| match frame {
            100..200 | 300..400 => ONE_SPEAKER,
            200..300 => OVERLAP,
            // A click of three frames.
            450..453 => ONE_SPEAKER,
            _ => SILENCE,
        };
        (0..500).map(count).collect()
    }

    #[test]
    fn turns_overlap_in_overlapped_speech() {
        let frames = cluster_frames(speaker_count());
        let turn = |cluster, first, end| ClusterTurn {
            cluster,
            start_s: frames::start_s(first),
            end_s: frames::start_s(end),
        };
        let turns = frames.turns(100.0, |frame| frames.active(frame));
        assert_eq!(turns, [turn(1, 100, 300), turn(0, 200, 400)]);
        let exclusive = frames.turns(100.0, |frame| [frames.active(frame)[0], None]);
        assert_eq!(exclusive, [turn(1, 100, 300), turn(0, 300, 400)]);
        assert!((frames.solo_s()[0] - 103.0 * frames::STEP_S).abs() < 1e-9);
        let cut = frames.turns(frames::start_s(350), |frame| frames.active(frame));
        assert_eq!(cut[1], turn(0, 200, 350));
    }

    #[test]
    fn sensitivities_shift_the_thresholds() {
        let thresholds = |vad, crosstalk| Thresholds::new(Sensitivity { vad, crosstalk });
        let default = thresholds(0.0, -0.0);
        assert_eq!(
            (default.speech.to_bits(), default.overlap.to_bits()),
            (SPEECH_THRESHOLD.to_bits(), OVERLAP_THRESHOLD.to_bits())
        );
        // Continuous at 0, and strictly decreasing.
        assert!((thresholds(1e-9, 1e-9).overlap - OVERLAP_THRESHOLD).abs() < 1e-6);
        let all: Vec<Thresholds> = (-50..=50)
            .map(|tenth| f64::from(tenth) / 10.0)
            .map(|sensitivity| thresholds(sensitivity, sensitivity))
            .collect();
        for pair in all.windows(2) {
            assert!(pair[0].speech > pair[1].speech && pair[0].overlap > pair[1].overlap);
        }
        assert!((all[0].speech - 0.9933).abs() < 1e-4, "{:?}", all[0]);
        assert!((all[100].speech - 0.0067).abs() < 1e-4, "{:?}", all[100]);
        assert!((thresholds(1.0, 0.0).speech - 0.2689).abs() < 1e-4);
    }

    #[test]
    fn more_speech_and_overlap_are_found_with_a_higher_sensitivity() {
        let frame = |silence, overlap| SpeakerCount { silence, overlap };
        let active = |vad, crosstalk, count| {
            let found =
                Thresholds::new(Sensitivity { vad, crosstalk }).active_speakers(count, &[0.2, 0.6]);
            found.iter().flatten().count()
        };
        for (count, vad, crosstalk, expected) in [
            (frame(0.8, 0.0), 0.0, 0.0, 0),
            (frame(0.8, 0.0), 2.0, 0.0, 1),
            (frame(0.2, 0.0), 0.0, 0.0, 1),
            (frame(0.2, 0.0), -2.0, 0.0, 0),
            (frame(0.0, 0.2), 0.0, 0.0, 1),
            (frame(0.0, 0.2), 0.0, 2.0, 2),
            (frame(0.0, 0.6), 0.0, 0.0, 2),
            (frame(0.0, 0.6), 0.0, -2.0, 1),
        ] {
            let found = active(vad, crosstalk, count);
            assert_eq!(found, expected, "{count:?} {vad} {crosstalk}");
        }
    }

    #[test]
    fn scores_are_in_the_given_order_of_clusters() {
        let frames = || cluster_frames(speaker_count());
        let labels = ["SPEAKER_00", "SPEAKER_01"].map(str::to_owned).to_vec();
        let scores = frames().into_scores(500.0 * frames::STEP_S, &[1, 0], labels);
        assert_eq!(scores.frames().len(), 500);
        assert_eq!(scores.frames().nth(251).unwrap(), [0.9, 0.7]);
        assert_eq!((scores.overlap[251], scores.overlap[51]), (0.8, 0.0));
        let none = frames().into_scores(9.0, &[], Vec::new());
        assert!(none.values.is_empty() && none.speech.len() == 534);
    }

    #[test]
    fn rows_of_scores_are_selected_and_shifted() {
        let table = |rows: usize| (0..3 * rows).map(|n| n as f32).collect::<Vec<_>>();
        let rows = |rows, selected: &[usize], frames| score_rows(table(rows), 3, selected, frames);
        assert_eq!(
            rows(2, &[2, 0], 4),
            [2.0, 0.0, 2.0, 0.0, 5.0, 3.0, 5.0, 3.0]
        );
        assert_eq!(rows(2, &[1], 6), [1.0, 1.0, 4.0, 4.0, 4.0, 4.0]);
        assert_eq!(rows(2, &[1], 2), [1.0, 1.0]);
        assert_eq!(rows(1, &[2, 1, 0], 2), [2.0, 1.0, 0.0, 2.0, 1.0, 0.0]);
        assert!(rows(0, &[1], 2).is_empty());
        assert!(rows(2, &[], 2).is_empty());
        assert!(score_rows(Vec::new(), 0, &[], 2).is_empty());
    }

    #[test]
    fn silence_has_scores_but_no_turns() {
        let segmentation = Segmentation {
            windows: std::iter::once(0..WINDOW_FRAMES).collect(),
            speaker_count: vec![SILENCE; WINDOW_FRAMES],
        };
        let bounds = SpeakerBounds::exactly(2);
        let diarization = reconstruct(
            10.0,
            segmentation,
            Clustering::default(),
            bounds,
            Sensitivity::default(),
        );
        assert!(diarization.turns.is_empty());
        assert_eq!(
            diarization.warnings,
            ["no speech was detected, so none of the requested speakers was found"]
        );
        // The speech score is present even without speakers.
        assert_eq!(diarization.scores.frames().len(), 593);
        let speech = &diarization.scores.speech;
        assert!(speech.iter().all(|speech| (speech - 0.1).abs() < 1e-6));
    }
}
