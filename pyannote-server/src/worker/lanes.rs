//! The claimed jobs of this process, and the lanes in which they compute.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use super::metrics::WorkMetrics;
use super::schedule::{self, Place, Stage};
use crate::engine::{JobKind, JobProgress};
use crate::store::{ClaimFilter, Job, remote_host};

/// A job that a worker of this process has claimed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobInProgress {
    /// Unique id.
    pub id: Uuid,
    /// Team of the API key that submitted the job.
    pub team: String,
    /// Kind of the job.
    pub kind: JobKind,
    /// What the worker does with the job.
    pub stage: Stage,
    /// How long the job has been in this stage.
    pub elapsed: Duration,
    /// Duration of the recording, once it is known. With several channels, of all of them together.
    pub audio: Option<Duration>,
    /// The fraction of the computation that is complete, 0 to 1.
    pub progress: f64,
}

/// Lanes, and the jobs that use them or wait for them. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Lanes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    lanes: usize,
    /// Whether jobs have recordings that are fetched and decoded.
    prepares: bool,
    /// In the order of the claims.
    jobs: Mutex<Vec<ClaimedJob>>,
    /// Tells that a job has left, or has got a lane.
    changed: Notify,
    metrics: WorkMetrics,
}

#[derive(Debug)]
struct ClaimedJob {
    number: u64,
    id: Uuid,
    team: String,
    kind: JobKind,
    stage: Stage,
    since: Instant,
    audio: Option<Duration>,
    /// Host that the recording is fetched from, unless it was uploaded.
    host: Option<String>,
    progress: JobProgress,
    /// Gives the job a lane.
    start: Option<oneshot::Sender<()>>,
}

impl ClaimedJob {
    fn place(&self) -> Place<'_> {
        Place {
            stage: self.stage,
            elapsed: self.since.elapsed(),
            audio: self.audio,
            team: &self.team,
            host: self.host.as_deref(),
        }
    }
}

impl Lanes {
    pub(crate) fn new(lanes: usize, prepares: bool) -> Self {
        Self(Arc::new(Shared {
            lanes,
            prepares,
            jobs: Mutex::default(),
            changed: Notify::new(),
            metrics: WorkMetrics::default(),
        }))
    }

    pub(crate) fn metrics(&self) -> &WorkMetrics {
        &self.0.metrics
    }

    /// Number of claimed jobs.
    pub(crate) fn len(&self) -> usize {
        self.0.jobs().len()
    }

    /// The claimed jobs, in the order of their claims.
    pub(crate) fn jobs(&self) -> Vec<JobInProgress> {
        let jobs = self.0.jobs();
        let jobs = jobs.iter().map(|job| JobInProgress {
            id: job.id,
            team: job.team.clone(),
            kind: job.kind,
            stage: job.stage,
            elapsed: job.since.elapsed(),
            audio: job.audio,
            progress: job.progress.fraction(),
        });
        jobs.collect()
    }

    /// Which jobs may be claimed now: filters to try one after another.
    pub(super) fn admission(&self) -> Vec<ClaimFilter> {
        schedule::admission(&places(&self.0.jobs()), self.0.lanes, self.0.prepares)
    }

    /// Waits until more may be claimed than before.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Adds a claimed job, which is being prepared.
    pub(super) fn enter(&self, job: &Job) -> Ticket {
        let mut jobs = self.0.jobs();
        let number = jobs.last().map_or(0, |last| last.number + 1);
        let progress = JobProgress::default();
        jobs.push(ClaimedJob {
            number,
            id: job.id,
            team: job.team.clone(),
            kind: job.kind,
            stage: Stage::Preparing,
            since: Instant::now(),
            audio: job.audio,
            host: remote_host(&job.request),
            progress: progress.clone(),
            start: None,
        });
        Ticket {
            lanes: self.clone(),
            number,
            progress,
        }
    }
}

impl Shared {
    fn jobs(&self) -> MutexGuard<'_, Vec<ClaimedJob>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves a job to a stage.
    fn advance(&self, job: &mut ClaimedJob, stage: Stage) {
        self.metrics.observe_stage(job.stage, job.since.elapsed());
        job.stage = stage;
        job.since = Instant::now();
    }

    /// Gives the free lanes to waiting jobs.
    fn fill_lanes(&self, jobs: &mut [ClaimedJob]) {
        while let Some(next) = schedule::next(&places(jobs), self.lanes) {
            let job = &mut jobs[next];
            self.advance(job, Stage::Computing);
            if let Some(start) = job.start.take() {
                // Fails if the job is just leaving, which fills the lane again.
                let _ = start.send(());
            }
        }
    }
}

fn places(jobs: &[ClaimedJob]) -> Vec<Place<'_>> {
    jobs.iter().map(ClaimedJob::place).collect()
}

/// The place of a claimed job, until it is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    lanes: Lanes,
    number: u64,
    progress: JobProgress,
}

impl Ticket {
    /// Duration of the recording, or zero if it is unknown.
    pub(super) fn audio(&self) -> Duration {
        let jobs = self.lanes.0.jobs();
        let job = jobs.iter().find(|job| job.number == self.number);
        job.and_then(|job| job.audio).unwrap_or_default()
    }

    /// The progress of the computation, for the engine.
    pub(super) fn progress(&self) -> &JobProgress {
        &self.progress
    }

    /// Notes the duration of the recording. Returns whether the job is put back into the queue, since other long jobs
    /// come first.
    pub(super) fn note_audio(&self, audio: Duration) -> bool {
        let mut jobs = self.lanes.0.jobs();
        if let Some(job) = jobs.iter_mut().find(|job| job.number == self.number) {
            job.audio = Some(audio);
        }
        let others = jobs.iter().filter(|job| job.number != self.number);
        let others: Vec<_> = others.map(ClaimedJob::place).collect();
        let is_put_back = schedule::is_put_back(audio, &others);
        drop(jobs);
        // A long job no longer counts among those that come next.
        self.lanes.0.changed.notify_one();
        is_put_back
    }

    /// Waits for a lane. If it is dropped before that, the job leaves only with its ticket.
    pub(super) async fn lane(&self) {
        let (start, started) = oneshot::channel();
        {
            let shared = &self.lanes.0;
            let mut jobs = shared.jobs();
            if let Some(job) = jobs.iter_mut().find(|job| job.number == self.number) {
                shared.advance(job, Stage::Waiting);
                job.start = Some(start);
            }
            shared.fill_lanes(&mut jobs);
        }
        if started.await.is_ok() {
            self.lanes.0.changed.notify_one();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let shared = &self.lanes.0;
        let mut jobs = shared.jobs();
        if let Some(index) = jobs.iter().position(|job| job.number == self.number) {
            let job = jobs.remove(index);
            shared.metrics.observe_stage(job.stage, job.since.elapsed());
        }
        shared.fill_lanes(&mut jobs);
        drop(jobs);
        shared.changed.notify_one();
    }
}
