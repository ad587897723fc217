//! Processing of one claimed job.
//!
//! The engine runs in its own task, so that a panic ends only that task, while the lease is renewed beside it. If the
//! lease is lost, the task is aborted before another worker may claim the job. An engine that blocks its thread cannot
//! be aborted: it should compute in `spawn_blocking`, and check regularly whether its future has been dropped. Whatever
//! such an engine returns, only the holder of the claim can write a result.

use std::time::Duration;

use serde_json::Value;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};

use super::{Timing, WorkerConfig};
use crate::backoff::Backoff;
use crate::engine::{EngineError, EngineJob, JobKind, JobOutput};
use crate::error::{Chain, panic_message};
use crate::shutdown::Shutdown;
use crate::store::{Claim, Job, Outcome};

/// Maximum length of a recording for a voiceprint.
const MAX_VOICEPRINT_S: f64 = 30.0;
/// How long an aborted engine may take to stop when the server shuts down.
const ABORT_TIMEOUT: Duration = Duration::from_secs(1);

type EngineTask = JoinHandle<Result<JobOutput, EngineError>>;

/// A claimed job that is being processed.
pub(super) struct JobRun<'a> {
    pub(super) config: &'a WorkerConfig,
    pub(super) timing: &'a Timing,
    pub(super) claim: &'a Claim,
    pub(super) shutdown: &'a Shutdown,
}

/// Why the run stopped waiting for the engine.
enum Stopped {
    /// The engine finished or panicked.
    Finished(Result<Result<JobOutput, EngineError>, JoinError>),
    /// The time limit was exceeded.
    TimedOut,
    /// The job was canceled, or the lease was lost or could not be renewed in time.
    LeaseLost,
    /// The server is shutting down.
    ShuttingDown,
}

impl JobRun<'_> {
    /// Processes the job until it ends, its lease is lost, or the server shuts down.
    pub(super) async fn run(self, lease_end: Instant) {
        let mut task = tokio::spawn(process(self.config.clone(), self.claim.job.clone()));
        let job = self.claim.job.id;
        match self.wait(&mut task, lease_end).await {
            Stopped::Finished(result) => self.write_outcome(&outcome(result)).await,
            Stopped::TimedOut => {
                task.abort();
                let limit = self.timing.time_limit;
                let error = format!("the job exceeded the time limit of {limit:?}");
                self.write_outcome(&Err(error)).await;
                // The next job may start only when the engine has stopped.
                let _ = task.await;
            }
            Stopped::LeaseLost => {
                task.abort();
                tracing::warn!(%job, "the job was canceled or its lease was lost; dropping its result");
                let _ = task.await;
            }
            Stopped::ShuttingDown => {
                task.abort();
                let store = &self.config.store;
                let released = match timeout(ABORT_TIMEOUT, task).await {
                    Ok(_) => store.release(self.claim).await,
                    // The engine does not stop, so nobody else may claim the job yet.
                    Err(_) => store.release_after_lease(self.claim).await,
                };
                match released {
                    Ok(()) => tracing::info!(%job, "the job was returned to the queue"),
                    Err(error) => {
                        let error = Chain(&error);
                        tracing::warn!(%job, %error, "failed to return the job to the queue; it waits for its lease to expire");
                    }
                }
            }
        }
    }

    /// Waits for the engine, and renews the lease meanwhile.
    async fn wait(&self, task: &mut EngineTask, mut lease_end: Instant) -> Stopped {
        let renew_interval = self.timing.lease / 3;
        let mut time_limit = std::pin::pin!(sleep(self.timing.time_limit));
        let mut renewals = interval_at(
            Instant::now() + renew_interval,
            renew_interval.max(Duration::from_millis(1)),
        );
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Gives up before the lease ends, since aborting the engine takes time.
            let deadline = lease_end - renew_interval / 2;
            tokio::select! {
                biased;
                result = &mut *task => return Stopped::Finished(result),
                () = &mut time_limit => return Stopped::TimedOut,
                () = self.shutdown.abort.cancelled() => return Stopped::ShuttingDown,
                () = sleep_until(deadline) => return Stopped::LeaseLost,
                _ = renewals.tick() => {}
            }
            let renewed_at = Instant::now();
            let renewal = self.config.store.renew(self.claim, self.timing.lease);
            match tokio::time::timeout_at(deadline, renewal).await {
                Ok(Ok(true)) => lease_end = renewed_at + self.timing.lease,
                Ok(Ok(false)) => return Stopped::LeaseLost,
                Ok(Err(error)) => {
                    tracing::warn!(error = %Chain(&error), "failed to renew a lease");
                }
                Err(_) => return Stopped::LeaseLost,
            }
        }
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
            let error = match store.finish(self.claim, outcome).await {
                Ok(true) => return tracing::info!(%job, ok = outcome.is_ok(), "the job ended"),
                Ok(false) => {
                    return tracing::warn!(%job, "the job was no longer claimed; dropping its result");
                }
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
            let _ = store.renew(self.claim, self.timing.lease).await;
            tokio::select! {
                () = self.shutdown.abort.cancelled() => {
                    return tracing::error!(%job, "the job's result could not be written before the shutdown and is lost");
                }
                () = sleep(backoff.next_delay()) => {}
            }
        }
    }
}

/// Loads the recording, if the engine needs it, and runs the engine.
async fn process(config: WorkerConfig, job: Job) -> Result<JobOutput, EngineError> {
    let (mut recording, mut channels) = (None, Vec::new());
    if config.engine.needs_audio() {
        let url = job.request.get("url").and_then(Value::as_str);
        let url = url.ok_or_else(|| EngineError("the request has no `url`".into()))?;
        let source = config.audio.as_ref();
        let source =
            source.ok_or_else(|| EngineError("this server has no source of recordings".into()))?;
        let max_seconds = (job.kind == JobKind::Voiceprint).then_some(MAX_VOICEPRINT_S);
        if config.engine.needs_channels(job.kind, &job.request) {
            channels = source.channels(&job.team, url, max_seconds).await?;
        } else {
            recording = Some(source.recording(&job.team, url, max_seconds).await?);
        }
    }
    let mut job = EngineJob::new(job.id.to_string(), job.kind, job.request, recording);
    job.channels = channels;
    config.engine.process(job).await
}

fn outcome(result: Result<Result<JobOutput, EngineError>, JoinError>) -> Outcome {
    match result {
        Ok(result) => result.map_err(|error| error.0),
        Err(error) => Err(match error.try_into_panic() {
            Ok(panic) => format!("the engine panicked: {}", panic_message(&*panic)),
            Err(error) => format!("the engine was aborted: {error}"),
        }),
    }
}
