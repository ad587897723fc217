//! What a server and workers without a server have in common: data directory, store, media, and the configuration of workers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyannote_engine::RecordingWriter;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::error::StartError;
use crate::faults::Faults;
use crate::media::MediaStore;
#[cfg(feature = "s3")]
use crate::recording_file::TempFiles;
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
    _temp_data: Option<TempFolder>,
}

impl Setup {
    /// Opens the data directory and the store.
    pub(crate) async fn new(config: &mut Config) -> Result<Self, StartError> {
        let engine = config.engine.clone().ok_or(StartError::MissingEngine)?;
        let (data_dir, temp_data) = match config.data_dir.take() {
            Some(path) => (path, None),
            None => {
                let folder = public_temp_folder(&[std::env::temp_dir()])?;
                (folder.path().join("data"), Some(folder))
            }
        };
        let data_dir_error = |error| StartError::data_dir(&data_dir, error);
        let data = DataDir::open(data_dir.clone()).map_err(data_dir_error)?;
        // A temporary data directory may be in memory, unlike the folders of large files.
        let temp_folder = match temp_data {
            None => TempFolder::create_in(&data.temp()).map_err(data_dir_error)?,
            Some(_) => public_temp_folder(&RecordingWriter::default_folders())?,
        };
        let media = match config.media.take() {
            #[cfg(feature = "s3")]
            Some(media) => {
                let temp_files = TempFiles {
                    folder: Some(temp_folder.path().to_owned()),
                    min_free: config.storage_limits.min_free_of_recordings(),
                };
                media.copies(config.max_media_bytes, temp_files)
            }
            #[cfg(not(feature = "s3"))]
            Some(media) => media,
            None => {
                MediaStore::folder(data.media(), config.storage_limits).map_err(data_dir_error)?
            }
        };
        let (store, is_shared) = match config.store.take() {
            Some(store) => (store, !config.owns_store),
            None => (Store::open(data.database()).await?, false),
        };
        let audio = audio_source(config, &media, &temp_folder)?;
        let resources = Resources {
            store: (!is_shared).then(|| store.clone()),
            _temp_folder: Some(temp_folder),
            _temp_data: temp_data,
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

/// Creates a folder for temporary files in the first of `roots` that is writable.
fn public_temp_folder(roots: &[PathBuf]) -> Result<TempFolder, StartError> {
    TempFolder::create_in_public(roots).map_err(|error| {
        let root = roots.last().map_or(Path::new("."), |root| root);
        StartError::data_dir(root, error)
    })
}

/// The source of recordings: that of the builder, or else uploaded media and http(s) URLs.
fn audio_source(
    config: &mut Config,
    media: &MediaStore,
    temp_folder: &TempFolder,
) -> Result<Option<Arc<dyn AudioSource>>, StartError> {
    if let Some(create) = config.audio_source.take() {
        return Ok(Some(create(media.clone())));
    }
    #[cfg(feature = "engine")]
    {
        use crate::audio::{FetchConfig, Loader};

        let fetch_config = FetchConfig {
            allow_private_networks: config.allow_private_networks,
            temp_dir: Some(temp_folder.path().to_owned()),
            free_bytes: config.storage_limits.min_free_of_recordings().bytes,
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
