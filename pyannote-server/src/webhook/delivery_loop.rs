//! Loop that sends due webhooks, several at once.

use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};

use super::retry_reason::RetryReason;
use super::sender::{Attempt, Sender};
use crate::backoff::Backoff;
use crate::error::Chain;
use crate::host_shares::{self, Transfer};
use crate::shutdown::Shutdown;
use crate::store::{Busy, Delivery, Store, StoreError};

/// Maximum number of concurrent deliveries. [`host_shares`] shares them, so that an unresponsive receiver does not delay
/// the others.
const MAX_CONCURRENT: usize = 16;

/// How much longer than an attempt a claim lasts, to leave time for reading and writing the store.
const CLAIM_MARGIN: Duration = Duration::from_secs(20);

/// When webhooks are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// How often the store is polled for webhooks that other processes have queued.
    pub(crate) poll_interval: Duration,
    /// Delays before the first, second and third retry.
    pub(crate) retry_delays: [Duration; 3],
}

/// A delivery in progress.
struct InProgress {
    task: AbortHandle,
    team: String,
    host: String,
}

/// Returns for whom no more deliveries may start, or `None` if for nobody.
fn busy(in_progress: &[InProgress]) -> Option<Busy> {
    let transfers = in_progress.iter().map(|delivery| Transfer {
        team: &delivery.team,
        host: &delivery.host,
    });
    host_shares::busy(&transfers.collect::<Vec<_>>(), MAX_CONCURRENT)
}

/// Sends webhooks until no job is running any more, and then those that are due. Abandons attempts that are still in
/// progress when the shutdown aborts: they are made again after their claims have expired.
pub(crate) async fn deliver(store: Store, sender: Sender, schedule: Schedule, shutdown: Shutdown) {
    let mut attempts = JoinSet::new();
    let mut in_progress: Vec<InProgress> = Vec::new();
    let mut backoff = Backoff::new(schedule.poll_interval);
    while !shutdown.abort.is_cancelled() {
        while attempts.try_join_next().is_some() {}
        in_progress.retain(|delivery| !delivery.task.is_finished());
        let mut wait = schedule.poll_interval;
        // Read before the claim, so that no webhook of the last job is missed.
        let are_jobs_done = shutdown.jobs_done.is_cancelled();
        if let Some(busy) = busy(&in_progress) {
            let lease = sender.timeout() + CLAIM_MARGIN;
            match store.claim_delivery(lease, &busy).await {
                Ok(Some(delivery)) => {
                    backoff.reset();
                    let (team, host) = (delivery.team.clone(), delivery.host.clone());
                    let (store, sender) = (store.clone(), sender.clone());
                    let task = attempts.spawn(send(store, sender, schedule, delivery));
                    in_progress.push(InProgress { task, team, host });
                    continue;
                }
                // Others may be due, but wait for their share.
                Ok(None) if are_jobs_done && busy.is_empty() => break,
                Ok(None) => {
                    backoff.reset();
                    if let Ok(Some(due)) = store.next_delivery(&busy).await {
                        wait = due.clamp(Duration::from_millis(1), wait);
                    }
                }
                // If a claim was committed all the same, the webhook is due again after it has expired.
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "failed to claim a webhook");
                    if are_jobs_done {
                        break;
                    }
                    wait = backoff.next_delay();
                }
            }
        }
        tokio::select! {
            () = shutdown.abort.cancelled() => {}
            () = shutdown.jobs_done.cancelled(), if !are_jobs_done => {}
            () = store.delivery_due() => {}
            () = tokio::time::sleep(wait) => {}
            Some(_) = attempts.join_next() => {}
        }
    }
    let drained = async { while attempts.join_next().await.is_some() {} };
    tokio::select! {
        () = shutdown.abort.cancelled() => {}
        () = drained => {}
    }
    attempts.shutdown().await;
}

/// Tries to deliver a webhook, and records the result. Waits while the disk is full, since the webhook would otherwise
/// be sent once more.
async fn send(store: Store, sender: Sender, schedule: Schedule, delivery: Delivery) {
    let attempt = attempt(&store, &sender, &delivery).await;
    let mut backoff = Backoff::new(schedule.poll_interval);
    let mut hold = None;
    while let Err(error) = record(&store, schedule.retry_delays, &delivery, &attempt).await {
        let job = &*delivery.job_id;
        tracing::error!(job, error = %Chain(&error), "failed to record the result of a webhook");
        if !error.is_full() {
            // The delivery stays claimed, and is sent again after the claim has expired.
            return;
        }
        hold.get_or_insert_with(|| store.hold_claims());
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

/// Tries to deliver a webhook. One whose body cannot be read counts as a failure, so that it does not keep its job for
/// ever.
async fn attempt(store: &Store, sender: &Sender, delivery: &Delivery) -> Attempt {
    match store.delivery_body(delivery).await {
        Ok(body) => sender.attempt(delivery, body).await,
        Err(error) => {
            let job = &*delivery.job_id;
            tracing::error!(job, error = %Chain(&error), "failed to read the body of a webhook");
            Attempt::Failed(RetryReason::Unknown)
        }
    }
}

/// Records the result of an attempt: deletes the delivery, or schedules a retry.
async fn record(
    store: &Store,
    retry_delays: [Duration; 3],
    delivery: &Delivery,
    attempt: &Attempt,
) -> Result<(), StoreError> {
    let job = &*delivery.job_id;
    if let Attempt::Failed(reason) = attempt
        && let Some(delay) = retry_delays.get(delivery.failures)
    {
        let reason = reason.as_str();
        store.retry_delivery(delivery, reason, *delay).await?;
        tracing::info!(job, reason, ?delay, "the webhook failed; retrying");
        return Ok(());
    }
    store.delete_delivery(delivery).await?;
    match attempt {
        Attempt::Delivered => tracing::info!(job, "the webhook was delivered"),
        Attempt::Undeliverable(reason) => tracing::warn!(job, reason, "the webhook was not sent"),
        Attempt::Failed(reason) => {
            let reason = reason.as_str();
            tracing::warn!(
                job,
                reason,
                "the webhook failed; giving up after the last retry"
            );
        }
    }
    Ok(())
}
