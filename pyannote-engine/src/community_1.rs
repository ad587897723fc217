//! community-1 as a [`Diarizer`].

use std::env;
use std::fmt;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rayon::ThreadPool;

use crate::assets::Assets;
use crate::calibration;
use crate::community::{self, FrameFeatures, Loaded};
use crate::open_models::{processors, thread_pool};
use crate::{Diarization, DiarizeError, Diarizer, LoadError, OpenModels, Options, Recording};

/// Environment variable of the folder.
const FOLDER_VAR: &str = "PYANNOTE_COMMUNITY_1";

/// Diarization with community-1, the open pipeline of pyannote.audio 4, on the CPU.
///
/// Its files are not part of any package: request access to `pyannote/speaker-diarization-community-1` on Hugging Face
/// and download its folder. The license is CC-BY-4.0. The folder has `config.yaml`, `segmentation/pytorch_model.bin`,
/// `embedding/pytorch_model.bin`, `plda/plda.npz` and `plda/xvec_transform.npz`. The folder of a repository or snapshot in
/// the cache of Hugging Face's tools (`models--pyannote--speaker-diarization-community-1`) will do, too.
///
/// In place of each `pytorch_model.bin`, there may be one file with another name, with the same weights in safetensors or
/// ONNX: 16, 32 or 64-bit floats under the names of pyannote.audio or WeSpeaker, and the exports that PyTorch makes of
/// these models, such as those of sherpa-onnx, WeSpeaker and speakrs. Of an ONNX file, only the weights are used. Without
/// `pytorch_model.bin`, `config.yaml` may be missing, too: its published values apply. The arrays of `plda` may be files of
/// their own, `NAME.npy` or `plda_NAME.npy`, or `NAME.bin` with 64-bit floats.
///
/// PyTorch's checkpoints are programs for Python. They are read without running anything in them, and a checkpoint that
/// refers to anything but tensors and settings is refused. Every other file that cannot be used has an error that names
/// it and says what to do.
///
/// The pipeline computes what pyannote.audio 4.0.7 computes, as tests show with random weights of the same shapes. That
/// the published weights load, and the error rates with them, could not be checked where this was written.
///
/// ```no_run
/// use pyannote_engine::{Community1, Engine, Options, audio};
///
/// let engine = Engine::new(Community1::load("community-1")?);
/// let recording = audio::decode("meeting.mp3")?;
/// let diarization = engine.diarize(&recording, Options::new())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
#[doc = include_str!("community/measured.md")]
pub struct Community1 {
    loaded: Loaded,
    pool: Arc<ThreadPool>,
    frame_features: FrameFeatures,
}

impl Community1 {
    /// The name of the model in requests of the API.
    pub const NAME: &str = "community-1";
    /// The identifier of the embedding model, which its voiceprints have.
    pub const EMBEDDING_MODEL: &str = "wespeaker-resnet34-community-1";
    /// How to get the folder, in a sentence for users.
    pub const ACCESS: &str = "accept the conditions of https://huggingface.co/pyannote/speaker-diarization-community-1 \
        (license: CC-BY-4.0) and download its folder: config.yaml, segmentation/pytorch_model.bin, \
        embedding/pytorch_model.bin, plda/plda.npz and plda/xvec_transform.npz";

    /// What to do with the folder afterwards, for users of the command `pyannote`.
    pub const ADD: &str = "then run `pyannote models add DIR`";

    /// The folder that programs use unless another one is named: that of the environment variable
    /// `PYANNOTE_COMMUNITY_1`, or else the one that was [added](crate::assets::CommunityAssets::add) on this machine.
    ///
    /// ```no_run
    /// use pyannote_engine::Community1;
    ///
    /// match Community1::locate() {
    ///     Some(folder) => println!("{:?}", Community1::load(folder)?),
    ///     None => println!("to use community-1, {}", Community1::ACCESS),
    /// }
    /// # Ok::<(), pyannote_engine::LoadError>(())
    /// ```
    #[must_use]
    pub fn locate() -> Option<PathBuf> {
        Self::locate_with_source().map(|(folder, _)| folder)
    }

    /// The folder of [`locate`](Self::locate), and what names it, for errors: the variable or the command.
    ///
    /// ```no_run
    /// use pyannote_engine::Community1;
    ///
    /// if let Some((folder, source)) = Community1::locate_with_source() {
    ///     let community = Community1::load(folder).map_err(|error| format!("{source}: {error}"))?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn locate_with_source() -> Option<(PathBuf, &'static str)> {
        if let Some(folder) = Self::from_variable() {
            return Some((folder, FOLDER_VAR));
        }
        let added = Assets::locate().ok()?.community_1();
        added
            .is_added()
            .then(|| (added.folder().to_owned(), "`pyannote models add`"))
    }

    /// The folder of the environment variable `PYANNOTE_COMMUNITY_1`, unless that is empty.
    #[must_use]
    pub fn from_variable() -> Option<PathBuf> {
        let folder = env::var_os(FOLDER_VAR)?;
        (!folder.is_empty()).then(|| folder.into())
    }

    /// Loads the models from a folder, with one thread per CPU core.
    ///
    /// # Errors
    ///
    /// [`LoadError::CommunityMissing`] if a file is missing, [`LoadError::Community`] if it is invalid or that of another
    /// model, and [`LoadError::Threads`] if the threads cannot be started.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self, LoadError> {
        Self::load_with(folder, processors())
    }

    /// Loads the models from a folder, with the given number of threads: at most 8 per processor.
    ///
    /// # Errors
    ///
    /// [`LoadError::TooManyThreads`] if there are more threads, and for the same reasons as [`load`](Self::load).
    pub fn load_with(folder: impl AsRef<Path>, threads: NonZero<usize>) -> Result<Self, LoadError> {
        let pool = Arc::new(thread_pool(threads)?);
        Ok(Self {
            loaded: community::load(folder.as_ref())?,
            pool,
            frame_features: FrameFeatures::PerWindow,
        })
    }

    /// Runs on the threads of `models` instead of its own: both together use no more of the machine than one of them.
    #[must_use]
    pub fn share_threads_with(mut self, models: &OpenModels) -> Self {
        self.pool = models.threads();
        self
    }

    /// Sets whether the convolutions of the embedding model run once over the recording, instead of for each window.
    ///
    /// Windows of 10 s start every second, so this takes about a quarter of the time. By default, they run for each window, as
    /// in pyannote.audio, with the same results. Shared convolutions change the embeddings, and now and then a turn: see
    /// [the figures](Self#shared-convolutions).
    #[must_use]
    pub fn shared_convolutions(mut self, shared: bool) -> Self {
        self.frame_features = match shared {
            true => FrameFeatures::Shared,
            false => FrameFeatures::PerWindow,
        };
        self
    }

    /// As [`diarize`](Diarizer::diarize), with how long each stage took: for benchmarks.
    #[doc(hidden)]
    pub fn diarize_with_stages(
        &self,
        recording: &Recording,
        options: &mut Options<'_>,
    ) -> Result<(Diarization, CommunityStages), DiarizeError> {
        options.check()?;
        let models = community::Models {
            loaded: &self.loaded,
            pool: &self.pool,
        };
        community::diarize(models, recording, self.frame_features, options)
    }
}

/// How long the stages of a run took.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CommunityStages {
    pub segmentation: Duration,
    pub embeddings: Duration,
    pub clustering: Duration,
    pub reconstruction: Duration,
}

impl fmt::Debug for Community1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Community1")
            .field("threads", &self.pool.current_num_threads())
            .field("frame_features", &self.frame_features)
            .finish_non_exhaustive()
    }
}

impl Diarizer for Community1 {
    fn models(&self) -> &str {
        "community-1 (pyannote)"
    }

    fn embedding_model(&self) -> &str {
        Self::EMBEDDING_MODEL
    }

    fn diarize(
        &self,
        recording: &Recording,
        options: &mut Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        let (diarization, _) = self.diarize_with_stages(recording, options)?;
        Ok(diarization)
    }

    fn same_speaker_probability(&self, cosine: f32) -> f32 {
        // Not measured with these embeddings, since the published weights could not be tested: the curve of CAM++.
        calibration::same_speaker_probability(cosine)
    }

    fn is_calibrated(&self) -> bool {
        false
    }
}
