//! What the server counts, as Prometheus reads it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::engine::JobKind;
use crate::operation::Operation;
use crate::store::Status;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Answered {
    operation: &'static str,
    status: u32,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Accepted {
    kind: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Standing {
    status: &'static str,
}

/// The counters.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    jobs: Family<Accepted, Counter>,
    standing: Family<Standing, Gauge>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let jobs = Family::default();
        let standing = Family::default();
        registry.register(
            "pyannote_jobs",
            "Jobs in the store, by status",
            Family::clone(&standing),
        );
        registry.register(
            "pyannote_requests",
            "Requests answered, by operation and status",
            Family::clone(&requests),
        );
        registry.register(
            "pyannote_jobs_accepted",
            "Jobs accepted, by kind",
            Family::clone(&jobs),
        );
        Self {
            registry,
            requests,
            jobs,
            standing,
        }
    }

    pub(crate) fn answered(&self, operation: Operation, status: http::StatusCode) {
        let labels = Answered {
            operation: operation.as_str(),
            status: status.as_u16().into(),
        };
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn accepted(&self, kind: JobKind) {
        let labels = Accepted {
            kind: kind.as_str(),
        };
        self.jobs.get_or_create(&labels).inc();
    }

    /// The counters as text, with how many jobs have each status now.
    pub(crate) fn text(&self, jobs: &[(Status, u64)]) -> Result<String, std::fmt::Error> {
        for (status, count) in jobs {
            let labels = Standing {
                status: status.as_str(),
            };
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            self.standing.get_or_create(&labels).set(count);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
