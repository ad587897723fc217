//! Counts of the jobs that this process has ended.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::Status;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Labels {
    status: &'static str,
}

/// Counts the jobs that this process has ended, by status. Clones share the counts.
///
/// The store counts, since a job may be ended by a worker, the operator, the reaper, or a program that embeds the server.
#[derive(Clone, Debug)]
pub(crate) struct EndedJobs(Family<Labels, Counter>);

impl Default for EndedJobs {
    fn default() -> Self {
        let counts = Family::<_, Counter>::default();
        // A rate can only be computed of a count that is there from the start.
        for status in Status::ALL.iter().filter(|status| status.is_final()) {
            let status = status.as_str();
            drop(counts.get_or_create(&Labels { status }));
        }
        Self(counts)
    }
}

impl EndedJobs {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "pyannote_jobs_ended",
            "Jobs that this process has ended, by status",
            self.0.clone(),
        );
    }

    pub(super) fn count(&self, status: Status) {
        let status = status.as_str();
        self.0.get_or_create(&Labels { status }).inc();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::encoding::text::encode;
    use serde_json::{Map, json};

    use super::*;
    use crate::engine::JobKind;
    use crate::store::{Claim, Outcome, Return, Store};

    /// The numbers of succeeded, failed and canceled jobs.
    fn counts(store: &Store) -> [u64; 3] {
        let mut registry = Registry::default();
        store.ended_jobs().register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        [Status::Succeeded, Status::Failed, Status::Canceled].map(|status| {
            let name = format!(
                r#"pyannote_jobs_ended_total{{status="{}"}} "#,
                status.as_str()
            );
            let mut counts = text.lines().filter_map(|line| line.strip_prefix(&*name));
            counts.next().unwrap().parse().unwrap()
        })
    }

    #[tokio::test]
    async fn every_end_of_a_job_is_counted_once() {
        let store = Store::temporary().await.unwrap();
        assert_eq!(counts(&store), [0, 0, 0]);
        let create = async || {
            let job = store.create("ada", JobKind::Diarize, Map::new()).await;
            job.unwrap().id
        };
        let claim = async |lease_s| -> Claim {
            let claim = store.claim(Duration::from_secs(lease_s)).await;
            claim.unwrap().unwrap()
        };
        let finish =
            async |claim: &Claim, outcome: Outcome| store.finish(claim, &outcome).await.unwrap();

        create().await;
        let claimed = claim(60).await;
        assert!(finish(&claimed, Ok(json!({}).into())).await);
        assert!(!finish(&claimed, Ok(json!({}).into())).await);
        assert_eq!(counts(&store), [1, 0, 0]);
        create().await;
        assert!(finish(&claim(60).await, Err("silent".into())).await);
        assert_eq!(counts(&store), [1, 1, 0]);
        // A worker never ends these.
        create().await;
        for _ in 0..3 {
            claim(0).await;
        }
        assert_eq!(store.fail_exhausted().await.unwrap(), 1);
        assert_eq!(store.fail_exhausted().await.unwrap(), 0);
        assert_eq!(counts(&store), [1, 2, 0]);
        // A queued job, one that was put back, and one that a worker has.
        for canceled in 1..=3 {
            let id = create().await;
            if canceled == 2 {
                let claimed = claim(60).await;
                let how = Return::default();
                store.give_back(&claimed, &how).await.unwrap();
            }
            let claimed = match canceled {
                3 => Some(claim(60).await),
                _ => None,
            };
            store.cancel_of_any_team(id).await.unwrap();
            store.cancel_of_any_team(id).await.unwrap();
            assert!(!store.cancel("ada", id).await.unwrap());
            if let Some(claimed) = claimed {
                assert!(!finish(&claimed, Err("stopped".into())).await);
            }
            assert_eq!(counts(&store), [1, 2, canceled]);
        }
    }
}
