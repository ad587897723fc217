//! Metrics of the workers of this process.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::lanes::JobInProgress;
use super::schedule::Stage;

/// Upper bounds of the buckets of the time in a stage, in seconds.
const STAGE_BUCKETS_S: [f64; 10] = [
    0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 1_800.0, 10_800.0,
];

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct StageLabels {
    stage: &'static str,
}

/// Metrics of the workers. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct WorkMetrics {
    jobs: Family<StageLabels, Gauge>,
    stage_s: Family<StageLabels, Histogram, fn() -> Histogram>,
    audio_s: Counter<f64, AtomicU64>,
    computing_audio_s: Gauge<f64, AtomicU64>,
    computed_audio_s: Gauge<f64, AtomicU64>,
}

impl Default for WorkMetrics {
    fn default() -> Self {
        Self {
            jobs: Family::default(),
            stage_s: Family::new_with_constructor(|| Histogram::new(STAGE_BUCKETS_S)),
            audio_s: Counter::default(),
            computing_audio_s: Gauge::default(),
            computed_audio_s: Gauge::default(),
        }
    }
}

impl WorkMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "pyannote_jobs_in_progress",
            "Jobs that this server has claimed, by stage",
            self.jobs.clone(),
        );
        registry.register(
            "pyannote_job_stage_seconds",
            "Time that jobs spent in a stage",
            self.stage_s.clone(),
        );
        registry.register(
            "pyannote_job_audio_seconds",
            "Audio of the jobs that this server has processed to their end",
            self.audio_s.clone(),
        );
        registry.register(
            "pyannote_jobs_computing_audio_seconds",
            "Audio of the jobs that compute",
            self.computing_audio_s.clone(),
        );
        registry.register(
            "pyannote_jobs_computing_audio_done_seconds",
            "The part of pyannote_jobs_computing_audio_seconds that is complete",
            self.computed_audio_s.clone(),
        );
    }

    /// Sets the gauges.
    pub(crate) fn update(&self, jobs: &[JobInProgress]) {
        for stage in Stage::ALL {
            let labels = StageLabels {
                stage: stage.as_str(),
            };
            let count = jobs.iter().filter(|job| job.stage == stage).count();
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.jobs.get_or_create(&labels).set(count);
        }
        let (mut all_s, mut done_s) = (0.0, 0.0);
        for job in jobs.iter().filter(|job| job.stage == Stage::Computing) {
            let audio_s = job.audio.unwrap_or_default().as_secs_f64();
            all_s += audio_s;
            done_s += audio_s * job.progress;
        }
        self.computing_audio_s.set(all_s);
        self.computed_audio_s.set(done_s);
    }

    pub(super) fn observe_stage(&self, stage: Stage, time: Duration) {
        let labels = StageLabels {
            stage: stage.as_str(),
        };
        self.stage_s
            .get_or_create(&labels)
            .observe(time.as_secs_f64());
    }

    /// Counts the audio of a job that has succeeded or failed.
    pub(super) fn count_audio(&self, audio: Duration) {
        self.audio_s.inc_by(audio.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use uuid::Uuid;

    use super::*;
    use crate::engine::JobKind;

    fn job(stage: Stage, audio_s: u64, progress: f64) -> JobInProgress {
        JobInProgress {
            id: Uuid::nil(),
            team: "ada".to_owned(),
            kind: JobKind::Diarize,
            stage,
            elapsed: Duration::ZERO,
            audio: Some(Duration::from_secs(audio_s)),
            progress,
        }
    }

    #[test]
    fn stages_and_progress_of_jobs_are_encoded() {
        let metrics = WorkMetrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        metrics.update(&[
            job(Stage::Computing, 3_600, 0.5),
            job(Stage::Computing, 100, 0.25),
            job(Stage::Waiting, 7_200, 0.0),
        ]);
        metrics.observe_stage(Stage::Preparing, Duration::from_secs(3));
        metrics.count_audio(Duration::from_secs(30));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            r#"pyannote_jobs_in_progress{stage="preparing"} 0"#,
            r#"pyannote_jobs_in_progress{stage="waiting"} 1"#,
            r#"pyannote_jobs_in_progress{stage="computing"} 2"#,
            "pyannote_jobs_computing_audio_seconds 3700.0",
            "pyannote_jobs_computing_audio_done_seconds 1825.0",
            r#"pyannote_job_stage_seconds_bucket{le="5.0",stage="preparing"} 1"#,
            "pyannote_job_audio_seconds_total 30.0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        metrics.update(&[]);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let line = r#"pyannote_jobs_in_progress{stage="computing"} 0"#;
        assert!(text.contains(line), "{text}");
    }
}
