//! Sends what is due, several at once, until the workers are over.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::attempt::{Sender, Sent};
use crate::store::{Delivery, Store, StoreError};
use crate::worker::Timing;
use crate::worker::phase::{self, Phase};

/// How many are sent at once: a receiver that does not answer holds up no other.
const AT_ONCE: usize = 16;

/// How much longer than an attempt a claim lasts: what reading and writing the store may take.
const SLACK: Duration = Duration::from_secs(20);

/// Sends webhooks until the workers are over; those on their way are then still waited for.
pub(crate) async fn send_all(
    store: Store,
    sender: Sender,
    timing: Timing,
    mut seen: watch::Receiver<Phase>,
) {
    let mut under_way = JoinSet::new();
    while !phase::is_past(&seen, Phase::Over) {
        while under_way.try_join_next().is_some() {}
        let lease = timing.webhook_timeout + SLACK;
        let room = under_way.len() < AT_ONCE;
        if room {
            match store.claim_delivery(lease).await {
                Ok(Some(delivery)) => {
                    let (store, sender) = (store.clone(), sender.clone());
                    let delays = timing.webhook_delays;
                    under_way.spawn(async move { send(&store, &sender, delays, delivery).await });
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "no webhook could be taken"),
            }
        }
        let until_next = match store.next_delivery().await {
            Ok(Some(wait)) if room => wait.clamp(Duration::from_millis(1), timing.poll),
            _ => timing.poll,
        };
        tokio::select! {
            () = phase::reached(&mut seen, Phase::Over) => {}
            () = store.due() => {}
            () = tokio::time::sleep(until_next) => {}
            Some(_) = under_way.join_next() => {}
        }
    }
    while under_way.join_next().await.is_some() {}
}

async fn send(store: &Store, sender: &Sender, delays: [Duration; 3], delivery: Delivery) {
    let sent = sender.attempt(&delivery).await;
    if let Err(error) = write_down(store, delays, &delivery, &sent).await {
        // It stays claimed, and is sent again when the claim has run out.
        tracing::warn!(job = delivery.job_id, %error, "what became of a webhook is not written down");
    }
}

async fn write_down(
    store: &Store,
    delays: [Duration; 3],
    delivery: &Delivery,
    sent: &Sent,
) -> Result<(), StoreError> {
    let job = &*delivery.job_id;
    match sent {
        Sent::Taken => tracing::info!(job, "the webhook was taken"),
        Sent::Never(why) => tracing::warn!(job, why, "the webhook is not sent"),
        Sent::Failed(reason) => {
            let reason = reason.as_str();
            if let Some(delay) = delays.get(delivery.failures) {
                tracing::info!(job, reason, ?delay, "the webhook failed, and is sent again");
                return store.retry_delivery(delivery, reason, *delay).await;
            }
            tracing::warn!(job, reason, "the webhook failed for the last time");
        }
    }
    store.drop_delivery(delivery).await
}
