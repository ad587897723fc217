//! Job statuses.

use crate::open_enum::open_enum;

open_enum! {
    /// The status of a job.
    JobStatus {
        /// Waiting for a worker.
        Pending = "pending",
        /// Accepted.
        Created = "created",
        /// Being processed.
        Running = "running",
        /// Ended with an output.
        Succeeded = "succeeded",
        /// Ended with an error.
        Failed = "failed",
        /// Canceled before it ended.
        Canceled = "canceled",
        ..
        /// A status that this version does not know. It is not final.
        Other,
    }
}

impl JobStatus {
    /// Returns whether the job has ended, so that its status will not change again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_survives_a_round_trip() {
        for status in [
            "pending",
            "created",
            "running",
            "succeeded",
            "failed",
            "canceled",
            "queued",
        ] {
            let parsed: JobStatus = serde_json::from_str(&format!("{status:?}")).unwrap();
            assert_eq!(
                serde_json::to_string(&parsed).unwrap(),
                format!("{status:?}")
            );
            assert_eq!(matches!(parsed, JobStatus::Other(_)), status == "queued");
        }
    }
}
