//! Comparison with pyannote.audio 4.0.7, stage by stage, for random weights of three seeds, on the sample recording and
//! two that are made from it:
//!
//! ```text
//! cargo xtask assets
//! cargo test -p pyannote-engine --lib community -- --include-ignored --nocapture
//! ```
//!
//! `tests/python/community_reference.py` wrote the reference values, and can write those of further recordings. The
//! weights are made here as it makes them. `measured.md` has the results.

mod length;
mod random_models;
mod reference;

pub(super) use random_models::noise;

use std::collections::BTreeMap;

use rayon::ThreadPoolBuilder;

use super::clustering::Clustering;
use super::embeddings::{FrameFeatures, LocalSpeaker};
use super::plda::FEATURE_DIM;
use super::segmentation::Segmentation;
use super::{Loaded, Models, ahc, clustering, embeddings, segmentation, turns, vbx};
use crate::models::{RESNET_EMBEDDING_DIM, WINDOW_FRAMES};
use crate::{CancelToken, Options, Recording, Sensitivity, SpeakerBounds};
use random_models::{PARAMETERS, loaded, plda};
use reference::{Reference, SEEDS};

/// Every so many windows are in the reference.
const EVERY: usize = 4;
/// Numbers of speakers that are asked for, with the start of the names of their reference values.
const BOUNDS: [(&str, SpeakerBounds); 4] = [
    ("", bounds(None, None)),
    ("two.", bounds(Some(2), Some(2))),
    ("five_or_more.", bounds(Some(5), None)),
    ("two_at_most.", bounds(None, Some(2))),
];

const fn bounds(min: Option<usize>, max: Option<usize>) -> SpeakerBounds {
    SpeakerBounds { min, max }
}

/// Runs `test` with the models of a seed.
fn with_models<T>(loaded: &Loaded, test: impl FnOnce(Models<'_>) -> T) -> T {
    let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    test(Models {
        loaded,
        pool: &pool,
    })
}

fn segment(models: Models<'_>, recording: &Recording) -> Segmentation {
    let (sensitivity, cancel) = (Sensitivity::default(), CancelToken::new());
    segmentation::segment(models, recording, sensitivity, &cancel, &mut |_| {}).unwrap()
}

fn extract(
    models: Models<'_>,
    recording: &Recording,
    segmentation: &Segmentation,
    frame_features: FrameFeatures,
) -> Vec<LocalSpeaker> {
    let cancel = CancelToken::new();
    let progress = &mut |_| {};
    embeddings::extract(
        models,
        recording,
        segmentation,
        frame_features,
        &cancel,
        progress,
    )
    .unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn plda_features_match_but_for_signs() {
    for seed in SEEDS {
        let plda = plda(seed);
        for reference in Reference::committed(seed) {
            let Some(expected) = reference.optional_floats("plda.features") else {
                continue;
            };
            for (found, expected) in plda.phi().iter().zip(reference.floats("plda.phi")) {
                assert!((*found as f32 - expected).abs() < 1e-5 * expected.max(1.0));
            }
            let features: Vec<Vec<f64>> = reference
                .train()
                .iter()
                .map(|row| plda.features(row))
                .collect();
            let mut largest = 0.0_f64;
            for dimension in 0..FEATURE_DIM {
                let column = |index: usize| f64::from(expected[index * FEATURE_DIM + dimension]);
                let products = features.iter().enumerate();
                let product: f64 = products
                    .map(|(index, row)| row[dimension] * column(index))
                    .sum();
                for (index, row) in features.iter().enumerate() {
                    let difference = (row[dimension] * product.signum() - column(index)).abs();
                    largest = largest.max(difference);
                }
            }
            let name = &reference.name;
            println!("{name}: PLDA features differ by up to {largest:.1e}");
            assert!(largest < 1e-4, "{name}: {largest}");
        }
    }
}

#[test]
fn initial_clusters_and_responsibilities_match() {
    for seed in SEEDS {
        let plda = plda(seed);
        for reference in Reference::committed(seed) {
            let Some(expected) = reference.optional_floats("vbx.responsibilities") else {
                continue;
            };
            let (name, train) = (&reference.name, reference.train());
            let cancel = &CancelToken::new();
            let units: Vec<f64> = train.iter().flat_map(clustering::unit).collect();
            let threshold = PARAMETERS.clustering.threshold;
            let start = ahc::cluster(&units, RESNET_EMBEDDING_DIM, threshold, cancel).unwrap();
            assert_eq!(start, reference.indices("ahc.clusters"), "{name}");

            let features: Vec<f64> = train.iter().flat_map(|row| plda.features(row)).collect();
            let parameters = PARAMETERS.clustering.vbx;
            let found =
                vbx::cluster(&features, plda.phi(), &start, 1.0, parameters, cancel).unwrap();
            let difference = largest_difference(&found.values, &expected).max(largest_difference(
                &found.priors,
                &reference.floats("vbx.priors"),
            ));
            println!("{name}: responsibilities differ by up to {difference:.1e}");
            assert!(difference < 1e-5, "{name}: {difference}");
        }
    }
}

fn largest_difference(found: &[f64], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    pairs
        .map(|(found, expected)| (found - f64::from(*expected)).abs())
        .fold(0.0, f64::max)
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn segmentation_embeddings_and_turns_match() {
    for seed in SEEDS {
        let (mut committed, further) = (Reference::committed(seed), Reference::further(seed));
        // The embeddings take most of the time: recordings other than the sample have those of one seed.
        committed.truncate(if seed == SEEDS[0] { 3 } else { 1 });
        with_models(&loaded(seed), |models| {
            for reference in committed.iter().chain(&further) {
                let recording = reference.recording();
                let found = segment(models, &recording);
                compare_segmentation(reference, &found);
                let speakers = extract(models, &recording, &found, FrameFeatures::PerWindow);
                compare_embeddings(reference, &speakers);
                if reference.name.starts_with("sample") {
                    compare_shared(reference, models, &recording, &found, &speakers);
                }
                for (start, bounds) in BOUNDS {
                    compare_turns(reference, models, &found, &speakers, start, bounds);
                }
            }
        });
    }
}

/// Compares the classes of frames, and the number of simultaneous speakers.
fn compare_segmentation(reference: &Reference, found: &Segmentation) {
    let classes: Vec<u8> = found.windows().step_by(EVERY).flatten().copied().collect();
    let expected = reference.bytes("segmentation.classes");
    assert_eq!(classes.len(), expected.len());
    let differing = classes
        .iter()
        .zip(&expected)
        .filter(|(a, b)| a != b)
        .count();
    let count = found.speaker_count();
    let expected_count = reference.indices("count");
    assert_eq!(count.len(), expected_count.len());
    let differing_count = count
        .iter()
        .zip(&expected_count)
        .filter(|(a, b)| a != b)
        .count();
    let name = &reference.name;
    println!(
        "{name}: classes of {differing} of {} frames differ, speaker counts of {differing_count} of {}",
        classes.len(),
        count.len()
    );
    // A frame whose two most likely classes are equally likely may differ.
    assert!(differing * 1_000 <= classes.len() && differing_count * 500 <= count.len());
}

fn compare_embeddings(reference: &Reference, speakers: &[LocalSpeaker]) {
    let embeddings = reference.floats("embeddings");
    let (mut worst, mut largest) = (1.0_f32, 0.0_f32);
    for speaker in speakers
        .iter()
        .filter(|speaker| speaker.window % EVERY == 0)
    {
        let row = speaker.window / EVERY * 3 + speaker.speaker;
        let expected = &embeddings[row * RESNET_EMBEDDING_DIM..][..RESNET_EMBEDDING_DIM];
        worst = worst.min(cosine(&speaker.embedding, expected));
        let scale = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
        for (found, expected) in speaker.embedding.iter().zip(expected) {
            largest = largest.max((found - expected).abs() / scale);
        }
    }
    let name = &reference.name;
    println!(
        "{name}: embeddings have cosines of at least {worst} and differ by up to {largest:.1e} of their length"
    );
    assert!(
        worst > 0.99999 && largest < 1e-4,
        "{name}: {worst}, {largest}"
    );
}

/// Compares the embeddings of the speakers with those from convolutions that run once over the recording.
fn compare_shared(
    reference: &Reference,
    models: Models<'_>,
    recording: &Recording,
    found: &Segmentation,
    exact: &[LocalSpeaker],
) {
    let shared = extract(models, recording, found, FrameFeatures::Shared);
    assert_eq!(exact.len(), shared.len());
    let min_frames = WINDOW_FRAMES / 5;
    let mut cosines: Vec<f32> = exact
        .iter()
        .zip(&shared)
        .filter(|(exact, _)| exact.alone_frames >= min_frames)
        .map(|(exact, shared)| cosine(&exact.embedding, &shared.embedding))
        .collect();
    cosines.sort_by(f32::total_cmp);
    let (median, worst) = (cosines[cosines.len() / 2], cosines[0]);
    let name = &reference.name;
    println!(
        "{name}: shared and exact embeddings have cosines of {median} (median), {worst} (minimum)"
    );
    assert!(median > 0.85, "{name}: {cosines:?}");
}

/// Compares the turns, given the number of speakers that was asked for.
fn compare_turns(
    reference: &Reference,
    models: Models<'_>,
    found: &Segmentation,
    speakers: &[LocalSpeaker],
    start: &str,
    bounds: SpeakerBounds,
) {
    // With fewer embeddings than requested speakers, the reference fails.
    let turns = |kind| reference.optional_floats(&format!("{start}{kind}"));
    let (Some(overlapping), Some(exclusive)) = (turns("turns"), turns("exclusive")) else {
        return;
    };
    let clustering = Clustering::new(models.loaded);
    let clusters = clustering
        .run(speakers, bounds, &CancelToken::new())
        .unwrap();
    let duration_s = reference.recording().duration();
    let result = turns::reconstruct(found, speakers, &clusters, bounds, 0.0, duration_s);
    let name = format!("{}: {start}", reference.name);
    compare(
        &format!("{name}turns"),
        &result.turns,
        &overlapping,
        duration_s,
    );
    compare(
        &format!("{name}exclusive"),
        &result.exclusive,
        &exclusive,
        duration_s,
    );
}

/// Compares turns with rows of start, end and speaker.
fn compare(name: &str, found: &pyannote_core::Turns, expected: &[f32], duration_s: f64) {
    let mut names = BTreeMap::new();
    // The reference does not end turns with the recording, but with the last window.
    let mut expected: Vec<(f64, f64, usize)> = expected
        .chunks_exact(3)
        .map(|row| {
            let end = f64::from(row[1]).min(duration_s);
            (f64::from(row[0]), end, row[2] as usize)
        })
        .filter(|(start, end, _)| start < end)
        .collect();
    let mut found: Vec<(f64, f64, String)> = found
        .iter()
        .map(|turn| (turn.start, turn.end, turn.speaker.to_string()))
        .collect();
    expected.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    assert_eq!(
        found.len(),
        expected.len(),
        "{name}\n{found:?}\n{expected:?}"
    );
    let mut largest = 0.0_f64;
    for (found, expected) in found.iter().zip(&expected) {
        largest = largest
            .max((found.0 - expected.0).abs())
            .max((found.1 - expected.1).abs());
        let label = names.entry(expected.2).or_insert(found.2.clone());
        assert_eq!(*label, found.2, "{name}");
    }
    println!(
        "{name}: {} turns of {} speakers differ by up to {largest:.4} s",
        found.len(),
        names.len()
    );
    // One frame.
    assert!(largest < 0.017, "{name}: {largest} s");
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn silence_has_no_turns() {
    with_models(&loaded(SEEDS[0]), |models| {
        for samples in [0, 1, 191_000] {
            let recording = Recording::new(vec![0.0; samples]);
            let options = &mut Options::new();
            let found = super::diarize(models, &recording, FrameFeatures::PerWindow, options);
            let (found, _) = found.unwrap();
            assert!(
                found.turns.is_empty() && found.exclusive.is_empty(),
                "{samples}"
            );
            assert!(found.speakers.is_empty(), "{samples}");
        }
    });
}
