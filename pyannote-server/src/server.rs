//! A server that runs.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::api::{App, Schemas, router};
#[cfg(feature = "engine")]
use crate::audio::{FetchConfig, Loader};
use crate::builder::LocalServerBuilder;
use crate::config::Config;
use crate::error::StartError;
use crate::faults::Faults;
use crate::key::Keys;
use crate::limits::Limiter;
#[cfg(feature = "engine")]
use crate::media::MediaKey;
use crate::media::{MediaFolder, Signer};
use crate::metrics::Metrics;
use crate::record::{Record, RecordedRequest};
use crate::store::Store;
use crate::worker::{AudioSource, WorkerConfig, Workers};

/// How often old media are deleted.
const SWEEP: Duration = Duration::from_secs(60 * 60);

/// A server in this process. It takes no more requests once it is dropped; [`stop`](Self::stop) waits for those under
/// way, too.
#[must_use = "the server is gone when it is dropped"]
pub struct LocalServer {
    app: Arc<App>,
    url: String,
    api_key: String,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
    sweeping: JoinHandle<()>,
    workers: Option<Workers>,
    // Deleted with the server.
    _temporary: Option<tempfile::TempDir>,
}

impl LocalServer {
    /// Sets up a server.
    pub fn builder() -> LocalServerBuilder {
        LocalServerBuilder::default()
    }

    pub(crate) async fn start(config: Config) -> Result<Self, StartError> {
        config.check()?;
        let Some(engine) = config.engine else {
            return Err(StartError::new(
                "there is no engine: set one with .engine(…)",
            ));
        };
        let schemas = Schemas::read()
            .map_err(|error| StartError::caused("the specification cannot be used", error))?;
        let no_folder = |error| StartError::caused("the folder for media cannot be opened", error);
        let (folder, temporary) = match config.data {
            Some(folder) => (folder, None),
            None => {
                let temporary = tempfile::tempdir().map_err(no_folder)?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let media = MediaFolder::open(folder.join("media")).map_err(no_folder)?;
        let listener = TcpListener::bind(config.listen).await.map_err(|error| {
            StartError::caused(format!("cannot listen at {}", config.listen), error)
        })?;
        let mut address = listener
            .local_addr()
            .map_err(|error| StartError::caused("the address is not known", error))?;
        if address.ip().is_unspecified() {
            // Every address is no address: this one is good on this machine.
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let url = format!("http://{address}");
        let store = match config.store {
            Some(store) => store,
            None => Store::open(folder.join("jobs.sqlite"))
                .await
                .map_err(|error| StartError::caused("the store cannot be opened", error))?,
        };
        let audio = match config.audio {
            Some(make) => Some(make(media.clone())),
            None => audio_of_its_own(&media, config.allow_private_audio)?,
        };
        let faults = Faults::default();
        let workers = Workers::start(WorkerConfig {
            store: store.clone(),
            engine: Arc::clone(&engine),
            audio,
            webhook_secret: config.webhook_secret,
            faults: faults.clone(),
            concurrency: config.concurrency.max(1),
        })
        .await
        .map_err(|error| StartError::caused("the workers cannot be started", error))?;
        let api_key = config.keys.first().map(|key| key.secret().to_owned());
        let origin = config.public_url.as_deref().unwrap_or(&url);
        let app = Arc::new(App {
            keys: Keys::new(config.keys),
            limiter: Limiter::new(config.limits),
            faults,
            record: Record::new(config.recorded),
            metrics: Metrics::new(),
            store,
            media: media.clone(),
            signer: Signer::new(),
            schemas,
            engine,
            origin: origin.trim_end_matches('/').to_owned(),
            largest_body: config.largest_body,
            largest_medium: config.largest_medium,
            presigned_for: config.presigned_for,
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let serving =
            axum::serve(listener, router(Arc::clone(&app))).with_graceful_shutdown(async {
                // Ends when the sender is dropped, too.
                let _ = stopped.await;
            });
        let serving = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the server ended");
            }
        });
        Ok(Self {
            app,
            url,
            api_key: api_key.unwrap_or_default(),
            stop: Some(stop),
            serving: Some(serving),
            sweeping: tokio::spawn(sweep(media)),
            workers: Some(workers),
            _temporary: temporary,
        })
    }

    /// Where it is: the base URL for clients, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The first key that was set.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// What goes wrong on demand.
    ///
    /// ```
    /// use pyannote_server::{Fault, LocalServer, Operation, ScriptedEngine};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pyannote_server::StartError> {
    /// let server = LocalServer::builder().engine(ScriptedEngine::new()).key("key").start().await?;
    /// server.faults().next(Operation::Diarize, 1, Fault::Reset);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.app.faults
    }

    /// The latest requests that were received, newest last, whatever became of them.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.app.record.all()
    }

    /// The folder of media.
    #[must_use]
    pub fn media(&self) -> &MediaFolder {
        &self.app.media
    }

    /// Stops: no new request is taken, those under way are answered, and the workers come to an end.
    pub async fn stop(mut self) {
        self.stop.take();
        if let Some(serving) = self.serving.take() {
            // An error is a panic of the task, which was reported already.
            let _ = serving.await;
        }
        if let Some(workers) = self.workers.take() {
            workers.stop().await;
        }
    }
}

impl std::fmt::Debug for LocalServer {
    /// Shows neither the key nor what was received.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalServer")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        // The sender of `stop` is dropped with it, which tells connections to end.
        self.sweeping.abort();
    }
}

/// Recordings of the folder of media, and of the web.
#[cfg(feature = "engine")]
fn audio_of_its_own(
    media: &MediaFolder,
    allow_private: bool,
) -> Result<Option<Arc<dyn AudioSource>>, StartError> {
    let media = media.clone();
    let fetching = FetchConfig {
        allow_private,
        ..FetchConfig::default()
    };
    let files = move |team: &str, key: &str| media.find(team, &MediaKey::new(key).ok()?);
    let loader = Loader::new(files, fetching)
        .map_err(|error| StartError::caused("recordings cannot be fetched", error))?;
    Ok(Some(Arc::new(loader)))
}

/// Without the feature `audio`, a server hears only what its builder is given.
#[cfg(not(feature = "engine"))]
fn audio_of_its_own(_: &MediaFolder, _: bool) -> Result<Option<Arc<dyn AudioSource>>, StartError> {
    Ok(None)
}

async fn sweep(media: MediaFolder) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        let media = media.clone();
        let swept = tokio::task::spawn_blocking(move || media.sweep(SystemTime::now())).await;
        match swept {
            Ok(Ok(deleted)) => tracing::debug!(deleted, "old media deleted"),
            Ok(Err(error)) => tracing::warn!(%error, "old media could not be deleted"),
            Err(error) => tracing::warn!(%error, "old media could not be deleted"),
        }
    }
}
