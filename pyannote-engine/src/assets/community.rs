//! The copy of community-1's folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::{AssetFile, Assets, AssetsError, cache_dir, manifest, sha256};
use crate::{LoadError, community};

/// Name of the subfolder, and of the model.
const FOLDER: &str = "community-1";
/// Prefix of copies that are not complete.
const PART: &str = ".community-1-";
/// Age at which an incomplete copy is deleted: the process that made it was killed.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// The copy of community-1's folder, in a subfolder of the cache folder. All methods block the thread.
///
/// Nothing downloads community-1: its license must be accepted first. [`add`](Self::add) copies the folder that a user
/// has downloaded, so that [`Community1::locate`](crate::Community1::locate) finds it.
///
/// ```no_run
/// use pyannote_engine::Community1;
/// use pyannote_engine::assets::Assets;
///
/// let added = Assets::locate()?.community_1();
/// added.add("Downloads/speaker-diarization-community-1")?;
/// let community = Community1::load(added.folder())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CommunityAssets {
    folder: PathBuf,
}

/// What was copied, and from where. It is in the folder of each copy.
#[derive(Deserialize, Serialize)]
struct Manifest {
    /// The folder of the user.
    source: PathBuf,
    /// The digest of each file.
    files: BTreeMap<String, String>,
}

impl CommunityAssets {
    pub(super) fn new(assets: &Assets) -> Self {
        Self {
            folder: assets.folder.join(FOLDER),
        }
    }

    /// Returns the folder of the copy.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether there is a copy.
    #[must_use]
    pub fn is_added(&self) -> bool {
        self.folder.is_dir()
    }

    /// Returns the folder that was copied, or `None` if that is unknown.
    #[must_use]
    pub fn source(&self) -> Option<PathBuf> {
        self.manifest().map(|manifest| manifest.source)
    }

    /// Returns the files with their digests, or `None` if one is missing or was changed since. Reads all of them.
    #[must_use]
    pub fn files(&self) -> Option<Vec<AssetFile>> {
        let files = self.manifest()?.files.into_iter().map(|(name, sha256)| {
            let digest = sha256::of_file(&self.folder.join(&name)).ok()?;
            (digest == sha256).then_some(AssetFile { name, sha256 })
        });
        files.collect()
    }

    /// Copies a folder, after loading it to check that it is complete and valid. Only its owner can read the copy.
    ///
    /// The copy appears at once, when it is complete. Only the files that are needed are copied.
    ///
    /// # Errors
    ///
    /// The errors of [`Community1::load`](crate::Community1::load), and [`AssetsError`] if there is a copy already or
    /// the files cannot be written.
    pub fn add(&self, source: impl AsRef<Path>) -> Result<(), LoadError> {
        if self.is_added() {
            return Err(self.occupied().into());
        }
        let source = &community::root(source.as_ref())?;
        community::load(source)?;
        let root = self.folder.parent().unwrap_or(&self.folder);
        fs::create_dir_all(root).map_err(|error| AssetsError::io(root, error))?;
        delete_abandoned(root);
        let part = private_folder(root).map_err(|error| AssetsError::io(root, error))?;
        let mut files = BTreeMap::new();
        for file in community::files(source)? {
            let name = file.strip_prefix(source).unwrap_or(&file);
            let target = part.path().join(name);
            let digest = copy(&file, &target).map_err(|error| AssetsError::io(&file, error))?;
            files.insert(name.to_string_lossy().replace('\\', "/"), digest);
        }
        // Of what was copied, whatever happens to the source meanwhile.
        community::load(part.path())?;
        let source = std::path::absolute(source).unwrap_or_else(|_| source.to_owned());
        let json = serde_json::to_vec_pretty(&Manifest { source, files })
            .map_err(|error| AssetsError::io(&self.folder, error.into()))?;
        cache_dir::write(part.path(), manifest::FILE, &json)?;
        match fs::rename(part.path(), &self.folder) {
            Ok(()) => {
                // It no longer has this name.
                let _ = part.keep();
                Ok(())
            }
            // Another process was faster.
            Err(_) if self.is_added() => Err(self.occupied().into()),
            Err(error) => Err(AssetsError::io(&self.folder, error).into()),
        }
    }

    /// Deletes the copy. Returns `false` if there is none.
    ///
    /// # Errors
    ///
    /// [`AssetsError::NotAdded`] if the folder is not one that [`add`](Self::add) made, and [`AssetsError::Io`] if it
    /// cannot be deleted.
    pub fn remove(&self) -> Result<bool, AssetsError> {
        if !self.is_added() {
            return Ok(false);
        }
        if self.manifest().is_none() {
            return Err(AssetsError::NotAdded {
                folder: self.folder.clone(),
            });
        }
        let failed = |error| AssetsError::io(&self.folder, error);
        let root = self.folder.parent().unwrap_or(&self.folder);
        let removed = private_folder(root).map_err(failed)?;
        // Nobody sees a part of it.
        fs::rename(&self.folder, removed.path().join(FOLDER)).map_err(failed)?;
        removed.close().map_err(failed)?;
        Ok(true)
    }

    fn manifest(&self) -> Option<Manifest> {
        let json = fs::read(self.folder.join(manifest::FILE)).ok()?;
        serde_json::from_slice(&json).ok()
    }

    fn occupied(&self) -> AssetsError {
        AssetsError::AlreadyAdded {
            folder: self.folder.clone(),
        }
    }
}

/// Creates a folder for an incomplete copy, which only its owner can read.
fn private_folder(root: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PART);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    builder.tempdir_in(root)
}

/// Copies a file to a new one that is then on the disk. Returns its digest.
fn copy(from: &Path, to: &Path) -> io::Result<String> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut target = File::create_new(to)?;
    io::copy(&mut File::open(from)?, &mut target)?;
    target.sync_all()?;
    sha256::of_file(to)
}

/// Deletes copies that a process has left behind that was killed.
fn delete_abandoned(root: &Path) {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PART)) {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.and_then(|modified| {
            let age = SystemTime::now().duration_since(modified);
            age.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
        });
        if age.is_ok_and(|age| age > ABANDONED) {
            // The next process may be allowed to.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
