//! Recordings, and what pyannote.audio computes for them.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use crate::Recording;
use crate::assets::Assets;
use crate::models::RESNET_EMBEDDING_DIM;

/// The seeds of the committed values.
pub(super) const SEEDS: [u64; 3] = [1, 2, 3];
/// The recordings of the committed values. The last one has them for the first seed only.
const RECORDINGS: [&str; 3] = ["sample", "mixture", "short"];

/// What the reference computes for a recording with the models of a seed.
pub(super) struct Reference {
    /// The recording and the seed.
    pub(super) name: String,
    recording: String,
    tensors: Vec<u8>,
}

impl Reference {
    /// The committed values of a seed.
    pub(super) fn committed(seed: u64) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/numerics");
        let count = if seed == SEEDS[0] { 3 } else { 2 };
        let files = RECORDINGS[..count].iter().map(|recording| {
            Self::read(&folder.join(format!("community-{recording}-{seed}.safetensors")))
        });
        files.collect()
    }

    /// The values of a seed in the folder that `PYANNOTE_COMMUNITY_VALUES` names, if it does.
    pub(super) fn further(seed: u64) -> Vec<Self> {
        let Some(folder) = std::env::var_os("PYANNOTE_COMMUNITY_VALUES") else {
            return Vec::new();
        };
        let end = format!("-{seed}.safetensors");
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_string_lossy().ends_with(&end))
            .collect();
        files.sort();
        files.iter().map(|file| Self::read(file)).collect()
    }

    fn read(file: &Path) -> Self {
        let stem = file.file_stem().unwrap().to_string_lossy();
        let (recording, seed) = stem.rsplit_once('-').unwrap();
        let recording = recording.trim_start_matches("community-");
        Self {
            name: format!("{recording}, seed {seed}"),
            recording: recording.to_owned(),
            tensors: std::fs::read(file).unwrap(),
        }
    }

    fn data(&self, name: &str, dtype: Dtype) -> Option<Vec<u8>> {
        let tensors = SafeTensors::deserialize(&self.tensors).unwrap();
        let tensor = tensors.tensor(name).ok()?;
        assert_eq!(tensor.dtype(), dtype, "{name}");
        Some(tensor.data().to_vec())
    }

    /// A tensor of floats, if there is one with this name.
    pub(super) fn optional_floats(&self, name: &str) -> Option<Vec<f32>> {
        let data = self.data(name, Dtype::F32)?;
        let (values, _) = data.as_chunks::<4>();
        Some(values.iter().copied().map(f32::from_le_bytes).collect())
    }

    pub(super) fn floats(&self, name: &str) -> Vec<f32> {
        self.optional_floats(name).unwrap()
    }

    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        self.data(name, Dtype::U8).unwrap()
    }

    pub(super) fn indices(&self, name: &str) -> Vec<usize> {
        self.bytes(name).into_iter().map(usize::from).collect()
    }

    /// The embeddings to cluster.
    pub(super) fn train(&self) -> Vec<[f32; RESNET_EMBEDDING_DIM]> {
        let values = self.floats("train");
        let (rows, _) = values.as_chunks();
        rows.to_vec()
    }

    /// The recording.
    pub(super) fn recording(&self) -> Recording {
        Recording::new(match &self.recording[..] {
            "sample" => sample(),
            "mixture" => mixture(&sample()),
            "short" => sample()[112_000..179_000].to_vec(),
            _ => self.floats("samples"),
        })
    }
}

/// The bias of the embedding model of a seed, which centers the embeddings of the sample recording.
pub(super) fn bias(seed: u64) -> Vec<f32> {
    Reference::committed(seed)[0].floats("seg_1.bias")
}

pub(super) fn assets() -> Assets {
    let assets = Assets::locate().unwrap();
    assert!(assets.ready(), "run `cargo xtask assets` first");
    assets
}

/// The sample recording: 30 s, mono, 16 bit, 16 kHz.
fn sample() -> Vec<f32> {
    let file = std::fs::read(assets().sample().wav).unwrap();
    // The header contains comments: the samples start at byte 104.
    let (values, _) = file[104..].as_chunks::<2>();
    let samples = values
        .iter()
        .map(|bytes| f32::from(i16::from_le_bytes(*bytes)) / 32_768.0);
    samples.collect()
}

/// Two parts of the sample at once, with a pause. The last window is incomplete.
fn mixture(sample: &[f32]) -> Vec<f32> {
    let at = |index: usize| 0.5 * sample[index % sample.len()];
    let mixed = |index: usize| match index {
        80_000..240_000 => at(index + 112_000) + at(index + 352_000),
        280_000..312_000 => 0.0,
        _ => at(index + 112_000),
    };
    (0..374_321).map(mixed).collect()
}
