//! How much each team stores in a folder of media, with the uploads that have not ended.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Limit on the media of a team, and the sizes of the uploads of all teams. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Quota {
    team_bytes: u64,
    /// Bytes of uploads in progress, by the folder of the team. Also held while a file is added to such a folder, so that
    /// it counts once.
    uploads: Arc<Mutex<HashMap<PathBuf, u64>>>,
}

/// The part of a quota that an upload uses until it is added. Released on drop.
#[derive(Debug)]
pub(super) struct QuotaShare {
    quota: Quota,
    /// Where the upload will be.
    path: PathBuf,
    bytes: u64,
}

impl Quota {
    pub(super) fn new(team_bytes: u64) -> Self {
        Self {
            team_bytes,
            uploads: Arc::default(),
        }
    }

    /// Starts an upload to `path`, in the folder of its team.
    pub(super) fn start(&self, path: PathBuf) -> QuotaShare {
        QuotaShare {
            quota: self.clone(),
            path,
            bytes: 0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, u64>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_limited(&self) -> bool {
        self.team_bytes < u64::MAX
    }
}

impl QuotaShare {
    /// Whether space is reserved for an upload of `bytes` in all.
    pub(super) fn has(&self, bytes: u64) -> bool {
        bytes <= self.bytes || !self.quota.is_limited()
    }

    /// Reserves space for an upload of `bytes` in all. Returns `false` if the team would have too much.
    pub(super) fn grow_to(&mut self, bytes: u64) -> io::Result<bool> {
        self.grow_to_part(bytes, bytes)
    }

    /// As [`grow_to`](Self::grow_to), for the first `bytes` of an upload. Returns `false` if all `announced` bytes would be
    /// too much.
    pub(super) fn grow_to_part(&mut self, bytes: u64, announced: u64) -> io::Result<bool> {
        if self.has(announced) {
            return Ok(true);
        }
        let mut uploads = self.quota.lock();
        let uploading = uploads.get(self.folder()).map_or(0, |bytes| *bytes);
        let stored = stored_beside(&self.path)?;
        // This upload is among those in progress, with its size so far.
        let others = stored.saturating_add(uploading - self.bytes);
        if others.saturating_add(announced) > self.quota.team_bytes {
            return Ok(false);
        }
        *uploads.entry(self.folder().to_owned()).or_default() += bytes - self.bytes;
        drop(uploads);
        self.bytes = bytes;
        Ok(true)
    }

    /// Adds the upload of `bytes` with `add`, unless other processes have added files that leave no room for it. Returns
    /// whether it was added.
    pub(super) fn add(
        mut self,
        bytes: u64,
        add: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<bool> {
        let quota = self.quota.clone();
        let mut uploads = quota.lock();
        self.release(&mut uploads);
        if quota.is_limited() && stored_beside(&self.path)?.saturating_add(bytes) > quota.team_bytes
        {
            return Ok(false);
        }
        add().map(|()| true)
    }

    fn release(&mut self, uploads: &mut HashMap<PathBuf, u64>) {
        let bytes = std::mem::take(&mut self.bytes);
        if let Some(uploading) = uploads.get_mut(self.folder()) {
            *uploading -= bytes;
            if *uploading == 0 {
                uploads.remove(self.folder());
            }
        }
    }

    /// The folder of the team.
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }
}

impl Drop for QuotaShare {
    fn drop(&mut self) {
        if self.bytes > 0 {
            let quota = self.quota.clone();
            self.release(&mut quota.lock());
        }
    }
}

/// Size of all files in the folder of `path`, without the one at `path`, which an upload replaces.
fn stored_beside(path: &Path) -> io::Result<u64> {
    let Some(folder) = path.parent() else {
        return Ok(0);
    };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut bytes: u64 = 0;
    for entry in entries {
        let entry = entry?;
        if entry.path() != path {
            // It may have been deleted in the meantime.
            bytes += entry.metadata().map_or(0, |metadata| metadata.len());
        }
    }
    Ok(bytes)
}
