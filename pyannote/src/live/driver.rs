//! The task behind a session: sends frames in real time, receives events, and connects again.

use std::future::pending;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use pyannote_core::Span;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::LiveSettings;
use super::close::Failure;
use super::event::LiveEvent;
use super::frames::{FRAME_DURATION, Frames, silence};
use super::pacing::Pacing;
use super::session::{LiveSession, session};
use super::stream::{self, StreamId};
use super::websocket::{self, Socket, SocketUrl};
use crate::error::Error;
use crate::transport::clock::Sleep;
use crate::transport::{Clock, Executor, with_deadline};

/// Pause of the program after which silence is sent: less than the 5 s after which the service closes a stream.
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(1);
/// Interval of pings.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// How long to wait for the service's reason after audio could not be sent.
const REASON_TIMEOUT: Duration = Duration::from_secs(2);
/// How much audio of a stream may be without events when it is lost: the buffer of the service.
const MAX_UNPROCESSED_S: f64 = 5.0;
/// The text frame at the end of the audio.
const END_OF_STREAM: &str = r#"{"type":"end_of_stream"}"#;

/// What the sender and the receiver of a session share with the task.
#[derive(Debug)]
pub(super) struct Progress {
    clock: Arc<dyn Clock>,
    /// Number of frames sent.
    frames: AtomicU64,
    /// How far they are ahead of real time.
    pacing: Mutex<Pacing>,
    /// Whether the end of the audio was sent.
    ended: AtomicBool,
}

impl Progress {
    fn new(clock: Arc<dyn Clock>, max_ahead: Duration) -> Self {
        Self {
            clock,
            frames: AtomicU64::new(0),
            pacing: Mutex::new(Pacing::new(max_ahead)),
            ended: AtomicBool::new(false),
        }
    }

    /// Duration of the audio that the service has had time to process, in seconds.
    pub(super) fn position_s(&self) -> f64 {
        let ahead = self.pacing().ahead_at(self.clock.now());
        (self.sent_s() - ahead.as_secs_f64()).max(0.0)
    }

    /// A frame was sent.
    fn sent(&self) {
        let mut pacing = self.pacing();
        pacing.sent(self.clock.now());
        self.frames.fetch_add(1, Ordering::AcqRel);
    }

    fn pacing(&self) -> MutexGuard<'_, Pacing> {
        self.pacing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Duration of the audio sent so far, in seconds.
    pub(super) fn sent_s(&self) -> f64 {
        self.frames.load(Ordering::Acquire) as f64 * FRAME_DURATION.as_secs_f64()
    }
}

/// The task.
pub(super) struct Driver {
    executor: Arc<Executor>,
    settings: LiveSettings,
    /// Keeps the token of the stream out of errors.
    url: SocketUrl,
    outgoing: Outgoing,
    incoming: Incoming,
}

/// What is sent.
struct Outgoing {
    stall_timeout: Duration,
    keep_alive: bool,
    /// At most one frame each. Closed at the end of the audio.
    samples: mpsc::Receiver<Vec<f32>>,
    frames: Frames,
    /// The next frame. Kept until it is sent, also if the connection is lost.
    unsent: Option<Bytes>,
    /// Number of frames of silence after it.
    silent_frames: u32,
    /// Whether the program has paused, and silence is sent.
    is_idle: bool,
    progress: Arc<Progress>,
}

/// What is received.
struct Incoming {
    stall_timeout: Duration,
    events: mpsc::UnboundedSender<Result<LiveEvent, Error>>,
    /// The start of the current stream in the audio of the session, in seconds.
    start_s: f64,
    /// The time of the last event, in seconds.
    last_event_s: f64,
    progress: Arc<Progress>,
}

impl Driver {
    pub(super) fn new(
        id: StreamId,
        url: SocketUrl,
        executor: Arc<Executor>,
        settings: LiveSettings,
    ) -> (Self, LiveSession) {
        let clock = Arc::clone(&executor.settings.clock);
        let progress = Arc::new(Progress::new(clock, settings.max_ahead));
        let (session, samples, events) = session(id, Arc::clone(&progress));
        let stall_timeout = executor.settings.stall_timeout;
        let driver = Self {
            settings,
            url,
            outgoing: Outgoing {
                stall_timeout,
                keep_alive: settings.keep_alive,
                samples,
                frames: Frames::default(),
                unsent: None,
                silent_frames: 0,
                is_idle: false,
                progress: Arc::clone(&progress),
            },
            incoming: Incoming {
                stall_timeout,
                events,
                start_s: 0.0,
                last_event_s: 0.0,
                progress,
            },
            executor,
        };
        (driver, session)
    }

    /// Runs until the stream ends. The last event is the error, if there was one.
    pub(super) async fn run(mut self, mut socket: Socket) {
        let mut reconnects = self.settings.reconnects;
        while let Err(failure) = self.exchange(socket).await {
            match self.reconnect(failure, &mut reconnects).await {
                Ok((stream_id, next, url)) => {
                    socket = next;
                    self.url = url;
                    self.continue_with(stream_id);
                }
                Err(failure) => {
                    let _ = self.incoming.events.send(Err(failure.into_error()));
                    return;
                }
            }
        }
    }

    /// Sends and receives until all audio was processed.
    async fn exchange(&mut self, socket: Socket) -> Result<(), Failure> {
        let (sink, stream) = socket.split();
        *self.outgoing.progress.pacing() = Pacing::new(self.settings.max_ahead);
        let clock = Arc::clone(&self.executor.settings.clock);
        let mut send = pin!(self.outgoing.send(sink));
        let mut receive = pin!(self.incoming.receive(stream));
        let failure = tokio::select! {
            biased;
            result = &mut receive => return result,
            failure = &mut send => failure,
        };
        // The service may have said why.
        match with_deadline(receive, clock.deadline(REASON_TIMEOUT)).await {
            Some(result) => result,
            None => Err(failure),
        }
    }

    /// Connects to a new stream after a failure, if the settings and the failure allow it. Returns the last failure.
    async fn reconnect(
        &self,
        mut failure: Failure,
        reconnects: &mut u32,
    ) -> Result<(StreamId, Socket, SocketUrl), Failure> {
        let clock = self.executor.clock();
        let mut attempts = 0;
        while *reconnects > 0 && failure.is_transient() && !self.incoming.events.is_closed() {
            *reconnects -= 1;
            clock.sleep(reconnect_delay(attempts, clock.random())).await;
            attempts += 1;
            match connect(&self.executor).await {
                Ok(connected) => return Ok(connected),
                Err(error) => failure = Failure::Other(error),
            }
        }
        Err(failure)
    }

    /// Reports that the session continues with another stream.
    fn continue_with(&mut self, stream_id: StreamId) {
        let resumed_s = self.outgoing.progress.sent_s();
        let incoming = &mut self.incoming;
        let known_s = incoming
            .last_event_s
            .max(resumed_s - MAX_UNPROCESSED_S)
            .min(resumed_s);
        let gap = Span::new(known_s, resumed_s);
        incoming.start_s = resumed_s;
        let _ = incoming
            .events
            .send(Ok(LiveEvent::Reconnected { gap, stream_id }));
        // The end is sent again.
        incoming.progress.ended.store(false, Ordering::Release);
    }
}

/// What is sent next.
enum Next {
    /// [`Outgoing::unsent`].
    Frame(Bytes),
    Ping,
    End,
}

/// Creates a stream, and connects to it.
async fn connect(executor: &Arc<Executor>) -> Result<(StreamId, Socket, SocketUrl), Error> {
    let (id, url) = stream::create(executor).await?;
    let socket = websocket::open(executor, &url).await?;
    Ok((id, socket, url))
}

/// The delay before the next stream, after this many attempts since the connection was lost: none at first, since audio
/// is waiting. `random` is 0..=1.
fn reconnect_delay(attempts: u32, random: f64) -> Duration {
    match attempts {
        0 => Duration::ZERO,
        attempts => {
            let delay = Duration::from_secs(1 << (attempts - 1).min(5));
            delay.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
        }
    }
}

impl Outgoing {
    /// Sends the audio and its end, and pings until the connection ends. Returns only if that fails.
    async fn send(&mut self, mut sink: SplitSink<Socket, Message>) -> Failure {
        let mut ended = false;
        let mut ping = self.next_ping();
        loop {
            let sent = match self.next(ended, &mut ping).await {
                Next::Frame(frame) => {
                    let sent = self.write(&mut sink, Message::Binary(frame)).await;
                    if sent.is_ok() {
                        self.unsent = None;
                        self.progress.sent();
                    }
                    sent
                }
                Next::Ping => {
                    ping = self.next_ping();
                    self.write(&mut sink, Message::Ping(Bytes::new())).await
                }
                Next::End => {
                    ended = true;
                    self.progress.ended.store(true, Ordering::Release);
                    self.write(&mut sink, Message::text(END_OF_STREAM)).await
                }
            };
            if let Err(failure) = sent {
                return failure;
            }
        }
    }

    /// Waits until something is to be sent. `ended` says whether the end was.
    async fn next(&mut self, ended: bool, ping: &mut Sleep) -> Next {
        loop {
            if self.unsent.is_none() && self.silent_frames > 0 {
                self.silent_frames -= 1;
                self.unsent = Some(silence());
            }
            if let Some(frame) = &self.unsent {
                let delay = self.progress.pacing().delay(self.progress.clock.now());
                if !delay.is_zero() {
                    self.progress.clock.sleep(delay).await;
                }
                return Next::Frame(frame.clone());
            }
            if ended {
                ping.await;
                return Next::Ping;
            }
            let idle: Sleep = match (self.keep_alive, self.is_idle) {
                (false, _) => Box::pin(pending()),
                (true, false) => self.progress.clock.deadline(KEEP_ALIVE_AFTER),
                (true, true) => self.progress.clock.deadline(FRAME_DURATION),
            };
            let received = tokio::select! {
                biased;
                () = &mut *ping => return Next::Ping,
                samples = self.samples.recv() => samples,
                () = idle => {
                    self.pause();
                    continue;
                }
            };
            self.is_idle = false;
            self.unsent = match &received {
                Some(samples) => self.frames.push(samples),
                None => self.frames.flush(),
            };
            if received.is_none() && self.unsent.is_none() {
                return Next::End;
            }
        }
    }

    /// Fills the time since the last audio, or since the last silence, with silence.
    fn pause(&mut self) {
        let time = match self.is_idle {
            true => FRAME_DURATION,
            false => KEEP_ALIVE_AFTER,
        };
        self.is_idle = true;
        self.unsent = self.frames.flush();
        self.silent_frames =
            time.div_duration_f64(FRAME_DURATION).round() as u32 - u32::from(self.unsent.is_some());
    }

    /// When the next ping is due.
    fn next_ping(&self) -> Sleep {
        self.progress
            .clock
            .deadline(PING_INTERVAL.min(self.stall_timeout / 3))
    }

    async fn write(
        &self,
        sink: &mut SplitSink<Socket, Message>,
        message: Message,
    ) -> Result<(), Failure> {
        let deadline = self.progress.clock.deadline(self.stall_timeout);
        match with_deadline(sink.send(message), deadline).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(Failure::Lost(error)),
            None => Err(Failure::Stalled),
        }
    }
}

impl Incoming {
    /// Receives events until the connection ends. Fails unless that is because all audio was processed.
    async fn receive(&mut self, mut stream: SplitStream<Socket>) -> Result<(), Failure> {
        let mut problem = None;
        let mut deadline = self.deadline();
        // Whether the deadline is that of the end of the stream.
        let mut is_last = false;
        loop {
            let event = match with_deadline(stream.next(), &mut deadline).await {
                None if is_last => return Err(Failure::Unfinished),
                None => return Err(Failure::Stalled),
                Some(None) => return self.closed(None, problem),
                Some(Some(Err(error))) => return Err(Failure::Lost(error)),
                Some(Some(Ok(Message::Close(frame)))) => {
                    // Sends the response, and waits for the end of the connection.
                    let deadline = self.progress.clock.deadline(REASON_TIMEOUT);
                    let _ = with_deadline(stream.next(), deadline).await;
                    return self.closed(frame, problem);
                }
                Some(Some(Ok(Message::Text(text)))) => {
                    LiveEvent::decode(text.as_str().to_owned(), self.start_s)
                }
                Some(Some(Ok(Message::Binary(bytes)))) => LiveEvent::Unknown {
                    message: String::from_utf8_lossy(&bytes).into_owned(),
                },
                // Pings are answered by the library. After the end of the audio, they are not all that is expected.
                Some(Some(Ok(_))) => {
                    if !is_last {
                        is_last = self.progress.ended.load(Ordering::Acquire);
                        deadline = self.deadline();
                    }
                    continue;
                }
            };
            is_last = false;
            deadline = self.deadline();
            if let Some(event) = event.speaker_event() {
                self.last_event_s = self.last_event_s.max(event.time());
            }
            if let LiveEvent::Error { message } = &event {
                problem = Some(message.clone());
            }
            // The program may not need the events.
            let _ = self.events.send(Ok(event));
        }
    }

    /// When the service counts as stalled, if nothing arrives.
    fn deadline(&self) -> Sleep {
        self.progress.clock.deadline(self.stall_timeout)
    }

    fn closed(&self, frame: Option<CloseFrame>, message: Option<String>) -> Result<(), Failure> {
        let code = frame.as_ref().map(|frame| frame.code);
        match code == Some(CloseCode::Normal) && self.progress.ended.load(Ordering::Acquire) {
            true => Ok(()),
            false => Err(Failure::Closed { frame, message }),
        }
    }
}
