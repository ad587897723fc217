//! Clustering of more embeddings than fit in a matrix of all pairs.

use std::process::Command;
use std::time::Instant;

use super::random_models::{PARAMETERS, noise, plda};
use super::reference::SEEDS;
use crate::community::clustering::{Clustering, LIMITS, Limits};
use crate::community::embeddings::LocalSpeaker;
use crate::models::{RESNET_EMBEDDING_DIM, WINDOW_FRAMES};
use crate::{CancelToken, DiarizeError, SpeakerBounds};

/// Embeddings of people who take turns of 5 to 30 windows. Every tenth window has a second speaker.
///
/// Two embeddings of a speaker have a cosine of about 1 / (1 + `spread`²). The last speaker is only in a hundredth of the
/// turns.
fn conversation(windows: usize, people: usize, spread: f64) -> (Vec<LocalSpeaker>, Vec<usize>) {
    let means = noise(1, "people", people * RESNET_EMBEDDING_DIM);
    let choices = noise(1, "turns", windows);
    let (mut speakers, mut labels) = (Vec::new(), Vec::new());
    let (mut current, mut until) = (0, 0);
    for (window, choice) in choices.into_iter().enumerate() {
        let choice = (choice + 1.0) / 2.0;
        if window == until {
            until += 5 + (choice * 1e6) as usize % 26;
            current = match choice {
                ..0.01 => people - 1,
                _ => (choice * 1e4) as usize % (people - 1),
            };
        }
        let second = (current + 1) % people;
        for (speaker, label) in [(0, current), (1, second)] {
            if speaker == 1 && !window.is_multiple_of(10) {
                continue;
            }
            let noise = noise(speaker as u64, &format!("{window}"), RESNET_EMBEDDING_DIM);
            let mean = &means[label * RESNET_EMBEDDING_DIM..];
            speakers.push(LocalSpeaker {
                window,
                speaker,
                alone_frames: WINDOW_FRAMES,
                embedding: std::array::from_fn(|index| {
                    (mean[index] + spread * noise[index]) as f32
                }),
            });
            labels.push(label);
        }
    }
    (speakers, labels)
}

/// The clusters of speakers.
fn cluster(speakers: &[LocalSpeaker], limits: Limits) -> Vec<usize> {
    let clustering = Clustering {
        plda: &plda(SEEDS[0]),
        parameters: PARAMETERS.clustering,
        limits,
    };
    let found = clustering.run(speakers, SpeakerBounds::default(), &CancelToken::new());
    let assignment = found.unwrap().assignment;
    assignment
        .into_iter()
        .map(|cluster| cluster.unwrap_or(usize::MAX))
        .collect()
}

/// The fraction of speakers with the same cluster, and the numbers of clusters.
fn agreement(a: &[usize], b: &[usize]) -> (f64, usize, usize) {
    let mut pairs = std::collections::BTreeMap::new();
    for pair in a.iter().zip(b) {
        *pairs.entry(pair).or_insert(0_usize) += 1;
    }
    // Greedily, the most frequent pair of clusters first.
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let (mut left, mut right, mut same) = (Vec::new(), Vec::new(), 0);
    for ((a, b), count) in pairs {
        if !left.contains(a) && !right.contains(b) {
            left.push(*a);
            right.push(*b);
            same += count;
        }
    }
    let clusters = |labels: &[usize]| labels.iter().max().map_or(0, |last| last + 1);
    (same as f64 / a.len() as f64, clusters(a), clusters(b))
}

/// Prints what fewer embeddings change.
fn compare_limits(windows: usize, spread: f64, limits: &[usize]) {
    let (speakers, people) = conversation(windows, 6, spread);
    let limit = |embeddings| Limits {
        embeddings,
        ..LIMITS
    };
    let all = cluster(&speakers, limit(usize::MAX));
    let (same, _, clusters) = agreement(&people, &all);
    println!(
        "{} embeddings, spread {spread}: {clusters} clusters, {same:.4} as expected",
        speakers.len()
    );
    assert!(same > 0.99 && clusters == 6);
    for max in limits {
        let (same, _, clusters) = agreement(&all, &cluster(&speakers, limit(*max)));
        println!("  at most {max}: {clusters} clusters, {same:.4} the same");
        assert!(same > 0.99);
    }
}

#[test]
fn fewer_embeddings_give_the_same_clusters() {
    // The initial clusters are the speakers, or several times as many.
    for spread in [0.33, 0.5] {
        compare_limits(1_500, spread, &[900, 400, 200]);
    }
}

#[test]
fn people_who_keep_their_local_speaker_are_all_found_above_the_limit() {
    for people in [2, 3] {
        let means = noise(1, "people", people * RESNET_EMBEDDING_DIM);
        let speaker = |window: usize, speaker: usize| {
            let noise = noise(speaker as u64, &format!("{window}"), RESNET_EMBEDDING_DIM);
            let mean = &means[speaker * RESNET_EMBEDDING_DIM..];
            LocalSpeaker {
                window,
                speaker,
                alone_frames: WINDOW_FRAMES,
                embedding: std::array::from_fn(|index| (mean[index] + 0.33 * noise[index]) as f32),
            }
        };
        let windows = 0..200;
        let speakers: Vec<LocalSpeaker> = windows
            .flat_map(|window| (0..people).map(move |person| (window, person)))
            .map(|(window, person)| speaker(window, person))
            .collect();
        let expected: Vec<usize> = speakers.iter().map(|speaker| speaker.speaker).collect();
        for embeddings in [expected.len() - 1, 300, 200, 100] {
            let limits = Limits {
                embeddings,
                ..LIMITS
            };
            let found = cluster(&speakers, limits);
            assert!(
                !found.contains(&usize::MAX),
                "at most {embeddings}: too few clusters"
            );
            let found = agreement(&expected, &found);
            assert_eq!(found, (1.0, people, people), "at most {embeddings}");
        }
    }
}

#[test]
fn a_requested_number_that_no_recording_has_is_limited() {
    let (speakers, _) = conversation(250, 3, 0.33);
    assert!(speakers.len() > 260);
    let clustering = Clustering {
        plda: &plda(SEEDS[0]),
        parameters: PARAMETERS.clustering,
        limits: LIMITS,
    };
    let clusters = |bounds, cancel: &CancelToken| {
        let found = clustering.run(&speakers, bounds, cancel);
        found.map(|found| found.centroids.len())
    };
    let token = CancelToken::new();
    let bounds = SpeakerBounds::exactly(10_000);
    assert_eq!(clusters(bounds, &token), Ok(250));
    assert_eq!(clusters(SpeakerBounds::exactly(2), &token), Ok(2));
    token.cancel();
    assert_eq!(clusters(bounds, &token), Err(DiarizeError::Cancelled));
}

#[test]
fn values_that_are_not_finite_are_an_error() {
    let (speakers, _) = conversation(30, 3, 0.33);
    let mut parameters = PARAMETERS.clustering;
    parameters.vbx.acoustic_scale = 1e308;
    let clustering = Clustering {
        plda: &plda(SEEDS[0]),
        parameters,
        limits: LIMITS,
    };
    let found = clustering.run(&speakers, SpeakerBounds::default(), &CancelToken::new());
    assert!(
        matches!(&found, Err(DiarizeError::Failed(reason)) if reason.contains("not finite")),
        "{found:?}"
    );
}

#[test]
fn fewer_embeddings_are_clustered_if_they_have_too_many_initial_clusters() {
    let (speakers, _) = conversation(300, 30, 0.5);
    let clusters = |limits| {
        let found = cluster(&speakers, limits);
        found.iter().max().map_or(0, |last| last + 1)
    };
    let limits = |responsibilities| Limits {
        embeddings: 300,
        responsibilities,
    };
    let all = clusters(limits(usize::MAX));
    assert!(clusters(limits(20)) < all, "{all}");
}

/// Clusters 100,000 speakers in a process of its own, since other tests would count, too.
#[test]
#[ignore = "takes a minute"]
#[cfg(target_os = "linux")]
fn a_day_of_speakers_needs_half_a_gigabyte() {
    const WINDOWS: &str = "PYANNOTE_TEST_WINDOWS";
    if let Ok(windows) = std::env::var(WINDOWS) {
        let (speakers, people) = conversation(windows.parse().unwrap(), 20, 0.33);
        let started = Instant::now();
        let found = cluster(&speakers, LIMITS);
        let took_s = started.elapsed().as_secs_f64();
        let (same, _, clusters) = agreement(&people, &found);
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find(|line| line.starts_with("VmHWM"));
        let peak_kb: usize = peak
            .unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        println!(
            "{} speakers, {clusters} clusters, {same:.4} as expected, {took_s:.1} s, {peak_kb} kB",
            speakers.len()
        );
        assert!(same > 0.99);
        // The embeddings of 100,000 speakers take 105 MB, and all pairs would take 40 GB.
        assert!(peak_kb < 600_000 || speakers.len() > 110_000);
        return;
    }
    let name = "community::tests::length::a_day_of_speakers_needs_half_a_gigabyte";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--include-ignored", "--nocapture"])
        .env(WINDOWS, "91000")
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    println!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
}
