//! Models with random weights, as `tests/python/community_reference.py` makes them.

use std::collections::BTreeMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::reference::{assets, bias};
use crate::community::clustering::ClusteringParameters;
use crate::community::plda::{FEATURE_DIM, Plda, PldaArrays};
use crate::community::vbx::VbxParameters;
use crate::community::{Loaded, Parameters};
use crate::models::{Fbank, RESNET_EMBEDDING_DIM, ResNet34, SegmentationModel, Weights};

pub(super) const PARAMETERS: Parameters = Parameters {
    clustering: ClusteringParameters {
        threshold: 0.6,
        vbx: VbxParameters {
            acoustic_scale: 0.07,
            regularization: 0.8,
        },
    },
    exclude_overlap: true,
    min_pause_s: 0.0,
};

/// Models with the weights of a seed.
pub(super) fn loaded(seed: u64) -> Loaded {
    let embedding = embedding_weights(seed, bias(seed));
    let segmentation = segmentation_weights(seed);
    let weights = |bytes| Weights::parse(bytes).unwrap();
    Loaded {
        segmentation: SegmentationModel::load(&weights(&segmentation)).unwrap(),
        fbank: Fbank::wespeaker(),
        embedding: ResNet34::load(&weights(&embedding)).unwrap(),
        plda: plda(seed),
        parameters: PARAMETERS,
    }
}

/// Uniform values in -1..1 that depend on the seed and the name: SplitMix64 from their FNV-1a hash.
pub(in crate::community) fn noise(seed: u64, name: &str, count: usize) -> Vec<f64> {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in format!("{seed}/{name}").bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let value = |index: u64| {
        let mut z = state.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 40) as f64 / 8_388_608.0 - 1.0
    };
    (1..=count as u64).map(value).collect()
}

/// Tensors as a safetensors file.
fn safetensors(tensors: &BTreeMap<String, (Vec<usize>, Vec<f32>)>) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors
        .values()
        .map(|(_, values)| {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        })
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, (shape, _)), bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
            (name.clone(), view)
        });
    safetensors::serialize(views, None).unwrap()
}

/// The weights of the embedding model.
fn embedding_weights(seed: u64, bias: Vec<f32>) -> Vec<u8> {
    let mut tensors = BTreeMap::new();
    let mut add = |name: String, shape: &[usize]| {
        let count = shape.iter().product();
        let noise = noise(seed, &name, count);
        let value = |value: f64| {
            let value = value as f32;
            match name.rsplit_once('.').unwrap() {
                (_, "running_var") => 1.0 + 0.5 * value,
                (_, "running_mean" | "bias") => 0.1 * value,
                (layer, _) if shape.len() == 1 => {
                    let base = if layer.ends_with("bn2") { 0.3 } else { 1.0 };
                    base + 0.1 * value
                }
                _ => {
                    let inputs: usize = shape[1..].iter().product();
                    (6.0 / inputs as f64).sqrt() as f32 * value
                }
            }
        };
        let values = noise.into_iter().map(value).collect();
        tensors.insert(name.clone(), (shape.to_vec(), values));
    };
    let norm = |add: &mut dyn FnMut(String, &[usize]), name: &str, channels: usize| {
        for kind in ["weight", "bias", "running_mean", "running_var"] {
            add(format!("{name}.{kind}"), &[channels]);
        }
    };
    add("resnet.conv1.weight".to_owned(), &[32, 1, 3, 3]);
    norm(&mut add, "resnet.bn1", 32);
    let mut inputs = 32;
    for (stage, blocks) in [3, 4, 6, 3].into_iter().enumerate() {
        let outputs = 32 << stage;
        for block in 0..blocks {
            let name = format!("resnet.layer{}.{block}", stage + 1);
            add(format!("{name}.conv1.weight"), &[outputs, inputs, 3, 3]);
            norm(&mut add, &format!("{name}.bn1"), outputs);
            add(format!("{name}.conv2.weight"), &[outputs, outputs, 3, 3]);
            norm(&mut add, &format!("{name}.bn2"), outputs);
            if inputs != outputs {
                add(
                    format!("{name}.shortcut.0.weight"),
                    &[outputs, inputs, 1, 1],
                );
                norm(&mut add, &format!("{name}.shortcut.1"), outputs);
            }
            inputs = outputs;
        }
    }
    add("resnet.seg_1.weight".to_owned(), &[256, 5120]);
    tensors.insert("resnet.seg_1.bias".to_owned(), (vec![256], bias));
    safetensors(&tensors)
}

/// The weights of the segmentation model: segmentation-3.0 with 2 % of noise.
fn segmentation_weights(seed: u64) -> Vec<u8> {
    let file = std::fs::read(assets().segmentation()).unwrap();
    let trained = SafeTensors::deserialize(&file).unwrap();
    let tensors = trained.tensors().into_iter().map(|(name, tensor)| {
        let (values, _) = tensor.data().as_chunks::<4>();
        let mut values: Vec<f32> = values.iter().copied().map(f32::from_le_bytes).collect();
        if !name.ends_with("n_") && !name.ends_with("window_") {
            let noise = noise(seed, &name, values.len());
            for (value, noise) in values.iter_mut().zip(noise) {
                *value *= 1.0 + 0.02 * noise as f32;
            }
        }
        (name, (tensor.shape().to_vec(), values))
    });
    safetensors(&tensors.collect())
}

/// The transform of a seed.
pub(super) fn plda(seed: u64) -> Plda {
    let scaled = |name, count, scale: f64| -> Vec<f64> {
        let values = noise(seed, name, count).into_iter();
        values.map(|value| scale * value).collect()
    };
    let mut tr = scaled("tr", FEATURE_DIM * FEATURE_DIM, 0.3);
    tr.iter_mut()
        .step_by(FEATURE_DIM + 1)
        .for_each(|value| *value += 3.0);
    let psi = noise(seed, "psi", FEATURE_DIM).into_iter();
    Plda::new(PldaArrays {
        mean1: scaled("mean1", RESNET_EMBEDDING_DIM, 0.1),
        lda: scaled("lda", RESNET_EMBEDDING_DIM * FEATURE_DIM, 0.1),
        mean2: scaled("mean2", FEATURE_DIM, 0.1),
        mu: scaled("mu", FEATURE_DIM, 0.1),
        tr,
        psi: psi
            .map(|value| 0.05 + 10.0 * ((value + 1.0) / 2.0).powi(3))
            .collect(),
    })
}
