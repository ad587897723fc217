//! Live streams: diarization over a WebSocket, while the audio arrives.
//!
//! `POST /v1/live` creates a stream, and a URL with a token that can be used once. A connection to that URL becomes a
//! session: `rules.rs` decides what happens, `session.rs` moves audio and events between the socket and the engine, and
//! `end.rs` says how each stream ends.

mod arrivals;
mod diarization;
mod end;
mod lease;
mod limits;
mod message;
mod pacing;
mod rules;
mod session;
mod socket;
mod token;

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use uuid::Uuid;

use self::diarization::Diarization;
use self::end::End;
use self::lease::Lease;
use self::session::Session;
use crate::connections::Connections;
use crate::engine::{DiarizeError, Engine};
use crate::error::Chain;
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError, StreamClaim};

pub use limits::LiveLimits;
pub(crate) use token::Token;

/// Samples of an audio message.
const CHUNK_SAMPLES: usize = 1_600;
/// Duration of an audio message.
const CHUNK: Duration = Duration::from_millis(100);

/// The live streams of a server.
pub(crate) struct Live {
    limits: LiveLimits,
    is_enabled: bool,
    store: Store,
    engine: Arc<dyn Engine>,
    metrics: Arc<Metrics>,
    connections: Connections,
    shutdown: Shutdown,
    /// Counting the streams of a team and adding one is not atomic in PostgreSQL.
    creation: Mutex<()>,
    /// One for each connected stream.
    slots: Arc<Semaphore>,
    /// One for each processor. Streams wait in line for them, so that they take turns among each other, and leave the
    /// models to jobs as well.
    turns: Arc<Semaphore>,
}

/// A stream that was created.
pub(crate) struct NewStream {
    pub(crate) id: Uuid,
    pub(crate) token: Token,
}

/// Why a connection is rejected.
pub(crate) enum Rejected {
    /// The token is not that of a stream, has expired, or was used.
    InvalidToken,
    /// The server has as many streams as it may have.
    TooManyStreams,
    /// The server is stopping.
    ShuttingDown,
    /// The store failed.
    Store(StoreError),
    /// The engine failed.
    Engine(DiarizeError),
}

/// What a [`Live`] consists of.
pub(crate) struct LiveConfig {
    pub(crate) limits: LiveLimits,
    pub(crate) store: Store,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) connections: Connections,
    pub(crate) shutdown: Shutdown,
}

impl Live {
    /// Creates the live streams of a server. They are disabled if the engine does not support them.
    pub(crate) async fn new(config: LiveConfig) -> Self {
        let engine = Arc::clone(&config.engine);
        let is_supported = spawn_blocking(move || engine.supports_live());
        let limits = config.limits;
        // A panic counts as not supported.
        let is_enabled = limits.streams_per_team > 0 && is_supported.await.unwrap_or(false);
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            limits,
            is_enabled,
            store: config.store,
            engine: config.engine,
            metrics: config.metrics,
            connections: config.connections,
            shutdown: config.shutdown,
            creation: Mutex::default(),
            slots: Arc::new(Semaphore::new(limits.streams.min(Semaphore::MAX_PERMITS))),
            turns: Arc::new(Semaphore::new(processors)),
        }
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Creates a stream. Returns `None` if the team has as many as it may have.
    pub(crate) async fn create(&self, team: &str) -> Result<Option<NewStream>, StoreError> {
        let token = Token::new();
        let hash = token.hash();
        let (lifetime, limit) = (self.limits.token_lifetime, self.limits.streams_per_team);
        let _creation = self.creation.lock().await;
        let id = self
            .store
            .create_stream(team, &hash, lifetime, limit)
            .await?;
        if id.is_some() {
            self.metrics.count_created_stream();
        }
        Ok(id.map(|id| NewStream { id, token }))
    }

    /// Claims a stream for a connection that is about to be upgraded, and serves it in the background.
    pub(crate) async fn connect(
        self: &Arc<Self>,
        id: Uuid,
        token: Token,
        upgrade: OnUpgrade,
    ) -> Result<(), Rejected> {
        let live = Arc::clone(self);
        let (result, opened) = oneshot::channel();
        // In a task of its own, since the caller's future is dropped if the client disconnects.
        self.connections.spawn(async move {
            match live.open(id, &token).await {
                Ok(session) => {
                    let _ = result.send(Ok(()));
                    session.run(upgrade).await;
                }
                Err(rejected) => {
                    let _ = result.send(Err(rejected));
                }
            }
        });
        opened.await.unwrap_or_else(|_| {
            let panicked = DiarizeError::Failed("panicked".to_owned());
            Err(Rejected::Engine(panicked))
        })
    }

    /// Claims a stream and starts its engine.
    async fn open(self: Arc<Self>, id: Uuid, token: &Token) -> Result<Session, Rejected> {
        if self.shutdown.drain.is_cancelled() {
            return Err(Rejected::ShuttingDown);
        }
        // Before the token is used up.
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let slot: OwnedSemaphorePermit = slot.map_err(|_| Rejected::TooManyStreams)?;
        let lease = self.limits.lease;
        let claim = self.store.claim_stream(id, &token.hash(), lease).await;
        let claim = claim
            .map_err(Rejected::Store)?
            .ok_or(Rejected::InvalidToken)?;
        let lease = Lease::start(self.store.clone(), claim.clone(), lease);
        let engine = Arc::clone(&self.engine);
        let engine = spawn_blocking(move || engine.live());
        let engine = match timeout(self.limits.engine_timeout, engine).await {
            Ok(Ok(engine)) => engine,
            Ok(Err(error)) => Err(DiarizeError::Failed(error.to_string())),
            Err(_) => Err(DiarizeError::Failed("the engine does not start".to_owned())),
        };
        match engine {
            Ok(engine) => Ok(Session {
                diarization: Diarization::start(
                    engine,
                    Arc::clone(&self.turns),
                    Arc::clone(&self.metrics),
                ),
                live: self,
                claim,
                lease,
                slot,
            }),
            Err(error) => {
                lease.stop().await;
                self.fail(&claim).await;
                Err(Rejected::Engine(error))
            }
        }
    }

    /// Ends a stream whose engine could not be started. If that fails, it counts as lost later.
    async fn fail(&self, claim: &StreamClaim) {
        let end = End::EngineFailed;
        self.metrics.count_ended_stream(end.name());
        let finish = self.store.finish_stream(claim, end.status(), false);
        if let Err(error) = finish.await {
            tracing::error!(stream = %claim.id, error = %Chain(&error), "failed to write the status of a stream");
        }
    }
}
