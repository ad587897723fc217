//! A stream whose client is connected.

use std::sync::Arc;

use hyper::upgrade::OnUpgrade;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

use super::diarization::{Chunk, Diarization, Output};
use super::end::End;
use super::lease::Lease;
use super::rules::{Rules, Step};
use super::socket::Socket;
use super::{CHUNK, Live, message};
use crate::backoff::Backoff;
use crate::error::Chain;
use crate::store::StreamClaim;

/// How long writing the status may delay the close frame.
const STATUS_TIMEOUT: Duration = Duration::from_secs(2);
/// Delay before the first attempt to write the status again.
const STATUS_RETRY_DELAY: Duration = Duration::from_millis(200);
/// How long the status is tried to be written, for example because the disk is full. After that, the stream counts as
/// lost.
const STATUS_RETRY_LIMIT: Duration = Duration::from_secs(60 * 60);

/// A stream that was claimed for a connection.
pub(super) struct Session {
    pub(super) live: Arc<Live>,
    pub(super) claim: StreamClaim,
    pub(super) lease: Lease,
    pub(super) diarization: Diarization,
    pub(super) slot: OwnedSemaphorePermit,
}

impl Session {
    /// Serves the connection until the stream ends.
    pub(super) async fn run(mut self, upgrade: OnUpgrade) {
        let (live, stream) = (Arc::clone(&self.live), self.claim.id);
        let open = live.metrics.open_stream();
        let shutdown = &live.shutdown;
        let mut rules = Rules::new(live.limits, Instant::now());
        let mut socket = None;
        let exchange = async {
            let upgraded = match timeout(live.limits.client_timeout, upgrade).await {
                Ok(Ok(upgraded)) => upgraded,
                Ok(Err(_)) => return End::Disconnected,
                Err(_) => return End::Unresponsive,
            };
            let socket = socket.insert(Socket::new(upgraded, live.limits.client_timeout).await);
            rules = Rules::new(live.limits, Instant::now());
            match self.exchange(socket, &mut rules).await {
                Ok(end) | Err(end) => end,
            }
        };
        let end = tokio::select! {
            end = exchange => end,
            () = shutdown.abort.cancelled() => End::ShuttingDown,
        };
        drop(self.diarization);
        self.lease.stop().await;
        live.metrics.count_ended_stream(end.name());
        tracing::info!(%stream, reason = end.name(), "the stream ended");
        let status = Status {
            live: &live,
            claim: self.claim,
            end: &end,
            has_audio: rules.has_audio(),
        };
        // Before the close frame, so that a client that asks for the status afterwards gets it.
        let is_written = status.write().await;
        if let (Some(socket), Some(code)) = (socket, end.close_code()) {
            let reason = end.message(&live.limits);
            let closing = async {
                let mut socket = socket;
                if let Some(reason) = reason.as_deref()
                    && socket.send(&message::error(reason)).await.is_err()
                {
                    return;
                }
                socket.close(code, reason.as_deref().unwrap_or("")).await;
            };
            tokio::select! {
                // First, so that the frame is sent even if there is no time to wait for the answer.
                biased;
                () = closing => {}
                () = shutdown.abort.cancelled() => {}
            }
        }
        drop((open, self.slot));
        if !is_written {
            status.retry().await;
        }
    }

    /// Passes audio to the engine and events to the client, until the stream ends. Errors are ends, too.
    async fn exchange(&mut self, socket: &mut Socket, rules: &mut Rules) -> Result<End, End> {
        let live = Arc::clone(&self.live);
        // A chunk for which the engine has no room yet. Meanwhile, nothing is read.
        let mut waiting: Option<Chunk> = None;
        loop {
            let input = self
                .diarization
                .chunks
                .as_ref()
                .filter(|_| waiting.is_some());
            let room = async {
                match input {
                    Some(input) => input.reserve().await.ok(),
                    None => std::future::pending().await,
                }
            };
            let step = tokio::select! {
                biased;
                output = self.diarization.outputs.recv() => match output {
                    Some(Output::Event(event)) => {
                        rules.on_event(Instant::now());
                        socket.send(&event).await?;
                        Step::Nothing
                    }
                    Some(Output::Finished) => Step::End(rules.ending().cloned().unwrap_or(End::EngineFailed)),
                    Some(Output::Failed(reason)) => {
                        tracing::error!(stream = %self.claim.id, reason, "the engine failed");
                        Step::End(End::EngineFailed)
                    }
                    None => Step::End(End::EngineFailed),
                },
                () = live.shutdown.drain.cancelled(), if rules.ending().is_none() => {
                    rules.finish(End::ShuttingDown, Instant::now())
                }
                permit = room => {
                    // There is no permit if the engine has failed. The reason is in the outputs.
                    if let (Some(permit), Some(chunk)) = (permit, waiting.take()) {
                        permit.send(chunk);
                    }
                    rules.on_room(Instant::now());
                    Step::Nothing
                }
                message = socket.next(), if waiting.is_none() => {
                    rules.on_message(message::parse(&message?), Instant::now())
                }
                () = sleep_until(rules.deadline()) => rules.on_time(Instant::now()),
            };
            match step {
                Step::Nothing => {}
                Step::Audio(samples) => {
                    live.metrics.count_stream_audio(CHUNK);
                    self.lease.set_has_audio();
                    let arrived = Instant::now();
                    let chunk = Chunk { samples, arrived };
                    let input = self.diarization.chunks.as_ref();
                    match input.map(|input| input.try_reserve()) {
                        Some(Ok(permit)) => permit.send(chunk),
                        _ => {
                            waiting = Some(chunk);
                            rules.on_full(arrived);
                        }
                    }
                }
                Step::Finish => {
                    waiting = None;
                    self.diarization.chunks = None;
                }
                Step::Ping => socket.ping().await?,
                Step::End(end) => return Ok(end),
            }
        }
    }
}

/// The final status of a stream, to be written to the store.
struct Status<'a> {
    live: &'a Live,
    claim: StreamClaim,
    end: &'a End,
    has_audio: bool,
}

impl Status<'_> {
    /// Writes it. Returns `false` if it must be tried again.
    async fn write(&self) -> bool {
        let stream = self.claim.id;
        let store = &self.live.store;
        let finish = store.finish_stream(&self.claim, self.end.status(), self.has_audio);
        match timeout(STATUS_TIMEOUT, finish).await {
            Ok(Ok(true)) => return true,
            Ok(Ok(false)) => {
                tracing::warn!(%stream, "the stream counted as lost; dropping its status");
                return true;
            }
            Ok(Err(error)) => {
                tracing::error!(%stream, error = %Chain(&error), "failed to write the status of a stream");
            }
            Err(_) => {
                tracing::error!(%stream, "writing the status of a stream takes too long");
            }
        }
        false
    }

    /// Tries again until that succeeds, and holds back the end of streams whose lease has expired, since this is one.
    async fn retry(&self) {
        let _hold = self.live.store.hold_claims();
        let limit = Instant::now() + STATUS_RETRY_LIMIT;
        let mut backoff = Backoff::new(STATUS_RETRY_DELAY);
        while Instant::now() < limit {
            tokio::select! {
                () = sleep(backoff.next_delay()) => {}
                () = self.live.shutdown.abort.cancelled() => return,
            }
            if self.write().await {
                return;
            }
        }
    }
}
