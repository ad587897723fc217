//! The engine's side of a stream: audio in, events out, on threads for blocking work.
//!
//! Both queues are bounded. If the engine is slower than the audio, the queue of the audio fills up, and the connection
//! is not read. If the client does not read events, their queue fills up, and the engine waits.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::arrivals::Arrivals;
use crate::engine::{DiarizeError, LiveDiarization, SpeakerEvent};
use crate::error::panic_message;
use crate::metrics::Metrics;

/// Maximum number of chunks between the connection and the engine: 5 s.
const MAX_QUEUED_CHUNKS: usize = 50;
/// Maximum number of events between the engine and the connection.
const MAX_QUEUED_EVENTS: usize = 64;

/// A chunk of audio.
pub(super) struct Chunk {
    pub(super) samples: Vec<f32>,
    pub(super) arrived: Instant,
}

/// What the engine returned.
#[derive(Debug)]
pub(super) enum Output {
    Event(SpeakerEvent),
    /// The audio has ended, and there are no more events.
    Finished,
    /// The engine failed, with the reason.
    Failed(String),
}

/// A running engine. Dropping it cancels it.
pub(super) struct Diarization {
    /// Audio. Dropping this ends it.
    pub(super) chunks: Option<mpsc::Sender<Chunk>>,
    pub(super) outputs: mpsc::Receiver<Output>,
    _task: AbortOnDropHandle<()>,
}

impl Diarization {
    /// Runs an engine. Each call of it takes a permit of `turns`, for which all streams wait in line.
    pub(super) fn start(
        live: Box<dyn LiveDiarization>,
        turns: Arc<Semaphore>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (chunks, queued_chunks) = mpsc::channel(MAX_QUEUED_CHUNKS);
        let (queued_outputs, outputs) = mpsc::channel(MAX_QUEUED_EVENTS);
        let run = Run {
            chunks: queued_chunks,
            outputs: queued_outputs,
            arrivals: Arrivals::default(),
            turns,
            metrics,
        };
        Self {
            chunks: Some(chunks),
            outputs,
            _task: AbortOnDropHandle::new(tokio::spawn(run.run(live))),
        }
    }
}

struct Run {
    chunks: mpsc::Receiver<Chunk>,
    outputs: mpsc::Sender<Output>,
    arrivals: Arrivals,
    turns: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl Run {
    async fn run(mut self, mut live: Box<dyn LiveDiarization>) {
        let mut batch = Vec::new();
        loop {
            // All that has arrived, so that an engine that is behind catches up in larger steps.
            let is_end = self.chunks.recv_many(&mut batch, MAX_QUEUED_CHUNKS).await == 0;
            let mut samples = Vec::new();
            for chunk in batch.drain(..) {
                self.arrivals.push(chunk.arrived);
                samples.extend(chunk.samples);
            }
            // Fails only if the semaphore is closed, which never happens. A stream that is given up returns its permit even
            // if its engine is stuck.
            let permit = self.turns.acquire().await;
            let call = move || {
                let result = match is_end {
                    true => live.finish(),
                    false => live.push(&samples),
                };
                (live, result)
            };
            let result = spawn_blocking(call).await;
            drop(permit);
            let result = match result {
                Ok((returned, result)) => {
                    live = returned;
                    result.map_err(|error: DiarizeError| error.to_string())
                }
                Err(error) => {
                    let reason = match error.try_into_panic() {
                        Ok(panic) => format!("the engine panicked: {}", panic_message(&*panic)),
                        Err(error) => format!("the engine was aborted: {error}"),
                    };
                    let _ = self.outputs.send(Output::Failed(reason)).await;
                    return;
                }
            };
            let is_connected = match result {
                Ok(events) => self.send(events).await,
                Err(reason) => {
                    let _ = self.outputs.send(Output::Failed(reason)).await;
                    return;
                }
            };
            if is_end {
                let _ = self.outputs.send(Output::Finished).await;
            }
            if is_end || !is_connected {
                return;
            }
        }
    }

    /// Queues events. Returns `false` if nobody waits for them.
    async fn send(&self, events: Vec<SpeakerEvent>) -> bool {
        for event in events {
            if let Some(age) = self.arrivals.age(event.time(), Instant::now()) {
                self.metrics.observe_event_latency(age);
            }
            if self.outputs.send(Output::Event(event)).await.is_err() {
                return false;
            }
        }
        true
    }
}
