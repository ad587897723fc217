//! Folders of community-1 in which one file is mutated.

use std::error::Error;
use std::io::Read as _;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use pyannote_engine::Community1;
use pyannote_tests::community_folder;
use tempfile::TempDir;

use crate::Outcome;

const ENGINE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../pyannote-engine/tests/numerics"
);
/// The segmentation in every format. The folder has one of them at a time.
const SEGMENTATIONS: [&str; 3] = [
    "segmentation/pytorch_model.bin",
    "segmentation/model.safetensors",
    "segmentation/model.onnx",
];
const OTHERS: [&str; 3] = ["config.yaml", "plda/plda.npz", "plda/xvec_transform.npz"];

/// A folder that can be loaded.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        community_folder::write(folder.path()).unwrap();
        Self(folder)
    }

    /// Loads the folder with this content of a file. Returns what is wrong with the result, if anything.
    pub(crate) fn load(&self, name: &str, content: &[u8]) -> Result<Outcome, String> {
        let path = self.0.path().join(name);
        let others = SEGMENTATIONS.map(|name| self.0.path().join(name));
        let original = std::fs::read(&path).ok();
        let is_segmentation = SEGMENTATIONS.contains(&name);
        let kept = is_segmentation.then(|| std::fs::read(&others[1]).unwrap());
        if is_segmentation {
            others
                .iter()
                .for_each(|path| drop(std::fs::remove_file(path)));
        }
        std::fs::write(&path, content).unwrap();
        let load = || Community1::load_with(self.0.path(), NonZero::<usize>::MIN);
        let loaded = catch_unwind(AssertUnwindSafe(load));
        std::fs::remove_file(&path).unwrap();
        match (kept, original) {
            (Some(kept), _) => std::fs::write(&others[1], kept).unwrap(),
            (None, Some(original)) => std::fs::write(&path, original).unwrap(),
            (None, None) => {}
        }
        let error = match loaded {
            Err(_) => return Err("a panic".to_owned()),
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error),
        };
        if let Some(error) = &error {
            let message = error.to_string();
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            if !message.contains(name) || reason.is_empty() || reason.contains(char::is_control) {
                return Err(format!(
                    "an error that does not say what is wrong: {message}: {reason}"
                ));
            }
        }
        Ok(Outcome {
            samples: 0,
            error: error.map(|_| name.to_owned()),
            panic: None,
        })
    }
}

/// Names and contents of valid files of each format. The checkpoint is one of few tensors.
pub(crate) fn files() -> Vec<(&'static str, Vec<u8>)> {
    let folder = Folder::new();
    let numerics = Path::new(ENGINE);
    let mut files: Vec<_> = OTHERS
        .iter()
        .map(|name| (*name, std::fs::read(folder.0.path().join(name)).unwrap()))
        .collect();
    let [checkpoint, safetensors, onnx] = SEGMENTATIONS;
    files.push((
        checkpoint,
        std::fs::read(numerics.join("lightning_checkpoint.bin")).unwrap(),
    ));
    // The start has all that is not numbers.
    let mut start = std::fs::read(folder.0.path().join(safetensors)).unwrap();
    start.truncate(20_000);
    files.push((safetensors, start));
    let compressed = std::fs::File::open(numerics.join("onnx/segmentation.onnx.gz")).unwrap();
    let mut model = Vec::new();
    flate2::read::GzDecoder::new(compressed)
        .read_to_end(&mut model)
        .unwrap();
    files.push((onnx, model));
    files
}
