//! Processing of one claimed job.
//!
//! The recording is loaded, the job waits for a lane, and the engine runs. Loading and the engine run in tasks of their
//! own, so that a panic ends only that task, while the lease is renewed beside it. If the lease is lost, the task is
//! aborted before another worker may claim the job. Until the engine runs, nothing is lost if the server shuts down, so
//! the job is returned to the queue at once. An engine that blocks its thread cannot be aborted: it should
//! compute in `spawn_blocking`, and check regularly whether its future has been dropped. Whatever such an engine
//! returns, only the holder of the claim can write a result.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::lanes::{Lanes, Ticket};
use super::lease::{Interrupt, Lease};
use super::loading::{Audio, Loaded, load};
use super::{Timing, WorkerConfig};
use crate::backoff::Backoff;
use crate::engine::{EngineError, EngineJob};
use crate::error::{Chain, panic_message};
use crate::shutdown::Shutdown;
use crate::store::{Claim, Outcome, Return, ReturnAfter, Status};

/// How long an aborted engine may take to stop when the server shuts down.
const ABORT_TIMEOUT: Duration = Duration::from_secs(1);
/// How much progress is worth a line in the log.
const LOGGED_PROGRESS: f64 = 0.1;

/// A claimed job that is being processed.
pub(super) struct JobRun {
    config: WorkerConfig,
    timing: Timing,
    shutdown: Shutdown,
    lanes: Lanes,
    claim: Claim,
    ticket: Arc<Ticket>,
    started_at: Instant,
}

impl JobRun {
    pub(super) fn new(
        config: &WorkerConfig,
        timing: &Timing,
        shutdown: &Shutdown,
        lanes: &Lanes,
        claim: Claim,
    ) -> Self {
        Self {
            config: config.clone(),
            timing: timing.clone(),
            shutdown: shutdown.clone(),
            lanes: lanes.clone(),
            ticket: Arc::new(lanes.enter(&claim.job)),
            claim,
            started_at: Instant::now(),
        }
    }

    /// Processes the job until it ends, is put back, its lease is lost, or the server shuts down.
    pub(super) async fn run(self, claimed_at: Instant, cancellations: watch::Receiver<()>) {
        let job = &self.claim.job;
        tracing::info!(job = %job.id, kind = job.kind.as_str(), attempt = job.attempts, "a worker took the job");
        let mut lease = Lease::new(
            &self.config.store,
            &self.claim,
            self.timing.lease,
            claimed_at,
            cancellations,
        );
        let audio = if self.config.engine.needs_audio() {
            match self.load(&mut lease).await {
                Some(audio) => audio,
                None => return,
            }
        } else {
            Audio::default()
        };
        if self.wait_for_lane(&mut lease).await {
            self.compute(&mut lease, audio).await;
        }
    }

    /// Loads the recording. Returns `None` if the job has ended or was returned to the queue.
    async fn load(&self, lease: &mut Lease<'_>) -> Option<Audio> {
        let (job, ticket) = (self.claim.job.clone(), Arc::clone(&self.ticket));
        let task = tokio::spawn(load(self.config.clone(), self.timing.clone(), job, ticket));
        let stop = &self.shutdown.drain;
        match self
            .finish_task(lease, "loading", task, stop, || ())
            .await?
        {
            Ok(Loaded::Audio(audio)) => Some(audio),
            Ok(Loaded::Return(how)) => {
                self.give_back(&how).await;
                None
            }
            Err(message) => {
                self.write_outcome(&Err(message)).await;
                None
            }
        }
    }

    /// Waits until the job may compute. Returns `false` if the job was returned to the queue, where another server may have
    /// a free lane.
    async fn wait_for_lane(&self, lease: &mut Lease<'_>) -> bool {
        let stop = &self.shutdown.drain;
        match lease.hold(self.ticket.lane(), None, stop, || ()).await {
            Ok(()) => return true,
            Err(Interrupt::ShuttingDown) => self.give_back(&Return::default()).await,
            Err(Interrupt::LeaseLost | Interrupt::TimedOut) => self.lose().await,
        }
        false
    }

    /// Runs the engine, and writes the result.
    async fn compute(&self, lease: &mut Lease<'_>, audio: Audio) {
        let job = self.claim.job.clone();
        let id = job.id;
        tracing::info!(job = %id, audio = ?audio.duration(), "the job began to compute");
        let engine = Arc::clone(&self.config.engine);
        let progress = self.ticket.progress();
        let mut engine_job = EngineJob::new(id.to_string(), job.kind, job.request, audio.recording);
        engine_job.channels = audio.channels;
        engine_job.progress = progress.clone();
        let task = tokio::spawn(async move { engine.process(engine_job).await });
        let mut logged = 0.0;
        let log_progress = || {
            let fraction = progress.fraction();
            if fraction - logged >= LOGGED_PROGRESS {
                logged = fraction;
                tracing::info!(job = %id, percent = (100.0 * fraction).round(), "the job computes");
            }
        };
        let stop = &self.shutdown.abort;
        if let Some(outcome) = self
            .finish_task(lease, "the engine", task, stop, log_progress)
            .await
        {
            self.write_outcome(&outcome).await;
        }
    }

    /// Waits for a task of the job, up to the time limit or the shutdown `stop`. `name` is for errors. Returns `None` if it
    /// was interrupted; then the job has ended or was returned to the queue, and the task has stopped.
    async fn finish_task<T>(
        &self,
        lease: &mut Lease<'_>,
        name: &str,
        mut task: JoinHandle<Result<T, EngineError>>,
        stop: &CancellationToken,
        on_renewal: impl FnMut(),
    ) -> Option<Result<T, String>> {
        let limit = Some(Instant::now() + self.timing.time_limit);
        let interrupt = match lease.hold(&mut task, limit, stop, on_renewal).await {
            Ok(result) => return Some(flatten(name, result)),
            Err(interrupt) => interrupt,
        };
        task.abort();
        match interrupt {
            Interrupt::TimedOut => {
                let limit = self.timing.time_limit;
                let error = format!("the job exceeded the time limit of {limit:?}");
                self.write_outcome(&Err(error)).await;
                // The next job may start only when the engine has stopped.
                let _ = task.await;
            }
            Interrupt::LeaseLost => {
                // Only then may the next worker claim the job.
                let _ = task.await;
                self.lose().await;
            }
            Interrupt::ShuttingDown => {
                let after = match timeout(ABORT_TIMEOUT, task).await {
                    Ok(_) => ReturnAfter::default(),
                    // The engine does not stop, so nobody else may claim the job yet.
                    Err(_) => ReturnAfter::Lease,
                };
                let how = Return {
                    after,
                    ..Return::default()
                };
                self.give_back(&how).await;
            }
        }
        None
    }

    /// Writes the job's outcome to the store. Retries while the database is full or unavailable, so that the result of
    /// hours of work is not lost, until another worker has claimed the job or the server shuts down. After the retry
    /// limit, it tries to write only why the result is missing.
    async fn write_outcome(&self, outcome: &Outcome) {
        let (job, store) = (self.claim.job.id, &self.config.store);
        let limit = Instant::now() + self.timing.result_retry_limit;
        let mut backoff = Backoff::new(self.timing.poll_interval);
        let mut failure = None;
        let mut hold = None;
        loop {
            let outcome = failure.as_ref().unwrap_or(outcome);
            let error = match store.finish(&self.claim, outcome).await {
                Ok(true) => return self.note_end(outcome),
                Ok(false) => return self.lose().await,
                Err(error) => error,
            };
            tracing::error!(%job, error = %Chain(&error), "failed to write the job's result; retrying");
            if error.is_full() && hold.is_none() {
                hold = Some(store.hold_claims());
            }
            if Instant::now() >= limit && failure.is_none() {
                let text = format!("the result could not be stored: {}", Chain(&error));
                failure = Some(Err(text));
                continue;
            }
            // The result may be too large for a disk that still has room for a renewed lease.
            let _ = store.renew(&self.claim, self.timing.lease).await;
            tokio::select! {
                () = self.shutdown.abort.cancelled() => {
                    return tracing::error!(%job, "the job's result could not be written before the shutdown and is lost");
                }
                () = sleep(backoff.next_delay()) => {}
            }
        }
    }

    /// Logs the end of the job, and counts its audio. The store counts the job.
    fn note_end(&self, outcome: &Outcome) {
        let job = self.claim.job.id;
        let elapsed = self.started_at.elapsed();
        match outcome {
            Ok(_) => tracing::info!(%job, ?elapsed, "the job succeeded"),
            Err(error) => tracing::warn!(%job, ?elapsed, error, "the job failed"),
        }
        self.lanes.metrics().count_audio(self.ticket.audio());
    }

    /// Logs why the job's result is dropped. A lost lease does not count as an attempt.
    async fn lose(&self) {
        let job = self.claim.job.id;
        match self.config.store.status(job).await {
            Ok(Some(Status::Canceled)) => {
                return tracing::info!(%job, "stopped processing a canceled job");
            }
            _ => tracing::warn!(%job, "the job's lease was lost; dropping its result"),
        }
        self.end_claim(&Return::default()).await;
    }

    /// Returns the job to the queue.
    async fn give_back(&self, how: &Return) {
        if self.end_claim(how).await {
            tracing::info!(job = %self.claim.job.id, "the job was returned to the queue");
        }
    }

    /// Ends the claim without an outcome. Retries while the database is full or unavailable, until the server shuts down:
    /// then returns `false`.
    async fn end_claim(&self, how: &Return) -> bool {
        let job = self.claim.job.id;
        let mut backoff = Backoff::new(self.timing.poll_interval);
        while let Err(error) = self.config.store.give_back(&self.claim, how).await {
            tracing::warn!(%job, error = %Chain(&error), "failed to return the job to the queue; retrying");
            tokio::select! {
                () = self.shutdown.abort.cancelled() => {
                    tracing::warn!(%job, "the job waits for its lease to expire");
                    return false;
                }
                () = sleep(backoff.next_delay()) => {}
            }
        }
        true
    }
}

/// The result of a task, with the message if it failed or panicked.
fn flatten<T>(task: &str, result: Result<Result<T, EngineError>, JoinError>) -> Result<T, String> {
    match result {
        Ok(result) => result.map_err(|error| error.0),
        Err(error) => Err(match error.try_into_panic() {
            Ok(panic) => format!("{task} panicked: {}", panic_message(&*panic)),
            Err(error) => format!("{task} was aborted: {error}"),
        }),
    }
}
