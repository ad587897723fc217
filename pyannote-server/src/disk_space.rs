//! Space on the disks of this machine: what must stay free, and what this process is about to write.
//!
//! Uploads and recordings are written at the same time, and each of them would find enough space for itself. So whoever
//! writes a large file reserves its space first, in a counter for each disk. Bytes that have been written are no longer
//! reserved: the disk has less free space instead.
//!
//! A file that is announced must fit as a whole when it begins, but only what comes next is reserved: as much again as has
//! been written, and a little at the start. Otherwise, a client that announces much and sends little would take the disk
//! from all others.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How much is reserved at once for a file whose size is unknown, in bytes.
const STEP_BYTES: u64 = 1 << 20;

/// How much is reserved at first of a file that is announced, in bytes.
pub(crate) const FIRST_BYTES: u64 = 8 << 20;

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
    /// Size of the file, if it is known, or else 0.
    announced: u64,
    /// Bytes that have been reserved, including those that were written.
    reserved: u64,
    /// Reserved bytes that were not written yet.
    unwritten: u64,
}

impl Reservation {
    /// Reserves space in a folder for the start of a file, of which `announced` bytes are announced and must fit.
    ///
    /// # Errors
    ///
    /// As [`ensure`](Self::ensure).
    pub(crate) fn new(folder: &Path, min_free: MinFree, announced: u64) -> io::Result<Self> {
        let mut reservation = Self {
            folder: folder.to_owned(),
            disk: disk_of(folder)?,
            min_free,
            announced,
            reserved: 0,
            unwritten: 0,
        };
        reservation.reserve(announced.min(FIRST_BYTES), announced)?;
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
        let wanted = missing.max(ahead(self.reserved, self.announced));
        match self.reserve(wanted, wanted) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                self.reserve(missing, missing)
            }
            result => result,
        }
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

    /// Reserves `bytes`, if `total` more would fit.
    fn reserve(&mut self, bytes: u64, total: u64) -> io::Result<()> {
        let _reserving = self
            .disk
            .reserving
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Read first: what is written meanwhile then counts twice, and not never.
        let reserved = self.disk.reserved.load(Ordering::Acquire);
        let stats = fs4::statvfs(&self.folder)?;
        let (free, size) = (stats.available_space(), stats.total_space());
        if !self.min_free.permits(total, reserved, free, size) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.disk.reserved.fetch_add(bytes, Ordering::AcqRel);
        self.reserved += bytes;
        self.unwritten += bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.written(self.unwritten);
    }
}

/// Returns how much to reserve at once of a file, of which `reserved` bytes have been reserved, and `announced` bytes are
/// announced.
pub(crate) fn ahead(reserved: u64, announced: u64) -> u64 {
    match announced.saturating_sub(reserved) {
        0 => STEP_BYTES,
        rest => rest.min(reserved.max(FIRST_BYTES)),
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
        let mut most = Reservation::new(folder.path(), none, 0).unwrap();
        most.ensure(free() - margin).unwrap();
        let mut other = Reservation::new(folder.path(), none, 0).unwrap();
        let error = other.ensure(2 * margin).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        drop(most);
        other.ensure(2 * margin).unwrap();
        assert!(other.has(2 * margin));
        other.written(margin);
        assert!(other.has(margin) && !other.has(margin + 1));
        drop(other);
        // Of what is announced, only the start, but all of it must fit.
        let announced = free() - margin;
        let new = |bytes| Reservation::new(folder.path(), none, bytes);
        let slow: Vec<_> = (0..3).map(|_| new(announced).unwrap()).collect();
        for reservation in &slow {
            assert!(reservation.has(FIRST_BYTES) && !reservation.has(FIRST_BYTES + 1));
        }
        let error = new(free() + margin).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let small = new(1_000).unwrap();
        assert!(small.has(1_000) && !small.has(1_001));
    }

    #[test]
    fn as_much_again_as_has_arrived_is_reserved_of_what_is_announced() {
        const MIB: u64 = 1 << 20;
        for (reserved, announced, expected) in [
            (0, 0, MIB),
            (5 * MIB, 0, MIB),
            (0, 3, 3),
            (0, GIB, 8 * MIB),
            (8 * MIB, GIB, 8 * MIB),
            (16 * MIB, GIB, 16 * MIB),
            (GIB - 3, GIB, 3),
            (GIB, GIB, MIB),
            (u64::MAX, GIB, MIB),
            (0, u64::MAX, 8 * MIB),
        ] {
            let found = ahead(reserved, announced);
            assert_eq!(found, expected, "{reserved} of {announced}");
        }
    }
}
