//! Where a job stands.

use super::StoreError;

/// Where a job stands.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Status {
    /// Accepted, not yet begun.
    Created,
    /// Under way.
    Running,
    /// Ended, with an output.
    Succeeded,
    /// Ended, without.
    Failed,
    /// Ended before its time.
    Canceled,
}

impl Status {
    /// Every status, in the order of a job's life.
    pub const ALL: [Self; 5] = [
        Self::Created,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
    ];

    /// The status as the API writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing more comes after it.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Created | Self::Running)
    }

    pub(super) fn read(name: &str) -> Result<Self, StoreError> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.as_str() == name)
            .ok_or_else(|| StoreError(format!("a job has the unknown status {name:?}")))
    }
}
