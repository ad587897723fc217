//! Limits on the storage that uploads use.

use std::io;
use std::path::Path;

/// Limits on the storage that uploads use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StorageLimits {
    /// Maximum size of all media of a team, in bytes.
    pub team_bytes: u64,
    /// Space on the disk that uploads leave free for jobs and their results, in bytes; at most a twentieth of the disk.
    pub free_bytes: u64,
}

impl Default for StorageLimits {
    /// No limit for a team, and 1 GiB of free space.
    fn default() -> Self {
        Self {
            team_bytes: u64::MAX,
            free_bytes: 1 << 30,
        }
    }
}

impl StorageLimits {
    /// Whether the disk with the folder has less free space than uploads must leave.
    pub(super) fn is_full(self, folder: &Path) -> io::Result<bool> {
        let stats = fs4::statvfs(folder)?;
        Ok(self.is_too_little(stats.available_space(), stats.total_space()))
    }

    /// Whether `free` bytes of a disk with `total` bytes are less than uploads must leave.
    fn is_too_little(self, free: u64, total: u64) -> bool {
        free < self.free_bytes.min(total / 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_disks_keep_a_twentieth_free() {
        const GIB: u64 = 1 << 30;

        let limits = StorageLimits::default();
        for (free, total, expected) in [
            (GIB, 100 * GIB, false),
            (GIB - 1, 100 * GIB, true),
            (GIB / 2, 10 * GIB, false),
            (GIB / 2 - 1, 10 * GIB, true),
            (0, 100, true),
        ] {
            assert_eq!(
                limits.is_too_little(free, total),
                expected,
                "{free} of {total}"
            );
        }
        let none = StorageLimits {
            free_bytes: 0,
            ..limits
        };
        assert!(!none.is_too_little(0, 100));
    }
}
