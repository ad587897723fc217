//! Reads a folder with the layout of community-1's repository.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::clustering::ClusteringParameters;
use super::plda::{Plda, PldaArrays};
use super::vbx::VbxParameters;
use super::{Loaded, pickle};
use crate::LoadError;
use crate::assets::convert;
use crate::models::{Fbank, ResNet34, SegmentationModel, Weights, WeightsError};

/// The key of the weights in a checkpoint of Lightning.
const STATE_DICT: &str = "state_dict";
/// Maximum size of `config.yaml`, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Maximum size of a file of weights, in bytes: the larger one of community-1 has 27 MB.
const MAX_WEIGHTS_BYTES: u64 = 1 << 30;

/// Parameters of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parameters {
    pub(super) clustering: ClusteringParameters,
    /// Whether embeddings are computed from the frames in which a speaker is alone.
    pub(super) exclude_overlap: bool,
    /// Pauses of a speaker that are shorter are filled, in seconds.
    pub(super) min_pause_s: f64,
}

/// Reads all files of a folder.
///
/// # Errors
///
/// [`LoadError`] if a file is missing or invalid. Nothing in the files is run.
pub(crate) fn load(folder: &Path) -> Result<Loaded, LoadError> {
    let [config, transform, model, segmentation, embedding] = files(folder)?;
    let parameters = checked(&config, read_text(&config).and_then(|text| parse(&text)))?;
    let mut arrays = PldaArrays::default();
    checked(&transform, arrays.read_transform(&transform))?;
    checked(&model, arrays.read_model(&model))?;
    Ok(Loaded {
        segmentation: read_weights(&segmentation, SegmentationModel::load)?,
        fbank: Fbank::wespeaker(),
        embedding: read_weights(&embedding, ResNet34::load)?,
        plda: Plda::new(arrays),
        parameters,
    })
}

/// The files of a folder that [`load`] reads: those that `pyannote models add` copies.
///
/// # Errors
///
/// [`LoadError::CommunityMissing`] if a file is missing.
pub(crate) fn files(folder: &Path) -> Result<[PathBuf; 5], LoadError> {
    Ok([
        existing(folder.join("config.yaml"))?,
        existing(folder.join("plda/xvec_transform.npz"))?,
        existing(folder.join("plda/plda.npz"))?,
        weights_file(&folder.join("segmentation"))?,
        weights_file(&folder.join("embedding"))?,
    ])
}

/// The file of weights in a folder: as published, or else in safetensors.
fn weights_file(folder: &Path) -> Result<PathBuf, LoadError> {
    let safetensors = folder.join("model.safetensors");
    match safetensors.is_file() {
        true if !folder.join("pytorch_model.bin").is_file() => Ok(safetensors),
        _ => existing(folder.join("pytorch_model.bin")),
    }
}

fn existing(path: PathBuf) -> Result<PathBuf, LoadError> {
    match path.is_file() {
        true => Ok(path),
        false => Err(LoadError::CommunityMissing { path }),
    }
}

fn checked<T>(path: &Path, result: Result<T, String>) -> Result<T, LoadError> {
    result.map_err(|reason| LoadError::Community {
        path: path.to_owned(),
        source: reason.into(),
    })
}

fn read_weights<T>(
    path: &Path,
    load: impl FnOnce(&Weights<'_>) -> Result<T, WeightsError>,
) -> Result<T, LoadError> {
    let read = || {
        let bytes = match path.extension().is_some_and(|extension| extension == "bin") {
            true => {
                pickle::check(path)?;
                convert::to_safetensors(path, Some(STATE_DICT))?
            }
            false => read_limited(path, MAX_WEIGHTS_BYTES)?,
        };
        let weights = Weights::parse(&bytes).map_err(|error| error.to_string())?;
        load(&weights).map_err(|error| format!("{error}: is it the file of another model?"))
    };
    checked(path, read())
}

fn read_text(path: &Path) -> Result<String, String> {
    let bytes = read_limited(path, MAX_CONFIG_BYTES)?;
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text".to_owned())
}

fn read_limited(path: &Path, max_bytes: u64) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(max_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    match bytes.len() as u64 > max_bytes {
        true => Err(format!("the file has more than {max_bytes} bytes")),
        false => Ok(bytes),
    }
}

/// The parts of `config.yaml` that the pipeline depends on.
#[derive(Deserialize)]
struct Config {
    pipeline: PipelineConfig,
    params: ParamsConfig,
}

#[derive(Deserialize)]
struct PipelineConfig {
    name: String,
    params: PipelineParams,
}

#[derive(Deserialize)]
struct PipelineParams {
    clustering: String,
    #[serde(default)]
    embedding_exclude_overlap: bool,
    #[serde(default = "default_segmentation_step")]
    segmentation_step: f64,
}

fn default_segmentation_step() -> f64 {
    0.1
}

#[derive(Deserialize)]
struct ParamsConfig {
    clustering: ClusteringConfig,
    #[serde(default)]
    segmentation: SegmentationConfig,
}

#[derive(Deserialize)]
struct ClusteringConfig {
    threshold: f64,
    #[serde(rename = "Fa")]
    fa: f64,
    #[serde(rename = "Fb")]
    fb: f64,
}

#[derive(Default, Deserialize)]
struct SegmentationConfig {
    #[serde(default)]
    min_duration_off: f64,
}

/// The parameters of a `config.yaml`.
fn parse(text: &str) -> Result<Parameters, String> {
    let Config { pipeline, params } = yaml_serde::from_str(text)
        .map_err(|error| format!("not the configuration of community-1: {error}"))?;
    let expected = "pyannote.audio.pipelines.SpeakerDiarization";
    for (name, found, expected) in [
        ("pipeline.name", &pipeline.name, expected),
        ("clustering", &pipeline.params.clustering, "VBxClustering"),
    ] {
        if found != expected {
            return Err(format!(
                "`{name}` is `{found}`, expected `{expected}`: this is not the configuration of community-1"
            ));
        }
    }
    if pipeline.params.segmentation_step != default_segmentation_step() {
        return Err("`segmentation_step` must be 0.1".to_owned());
    }
    let ClusteringConfig { threshold, fa, fb } = params.clustering;
    for (name, value) in [("threshold", threshold), ("Fa", fa), ("Fb", fb)] {
        if !(value.is_finite() && value > 0.0) {
            return Err(format!("`{name}` must be above 0"));
        }
    }
    let min_pause_s = params.segmentation.min_duration_off;
    if !(min_pause_s.is_finite() && min_pause_s >= 0.0) {
        return Err("`min_duration_off` must be 0 or more".to_owned());
    }
    Ok(Parameters {
        clustering: ClusteringParameters {
            threshold,
            vbx: VbxParameters {
                acoustic_scale: fa,
                regularization: fb,
            },
        },
        exclude_overlap: pipeline.params.embedding_exclude_overlap,
        min_pause_s,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use safetensors::Dtype;
    use safetensors::tensor::TensorView;
    use tempfile::TempDir;

    use super::*;

    /// The configuration as the repository has it.
    const CONFIG: &str = "\
dependencies:
  pyannote.audio: 4.0.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: VBxClustering
    segmentation: $model/segmentation
    segmentation_batch_size: 32
    embedding: $model/embedding
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    plda: $model/plda
params:
  clustering:
    threshold: 0.6
    Fa: 0.07
    Fb: 0.8
  segmentation:
    min_duration_off: 0.0
";

    #[test]
    fn reads_the_published_configuration() {
        let expected = Parameters {
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
        assert_eq!(parse(CONFIG), Ok(expected));
    }

    #[test]
    fn other_configurations_have_errors_that_name_the_value() {
        for (from, to, expected) in [
            (
                "VBxClustering",
                "AgglomerativeClustering",
                "expected `VBxClustering`",
            ),
            (
                "SpeakerDiarization",
                "VoiceActivityDetection",
                "`pipeline.name`",
            ),
            ("Fa: 0.07", "Fa: 0", "`Fa` must be above 0"),
            ("Fb: 0.8", "Fb: .nan", "`Fb` must be above 0"),
            ("threshold: 0.6", "other: 0.6", "threshold"),
            (
                "min_duration_off: 0.0",
                "min_duration_off: -1",
                "`min_duration_off`",
            ),
            (
                "clustering: V",
                "segmentation_step: 0.5\n    clustering: V",
                "`segmentation_step`",
            ),
        ] {
            let error = parse(&CONFIG.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        for text in [
            "",
            "- a",
            "pipeline: &a [*a]",
            "{{{{",
            "pipeline:\n  name: !!python/object:os.system x",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    /// A checkpoint with this pickle.
    fn checkpoint(pickle: &[u8]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file("model/data.pkl", options).unwrap();
        archive.write_all(pickle).unwrap();
        archive.finish().unwrap().into_inner()
    }

    /// A folder in which all files exist, with the published configuration and a checkpoint in place of each model.
    fn folder(pickle: &[u8]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (name, content) in [
            ("config.yaml", CONFIG.as_bytes().to_vec()),
            ("segmentation/pytorch_model.bin", checkpoint(pickle)),
            ("embedding/pytorch_model.bin", checkpoint(pickle)),
            (
                "plda/plda.npz",
                npz(&[("mu", 128, 1), ("tr", 128, 128), ("psi", 128, 1)]),
            ),
            (
                "plda/xvec_transform.npz",
                npz(&[("mean1", 256, 1), ("lda", 256, 128), ("mean2", 128, 1)]),
            ),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    /// Arrays of ones.
    fn npz(arrays: &[(&str, usize, usize)]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for (name, rows, columns) in arrays {
            archive.start_file(format!("{name}.npy"), options).unwrap();
            let shape = match columns {
                1 => format!("({rows},)"),
                _ => format!("({rows}, {columns})"),
            };
            let header =
                format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
            archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
            archive
                .write_all(&u16::try_from(header.len()).unwrap().to_le_bytes())
                .unwrap();
            archive.write_all(header.as_bytes()).unwrap();
            archive
                .write_all(&1_f64.to_le_bytes().repeat(rows * columns))
                .unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    /// The error of a folder, with its cause.
    fn message(folder: &Path) -> String {
        let error = load(folder).err().unwrap();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", source.unwrap_or_default())
    }

    const EMPTY_DICT: &[u8] = b"\x80\x02}q\x00X\x0a\x00\x00\x00state_dictq\x01}q\x02s.";

    #[test]
    fn a_missing_file_is_named_and_the_message_says_how_to_get_the_folder() {
        let folder = folder(EMPTY_DICT);
        for name in [
            "config.yaml",
            "plda/plda.npz",
            "plda/xvec_transform.npz",
            "segmentation/pytorch_model.bin",
            "embedding/pytorch_model.bin",
        ] {
            let path = folder.path().join(name);
            let content = std::fs::read(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            let message = message(folder.path());
            assert!(
                message.contains(name) && message.contains("Request access"),
                "{message}"
            );
            std::fs::write(&path, content).unwrap();
        }
        assert!(message(Path::new("no such folder")).contains("config.yaml"));
    }

    #[test]
    fn a_checkpoint_that_would_run_code_is_refused() {
        // `pickle.dumps(...)` of an object whose `__reduce__` is `os.system("id")`, protocol 2.
        let pickle = b"\x80\x02cposix\nsystem\nq\x00X\x02\x00\x00\x00idq\x01\x85q\x02Rq\x03.";
        let message = message(folder(pickle).path());
        assert!(
            message.contains("segmentation/pytorch_model.bin"),
            "{message}"
        );
        assert!(message.contains("`posix.system`"), "{message}");
        assert!(message.contains("Nothing of it was run"), "{message}");
    }

    #[test]
    fn damaged_and_swapped_files_have_errors_that_name_the_file() {
        let folder = folder(EMPTY_DICT);
        let write = |name: &str, content: &[u8]| {
            std::fs::write(folder.path().join(name), content).unwrap();
            message(folder.path())
        };
        let found = write("segmentation/pytorch_model.bin", b"version https://git-lfs");
        assert!(found.contains("not a ZIP archive"), "{found}");

        // The weights of another model, in safetensors.
        std::fs::remove_file(folder.path().join("segmentation/pytorch_model.bin")).unwrap();
        let tensor = TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap();
        let other = safetensors::serialize([("resnet.conv1.weight", tensor)], None).unwrap();
        let found = write("segmentation/model.safetensors", &other);
        assert!(found.contains("segmentation/model.safetensors"), "{found}");
        assert!(
            found.contains("is missing: is it the file of another model?"),
            "{found}"
        );

        // The archives of the PLDA, swapped.
        let arrays = std::fs::read(folder.path().join("plda/plda.npz")).unwrap();
        let found = write("plda/xvec_transform.npz", &arrays);
        assert!(found.contains("plda/xvec_transform.npz"), "{found}");
        assert!(found.contains("array `mean1` is missing"), "{found}");
        let found = write("config.yaml", b"");
        assert!(found.contains("config.yaml"), "{found}");
    }

    #[test]
    fn reads_a_checkpoint_of_pyannote_audio() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/numerics/lightning_checkpoint.bin");
        let values = read_weights(&path, |weights| {
            assert_eq!(weights.tensor("count", &[1]), Ok(vec![7.5]));
            weights.tensor("weight", &[2, 3])
        });
        assert_eq!(values.unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}
