//! `--channels`: calls with one party per channel.

use std::num::NonZero;
use std::path::Path;

use clap::Args;
use pyannote_engine::{
    ChannelOptions, Diarization, Identification, Matching, Options, Recording, SpeakerBounds,
};

#[cfg(feature = "api")]
use crate::error::Failure;
use crate::error::Result;
use crate::local::{self, AudioArgs};
use crate::models::LocalEngine;
use crate::ui::Ui;

/// Options of channels.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "On this machine")]
pub(crate) struct ChannelArgs {
    /// Diarize each channel alone, for calls with one party per channel: SPEAKER_00 is channel 1, SPEAKER_01 channel 2.
    /// The other party, if faintly audible, is left out. A server of your own has the same with --extra channels=true.
    #[arg(long, conflicts_with_all = ["num_speakers", "min_speakers", "max_speakers"])]
    channels: bool,
    /// Number of speakers of each channel [default: 1].
    #[arg(long, value_name = "NUMBER", requires = "channels")]
    speakers_per_channel: Option<NonZero<usize>>,
}

impl ChannelArgs {
    /// Decodes a recording: its channels, or the downmix.
    pub(crate) fn decode(self, ui: Ui, path: &Path, audio: AudioArgs) -> Result<Audio> {
        if !self.channels {
            return local::decode(ui, path, audio).map(Audio::Mixed);
        }
        let options = match self.speakers_per_channel {
            Some(number) => {
                ChannelOptions::new().speakers_per_channel(SpeakerBounds::exactly(number.get()))
            }
            None => ChannelOptions::new(),
        };
        Ok(Audio::Channels(
            local::decode_channels(ui, path, audio)?,
            options,
        ))
    }

    /// The options as a text. It is empty if none was used.
    #[cfg(feature = "api")]
    pub(crate) fn digest(self) -> String {
        match (self.channels, self.speakers_per_channel) {
            (true, Some(number)) => format!(" channels {number}"),
            (true, None) => " channels".to_owned(),
            (false, _) => String::new(),
        }
    }

    /// Fails if an option was used: the API has none.
    #[cfg(feature = "api")]
    pub(crate) fn check_service(self) -> Result<()> {
        match self.channels {
            false => Ok(()),
            true => Err(
                Failure::usage("--channels needs --local: the API has no such option")
                    .with_hint("a server of your own has it: --extra channels=true"),
            ),
        }
    }
}

/// A decoded recording.
pub(crate) enum Audio {
    Mixed(Recording),
    Channels(Vec<Recording>, ChannelOptions),
}

impl Audio {
    /// Duration in seconds.
    pub(crate) fn duration(&self) -> f64 {
        match self {
            Self::Mixed(recording) => recording.duration(),
            Self::Channels(channels, _) => channels.first().map_or(0.0, Recording::duration),
        }
    }

    pub(crate) fn diarize(
        &self,
        engine: &LocalEngine,
        options: Options<'_>,
    ) -> Result<Diarization> {
        Ok(match self {
            Self::Mixed(recording) => engine.diarize(recording, options)?,
            Self::Channels(channels, own) => engine.diarize_channels(channels, own, options)?,
        })
    }

    pub(crate) fn identify(
        &self,
        engine: &LocalEngine,
        matching: &Matching,
        options: Options<'_>,
    ) -> Result<Identification> {
        Ok(match self {
            Self::Mixed(recording) => engine.identify(recording, matching, options)?,
            Self::Channels(channels, own) => {
                engine.identify_channels(channels, matching, own, options)?
            }
        })
    }
}
