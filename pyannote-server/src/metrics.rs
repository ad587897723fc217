//! Prometheus metrics.

use http::StatusCode;
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
struct ResponseLabels {
    operation: &'static str,
    status: u32,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct JobKindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct JobStatusLabels {
    status: &'static str,
}

/// The server's metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    responses: Family<ResponseLabels, Counter>,
    jobs_accepted: Family<JobKindLabels, Counter>,
    jobs: Family<JobStatusLabels, Gauge>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let responses = Family::default();
        let jobs_accepted = Family::default();
        let jobs = Family::default();
        registry.register(
            "pyannote_jobs",
            "Jobs in the store, by status",
            Family::clone(&jobs),
        );
        registry.register(
            "pyannote_requests",
            "Responses sent, by operation and status code",
            Family::clone(&responses),
        );
        registry.register(
            "pyannote_jobs_accepted",
            "Jobs accepted, by kind",
            Family::clone(&jobs_accepted),
        );
        Self {
            registry,
            responses,
            jobs_accepted,
            jobs,
        }
    }

    pub(crate) fn count_response(&self, operation: Operation, status: StatusCode) {
        let labels = ResponseLabels {
            operation: operation.as_str(),
            status: status.as_u16().into(),
        };
        self.responses.get_or_create(&labels).inc();
    }

    pub(crate) fn count_accepted_job(&self, kind: JobKind) {
        let labels = JobKindLabels {
            kind: kind.as_str(),
        };
        self.jobs_accepted.get_or_create(&labels).inc();
    }

    /// Encodes the metrics in the OpenMetrics text format. `jobs` is the current number of jobs by status.
    pub(crate) fn encode(&self, jobs: &[(Status, u64)]) -> Result<String, std::fmt::Error> {
        for (status, count) in jobs {
            let labels = JobStatusLabels {
                status: status.as_str(),
            };
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            self.jobs.get_or_create(&labels).set(count);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
