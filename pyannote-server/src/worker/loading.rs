//! Loading of the recording of a job.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::audio_source::LoadError;
use super::lanes::Ticket;
use super::{Timing, WorkerConfig, load_retry};
use crate::engine::{EngineError, JobKind, Recording};
use crate::store::{Job, LoadFailure, Return, ReturnAfter};

/// Maximum length of a recording for a voiceprint.
const MAX_VOICEPRINT_S: f64 = 30.0;

/// The recording of a job, or its channels.
#[derive(Default)]
pub(super) struct Audio {
    pub(super) recording: Option<Recording>,
    pub(super) channels: Vec<Recording>,
}

impl Audio {
    /// Duration of the recording. With several channels, of all of them together.
    pub(super) fn duration(&self) -> Duration {
        let recordings = self.recording.iter().chain(&self.channels);
        Duration::try_from_secs_f64(recordings.map(Recording::duration).sum())
            .unwrap_or(Duration::MAX)
    }
}

/// What [`load`] returns.
pub(super) enum Loaded {
    Audio(Audio),
    /// The job is returned to the queue: other long jobs come first, or the recording cannot be loaded yet.
    Return(Return),
}

impl Loaded {
    fn put_back(audio: Duration) -> Self {
        Self::Return(Return {
            audio: Some(audio),
            ..Return::default()
        })
    }
}

/// Loads the recording of a job, unless other long jobs come first.
pub(super) async fn load(
    config: WorkerConfig,
    timing: Timing,
    job: Job,
    ticket: Arc<Ticket>,
) -> Result<Loaded, EngineError> {
    let url = job.request.get("url").and_then(Value::as_str);
    let url = url.ok_or_else(|| EngineError("the request has no `url`".into()))?;
    let source = config.audio.as_ref();
    let source =
        source.ok_or_else(|| EngineError("this server has no source of recordings".into()))?;
    // A job that was put back before has been claimed because its turn has come.
    let may_be_put_back = job.audio.is_none();
    if may_be_put_back
        && let Some(audio) = source.duration(&job.team, url).await
        && ticket.note_audio(audio)
    {
        return Ok(Loaded::put_back(audio));
    }
    let max_seconds = (job.kind == JobKind::Voiceprint).then_some(MAX_VOICEPRINT_S);
    let mut audio = Audio::default();
    let start = Instant::now();
    let loaded = if config.engine.needs_channels(job.kind, &job.request) {
        let channels = source.channels(&job.team, url, max_seconds).await;
        channels.map(|channels| audio.channels = channels)
    } else {
        let recording = source.recording(&job.team, url, max_seconds).await;
        recording.map(|recording| audio.recording = Some(recording))
    };
    if let Err(error) = loaded {
        return retry(error, &timing, &job, start.elapsed());
    }
    let duration = audio.duration();
    match ticket.note_audio(duration) && may_be_put_back {
        true => Ok(Loaded::put_back(duration)),
        false => Ok(Loaded::Audio(audio)),
    }
}

/// Returns the job to the queue if the recording may be loaded later, after an attempt that `took` this long.
fn retry(
    error: LoadError,
    timing: &Timing,
    job: &Job,
    took: Duration,
) -> Result<Loaded, EngineError> {
    let (failure, delay) = match &error {
        LoadError::Failed(_) => return Err(error.into()),
        LoadError::Fetch { retry_after, .. } => {
            let delays = timing.fetch_retry_delays;
            let failures = job.fetch_failures;
            let delay = load_retry::after_fetch(failures, delays, *retry_after, took);
            (LoadFailure::Fetch, delay)
        }
        LoadError::Storage(_) => {
            let delay = load_retry::after_storage(job.storage_failures);
            (LoadFailure::Storage, delay)
        }
    };
    let Some(delay) = delay else {
        return Err(error.into());
    };
    let id = job.id;
    tracing::warn!(job = %id, %error, ?delay, "failed to load a recording; retrying");
    Ok(Loaded::Return(Return {
        after: ReturnAfter::Delay(delay),
        audio: None,
        failure: Some(failure),
    }))
}
