//! Space on the disks of this machine: what must stay free, and what this process is about to write.
//!
//! Uploads and recordings are written at the same time, and each of them would find enough space for itself. So whoever
//! writes a large file reserves its space first, in a counter for each disk. Bytes that have been written are no longer
//! reserved: the disk has less free space instead.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How much is reserved at once for a file whose size is unknown, in bytes.
const STEP_BYTES: u64 = 1 << 20;

/// What is reserved on each disk.
static DISKS: Mutex<BTreeMap<u64, Arc<Disk>>> = Mutex::new(BTreeMap::new());

/// Bytes that are reserved on a disk.
#[derive(Debug, Default)]
struct Disk {
    reserved: AtomicU64,
    /// Held while the free space is compared with what is reserved.
    reserving: Mutex<()>,
}

/// Space on a disk that must stay free.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MinFree {
    /// In bytes.
    pub(crate) bytes: u64,
    /// The part of the disk that is enough, if that is less: a twentieth if it is 20.
    pub(crate) divisor: u64,
}

impl MinFree {
    /// Whether `bytes` more fit on a disk that has `free` of `total` bytes, of which `reserved` are reserved.
    fn permits(self, bytes: u64, reserved: u64, free: u64, total: u64) -> bool {
        let min_free = self.bytes.min(total / self.divisor);
        let needed = reserved
            .checked_add(bytes)
            .and_then(|sum| sum.checked_add(min_free));
        needed.is_some_and(|needed| needed <= free)
    }
}

/// Space for a file that is being written. Released on drop.
#[derive(Debug)]
pub(crate) struct Reservation {
    folder: PathBuf,
    disk: Arc<Disk>,
    min_free: MinFree,
    /// Reserved bytes that were not written yet.
    unwritten: u64,
}

impl Reservation {
    /// Reserves space in a folder for a file, of which `bytes` are announced.
    ///
    /// # Errors
    ///
    /// As [`ensure`](Self::ensure).
    pub(crate) fn new(folder: &Path, min_free: MinFree, bytes: u64) -> io::Result<Self> {
        let mut reservation = Self {
            folder: folder.to_owned(),
            disk: disk_of(folder)?,
            min_free,
            unwritten: 0,
        };
        reservation.reserve(bytes, bytes)?;
        Ok(reservation)
    }

    /// Makes sure that `bytes` more can be written.
    ///
    /// # Errors
    ///
    /// Returns [`StorageFull`](io::ErrorKind::StorageFull) if less than must stay free would be left, and other errors if
    /// the free space cannot be read.
    pub(crate) fn ensure(&mut self, bytes: u64) -> io::Result<()> {
        if self.has(bytes) {
            return Ok(());
        }
        let missing = bytes - self.unwritten;
        self.reserve(missing, missing.max(STEP_BYTES))
    }

    /// Whether `bytes` more can be written without reserving them.
    pub(crate) fn has(&self, bytes: u64) -> bool {
        bytes <= self.unwritten
    }

    /// Notes that `bytes` were written.
    pub(crate) fn written(&mut self, bytes: u64) {
        let bytes = bytes.min(self.unwritten);
        self.unwritten -= bytes;
        self.disk.reserved.fetch_sub(bytes, Ordering::AcqRel);
    }

    /// Reserves `wanted` bytes, or else `needed` bytes.
    fn reserve(&mut self, needed: u64, wanted: u64) -> io::Result<()> {
        let _reserving = self
            .disk
            .reserving
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Read first: what is written meanwhile then counts twice, and not never.
        let reserved = self.disk.reserved.load(Ordering::Acquire);
        let stats = fs4::statvfs(&self.folder)?;
        let (free, total) = (stats.available_space(), stats.total_space());
        for bytes in [wanted, needed] {
            if self.min_free.permits(bytes, reserved, free, total) {
                self.disk.reserved.fetch_add(bytes, Ordering::AcqRel);
                self.unwritten += bytes;
                return Ok(());
            }
        }
        Err(io::ErrorKind::StorageFull.into())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.written(self.unwritten);
    }
}

/// The counter of the disk with a folder.
fn disk_of(folder: &Path) -> io::Result<Arc<Disk>> {
    let id = disk_id(folder)?;
    let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Arc::clone(disks.entry(id).or_default()))
}

#[cfg(unix)]
fn disk_id(folder: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;

    Ok(fs::metadata(folder)?.dev())
}

/// All disks count as one.
#[cfg(not(unix))]
fn disk_id(folder: &Path) -> io::Result<u64> {
    fs::metadata(folder).map(|_| 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn small_disks_keep_a_part_free() {
        let min_free = MinFree {
            bytes: GIB,
            divisor: 20,
        };
        for (bytes, reserved, free, total, expected) in [
            (0, 0, GIB, 100 * GIB, true),
            (1, 0, GIB, 100 * GIB, false),
            (0, 1, GIB, 100 * GIB, false),
            (GIB, GIB, 3 * GIB, 100 * GIB, true),
            (GIB, GIB + 1, 3 * GIB, 100 * GIB, false),
            (0, 0, GIB / 2, 10 * GIB, true),
            (1, 0, GIB / 2, 10 * GIB, false),
            (u64::MAX, 1, u64::MAX, 100, false),
            (0, 0, 0, 100, false),
        ] {
            assert_eq!(
                min_free.permits(bytes, reserved, free, total),
                expected,
                "{bytes} and {reserved} of {free} of {total}"
            );
        }
        let none = MinFree {
            bytes: 0,
            divisor: 20,
        };
        assert!(none.permits(0, 0, 0, 100));
    }

    #[test]
    fn what_is_reserved_and_not_written_is_not_free() {
        let folder = tempfile::tempdir().unwrap();
        let free = || fs4::statvfs(folder.path()).unwrap().available_space();
        let none = MinFree {
            bytes: 0,
            divisor: 20,
        };
        // Other programs write to the disk, too.
        let margin = free() / 4;
        let most = Reservation::new(folder.path(), none, free() - margin).unwrap();
        let mut other = Reservation::new(folder.path(), none, 0).unwrap();
        let error = other.ensure(2 * margin).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        drop(most);
        other.ensure(2 * margin).unwrap();
        assert!(other.has(2 * margin));
        other.written(margin);
        assert!(other.has(margin) && !other.has(margin + 1));
    }
}
