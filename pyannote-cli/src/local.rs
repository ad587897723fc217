//! The engine on this machine.

use std::cell::RefCell;
use std::num::NonZero;
use std::path::Path;

use clap::Args;
use pyannote_engine::assets::Assets;
#[cfg(feature = "api")]
use pyannote_engine::audio::Decoder;
use pyannote_engine::audio::{self, AudioError, DecodeOptions};
use pyannote_engine::{Engine, Recording};

use crate::error::{Failure, Result};
use crate::input::check_file;
use crate::ui::Ui;

/// Options of the engine on this machine.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "On this machine")]
pub(crate) struct EngineArgs {
    /// Number of threads [default: number of processors].
    #[arg(long, value_name = "THREADS")]
    pub(crate) threads: Option<NonZero<usize>>,
}

/// Options of decoding recordings on this machine.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "On this machine")]
pub(crate) struct AudioArgs {
    /// Audio track of the recording, from 1 [default: the enabled or default one].
    #[arg(long, value_name = "NUMBER")]
    track: Option<NonZero<usize>>,
}

impl AudioArgs {
    /// The options of the decoder.
    pub(crate) fn options(self) -> DecodeOptions {
        match self.track {
            Some(track) => DecodeOptions::new().track(track),
            None => DecodeOptions::new(),
        }
    }

    /// Fails if an option was used: samples have no tracks.
    #[cfg(feature = "api")]
    pub(crate) fn check_samples(self) -> Result<()> {
        match self.track {
            None => Ok(()),
            Some(_) => Err(Failure::usage(
                "--track is for files: the standard input has samples of one track",
            )),
        }
    }

    /// The options as a text. It is empty if none was used.
    #[cfg(feature = "api")]
    pub(crate) fn digest(self) -> String {
        match self.track {
            Some(track) => format!(" track {track}"),
            None => String::new(),
        }
    }

    /// Fails if an option was used: the service decodes by itself.
    #[cfg(feature = "api")]
    pub(crate) fn check_service(self) -> Result<()> {
        match self.track {
            None => Ok(()),
            Some(_) => Err(Failure::usage(
                "--track needs --local: the service selects the audio track itself",
            )),
        }
    }
}

/// Fails if an option of the service was used with `--local`.
#[cfg(feature = "api")]
pub(crate) fn reject(option: Option<&str>) -> Result<()> {
    match option {
        None => Ok(()),
        Some(option) => Err(Failure::usage(format!(
            "{option} needs the service; remove it, or --local"
        ))),
    }
}

/// The error of a build that has no access to the service.
#[cfg(not(feature = "api"))]
pub(crate) fn only() -> Failure {
    Failure::usage("this build of the command cannot call the service; pass --local")
        .with_hint("install the complete command with `cargo install pyannote-cli`")
}

/// Loads the models. Downloads them first if they are missing.
pub(crate) fn load(ui: Ui, assets: Assets, options: &EngineArgs) -> Result<Engine> {
    let mut builder = Engine::builder()
        .assets(assets)
        .on_download(move |progress| ui.note(&progress.to_string()));
    if let Some(threads) = options.threads {
        builder = builder.threads(threads);
    }
    Ok(builder.load()?)
}

const FORMATS: &str = "wav, mp3, m4a, flac, ogg, opus, mkv and webm can be read, and with ffmpeg on the PATH most other \
                       formats";

/// Decodes a recording.
pub(crate) fn decode(ui: Ui, path: &Path, audio: AudioArgs) -> Result<Recording> {
    decode_as(ui, path, audio, audio::decode_with)
}

/// Decodes each channel of a recording.
pub(crate) fn decode_channels(ui: Ui, path: &Path, audio: AudioArgs) -> Result<Vec<Recording>> {
    decode_as(ui, path, audio, audio::decode_channels)
}

fn decode_as<'a, T>(
    ui: Ui,
    path: &'a Path,
    audio: AudioArgs,
    decode: fn(&'a Path, &DecodeOptions) -> std::result::Result<T, AudioError>,
) -> Result<T> {
    check_file(path)?;
    decode(path, &options(ui, audio)).map_err(|error| undecodable(path, error))
}

/// Opens a recording, to be decoded while it is played.
#[cfg(feature = "api")]
pub(crate) fn open(ui: Ui, path: &Path, audio: AudioArgs) -> Result<Decoder> {
    check_file(path)?;
    Decoder::open(path, &options(ui, audio)).map_err(|error| undecodable(path, error))
}

/// The options of the decoder. A note says if ffmpeg decodes the recording.
fn options(ui: Ui, audio: AudioArgs) -> DecodeOptions {
    audio
        .options()
        .on_ffmpeg(move |reason| ui.note(&format!("decoding with ffmpeg: {reason}")))
}

/// The errors of the decoder do not name the file.
fn undecodable(path: &Path, error: AudioError) -> Failure {
    let is_format = matches!(
        error,
        AudioError::NotAudio
            | AudioError::NoAudioTrack
            | AudioError::UnsupportedCodec(_)
            | AudioError::NoDecoder { .. }
    );
    let failure = Failure::from(error).context(path.display());
    match is_format {
        true => failure.with_hint(FORMATS),
        false => failure,
    }
}

/// Calls `run` with a callback that shows the progress of the engine.
pub(crate) fn with_progress<T>(
    ui: Ui,
    what: &'static str,
    run: impl FnOnce(&mut dyn FnMut(f64)) -> Result<T>,
) -> Result<T> {
    let bar = RefCell::new(crate::progress::fraction(ui, what));
    let result = run(&mut |fraction: f64| {
        let permille = (fraction.clamp(0.0, 1.0) * 1e3).round();
        bar.borrow().set_position(permille as u64);
    });
    bar.borrow().finish_and_clear();
    result
}
