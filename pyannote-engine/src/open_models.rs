//! The open models as a [`Diarizer`].

use std::error::Error;
use std::fmt;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{calibration, pipeline};
use crate::assets::Assets;
use crate::models::{EmbeddingModel, Fbank, Networks, SegmentationModel, Weights, WeightsError};
use crate::{
    Diarization, DiarizeError, Diarizer, LiveDiarization, LiveOptions, LoadError, Options,
    Recording, live,
};

/// Maximum number of threads per processor: more make nothing faster, and thousands take long to start.
const MAX_THREADS_PER_PROCESSOR: usize = 8;

/// Diarization with open models on the CPU: segmentation-3.0 of pyannote and CAM++ of 3D-Speaker.
///
/// The models run on a thread pool that all runs share, so that concurrent runs do not use more CPU cores than one. The
/// rest, such as clustering, is a small part of the work and runs on the calling thread.
///
/// ```no_run
/// use pyannote_engine::assets::Assets;
/// use pyannote_engine::{Diarizer, OpenModels, Options, Recording};
///
/// let assets = Assets::locate()?;
/// assets.ensure(&mut |progress| eprintln!("{progress}"))?; // downloads 82 MB the first time
/// let models = OpenModels::load(&assets)?;
/// let recording = Recording::new(vec![0.0; 16_000 * 10]);
/// let diarization = models.diarize(&recording, &mut Options::new())?;
/// assert!(diarization.turns.is_empty()); // silence
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
#[doc = include_str!("measured.md")]
pub struct OpenModels {
    networks: Arc<Networks>,
    pool: Arc<ThreadPool>,
}

impl OpenModels {
    /// The identifier of the embedding model, which its voiceprints have.
    pub const EMBEDDING_MODEL: &str = "campplus-cn-en-common";

    /// Loads the models from the cache folder, with one thread per CPU core.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if a file cannot be read or is not the expected model, or the threads cannot be started.
    pub fn load(assets: &Assets) -> Result<Self, LoadError> {
        Self::load_with(assets, processors())
    }

    /// Loads the models from the cache folder, with the given number of threads: at most 8 per processor.
    ///
    /// # Errors
    ///
    /// [`LoadError::TooManyThreads`] if there are more threads, and for the same reasons as [`load`](Self::load).
    pub fn load_with(assets: &Assets, threads: NonZero<usize>) -> Result<Self, LoadError> {
        let pool = thread_pool(threads)?;
        let networks = Networks {
            segmentation: read(&assets.segmentation(), SegmentationModel::load)?,
            fbank: Fbank::new(),
            embedding: read(&assets.embedding(), EmbeddingModel::load)?,
        };
        Ok(Self {
            networks: Arc::new(networks),
            pool: Arc::new(pool),
        })
    }

    /// The threads, for other models that share them.
    pub(crate) fn threads(&self) -> Arc<ThreadPool> {
        Arc::clone(&self.pool)
    }

    /// Checks the number of threads.
    pub(crate) fn check_threads(threads: NonZero<usize>) -> Result<(), LoadError> {
        let max = MAX_THREADS_PER_PROCESSOR * processors().get();
        match threads.get() > max {
            true => Err(LoadError::TooManyThreads { max }),
            false => Ok(()),
        }
    }
}

/// Starts the threads of models, unless there are too many.
pub(crate) fn thread_pool(threads: NonZero<usize>) -> Result<ThreadPool, LoadError> {
    OpenModels::check_threads(threads)?;
    ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .thread_name(|index| format!("engine-{index}"))
        .build()
        .map_err(|error| LoadError::Threads(error.into()))
}

/// The number of processors, or 1 if it is unknown.
pub(crate) fn processors() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

fn read<T>(
    path: &Path,
    load: impl FnOnce(&Weights<'_>) -> Result<T, WeightsError>,
) -> Result<T, LoadError> {
    let failed = |source: Box<dyn Error + Send + Sync>| LoadError::Weights {
        path: path.to_owned(),
        source,
    };
    let bytes = std::fs::read(path).map_err(|error| failed(error.into()))?;
    let weights = Weights::parse(&bytes).map_err(|error| failed(error.into()))?;
    load(&weights).map_err(|error| failed(error.into()))
}

impl fmt::Debug for OpenModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenModels")
            .field("threads", &self.pool.current_num_threads())
            .finish_non_exhaustive()
    }
}

impl Diarizer for OpenModels {
    fn models(&self) -> &str {
        "segmentation-3.0 (pyannote) and CAM++ (3D-Speaker)"
    }

    fn embedding_model(&self) -> &str {
        Self::EMBEDDING_MODEL
    }

    fn diarize(
        &self,
        recording: &Recording,
        options: &mut Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        options.check()?;
        let models = pipeline::Models {
            networks: &self.networks,
            pool: &self.pool,
        };
        pipeline::diarize(models, recording, options)
    }

    fn live(&self, options: &LiveOptions) -> Result<Box<dyn LiveDiarization>, DiarizeError> {
        options.check()?;
        Ok(Box::new(live::Session::new(self.networks.clone(), options)))
    }

    fn same_speaker_probability(&self, cosine: f32) -> f32 {
        calibration::same_speaker_probability(cosine)
    }
}
