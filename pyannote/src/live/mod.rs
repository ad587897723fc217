//! Live diarization: who is speaking now, from audio that is sent while it is recorded.

mod close;
mod driver;
mod event;
mod frames;
mod pacing;
mod session;
mod stream;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

pub use event::LiveEvent;
pub use pyannote_core::{LiveTurns, LiveWords, SpeakerEvent, WordEvent};
pub use session::{LiveEvents, LiveSender, LiveSession};
pub use stream::{LiveStream, StreamId, StreamInfo, StreamStatus};

use crate::error::Error;
use crate::transport::Executor;

/// Sample rate of live audio, in Hz.
pub const SAMPLE_RATE: u32 = 16_000;
/// How much audio is sent ahead of real time by default, and at most: the service closes a stream at 5 s.
const MAX_AHEAD: Duration = Duration::from_secs(4);

/// Live diarization, from [`Client::live`](crate::Client::live): settings, and [`connect`](Self::connect).
///
/// ```no_run
/// # async fn run(client: pyannote::Client, samples: Vec<f32>) -> Result<(), pyannote::Error> {
/// use futures_util::StreamExt;
/// use pyannote::live::LiveEvent;
///
/// let (mut sender, mut events) = client.live().connect().await?.split();
/// tokio::spawn(async move {
///     // Mono, 16 kHz; sent in real time. If this fails, the events have the reason.
///     let _ = sender.send(&samples).await;
///     sender.finish();
/// });
/// while let Some(event) = events.next().await {
///     match event? {
///         LiveEvent::SpeakerStart { time, speaker } => println!("{time:8.3} s  {speaker} starts"),
///         LiveEvent::SpeakerEnd { time, speaker } => println!("{time:8.3} s  {speaker} stops"),
///         other => println!("{other:?}"),
///     }
/// }
/// println!("{} turns", events.turns().len());
/// # Ok(())
/// # }
/// ```
///
/// # Time
///
/// Times are seconds of the audio of the stream: from its first sample, silence that
/// [`keep_alive`](Self::keep_alive) adds included.
///
/// Audio is sent in real time, and at most 4 s ahead of it: the service closes a stream that is 5 s ahead. So sending a
/// file takes as long as playing it. A microphone is never ahead.
///
/// # How streams end
///
/// | how | events end with |
/// | --- | --- |
/// | [`finish`](LiveSender::finish), or the sender is dropped | no error |
/// | close code 1008: no audio for 5 s, too far ahead, an invalid token | [`StreamRejected`](crate::ErrorKind::StreamRejected) |
/// | close code 1011 and others, also 1000 before the audio has ended | [`StreamFailed`](crate::ErrorKind::StreamFailed) |
/// | the connection is lost | [`Network`](crate::ErrorKind::Network) |
/// | the service is silent for the [stall timeout](crate::ClientBuilder::stall_timeout), also to pings | [`Timeout`](crate::ErrorKind::Timeout) |
///
/// [`Error::close_code`](crate::Error::close_code) is the code.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `connect` or `create` is called"]
pub struct Live {
    executor: Arc<Executor>,
    settings: LiveSettings,
}

/// What a session does by itself.
#[derive(Clone, Copy, Debug)]
struct LiveSettings {
    keep_alive: bool,
    max_ahead: Duration,
    reconnects: u32,
}

impl Live {
    pub(crate) fn new(executor: Arc<Executor>) -> Self {
        Self {
            executor,
            settings: LiveSettings {
                keep_alive: false,
                max_ahead: MAX_AHEAD,
                reconnects: 0,
            },
        }
    }

    /// Sends silence while the program sends no audio, such as while a microphone is muted. Otherwise, the service closes
    /// a stream that has no audio for 5 s.
    ///
    /// The silence is as long as the pause, and part of the stream: times of events include it. Streams are billed by
    /// their audio.
    pub fn keep_alive(mut self) -> Self {
        self.settings.keep_alive = true;
        self
    }

    /// Sets how much audio is sent ahead of real time: 0.1 s to 4 s, the default.
    pub fn max_ahead(mut self, ahead: Duration) -> Self {
        self.settings.max_ahead = ahead.clamp(frames::FRAME_DURATION, MAX_AHEAD);
        self
    }

    /// Sets how often a session continues with a new stream after its connection was lost or the service failed. The
    /// default is 0.
    ///
    /// [`LiveEvent::Reconnected`] then says which audio may have no events. Speaker labels start afresh: `SPEAKER_00` may
    /// be another speaker. [`LiveTurns`] keeps them apart. Times go on, as if there was one stream.
    pub fn reconnect(mut self, times: u32) -> Self {
        self.settings.reconnects = times;
        self
    }

    /// Creates a stream and connects to it. Returns when the service is ready for audio, which may take seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden) if the team has no access to live diarization, or the API
    /// key lacks the permission, and any other error of a request.
    pub async fn connect(&self) -> Result<LiveSession, Error> {
        self.create().await?.connect().await
    }

    /// Creates a stream, for a program that needs its id before it is connected.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn create(&self) -> Result<LiveStream, Error> {
        LiveStream::create(self).await
    }

    /// Returns the status of a stream.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it does not exist, and any other error of a request.
    pub async fn status(&self, id: &StreamId) -> Result<StreamInfo, Error> {
        stream::status(&self.executor, id).await
    }
}
