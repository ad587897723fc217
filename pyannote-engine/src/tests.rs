//! The models against PyTorch, on the sample recording:
//!
//! ```text
//! cargo test -p pyannote-engine --lib -- --ignored
//! ```

use super::embedding::BANDS;
use super::reference::{difference, models};
use super::{CLASSES, EMBEDDING, Embedder, FRAMES, Fbank, Segmentation, WINDOW, Weights};

use crate::assets::Assets;

const RATE: f32 = 16_000.0;

fn assets() -> Assets {
    let assets = Assets::locate().unwrap();
    assert!(assets.ready(), "run `cargo xtask assets` first");
    assets
}

/// The sample recording: 30 s at 16 kHz, 16 bits, one channel.
fn sample() -> Vec<f32> {
    let file = std::fs::read(assets().sample().wav).unwrap();
    // The header has comments.
    let (values, _) = file[104..].as_chunks::<2>();
    assert_eq!((&file[96..100], values.len()), (&b"data"[..], 480_000));
    values
        .iter()
        .map(|bytes| f32::from(i16::from_le_bytes(*bytes)) / 32_768.0)
        .collect()
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn posteriors_are_those_of_the_original() {
    let file = std::fs::read(assets().segmentation()).unwrap();
    let model = Segmentation::load(&Weights::parse(&file).unwrap()).unwrap();
    let samples = sample();
    let starts = models().tensor("segmentation.starts", &[4]).unwrap();
    let windows: Vec<&[f32]> = starts
        .iter()
        .map(|start| &samples[(start * RATE) as usize..][..WINDOW])
        .collect();
    let every = 10;
    let rows = FRAMES.div_ceil(every);
    let expected = models()
        .tensor("segmentation.posteriors", &[4, rows, CLASSES])
        .unwrap();
    let found: Vec<f32> = model
        .windows(&windows)
        .iter()
        .flat_map(|window| window.chunks_exact(CLASSES).step_by(every))
        .flatten()
        .copied()
        .collect();
    let difference = difference(&found, &expected);
    println!("posteriors: off by {difference:e}");
    assert!(difference < 1e-4);
}

#[test]
#[ignore = "needs the models: cargo xtask assets"]
fn embeddings_are_those_of_the_original() {
    let file = std::fs::read(assets().embedding()).unwrap();
    let model = Embedder::load(&Weights::parse(&file).unwrap()).unwrap();
    let samples = sample();
    let fbank = Fbank::new();
    let stretches = models().tensor("embedding.stretches", &[5, 2]).unwrap();
    let mut features: Vec<_> = stretches
        .chunks_exact(2)
        .map(|ends| (ends[0] * RATE) as usize..(ends[1] * RATE) as usize)
        .map(|stretch| fbank.compute(&samples[stretch]))
        .collect();

    let every = 10;
    let expected = models()
        .tensor("embedding.features", &[148_usize.div_ceil(every), BANDS])
        .unwrap();
    let found: Vec<f32> = features[0]
        .values()
        .chunks_exact(BANDS)
        .step_by(every)
        .flatten()
        .copied()
        .collect();
    let apart = difference(&found, &expected);
    println!("features: off by {apart:e}");
    assert!(apart < 1e-3);

    features.iter_mut().for_each(|part| part.subtract_mean());
    let heads: Vec<_> = features
        .iter()
        .map(|features| model.head(features))
        .collect();
    let parts: Vec<_> = heads
        .iter()
        .map(|head| head.part(0, head.frames()))
        .collect();
    let found = model.body(&parts);
    let expected = models()
        .tensor("embedding.embeddings", &[5, EMBEDDING])
        .unwrap();
    for (found, expected) in found.iter().zip(expected.chunks_exact(EMBEDDING)) {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let cosine = dot(found, expected) / (dot(found, found) * dot(expected, expected)).sqrt();
        let apart = difference(found, expected);
        println!("embedding: cosine {cosine}, off by {apart:e}");
        assert!(cosine > 0.9999);
        assert!(apart < 1e-3);
    }
}
