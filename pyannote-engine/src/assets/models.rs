//! What models there are: their sources, licenses and states on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::pins::{EMBEDDING, SEGMENTATION, Wheel};
use super::{Assets, AssetsError, sha256};
use crate::{Community1, LoadError, community};

/// A model that the engine can use.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ModelInfo {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub task: &'static str,
    /// The license, as an SPDX identifier.
    pub license: &'static str,
    /// The packages that it is downloaded from. None for community-1, which is never downloaded.
    pub packages: Vec<Package>,
    /// The file or folder of the model, or where it would be.
    pub path: PathBuf,
    /// The folder that was [copied](super::CommunityAssets::add), if the model is such a copy.
    pub copied_from: Option<PathBuf>,
    /// Size of its files, in bytes: 0 if it is missing.
    pub bytes: u64,
    /// Whether it can be used.
    pub state: ModelState,
}

/// A package that contains a model.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Package {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// SHA-256 digest of the package, in hexadecimal.
    pub sha256: &'static str,
}

/// Whether a model can be used.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ModelState {
    /// Its files are those of its packages, or of its repository, by digest.
    Verified,
    /// Its files can be loaded, and have not changed since they were copied, but are not those of the repository:
    /// another revision, a conversion, or other weights.
    Loadable,
    /// Its files cannot be used, for the given reason.
    Damaged(String),
    /// It is not on this machine.
    Missing,
}

impl Assets {
    /// Returns all models: those that are downloaded, and community-1. `community_1` is a folder that is used instead of
    /// the one that was added, if there is one; if it does not exist, it is missing. Reads all files.
    ///
    /// ```
    /// use pyannote_engine::assets::{Assets, ModelState};
    ///
    /// for model in Assets::at("no such folder").models(None) {
    ///     assert_eq!(model.state, ModelState::Missing, "{}", model.name);
    /// }
    /// ```
    #[must_use]
    pub fn models(&self, community_1: Option<&Path>) -> Vec<ModelInfo> {
        let whisper = self.whisper();
        let mut models = vec![
            self.downloaded(
                "segmentation-3.0",
                "speaker segmentation",
                "MIT",
                &[SEGMENTATION],
            ),
            self.downloaded("CAM++", "speaker embeddings", "Apache-2.0", &[EMBEDDING]),
            whisper.assets().all("whisper-base", "transcription", "MIT"),
        ];
        let added = self.community_1();
        let missing = |folder| ModelInfo {
            state: ModelState::Missing,
            ..of_folder(folder, None, || Ok(()))
        };
        match community_1 {
            Some(folder) if folder.exists() => {
                models.push(of_folder(folder, None, || check(folder)));
            }
            Some(folder) => models.push(missing(folder)),
            None => {}
        }
        if added.is_occupied() {
            let source = added.source();
            let is_added = source.is_some();
            let unchanged = || match added.files() {
                Some(_) => check(added.folder()),
                None if is_added => {
                    Err("files are missing or were changed since they were added".to_owned())
                }
                None => check(added.folder()).map_err(|reason| {
                    let folder = added.folder().to_owned();
                    format!("{}: {reason}", AssetsError::NotAdded { folder })
                }),
            };
            models.push(of_folder(added.folder(), source, unchanged));
        } else if community_1.is_none() {
            models.push(missing(added.folder()));
        }
        models
    }

    /// A model of all files of the folder.
    fn all(&self, name: &'static str, task: &'static str, license: &'static str) -> ModelInfo {
        let entries = self.wheels.iter().flat_map(|wheel| wheel.entries);
        let mut files: Vec<&str> = entries.map(|entry| entry.file).collect();
        files.dedup();
        ModelInfo {
            path: self.folder.clone(),
            ..self.downloaded(name, task, license, &files)
        }
    }

    /// A model of some files of the folder.
    fn downloaded(
        &self,
        name: &'static str,
        task: &'static str,
        license: &'static str,
        files: &[&str],
    ) -> ModelInfo {
        let has_file = |wheel: &&Wheel| {
            wheel
                .entries
                .iter()
                .any(|entry| files.contains(&entry.file))
        };
        let packages = self.wheels.iter().filter(has_file).map(|wheel| Package {
            name: wheel.package,
            version: wheel.version,
            sha256: wheel.sha256,
        });
        let paths: Vec<PathBuf> = files.iter().map(|file| self.folder.join(file)).collect();
        let manifest = Manifest::current(&self.folder, self.wheels);
        let is_intact = |(file, path): (&&str, &PathBuf)| {
            let expected = manifest.as_ref().and_then(|found| found.files.get(*file));
            expected.is_some() && expected == sha256::of_file(path).ok().as_ref()
        };
        let state = if !paths.iter().any(|path| path.exists()) {
            ModelState::Missing
        } else if files.iter().zip(&paths).all(is_intact) {
            ModelState::Verified
        } else {
            ModelState::Damaged(
                "files are missing, damaged, or of another version: they are downloaded again when they are needed"
                    .to_owned(),
            )
        };
        ModelInfo {
            name,
            task,
            license,
            packages: packages.collect(),
            bytes: paths.iter().map(|path| bytes(path)).sum(),
            path: paths.into_iter().next().unwrap_or_default(),
            copied_from: None,
            state,
        }
    }
}

/// community-1 in a folder. `check` returns what is wrong with it.
fn of_folder(
    folder: &Path,
    copied_from: Option<PathBuf>,
    check: impl FnOnce() -> Result<(), String>,
) -> ModelInfo {
    let files = community::files(folder).ok();
    let files = files.iter().flatten();
    ModelInfo {
        name: Community1::NAME,
        task: "diarization",
        license: "CC-BY-4.0",
        packages: Vec::new(),
        path: folder.to_owned(),
        copied_from,
        bytes: files.map(|file| bytes(file)).sum(),
        state: match check() {
            Ok(()) if community::is_published(folder) => ModelState::Verified,
            Ok(()) => ModelState::Loadable,
            Err(reason) => ModelState::Damaged(reason),
        },
    }
}

/// Loads community-1. Returns what is wrong with it.
fn check(folder: &Path) -> Result<(), String> {
    let chain = |error: &LoadError| match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    community::load(folder)
        .map(drop)
        .map_err(|error| chain(&error))
}

/// Size of a file, or 0.
fn bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
