//! Finds the files of a folder with the layout of community-1's repository, and loads them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::config::Parameters;
use super::plda::{Plda, PldaArrays, PldaFiles};
use super::weights_file::{self, Model};
use super::{Loaded, content, published};
use crate::LoadError;
use crate::models::{Fbank, ResNet34, SegmentationModel};

/// The weights as published.
const CHECKPOINT: &str = "pytorch_model.bin";
/// Other formats of weights, by the end of the file's name.
const OTHER_FORMATS: [&str; 2] = ["safetensors", "onnx"];
/// Maximum size of the file that names the current snapshot of a cache, in bytes.
const MAX_REF_BYTES: u64 = 256;

/// The files of a folder.
struct Files {
    /// None if the folder has none, and was not made from the published one.
    config: Option<PathBuf>,
    plda: PldaFiles,
    segmentation: PathBuf,
    embedding: PathBuf,
}

impl Files {
    fn find(folder: &Path) -> Result<Self, LoadError> {
        let root = root(folder)?;
        let config = root.join("config.yaml");
        let [segmentation, embedding] = ["segmentation", "embedding"].map(|name| root.join(name));
        // Exports of other projects come without it.
        let exported = [&segmentation, &embedding].iter().all(|folder| {
            fs::symlink_metadata(folder.join(CHECKPOINT)).is_err() && folder.is_dir()
        });
        let config = match existing(&config) {
            Err(LoadError::CommunityMissing { .. }) if exported => None,
            other => Some(other?),
        };
        Ok(Self {
            config,
            plda: PldaFiles::find(&root.join("plda"), existing)?,
            segmentation: weights(&segmentation)?,
            embedding: weights(&embedding)?,
        })
    }
}

/// Reads all files of a folder.
///
/// # Errors
///
/// [`LoadError`] if a file is missing or invalid. Nothing in the files is run.
pub(crate) fn load(folder: &Path) -> Result<Loaded, LoadError> {
    let files = Files::find(folder)?;
    let parameters = match &files.config {
        None => Parameters::PUBLISHED,
        Some(config) => checked(config, Parameters::read(config))?,
    };
    let plda = Plda::new(PldaArrays::read(&files.plda, invalid)?);
    let segmentation = weights_file::read(
        &files.segmentation,
        Model::Segmentation,
        SegmentationModel::load,
    );
    let embedding = weights_file::read(&files.embedding, Model::Embedding, ResNet34::load);
    Ok(Loaded {
        segmentation: checked(&files.segmentation, segmentation)?,
        fbank: Fbank::wespeaker(),
        embedding: checked(&files.embedding, embedding)?,
        plda,
        parameters,
    })
}

/// The files of a folder that [`load`] reads: those that `pyannote models add` copies.
///
/// # Errors
///
/// [`LoadError`] if a file is missing.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let files = Files::find(folder)?;
    let mut all: Vec<PathBuf> = files.config.into_iter().collect();
    all.extend(files.plda.into_paths());
    all.extend([files.segmentation, files.embedding]);
    Ok(all)
}

/// Whether the files of a folder are the published ones, by digest.
pub(crate) fn is_published(folder: &Path) -> bool {
    files(folder).is_ok_and(|files| published::are_published(&files))
}

/// The folder that has the files: the given one, or the snapshot in it, if it is that of a repository in the cache of
/// Hugging Face's tools.
///
/// # Errors
///
/// [`LoadError`] if there is no such folder.
pub(crate) fn root(folder: &Path) -> Result<PathBuf, LoadError> {
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => {
            return Err(invalid(
                folder,
                "it is a file: give the folder that contains `config.yaml`".to_owned(),
            ));
        }
        Err(error) => return Err(unreadable(folder, &error)),
    }
    let snapshots = folder.join("snapshots");
    if folder.join("config.yaml").exists() || !snapshots.is_dir() {
        return Ok(folder.to_owned());
    }
    // The name of a snapshot is the hash of a commit.
    let is_hash = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_hexdigit());
    let current = content::read(&folder.join("refs/main"), MAX_REF_BYTES).unwrap_or_default();
    let current = str::from_utf8(&current).unwrap_or_default().trim();
    if is_hash(current) && snapshots.join(current).is_dir() {
        return Ok(snapshots.join(current));
    }
    let found: Vec<String> = names(&snapshots)?
        .into_iter()
        .filter(|n| is_hash(n))
        .collect();
    match &found[..] {
        [only] => Ok(snapshots.join(only)),
        [] => Err(LoadError::CommunityMissing {
            path: folder.join("config.yaml"),
        }),
        _ => Err(invalid(
            &snapshots,
            format!(
                "it has {} snapshots: give the folder of one of them",
                found.len()
            ),
        )),
    }
}

/// The file of weights in a folder: as published, or else the only one in another format.
fn weights(folder: &Path) -> Result<PathBuf, LoadError> {
    let checkpoint = folder.join(CHECKPOINT);
    match existing(&checkpoint) {
        Err(LoadError::CommunityMissing { .. }) if folder.is_dir() => {}
        other => return other,
    }
    let is_weights = |name: &String| {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        !name.starts_with('.') && extension.is_some_and(|e| OTHER_FORMATS.contains(&e))
    };
    let mut found: Vec<String> = names(folder)?.into_iter().filter(is_weights).collect();
    found.sort();
    match &found[..] {
        [] => Err(LoadError::CommunityMissing { path: checkpoint }),
        [only] => existing(&folder.join(only)),
        [first, second, ..] => Err(invalid(
            folder,
            format!("it has several models, such as {first} and {second}: keep one of them"),
        )),
    }
}

/// The names of the entries of a folder.
fn names(folder: &Path) -> Result<Vec<String>, LoadError> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    Ok(entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect())
}

/// The path if it is that of a file.
fn existing(path: &Path) -> Result<PathBuf, LoadError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(path.to_owned()),
        Ok(_) => Err(invalid(path, "it is not a file".to_owned())),
        // In the cache of Hugging Face's tools, files are links to others.
        Err(error) if error.kind() == ErrorKind::NotFound && path.is_symlink() => Err(invalid(
            path,
            "it is a link to a file that is missing: download the folder again".to_owned(),
        )),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> LoadError {
    match error.kind() {
        ErrorKind::NotFound => LoadError::CommunityMissing {
            path: path.to_owned(),
        },
        _ => invalid(path, error.to_string()),
    }
}

fn checked<T>(path: &Path, result: Result<T, String>) -> Result<T, LoadError> {
    result.map_err(|reason| invalid(path, reason))
}

fn invalid(path: &Path, reason: String) -> LoadError {
    // Names in a file are part of the reason.
    let reason = reason.replace(char::is_control, "\u{fffd}");
    LoadError::Community {
        path: path.to_owned(),
        source: reason.into(),
    }
}

#[cfg(test)]
pub(super) mod fixtures;
#[cfg(test)]
mod tests;
