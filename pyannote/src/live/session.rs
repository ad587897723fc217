//! The program's side of a live stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::StreamExt;
use pyannote_core::{LiveTurns, Turns};
use tokio::sync::mpsc;

use super::driver::Progress;
use super::event::LiveEvent;
use super::frames::FRAME_SAMPLES;
use super::stream::StreamId;
use crate::error::{Error, ErrorKind};

/// Number of frames that wait to be sent: 1 s.
const QUEUED_FRAMES: usize = 10;

/// A connected live stream.
///
/// Send audio while reading events: [`split`](Self::split) gives each its own handle. If both are dropped, the stream
/// ends.
///
/// ```no_run
/// # async fn run(client: pyannote::Client, samples: Vec<f32>) -> Result<(), pyannote::Error> {
/// let mut session = client.live().connect().await?;
/// session.send(&samples).await?; // takes as long as playing it
/// let turns = session.finish().await?;
/// println!("{}", turns.to_text());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LiveSession {
    id: StreamId,
    sender: LiveSender,
    events: LiveEvents,
}

/// Sends the audio of a live stream. Dropping it ends the audio, as [`finish`](Self::finish) does.
#[derive(Debug)]
pub struct LiveSender {
    samples: mpsc::Sender<Vec<f32>>,
}

/// The events of a live stream, and the turns so far.
///
/// A stream of `Result<LiveEvent, Error>`. It ends with an error, or with `None` when the service has processed all
/// audio. Events that are not read are kept in memory.
#[derive(Debug)]
pub struct LiveEvents {
    events: mpsc::UnboundedReceiver<Result<LiveEvent, Error>>,
    /// Events that were read before it was their turn.
    early: VecDeque<LiveEvent>,
    turns: LiveTurns,
    progress: Arc<Progress>,
    /// Whether all events were read, and the error if there was one.
    ended: bool,
}

/// Creates a session, and the ends of its channels for the task behind it.
pub(super) fn session(
    id: StreamId,
    progress: Arc<Progress>,
) -> (
    LiveSession,
    mpsc::Receiver<Vec<f32>>,
    mpsc::UnboundedSender<Result<LiveEvent, Error>>,
) {
    let (sender, samples) = mpsc::channel(QUEUED_FRAMES);
    let (sent, events) = mpsc::unbounded_channel();
    let session = LiveSession {
        id,
        sender: LiveSender { samples: sender },
        events: LiveEvents {
            events,
            early: VecDeque::new(),
            turns: LiveTurns::new(),
            progress,
            ended: false,
        },
    };
    (session, samples, sent)
}

impl LiveSession {
    /// Returns the id of the stream: the first one, if the session continued with others.
    #[must_use]
    pub fn stream_id(&self) -> &StreamId {
        &self.id
    }

    /// Sends samples: mono, 16 kHz, -1 to 1. See [`LiveSender::send`].
    ///
    /// # Errors
    ///
    /// The reason why the stream has ended.
    pub async fn send(&mut self, samples: &[f32]) -> Result<(), Error> {
        match self.sender.send(samples).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.events.reason().await.unwrap_or(error)),
        }
    }

    /// Returns the events.
    pub fn events(&mut self) -> &mut LiveEvents {
        &mut self.events
    }

    /// Returns the turns so far: see [`LiveEvents::turns`].
    #[must_use]
    pub fn turns(&self) -> Turns {
        self.events.turns()
    }

    /// Separates sending from receiving, for use in different tasks.
    #[must_use]
    pub fn split(self) -> (LiveSender, LiveEvents) {
        (self.sender, self.events)
    }

    /// Ends the audio, waits until the service has processed all of it, and returns all turns.
    ///
    /// # Errors
    ///
    /// The reason why the stream ended before that. Its turns are lost: to keep them, [`split`](Self::split) the session
    /// and read its events.
    pub async fn finish(self) -> Result<Turns, Error> {
        let (sender, mut events) = self.split();
        sender.finish();
        while let Some(event) = events.next().await {
            event?;
        }
        Ok(events.turns())
    }
}

impl LiveSender {
    /// Sends any number of samples: mono, 16 kHz, -1 to 1. Samples that are not finite count as silence.
    ///
    /// Returns when they are queued, so at real time: at most a second of audio is queued, and at most 4 s are sent ahead
    /// of real time. If the future is dropped, some of the samples may have been queued.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StreamFailed`] if the stream has ended. The events have the reason.
    pub async fn send(&mut self, samples: &[f32]) -> Result<(), Error> {
        for frame in samples.chunks(FRAME_SAMPLES) {
            self.samples.send(frame.to_vec()).await.map_err(|_| {
                let message = "the live stream has ended; its events have the reason";
                Error::new(ErrorKind::StreamFailed, message)
            })?;
        }
        Ok(())
    }

    /// Ends the audio. The events end when the service has processed all of it.
    pub fn finish(self) {}
}

impl LiveEvents {
    /// Returns the turns so far, according to the events that were read. Those that have not ended are returned as
    /// ending at [`position_s`](Self::position_s).
    ///
    /// After [`LiveEvent::Reconnected`], `SPEAKER_00` is called `SPEAKER_00-2`, and so on: it may be another speaker.
    #[must_use]
    pub fn turns(&self) -> Turns {
        self.turns.turns(self.position_s())
    }

    /// Returns who is speaking, with the names of [`turns`](Self::turns), according to the events that were read.
    pub fn speaking(&self) -> impl Iterator<Item = &str> {
        self.turns.speaking()
    }

    /// Returns the time in the audio that corresponds to now, in seconds: how much was sent, without what was sent ahead
    /// of real time. For [`LiveWords::advance`](super::LiveWords::advance).
    #[must_use]
    pub fn position_s(&self) -> f64 {
        match self.ended {
            true => self.progress.sent_s(),
            false => self.progress.position_s(),
        }
    }

    /// The error with which the stream ended.
    async fn reason(&mut self) -> Option<Error> {
        loop {
            match self.events.recv().await? {
                Ok(event) => self.early.push_back(event),
                Err(error) => {
                    self.ended = true;
                    return Some(error);
                }
            }
        }
    }
}

impl Stream for LiveEvents {
    type Item = Result<LiveEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = match self.early.pop_front() {
            Some(event) => Some(Ok(event)),
            None => std::task::ready!(self.events.poll_recv(cx)),
        };
        if let Some(Ok(event)) = &event {
            if let Some(event) = event.speaker_event() {
                self.turns.apply(&event);
            } else if let LiveEvent::Reconnected { gap, .. } = event {
                self.turns.restart(gap.end);
            }
        }
        self.ended |= !matches!(event, Some(Ok(_)));
        Poll::Ready(event)
    }
}
