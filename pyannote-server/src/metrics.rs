//! Prometheus metrics.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::engine::JobKind;
use crate::operation::Operation;
use crate::store::{EndedJobs, QueueAges, Status};
use crate::worker::WorkMetrics;

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

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RecordingLabels {
    recording: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct StreamEndLabels {
    reason: &'static str,
}

/// Upper bounds of the buckets of latencies, in seconds. The default latency of the engine is 1 s.
const LATENCY_BUCKETS_S: [f64; 10] = [0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 5.0, 10.0];

/// Metrics of jobs, which workers without a server have, too.
#[derive(Debug)]
pub(crate) struct JobMetrics {
    registry: Registry,
    jobs: Family<JobStatusLabels, Gauge>,
    queue_age_s: Family<RecordingLabels, Gauge<f64, AtomicU64>>,
}

impl JobMetrics {
    pub(crate) fn new(work: &WorkMetrics, ended_jobs: &EndedJobs) -> Self {
        let mut registry = Registry::default();
        work.register(&mut registry);
        ended_jobs.register(&mut registry);
        let jobs = Family::default();
        registry.register(
            "pyannote_jobs",
            "Jobs in the store, by status",
            Family::clone(&jobs),
        );
        let queue_age_s = Family::default();
        registry.register(
            "pyannote_jobs_oldest_queued_seconds",
            "Time since the oldest job that waits was accepted, by where its recording is",
            Family::clone(&queue_age_s),
        );
        Self {
            registry,
            jobs,
            queue_age_s,
        }
    }

    /// Encodes the metrics in the OpenMetrics text format. `jobs` is the current number of jobs by status.
    pub(crate) fn encode(
        &self,
        jobs: &[(Status, u64)],
        queue_ages: QueueAges,
    ) -> Result<String, std::fmt::Error> {
        for (recording, age) in [
            ("uploaded", queue_ages.uploaded),
            ("remote", queue_ages.remote),
        ] {
            let age_s = self
                .queue_age_s
                .get_or_create(&RecordingLabels { recording });
            age_s.set(age.as_secs_f64());
        }
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

/// The server's metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    jobs: JobMetrics,
    responses: Family<ResponseLabels, Counter>,
    jobs_accepted: Family<JobKindLabels, Counter>,
    streams_created: Counter,
    streams_open: Gauge,
    streams_ended: Family<StreamEndLabels, Counter>,
    stream_audio_s: Counter<f64, AtomicU64>,
    event_latency_s: Histogram,
}

/// Counts a connected stream until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenStream(Gauge);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// Creates the metrics of a server, including those of its workers.
    pub(crate) fn new(work: &WorkMetrics, ended_jobs: &EndedJobs) -> Self {
        let mut jobs = JobMetrics::new(work, ended_jobs);
        let registry = &mut jobs.registry;
        let responses = Family::default();
        let jobs_accepted = Family::default();
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
        let streams_created = Counter::default();
        let streams_open = Gauge::default();
        let streams_ended = Family::default();
        let stream_audio_s = Counter::default();
        let event_latency_s = Histogram::new(LATENCY_BUCKETS_S);
        registry.register(
            "pyannote_streams_created",
            "Live streams created",
            streams_created.clone(),
        );
        registry.register(
            "pyannote_streams_open",
            "Live streams that are connected to this server",
            streams_open.clone(),
        );
        registry.register(
            "pyannote_streams_ended",
            "Live streams that were connected and have ended, by reason",
            Family::clone(&streams_ended),
        );
        registry.register(
            "pyannote_stream_audio_seconds",
            "Audio received in live streams",
            stream_audio_s.clone(),
        );
        registry.register(
            "pyannote_stream_event_latency_seconds",
            "Time from the arrival of audio to the event at that time",
            event_latency_s.clone(),
        );
        Self {
            jobs,
            responses,
            jobs_accepted,
            streams_created,
            streams_open,
            streams_ended,
            stream_audio_s,
            event_latency_s,
        }
    }

    pub(crate) fn count_created_stream(&self) {
        self.streams_created.inc();
    }

    /// Counts a stream as open until the result is dropped.
    pub(crate) fn open_stream(&self) -> OpenStream {
        self.streams_open.inc();
        OpenStream(self.streams_open.clone())
    }

    /// Returns the number of live streams that are connected.
    pub(crate) fn open_streams(&self) -> usize {
        usize::try_from(self.streams_open.get()).unwrap_or(0)
    }

    pub(crate) fn count_ended_stream(&self, reason: &'static str) {
        let labels = StreamEndLabels { reason };
        self.streams_ended.get_or_create(&labels).inc();
    }

    pub(crate) fn count_stream_audio(&self, audio: Duration) {
        self.stream_audio_s.inc_by(audio.as_secs_f64());
    }

    pub(crate) fn observe_event_latency(&self, latency: Duration) {
        self.event_latency_s.observe(latency.as_secs_f64());
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

    /// The metrics of jobs, which encode the others, too.
    pub(crate) fn jobs(&self) -> &JobMetrics {
        &self.jobs
    }
}
