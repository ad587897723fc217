//! What diarizes live audio: the service, or the engine on this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use pyannote::live::{LiveEvents, LiveSender};
use pyannote_engine::assets::Assets;
use pyannote_engine::{Diarizer as _, LiveDiarization, LiveOptions, SAMPLE_RATE};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::Live;
use super::event::Event;
use super::source::{Blocks, Source};
use crate::cli::Global;
use crate::error::{Failure, Result};
use crate::local;
use crate::progress;
use crate::service;
use crate::ui::Ui;

/// A live diarization in progress.
pub(super) struct Running {
    events: Events,
    stop: Arc<AtomicBool>,
    /// The failure of the audio.
    failed: mpsc::Receiver<Failure>,
    model: Option<String>,
}

enum Events {
    Service(Box<LiveEvents>),
    Local {
        events: mpsc::UnboundedReceiver<Result<Event>>,
        /// Number of samples processed.
        samples: Arc<AtomicU64>,
    },
}

impl Running {
    /// The next event, or `None` when all audio was processed.
    pub(super) async fn next(&mut self) -> Option<Result<Event>> {
        let event = match &mut self.events {
            Events::Service(events) => {
                let event = events.next().await;
                event.map(|event| event.map(Event::from).map_err(Failure::from))
            }
            Events::Local { events, .. } => events.recv().await,
        };
        // The audio has ended early.
        match (event, self.failed.try_recv()) {
            (None, Ok(failure)) => Some(Err(failure)),
            (event, _) => event,
        }
    }

    /// The time in the audio that corresponds to now, in seconds.
    pub(super) fn position_s(&self) -> f64 {
        match &self.events {
            Events::Service(events) => events.position_s(),
            Events::Local { samples, .. } => {
                samples.load(Ordering::Relaxed) as f64 / f64::from(SAMPLE_RATE)
            }
        }
    }

    /// Ends the audio.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }
}

impl Live {
    pub(super) async fn start_service(
        &self,
        source: Source,
        ui: Ui,
        global: &Global,
    ) -> Result<Running> {
        let client = service::connect(global)?;
        let mut live = client.live().reconnect(self.reconnect);
        if self.keep_alive {
            live = live.keep_alive();
        }
        // The service may take seconds to start.
        let bar = progress::spinner(ui, "connecting");
        let session = live.connect().await;
        bar.finish_and_clear();
        let session = session?;
        ui.note(&format!("stream {}", session.stream_id()));
        let (sender, events) = session.split();
        let stop = Arc::new(AtomicBool::new(false));
        let (failed_sender, failed) = mpsc::channel(1);
        let blocks = source.start(Arc::clone(&stop), ui);
        tokio::spawn(forward(blocks, sender, failed_sender));
        Ok(Running {
            events: Events::Service(Box::new(events)),
            stop,
            failed,
            model: None,
        })
    }

    pub(super) fn start_local(&self, source: Source, ui: Ui) -> Result<Running> {
        let mut options = LiveOptions::new();
        if let Some(latency) = self.latency {
            options = options.latency(latency);
        }
        if let Some(speakers) = self.max_speakers {
            options = options.max_speakers(speakers);
        }
        options
            .check()
            .map_err(|error| Failure::usage(error.to_string()))?;
        let engine = local::load(ui, Assets::locate()?, &self.engine)?;
        let session = engine.live(&options)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (failed_sender, failed) = mpsc::channel(1);
        let (sender, events) = mpsc::unbounded_channel();
        let samples = Arc::new(AtomicU64::new(0));
        let model = engine.diarizer().models().to_owned();
        let is_paced = !self.fast && !source.is_live();
        let local = Local {
            session,
            blocks: source.start(Arc::clone(&stop), ui),
            runtime: Handle::current(),
            failed: failed_sender,
            events: sender,
            samples: Arc::clone(&samples),
            is_paced,
        };
        std::thread::spawn(move || local.run());
        Ok(Running {
            events: Events::Local { events, samples },
            stop,
            failed,
            model: Some(model),
        })
    }
}

/// Sends audio to the service until it ends, or until the stream does: its events have the reason.
async fn forward(mut blocks: Blocks, mut sender: LiveSender, failed: mpsc::Sender<Failure>) {
    while let Some(block) = blocks.next().await {
        match block {
            Ok(samples) => {
                if sender.send(&samples).await.is_err() {
                    return;
                }
            }
            Err(failure) => {
                let _ = failed.try_send(failure);
                break;
            }
        }
    }
    sender.finish();
}

/// The engine, in a thread.
struct Local {
    session: Box<dyn LiveDiarization>,
    blocks: Blocks,
    runtime: Handle,
    failed: mpsc::Sender<Failure>,
    events: mpsc::UnboundedSender<Result<Event>>,
    samples: Arc<AtomicU64>,
    /// Whether the audio is to be played in real time.
    is_paced: bool,
}

impl Local {
    fn run(mut self) {
        if let Err(failure) = self.process() {
            let _ = self.events.send(Err(failure));
        }
    }

    fn process(&mut self) -> Result<()> {
        let start = Instant::now();
        while let Some(samples) = self.next() {
            let samples = samples?;
            if self.is_paced {
                let played = self.samples.load(Ordering::Relaxed) as f64 / f64::from(SAMPLE_RATE);
                std::thread::sleep(Duration::from_secs_f64(played).saturating_sub(start.elapsed()));
            }
            let events = self.session.push(&samples)?;
            self.samples
                .fetch_add(samples.len() as u64, Ordering::Relaxed);
            self.report(events);
        }
        let events = self.session.finish()?;
        self.report(events);
        Ok(())
    }

    /// The next block of audio, or `None` at its end.
    fn next(&mut self) -> Option<Result<Vec<f32>>> {
        match self.runtime.block_on(self.blocks.next())? {
            Ok(samples) => Some(Ok(samples)),
            Err(failure) => {
                // The events of the audio before it are reported first.
                let _ = self.failed.try_send(failure);
                None
            }
        }
    }

    fn report(&self, events: Vec<pyannote::live::SpeakerEvent>) {
        for event in events {
            let _ = self.events.send(Ok(event.into()));
        }
    }
}
