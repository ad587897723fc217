//! Sets up a server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::config::Config;
use crate::engine::Engine;
use crate::error::StartError;
use crate::key::ApiKey;
use crate::limits::Limits;
use crate::media::MediaFolder;
use crate::server::LocalServer;
use crate::store::Store;
use crate::worker::AudioSource;

/// Sets up a [`LocalServer`]. An engine and a key are needed; all else has a default.
///
/// ```
/// use pyannote_server::{ApiKey, Limits, LocalServer, Scope, ScriptedEngine};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pyannote_server::StartError> {
/// let server = LocalServer::builder()
///     .engine(ScriptedEngine::new())
///     .key("test-key")
///     .api_key(ApiKey::new("reader").scopes([Scope::JobsRead]))
///     .limits(Limits::off())
///     .start()
///     .await?;
/// # server.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
#[must_use = "a server runs once .start() was awaited"]
pub struct LocalServerBuilder {
    config: Config,
}

impl LocalServerBuilder {
    /// What works on the jobs.
    pub fn engine(mut self, engine: impl Engine) -> Self {
        self.config.engine = Some(Arc::new(engine));
        self
    }

    /// Where recordings come from, for an engine that hears them: unless set, the folder of media and the web. The
    /// function is given the folder of media.
    pub fn audio(
        mut self,
        make: impl FnOnce(MediaFolder) -> Arc<dyn AudioSource> + Send + 'static,
    ) -> Self {
        self.config.audio = Some(Box::new(make));
        self
    }

    /// Lets recordings be fetched from private and loopback addresses, too. Whoever has a key can then make the server
    /// read what it can reach.
    pub fn allow_private_audio(mut self) -> Self {
        self.config.allow_private_audio = true;
        self
    }

    /// Where jobs are kept; a file beside the media unless set.
    pub fn store(mut self, store: Store) -> Self {
        self.config.store = Some(store);
        self
    }

    /// A key that may do everything, of the team `local`. The first key is that of [`LocalServer::api_key`].
    pub fn key(self, key: impl Into<SecretString>) -> Self {
        self.api_key(ApiKey::new(key))
    }

    /// A key with a team, scopes or no credit of its own.
    pub fn api_key(mut self, key: ApiKey) -> Self {
        self.config.keys.push(key);
        self
    }

    /// Where to listen; a free port of 127.0.0.1 unless set.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.config.listen = address;
        self
    }

    /// Allows an address that other machines can reach. Keys and recordings then cross the network in the clear,
    /// unless a proxy in front speaks https.
    pub fn allow_public_bind(mut self) -> Self {
        self.config.allow_public_bind = true;
        self
    }

    /// The origin under which clients reach the server, for pre-signed URLs; its own address unless set.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.config.public_url = Some(url.into());
        self
    }

    /// The folder for media and jobs; a temporary one, deleted with the server, unless set.
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.config.data = Some(folder.into());
        self
    }

    /// How many requests a minute are taken; the API's own limits unless set.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// The largest body of a request, in bytes; 2 MiB unless set.
    pub fn largest_body(mut self, bytes: usize) -> Self {
        self.config.largest_body = bytes;
        self
    }

    /// The largest medium, in bytes; 1 GiB unless set.
    pub fn largest_medium(mut self, bytes: u64) -> Self {
        self.config.largest_medium = bytes;
        self
    }

    /// How long pre-signed URLs are valid, in whole seconds; an hour unless set. With zero, none ever is.
    pub fn presigned_for(mut self, time: Duration) -> Self {
        self.config.presigned_for = time;
        self
    }

    /// What webhooks are signed with; none are sent unless it is set.
    pub fn webhook_secret(mut self, secret: impl Into<SecretString>) -> Self {
        self.config.webhook_secret = Some(secret.into());
        self
    }

    /// How many jobs are worked on at once; 1 unless set.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.config.concurrency = jobs;
        self
    }

    /// How many requests [`LocalServer::requests`] holds; 1,000 unless set, and 0 for none. Their bodies are held too.
    pub fn recorded(mut self, requests: usize) -> Self {
        self.config.recorded = requests;
        self
    }

    /// Starts the server. It needs a Tokio runtime, and goes on in the background.
    ///
    /// # Errors
    ///
    /// Where there is no engine or key, a key or address cannot be used, the address is taken, or a folder or the
    /// store cannot be opened.
    pub async fn start(self) -> Result<LocalServer, StartError> {
        LocalServer::start(self.config).await
    }
}

impl std::fmt::Debug for LocalServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalServerBuilder")
            .field("listen", &self.config.listen)
            .field("limits", &self.config.limits)
            .finish_non_exhaustive()
    }
}
