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
/// The file in an incomplete copy that its process keeps locked.
const LOCK: &str = ".lock";
/// Age at which an incomplete copy without a lock file is deleted: the process was killed just after it created the
/// folder, or just before it completed the copy.
const ABANDONED: Duration = Duration::from_secs(60);

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

    /// Whether there is anything in its place, such as a file or a broken link.
    pub(super) fn is_occupied(&self) -> bool {
        self.folder.symlink_metadata().is_ok()
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
    /// The errors of [`Community1::load`](crate::Community1::load), and [`AssetsError`] if there is a copy already, or
    /// anything else in its place, or the files cannot be written.
    pub fn add(&self, source: impl AsRef<Path>) -> Result<(), LoadError> {
        if self.is_occupied() {
            return Err(self.occupied().into());
        }
        let source = &community::root(source.as_ref())?;
        community::load(source)?;
        let root = self.folder.parent().unwrap_or(&self.folder);
        fs::create_dir_all(root).map_err(|error| AssetsError::io(root, error))?;
        self.delete_abandoned();
        let (part, lock) = private_folder(root).map_err(|error| AssetsError::io(root, error))?;
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
        // Windows renames no folder with an open file. Without the file, the copy counts as new.
        fs::remove_file(part.path().join(LOCK))
            .map_err(|error| AssetsError::io(part.path(), error))?;
        drop(lock);
        match fs::rename(part.path(), &self.folder) {
            Ok(()) => {
                // It no longer has this name.
                let _ = part.keep();
                Ok(())
            }
            // Another process was faster.
            Err(_) if self.is_occupied() => Err(self.occupied().into()),
            Err(error) => Err(AssetsError::io(&self.folder, error).into()),
        }
    }

    /// Deletes the copy, and what interrupted processes have left behind. Returns `false` if there is neither.
    ///
    /// # Errors
    ///
    /// [`AssetsError::NotAdded`] if the folder is not one that [`add`](Self::add) made, and [`AssetsError::Io`] if it
    /// cannot be deleted.
    pub fn remove(&self) -> Result<bool, AssetsError> {
        let abandoned = self.delete_abandoned();
        if !self.is_occupied() {
            return Ok(abandoned > 0);
        }
        if self.manifest().is_none() {
            return Err(self.occupied());
        }
        let failed = |error| AssetsError::io(&self.folder, error);
        let root = self.folder.parent().unwrap_or(&self.folder);
        let (removed, _lock) = private_folder(root).map_err(failed)?;
        // Nobody sees a part of it.
        fs::rename(&self.folder, removed.path().join(FOLDER)).map_err(failed)?;
        removed.close().map_err(failed)?;
        Ok(true)
    }

    /// Deletes incomplete copies that processes have left behind that were killed. Returns their number.
    ///
    /// Those of running processes stay.
    pub fn delete_abandoned(&self) -> usize {
        let root = self.folder.parent().unwrap_or(&self.folder);
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        let parts = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PART));
        parts
            .map(|entry| entry.path())
            // The next process may be allowed to.
            .filter(|part| is_abandoned(part) && fs::remove_dir_all(part).is_ok())
            .count()
    }

    fn manifest(&self) -> Option<Manifest> {
        let json = fs::read(self.folder.join(manifest::FILE)).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Why there cannot be another copy.
    fn occupied(&self) -> AssetsError {
        let folder = self.folder.clone();
        match self.manifest() {
            Some(_) => AssetsError::AlreadyAdded { folder },
            None => AssetsError::NotAdded { folder },
        }
    }
}

/// Creates a folder for an incomplete copy, which only its owner can read, with its locked file.
fn private_folder(root: &Path) -> io::Result<(TempDir, File)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PART);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    let part = builder.tempdir_in(root)?;
    let unlocked = part.path().join(".unlocked");
    let lock = File::create(&unlocked)?;
    match lock.lock() {
        // On a file system without locks, no copy looks abandoned.
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        locked => locked?,
    }
    // Others see it only when it is locked.
    fs::rename(unlocked, part.path().join(LOCK))?;
    Ok((part, lock))
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

/// Whether the process of an incomplete copy has ended.
fn is_abandoned(part: &Path) -> bool {
    match File::open(part.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let modified = fs::metadata(part).and_then(|metadata| metadata.modified());
            let age = modified.map(|modified| SystemTime::now().duration_since(modified));
            age.is_ok_and(|age| age.is_ok_and(|age| age > ABANDONED))
        }
        Err(_) => false,
    }
}
