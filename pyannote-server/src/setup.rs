//! What a server and workers without a server have in common: data directory, store, media, and the configuration of workers.

use std::sync::Arc;

use tempfile::TempDir;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::error::StartError;
use crate::faults::Faults;
use crate::media::MediaStore;
use crate::store::Store;
use crate::temp_folder::TempFolder;
use crate::worker::{AudioSource, Timing, WorkerConfig};

/// The opened parts of a server or of workers.
pub(crate) struct Setup {
    pub(crate) media: MediaStore,
    pub(crate) workers: WorkerConfig,
    pub(crate) timing: Timing,
    pub(crate) resources: Resources,
}

/// What is released once the workers have ended.
#[derive(Default)]
pub(crate) struct Resources {
    /// Store that nobody else uses.
    pub(crate) store: Option<Store>,
    _temp_folder: Option<TempFolder>,
    /// Data directory that is deleted.
    _temp_dir: Option<TempDir>,
}

impl Setup {
    /// Opens the data directory and the store.
    pub(crate) async fn new(config: &mut Config) -> Result<Self, StartError> {
        let engine = config.engine.clone().ok_or(StartError::MissingEngine)?;
        let (data_dir, temp_dir) = match config.data_dir.take() {
            Some(path) => (path, None),
            None => {
                let temp_dir = tempfile::tempdir()
                    .map_err(|error| StartError::data_dir(&std::env::temp_dir(), error))?;
                (temp_dir.path().to_owned(), Some(temp_dir))
            }
        };
        let data_dir_error = |error| StartError::data_dir(&data_dir, error);
        let data = DataDir::open(data_dir.clone()).map_err(data_dir_error)?;
        // A temporary data directory may be in memory, unlike the default folder of temporary files.
        let temp_folder = match temp_dir {
            None => Some(TempFolder::create_in(&data.temp()).map_err(data_dir_error)?),
            Some(_) => None,
        };
        let media = match config.media.take() {
            Some(media) => media.copies(
                config.max_media_bytes,
                temp_folder.as_ref().map(TempFolder::path),
            ),
            None => {
                MediaStore::folder(data.media(), config.storage_limits).map_err(data_dir_error)?
            }
        };
        let (store, is_shared) = match config.store.take() {
            Some(store) => (store, !config.owns_store),
            None => (Store::open(data.database()).await?, false),
        };
        let audio = audio_source(config, &media, temp_folder.as_ref())?;
        let resources = Resources {
            store: (!is_shared).then(|| store.clone()),
            _temp_folder: temp_folder,
            _temp_dir: temp_dir,
        };
        Ok(Self {
            workers: WorkerConfig {
                store,
                engine,
                audio,
                webhook_secret: config.webhook_secret.clone(),
                allow_private_networks: config.allow_private_networks,
                faults: Faults::default(),
                concurrency: match config.work {
                    true => config.lanes()?,
                    false => 0,
                },
            },
            timing: Timing {
                grace_period: config.grace_period,
                job_retention: config.job_retention,
                ..Timing::default()
            },
            media,
            resources,
        })
    }
}

/// The source of recordings: that of the builder, or else uploaded media and http(s) URLs.
fn audio_source(
    config: &mut Config,
    media: &MediaStore,
    temp_folder: Option<&TempFolder>,
) -> Result<Option<Arc<dyn AudioSource>>, StartError> {
    if let Some(create) = config.audio_source.take() {
        return Ok(Some(create(media.clone())));
    }
    #[cfg(feature = "engine")]
    {
        use crate::audio::{FetchConfig, Loader};

        let fetch_config = FetchConfig {
            allow_private_networks: config.allow_private_networks,
            temp_dir: temp_folder.map(|folder| folder.path().to_owned()),
            ..FetchConfig::default()
        };
        let loader = Loader::new(media.clone(), fetch_config)
            .map_err(|error| StartError::HttpClient(error.into()))?;
        Ok(Some(Arc::new(loader.ffmpeg(config.ffmpeg.clone()))))
    }
    // Recordings come only from a source that the builder was given.
    #[cfg(not(feature = "engine"))]
    {
        let _ = temp_folder;
        Ok(None)
    }
}
