//! One job, from its claim to its end.
//!
//! The engine works in a task of its own: a panic ends that task and no more, and the lease is renewed beside it.
//! Where the lease is lost, the task is stopped before another worker may begin. An engine that blocks its thread
//! cannot be stopped that way; one that computes for long does so on a thread for blocking work, and looks now and then
//! whether its future is still there. Whatever such an engine returns, only the holder of the claim can write it.

use std::any::Any;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};

use super::phase::{self, Phase};
use super::{Timing, WorkerConfig};
use crate::engine::{EngineError, EngineJob, JobKind};
use crate::store::{Claim, Job, Outcome};

/// The longest recording that a voiceprint is made of, in seconds.
const VOICEPRINT_SECONDS: f64 = 30.0;
/// How long a stopped engine may take to let go when the server stops.
const LET_GO: Duration = Duration::from_secs(1);

type Work = JoinHandle<Result<Value, EngineError>>;

/// A job that is worked on.
pub(super) struct Run<'a> {
    pub(super) config: &'a WorkerConfig,
    pub(super) timing: &'a Timing,
    pub(super) claim: &'a Claim,
}

/// Why the engine is no longer waited for.
enum Stopped {
    /// It has ended.
    Ended(Result<Result<Value, EngineError>, JoinError>),
    /// It took too long.
    TooLong,
    /// The job is no longer ours, or nobody can tell: canceled, or the database was away.
    Lost,
    /// The server stops.
    Over,
}

impl Run<'_> {
    /// Works on the job until it ended, was lost, or the server stops.
    pub(super) async fn until_end(self, held_until: Instant, seen: &mut watch::Receiver<Phase>) {
        let mut work = tokio::spawn(process(self.config.clone(), self.claim.job.clone()));
        let job = self.claim.job.id;
        match self.wait(&mut work, held_until, seen).await {
            Stopped::Ended(result) => self.finish(&outcome(result), seen).await,
            Stopped::TooLong => {
                work.abort();
                let limit = self.timing.time_limit;
                self.finish(&Err(format!("the job took longer than {limit:?}")), seen)
                    .await;
                // The lane is free when the engine has let go, not before.
                let _ = work.await;
            }
            Stopped::Lost => {
                work.abort();
                tracing::warn!(%job, "the job was canceled, or its lease was lost: the work is dropped");
                let _ = work.await;
            }
            Stopped::Over => {
                work.abort();
                // An engine that does not let go keeps its lease. The job is taken up when that has run out.
                if timeout(LET_GO, work).await.is_ok()
                    && let Err(error) = self.config.store.give_back(self.claim).await
                {
                    tracing::warn!(%job, %error, "the job waits for its lease to run out");
                }
            }
        }
    }

    async fn wait(
        &self,
        work: &mut Work,
        mut held_until: Instant,
        seen: &mut watch::Receiver<Phase>,
    ) -> Stopped {
        let beat = self.timing.lease / 3;
        let too_long = sleep_until(Instant::now() + self.timing.time_limit);
        tokio::pin!(too_long);
        let mut beats = interval_at(Instant::now() + beat, beat.max(Duration::from_millis(1)));
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Some way before the lease ends, since stopping takes its time.
            let in_time = held_until - beat / 2;
            tokio::select! {
                biased;
                result = &mut *work => return Stopped::Ended(result),
                () = &mut too_long => return Stopped::TooLong,
                () = phase::reached(seen, Phase::Over) => return Stopped::Over,
                () = sleep_until(in_time) => return Stopped::Lost,
                _ = beats.tick() => {}
            }
            let asked_at = Instant::now();
            let renewed = self.config.store.renew(self.claim, self.timing.lease);
            match tokio::time::timeout_at(in_time, renewed).await {
                Ok(Ok(true)) => held_until = asked_at + self.timing.lease,
                Ok(Ok(false)) => return Stopped::Lost,
                Ok(Err(error)) => tracing::warn!(%error, "a lease was not renewed"),
                Err(_) => return Stopped::Lost,
            }
        }
    }

    /// Writes the end down. A result of hours is not thrown away because the database is away: this goes on until it is
    /// written, or another has the job.
    async fn finish(&self, outcome: &Outcome, seen: &mut watch::Receiver<Phase>) {
        let job = self.claim.job.id;
        loop {
            match self.config.store.finish(self.claim, outcome).await {
                Ok(true) => return tracing::info!(%job, ok = outcome.is_ok(), "the job ended"),
                Ok(false) => return tracing::warn!(%job, "the job ended, but was no longer held"),
                Err(error) => tracing::warn!(%job, %error, "the end of the job is not written yet"),
            }
            tokio::select! {
                () = phase::reached(seen, Phase::Over) => return,
                () = sleep(self.timing.poll) => {}
            }
        }
    }
}

/// Fetches the recording where the engine hears it, and lets the engine work.
async fn process(config: WorkerConfig, job: Job) -> Result<Value, EngineError> {
    let recording = if config.engine.needs_audio() {
        let url = job.request.get("url").and_then(Value::as_str);
        let url = url.ok_or_else(|| EngineError("the request names no url".into()))?;
        let source = config.audio.as_ref();
        let source = source.ok_or_else(|| {
            EngineError("this server has nowhere to fetch recordings from".into())
        })?;
        let max_seconds = (job.kind == JobKind::Voiceprint).then_some(VOICEPRINT_SECONDS);
        Some(source.recording(&job.team, url, max_seconds).await?)
    } else {
        None
    };
    let job = EngineJob::new(job.id.to_string(), job.kind, job.request, recording);
    config.engine.process(job).await
}

fn outcome(result: Result<Result<Value, EngineError>, JoinError>) -> Outcome {
    match result {
        Ok(result) => result.map_err(|error| error.0),
        Err(error) => Err(match error.try_into_panic() {
            Ok(panic) => format!("the engine panicked: {}", message(&*panic)),
            Err(error) => format!("the engine stopped: {error}"),
        }),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it does not say why")
}
