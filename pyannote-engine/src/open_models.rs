//! The models, loaded and with threads of their own.

use std::fmt;
use std::num::NonZero;
use std::path::Path;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{Embedder, Fbank, Segmentation, Weights, calibration, pipeline};
use crate::assets::Assets;
use crate::{Diarization, DiarizeError, Diarizer, Options};

/// The open models: pyannote's segmentation-3.0 and CAM++ of 3D-Speaker, on the CPU.
///
/// All jobs share its threads for what the models compute, so that several at once do not take more of the machine than
/// one. What is made of it, a small part of the work, is computed on the thread that asks.
///
/// ```no_run
/// use pyannote_engine::assets::Assets;
/// use pyannote_engine::{Diarizer, OpenModels, Options};
///
/// let assets = Assets::locate()?;
/// assets.ensure(&mut |progress| eprintln!("{progress}"))?; // once: downloads 82 MB
/// let models = OpenModels::load(&assets)?;
/// let samples = vec![0.0; 16_000 * 10];
/// let diarization = models.diarize(&samples, &mut Options::new())?;
/// assert!(diarization.turns.is_empty()); // silence
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
#[doc = include_str!("measured.md")]
pub struct OpenModels {
    segmentation: Segmentation,
    fbank: Fbank,
    embedder: Embedder,
    pool: ThreadPool,
}

impl OpenModels {
    /// The models from files that are there, with a thread for each processor of the machine.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, or does not hold its model.
    pub fn load(assets: &Assets) -> Result<Self, LoadError> {
        let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Self::load_with(assets, threads)
    }

    /// The models from files that are there, with so many threads.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_with(assets: &Assets, threads: NonZero<usize>) -> Result<Self, LoadError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .thread_name(|index| format!("engine-{index}"))
            .build()
            .map_err(|error| LoadError(format!("there are no threads for the models: {error}")))?;
        Ok(Self {
            segmentation: read(&assets.segmentation(), Segmentation::load)?,
            fbank: Fbank::new(),
            embedder: read(&assets.embedding(), Embedder::load)?,
            pool,
        })
    }
}

fn read<T>(
    path: &Path,
    load: impl FnOnce(&Weights<'_>) -> Result<T, super::WeightsError>,
) -> Result<T, LoadError> {
    let failed =
        |error: &dyn fmt::Display| LoadError(format!("{} cannot be used: {error}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
    let weights = Weights::parse(&bytes).map_err(|error| failed(&error))?;
    load(&weights).map_err(|error| failed(&error))
}

impl fmt::Debug for OpenModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenModels")
            .field("threads", &self.pool.current_num_threads())
            .finish_non_exhaustive()
    }
}

/// Why models cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoadError(String);

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

impl Diarizer for OpenModels {
    fn models(&self) -> &str {
        "segmentation-3.0 (pyannote) and CAM++ (3D-Speaker)"
    }

    fn embedding_model(&self) -> &str {
        "campplus-cn-en-common"
    }

    fn diarize(
        &self,
        samples: &[f32],
        options: &mut Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        let models = pipeline::Models {
            segmentation: &self.segmentation,
            fbank: &self.fbank,
            embedder: &self.embedder,
            pool: &self.pool,
        };
        pipeline::diarize(models, samples, options)
    }

    fn same_speaker_probability(&self, cosine: f32) -> f32 {
        calibration::same_speaker_probability(cosine)
    }
}
