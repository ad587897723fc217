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

#[cfg(test)]
mod tests {
    use std::sync::mpsc as blocking;

    use super::*;
    use crate::live::CHUNK_SAMPLES;
    use crate::store::EndedJobs;
    use crate::worker::WorkMetrics;

    /// An engine that reports each call with the number of samples, and then waits until it may return an event.
    struct Gated {
        calls: mpsc::UnboundedSender<usize>,
        gate: blocking::Receiver<()>,
    }

    impl Gated {
        fn wait(&self, samples: usize) -> Result<Vec<SpeakerEvent>, DiarizeError> {
            let _ = self.calls.send(samples);
            let _ = self.gate.recv();
            // More than the queue holds.
            let event = SpeakerEvent::start(0.0, "SPEAKER_00");
            Ok(vec![event; 2 * MAX_QUEUED_EVENTS])
        }
    }

    impl LiveDiarization for Gated {
        fn push(&mut self, samples: &[f32]) -> Result<Vec<SpeakerEvent>, DiarizeError> {
            self.wait(samples.len())
        }

        fn finish(&mut self) -> Result<Vec<SpeakerEvent>, DiarizeError> {
            self.wait(0)
        }
    }

    fn start() -> (
        Diarization,
        mpsc::UnboundedReceiver<usize>,
        blocking::Sender<()>,
    ) {
        let (calls, called) = mpsc::unbounded_channel();
        let (open, gate) = blocking::channel();
        let engine = Box::new(Gated { calls, gate });
        let turns = Arc::new(Semaphore::new(1));
        let diarization = Diarization::start(
            engine,
            turns,
            Arc::new(Metrics::new(&WorkMetrics::default(), &EndedJobs::default())),
        );
        (diarization, called, open)
    }

    /// Sends chunks until there is no room. Returns how many were accepted.
    fn fill(diarization: &Diarization) -> usize {
        let chunks = diarization.chunks.as_ref().unwrap();
        let chunk = || Chunk {
            samples: vec![0.0; CHUNK_SAMPLES],
            arrived: Instant::now(),
        };
        std::iter::from_fn(|| chunks.try_send(chunk()).ok()).count()
    }

    #[tokio::test]
    async fn both_queues_are_bounded_and_nothing_is_lost() {
        let (mut diarization, mut called, open) = start();
        let chunks = diarization.chunks.as_ref().unwrap();
        let samples = vec![0.0; CHUNK_SAMPLES];
        let arrived = Instant::now();
        chunks.send(Chunk { samples, arrived }).await.ok().unwrap();
        assert_eq!(called.recv().await, Some(CHUNK_SAMPLES));
        // The engine is busy.
        assert_eq!(fill(&diarization), MAX_QUEUED_CHUNKS);
        open.send(()).unwrap();
        // It waits for room for its events, and is not called again.
        while diarization.outputs.len() < MAX_QUEUED_EVENTS {
            tokio::task::yield_now().await;
        }
        assert_eq!(fill(&diarization), 0);
        assert!(called.try_recv().is_err());
        // All that is queued is passed on at once, and then the end.
        diarization.chunks = None;
        let mut events = 0;
        for samples in [MAX_QUEUED_CHUNKS * CHUNK_SAMPLES, 0] {
            let call = loop {
                tokio::select! {
                    call = called.recv() => break call,
                    output = diarization.outputs.recv() => {
                        assert!(matches!(output, Some(Output::Event(_))));
                        events += 1;
                    }
                }
            };
            assert_eq!(call, Some(samples));
            open.send(()).unwrap();
        }
        loop {
            match diarization.outputs.recv().await {
                Some(Output::Event(_)) => events += 1,
                Some(Output::Finished) => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(events, 3 * 2 * MAX_QUEUED_EVENTS);
    }

    /// Two streams, one permit: the engine of the first one is stuck, until that stream is given up.
    #[tokio::test]
    async fn a_stuck_engine_keeps_others_waiting_only_as_long_as_its_stream() {
        let turns = Arc::new(Semaphore::new(1));
        let metrics = Arc::new(Metrics::new(&WorkMetrics::default(), &EndedJobs::default()));
        let engine = || {
            let (calls, called) = mpsc::unbounded_channel();
            let (open, gate) = blocking::channel();
            (Box::new(Gated { calls, gate }), called, open)
        };
        let ((stuck, mut stuck_called, _closed), (other, mut called, open)) = (engine(), engine());
        let stuck = Diarization::start(stuck, Arc::clone(&turns), Arc::clone(&metrics));
        fill(&stuck);
        stuck_called.recv().await.unwrap();
        let mut other = Diarization::start(other, turns, metrics);
        other.chunks = None;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(called.try_recv().is_err());
        drop(stuck);
        assert_eq!(called.recv().await, Some(0));
        open.send(()).unwrap();
        assert!(matches!(other.outputs.recv().await, Some(Output::Event(_))));
    }
}
