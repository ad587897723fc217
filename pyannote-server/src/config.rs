//! What a server is made of, before it starts.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::engine::Engine;
use crate::error::StartError;
use crate::key::ApiKey;
use crate::limits::Limits;
use crate::media::MediaFolder;
use crate::store::Store;
use crate::worker::AudioSource;

/// Makes the source of recordings, once the folder of media is there.
pub(crate) type MakeAudio = Box<dyn FnOnce(MediaFolder) -> Arc<dyn AudioSource> + Send>;

/// What was set, and what stands where nothing was.
pub(crate) struct Config {
    pub(crate) engine: Option<Arc<dyn Engine>>,
    pub(crate) audio: Option<MakeAudio>,
    pub(crate) store: Option<Store>,
    pub(crate) keys: Vec<ApiKey>,
    pub(crate) listen: SocketAddr,
    pub(crate) allow_public_bind: bool,
    pub(crate) allow_private_audio: bool,
    pub(crate) public_url: Option<String>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) limits: Limits,
    pub(crate) largest_body: usize,
    pub(crate) largest_medium: u64,
    pub(crate) presigned_for: Duration,
    pub(crate) webhook_secret: Option<SecretString>,
    pub(crate) concurrency: usize,
    pub(crate) recorded: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            engine: None,
            audio: None,
            store: None,
            keys: Vec::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            allow_public_bind: false,
            allow_private_audio: false,
            public_url: None,
            data: None,
            limits: Limits::default(),
            // Fifty voiceprints of 20,000 characters, and as much again.
            largest_body: 2 << 20,
            largest_medium: 1 << 30,
            presigned_for: Duration::from_secs(60 * 60),
            webhook_secret: None,
            concurrency: 1,
            recorded: 1_000,
        }
    }
}

impl Config {
    /// Checks what can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.keys.is_empty() {
            return Err(StartError::new(
                "there is no API key: set one with .key(\"…\")",
            ));
        }
        for (index, key) in self.keys.iter().enumerate() {
            key.check().map_err(StartError::new)?;
            let mut before = self.keys.iter().take(index);
            if before.any(|other| other.secret() == key.secret()) {
                return Err(StartError::new("an API key is there twice"));
            }
        }
        if !self.listen.ip().is_loopback() && !self.allow_public_bind {
            return Err(StartError::new(format!(
                "{} can be reached from other machines, over plain http; say .allow_public_bind() if that is meant",
                self.listen
            )));
        }
        if let Some(url) = &self.public_url {
            let is_origin = url::Url::parse(url).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.path() == "/"
                    && url.query().is_none()
            });
            if !is_origin {
                return Err(StartError::new(
                    "the public URL must be an http(s) URL without a path and a query",
                ));
            }
        }
        Ok(())
    }
}
