//! Configuration of a server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::api_key::ApiKey;
use crate::connections::ConnectionLimits;
use crate::engine::Engine;
use crate::error::StartError;
use crate::live::LiveLimits;
use crate::media::{MediaStore, StorageLimits};
use crate::rate_limit::RateLimits;
use crate::store::Store;
use crate::worker::{AudioSource, Timing};

/// Maximum number of jobs that compute at once: each has a recording in memory, and all share the processors.
pub(crate) const MAX_LANES: usize = 64;
/// Default number of lanes of engines that need audio. They share the threads of the engine, so more do not compute
/// faster: the second is for short jobs while a long one computes.
const DEFAULT_LANES: usize = 2;

/// Creates the audio source from the server's uploaded media.
pub(crate) type AudioSourceFactory = Box<dyn FnOnce(MediaStore) -> Arc<dyn AudioSource> + Send>;

/// Options of a server. See [`ServerBuilder`](crate::ServerBuilder) for what they mean.
pub(crate) struct Config {
    pub(crate) engine: Option<Arc<dyn Engine>>,
    pub(crate) audio_source: Option<AudioSourceFactory>,
    pub(crate) store: Option<Store>,
    /// Whether nobody else uses the store.
    pub(crate) owns_store: bool,
    pub(crate) media: Option<MediaStore>,
    pub(crate) keys: Vec<ApiKey>,
    pub(crate) operator_key: Option<ApiKey>,
    /// A server that is not told selects a free port, and workers without a server do not listen.
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) allow_public_bind: bool,
    pub(crate) allow_private_networks: bool,
    #[cfg(feature = "engine")]
    pub(crate) ffmpeg: pyannote_engine::audio::Ffmpeg,
    pub(crate) public_url: Option<String>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) rate_limits: RateLimits,
    pub(crate) connection_limits: ConnectionLimits,
    pub(crate) max_body_bytes: usize,
    pub(crate) max_media_bytes: u64,
    pub(crate) storage_limits: StorageLimits,
    pub(crate) presigned_url_lifetime: Duration,
    pub(crate) webhook_secret: Option<SecretString>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) work: bool,
    pub(crate) max_recorded_requests: usize,
    pub(crate) grace_period: Duration,
    pub(crate) job_retention: Duration,
    pub(crate) live_limits: LiveLimits,
}

impl Default for Config {
    fn default() -> Self {
        let timing = Timing::default();
        Self {
            engine: None,
            audio_source: None,
            store: None,
            owns_store: false,
            media: None,
            keys: Vec::new(),
            operator_key: None,
            listen: None,
            allow_public_bind: false,
            allow_private_networks: false,
            #[cfg(feature = "engine")]
            ffmpeg: pyannote_engine::audio::Ffmpeg::default(),
            public_url: None,
            data_dir: None,
            rate_limits: RateLimits::default(),
            connection_limits: ConnectionLimits::default(),
            // Twice the size of the largest valid request: 50 voiceprints of 20,000 characters.
            max_body_bytes: 2 << 20,
            max_media_bytes: 1 << 30,
            storage_limits: StorageLimits::default(),
            presigned_url_lifetime: Duration::from_secs(60 * 60),
            webhook_secret: None,
            concurrency: None,
            work: true,
            max_recorded_requests: 1_000,
            grace_period: timing.grace_period,
            job_retention: timing.job_retention,
            live_limits: LiveLimits::default(),
        }
    }
}

impl Config {
    /// How many jobs compute at once.
    ///
    /// # Errors
    ///
    /// [`StartError::InvalidConcurrency`], if the number is out of range.
    pub(crate) fn lanes(&self) -> Result<usize, StartError> {
        let default = match &self.engine {
            Some(engine) if engine.needs_audio() => DEFAULT_LANES,
            _ => 1,
        };
        let lanes = self.concurrency.unwrap_or(default);
        match (1..=MAX_LANES).contains(&lanes) {
            true => Ok(lanes),
            false => Err(StartError::InvalidConcurrency),
        }
    }

    /// Checks the options that can be checked without opening anything.
    pub(crate) fn validate(&self) -> Result<(), StartError> {
        let operator_key = self.operator_key.as_ref();
        if operator_key.is_some_and(|key| key.validate().is_err()) {
            return Err(StartError::InvalidOperatorKey);
        }
        let keys: Vec<_> = self.keys.iter().chain(operator_key).collect();
        for (index, key) in keys.iter().enumerate() {
            key.validate()?;
            let mut before = keys[..index].iter();
            if before.any(|other| other.secret() == key.secret()) {
                return Err(StartError::DuplicateKey);
            }
        }
        if let Some(address) = self.listen
            && !address.ip().is_loopback()
            && !self.allow_public_bind
        {
            return Err(StartError::PublicAddress(address));
        }
        let public_url = self.public_url.as_deref().map(Url::parse);
        if public_url.is_some_and(|url| !url.is_ok_and(|url| is_origin(&url))) {
            return Err(StartError::InvalidPublicUrl);
        }
        // Anyone could sign with it.
        let secret = self.webhook_secret.as_ref();
        if secret.is_some_and(|secret| secret.expose_secret().trim().is_empty()) {
            return Err(StartError::EmptyWebhookSecret);
        }
        Ok(())
    }
}

/// Whether clients can be given URLs that begin with this one.
fn is_origin(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.port() != Some(0)
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_only_scheme_host_and_port() {
        for (url, expected) in [
            ("https://diarization.example", true),
            ("http://10.0.0.1:8000/", true),
            ("https://user:secret@diarization.example", false),
            ("https://user@diarization.example", false),
            ("https://diarization.example:0", false),
            ("https://diarization.example/path", false),
            ("https://diarization.example/?a", false),
            ("https://diarization.example/#a", false),
            ("ftp://diarization.example", false),
            ("mailto:ada@example.com", false),
        ] {
            assert_eq!(is_origin(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
