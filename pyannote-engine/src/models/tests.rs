//! Comparison of the models with PyTorch, on the sample recording:
//!
//! ```text
//! cargo xtask assets
//! cargo test -p pyannote-engine --lib -- --ignored
//! ```

use super::embedding::MEL_BANDS;
use super::reference::{difference, models};
use super::{
    EMBEDDING_DIM, EmbeddingModel, Fbank, POWERSET_CLASSES, SegmentationModel, WINDOW_FRAMES,
    WINDOW_SAMPLES, Weights,
};

use crate::assets::Assets;

const SAMPLE_RATE_HZ: f32 = 16_000.0;

fn assets() -> Assets {
    let assets = Assets::locate().unwrap();
    assert!(assets.ready(), "run `cargo xtask assets` first");
    assets
}

/// The sample recording: 30 s, mono, 16 bit, 16 kHz.
fn sample() -> Vec<f32> {
    let file = std::fs::read(assets().sample().wav).unwrap();
    // The header contains comments: the samples start at byte 104.
    let (values, _) = file[104..].as_chunks::<2>();
    assert_eq!((&file[96..100], values.len()), (&b"data"[..], 480_000));
    values
        .iter()
        .map(|bytes| f32::from(i16::from_le_bytes(*bytes)) / 32_768.0)
        .collect()
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn segmentation_posteriors_match_pytorch() {
    let file = std::fs::read(assets().segmentation()).unwrap();
    let model = SegmentationModel::load(&Weights::parse(&file).unwrap()).unwrap();
    let samples = sample();
    let starts_s = models().tensor("segmentation.starts", &[4]).unwrap();
    let windows: Vec<&[f32]> = starts_s
        .iter()
        .map(|start_s| &samples[(start_s * SAMPLE_RATE_HZ) as usize..][..WINDOW_SAMPLES])
        .collect();
    let every = 10;
    let rows = WINDOW_FRAMES.div_ceil(every);
    let expected = models()
        .tensor("segmentation.posteriors", &[4, rows, POWERSET_CLASSES])
        .unwrap();
    let found: Vec<f32> = model
        .posteriors(&windows)
        .iter()
        .flat_map(|window| window.chunks_exact(POWERSET_CLASSES).step_by(every))
        .flatten()
        .copied()
        .collect();
    let difference = difference(&found, &expected);
    println!("posteriors: largest difference {difference:e}");
    assert!(difference < 1e-4);
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn embeddings_match_pytorch() {
    let file = std::fs::read(assets().embedding()).unwrap();
    let model = EmbeddingModel::load(&Weights::parse(&file).unwrap()).unwrap();
    let samples = sample();
    let fbank = Fbank::new();
    let segments_s = models().tensor("embedding.segments", &[5, 2]).unwrap();
    let mut features: Vec<_> = segments_s
        .chunks_exact(2)
        .map(|ends| (ends[0] * SAMPLE_RATE_HZ) as usize..(ends[1] * SAMPLE_RATE_HZ) as usize)
        .map(|segment| fbank.compute(&samples[segment]))
        .collect();

    let every = 10;
    let expected = models()
        .tensor(
            "embedding.features",
            &[148_usize.div_ceil(every), MEL_BANDS],
        )
        .unwrap();
    let found: Vec<f32> = features[0]
        .values()
        .chunks_exact(MEL_BANDS)
        .step_by(every)
        .flatten()
        .copied()
        .collect();
    let features_difference = difference(&found, &expected);
    println!("features: largest difference {features_difference:e}");
    assert!(features_difference < 1e-3);

    features
        .iter_mut()
        .for_each(|features| features.subtract_mean());
    let fcm: Vec<_> = features
        .iter()
        .map(|features| model.fcm(features))
        .collect();
    let segments: Vec<_> = fcm
        .iter()
        .map(|frames| frames.segment(0, frames.frames()))
        .collect();
    let found = model.embed(&segments);
    let expected = models()
        .tensor("embedding.embeddings", &[5, EMBEDDING_DIM])
        .unwrap();
    for (found, expected) in found.iter().zip(expected.chunks_exact(EMBEDDING_DIM)) {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let cosine = dot(found, expected) / (dot(found, found) * dot(expected, expected)).sqrt();
        let difference = difference(found, expected);
        println!("embedding: cosine {cosine}, largest difference {difference:e}");
        assert!(cosine > 0.9999);
        assert!(difference < 1e-3);
    }
}
