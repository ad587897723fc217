//! Limits on the storage that uploads and recordings use.

use crate::disk_space::MinFree;

/// Limits on the storage that uploads and recordings use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StorageLimits {
    /// Maximum size of all media of a team, in bytes.
    pub team_bytes: u64,
    /// Space on the disk that uploads leave free for jobs and their results, in bytes; at most a twentieth of the disk.
    /// Recordings of jobs may use half of it, while they are processed.
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
    /// What uploads leave free.
    pub(super) fn min_free(self) -> MinFree {
        MinFree {
            bytes: self.free_bytes,
            divisor: 20,
        }
    }

    /// What the recordings of jobs leave free: half as much, so that uploads cannot keep them from being processed.
    #[cfg(any(feature = "engine", feature = "s3"))]
    pub(crate) fn min_free_of_recordings(self) -> MinFree {
        MinFree {
            bytes: self.free_bytes / 2,
            divisor: 40,
        }
    }
}
