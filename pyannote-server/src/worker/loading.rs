//! Loading of the recording of a job.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::WorkerConfig;
use super::lanes::Ticket;
use crate::engine::{EngineError, JobKind, Recording};
use crate::store::Job;

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
    /// Other long jobs come first. With the duration of the recording.
    PutBack(Duration),
}

/// Loads the recording of a job, unless other long jobs come first.
pub(super) async fn load(
    config: WorkerConfig,
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
        return Ok(Loaded::PutBack(audio));
    }
    let max_seconds = (job.kind == JobKind::Voiceprint).then_some(MAX_VOICEPRINT_S);
    let mut audio = Audio::default();
    if config.engine.needs_channels(job.kind, &job.request) {
        audio.channels = source.channels(&job.team, url, max_seconds).await?;
    } else {
        audio.recording = Some(source.recording(&job.team, url, max_seconds).await?);
    }
    let duration = audio.duration();
    match ticket.note_audio(duration) && may_be_put_back {
        true => Ok(Loaded::PutBack(duration)),
        false => Ok(Loaded::Audio(audio)),
    }
}
