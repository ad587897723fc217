//! The options that diarization and identification share.

use std::collections::BTreeMap;

use clap::Args;
use pyannote_engine::{Diarization, Diarizer as _, Options, Sensitivity, SpeakerBounds};

#[cfg(feature = "api")]
use crate::error::Failure;
use crate::models::LocalEngine;
use crate::result::{Backend, Document, Output};

/// Options of the turns.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TurnArgs {
    /// Number of speakers, if it is known.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["min_speakers", "max_speakers"])]
    pub(crate) num_speakers: Option<u32>,
    /// Minimum number of speakers.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) min_speakers: Option<u32>,
    /// Maximum number of speakers.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_speakers: Option<u32>,
    /// Include the turns without overlap, one speaker at a time.
    #[arg(long)]
    pub(crate) exclusive: bool,
    /// Include the confidence of each frame, 0..100.
    #[arg(long)]
    pub(crate) confidence: bool,
    /// Include the confidence of each speaker in each turn, 0..100.
    #[arg(long)]
    pub(crate) turn_confidence: bool,
    /// Include the probability of speech in each frame of 20 ms, 0..100.
    #[arg(long)]
    pub(crate) speech_probability: bool,
    /// Include the probability of overlapping speech in each frame of 20 ms, 0..100.
    #[arg(long)]
    pub(crate) crosstalk_probability: bool,
    /// Include the probability of each speaker in each frame of 20 ms, 0..100.
    #[arg(long)]
    pub(crate) speaker_probability: bool,
    /// Sensitivity of speech detection, -5..5: the higher, the more speech is found. The service needs --model
    /// precision-3 for it [default: 0].
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = parse_sensitivity)]
    pub(crate) vad_sensitivity: Option<f64>,
    /// Sensitivity of the detection of overlapping speech, -5..5. See --vad-sensitivity [default: 0].
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = parse_sensitivity)]
    pub(crate) crosstalk_sensitivity: Option<f64>,
    /// Use four times as many windows: more accurate for some recordings, in two to three times the time.
    #[arg(long, help_heading = "On this machine")]
    pub(crate) accurate: bool,
}

/// Parses a sensitivity.
fn parse_sensitivity(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    number
        .filter(|number| (-5.0..=5.0).contains(number))
        .ok_or_else(|| "must be a number from -5 to 5".to_owned())
}

impl TurnArgs {
    /// The options of the engine on this machine.
    pub(crate) fn options(&self) -> Options<'static> {
        let number = |number: Option<u32>| number.map(|number| number as usize);
        let bounds = match self.num_speakers {
            Some(speakers) => SpeakerBounds::exactly(speakers as usize),
            None => SpeakerBounds {
                min: number(self.min_speakers),
                max: number(self.max_speakers),
            },
        };
        let sensitivity = Sensitivity {
            vad: self.vad_sensitivity.unwrap_or_default(),
            crosstalk: self.crosstalk_sensitivity.unwrap_or_default(),
        };
        Options::new()
            .bounds(bounds)
            .sensitivity(sensitivity)
            .accurate(self.accurate)
    }

    /// The options that the service does not have, as a text. It is empty if none was used.
    #[cfg(feature = "api")]
    pub(crate) fn digest(&self) -> &'static str {
        match self.accurate {
            true => " accurate",
            false => "",
        }
    }

    /// Fails if an option was used that the service does not have.
    #[cfg(feature = "api")]
    pub(crate) fn check_service(&self) -> Result<(), Failure> {
        match self.accurate {
            false => Ok(()),
            true => Err(Failure::usage(
                "--accurate needs --local: the models of the service are selected with --model",
            )
            .with_hint("a server of your own has it: `pyannote serve --accurate`")),
        }
    }

    /// The parts of a diarization that were asked for.
    fn output(&self, mut diarization: Diarization) -> Output {
        if self.turn_confidence {
            diarization = diarization.with_turn_confidence();
        }
        let confidence = self.confidence.then(|| diarization.frame_confidence());
        let speech = self
            .speech_probability
            .then(|| diarization.speech_probability());
        let crosstalk = self
            .crosstalk_probability
            .then(|| diarization.crosstalk_probability());
        let by_speaker = self
            .speaker_probability
            .then(|| diarization.speaker_probability());
        let speakers = diarization.speakers.iter();
        let speaker_channels = speakers
            .filter_map(|speaker| Some((speaker.label.clone(), speaker.channel?)))
            .collect::<BTreeMap<_, _>>();
        let mut output = Output::new(diarization.turns);
        output.speaker_channels = (!speaker_channels.is_empty()).then_some(speaker_channels);
        output.exclusive = self.exclusive.then_some(diarization.exclusive);
        output.confidence = confidence;
        output.speech_probability = speech;
        output.crosstalk_probability = crosstalk;
        output.speaker_probability = by_speaker;
        output
    }

    /// The result of a diarization on this machine.
    pub(crate) fn document(
        &self,
        engine: &LocalEngine,
        duration_s: f64,
        diarization: Diarization,
        audio: String,
    ) -> Document {
        let warnings = diarization.warnings.clone();
        let mut document = Document::new(self.output(diarization));
        document.audio = Some(audio);
        document.duration = Some(duration_s);
        document.backend = Some(Backend::Local);
        document.model = Some(engine.diarizer().models().to_owned());
        document.warnings = warnings;
        document
    }

    /// The calls that add the options to a request.
    #[cfg(feature = "api")]
    pub(crate) fn setters(&self) -> Vec<String> {
        let numbers = [
            ("num_speakers", self.num_speakers),
            ("min_speakers", self.min_speakers),
            ("max_speakers", self.max_speakers),
        ];
        let flags = [
            ("exclusive", self.exclusive),
            ("confidence", self.confidence),
            ("turn_level_confidence", self.turn_confidence),
            ("speech_probability", self.speech_probability),
            ("crosstalk_probability", self.crosstalk_probability),
            ("speaker_probability", self.speaker_probability),
        ];
        let sensitivities = [
            ("vad_sensitivity", self.vad_sensitivity),
            ("crosstalk_sensitivity", self.crosstalk_sensitivity),
        ];
        let sensitivities = sensitivities
            .into_iter()
            .filter_map(|(name, number)| Some(format!(".{name}({:?})", number?)));
        let numbers = numbers
            .into_iter()
            .filter_map(|(name, number)| Some(format!(".{name}({})", number?)));
        let flags = flags.into_iter().filter(|(_, is_set)| *is_set);
        numbers
            .chain(flags.map(|(name, _)| format!(".{name}(true)")))
            .chain(sensitivities)
            .collect()
    }

    /// Adds the options to a request.
    #[cfg(feature = "api")]
    pub(crate) fn apply<T: pyannote::HasTurns>(
        &self,
        mut request: pyannote::Request<T>,
    ) -> pyannote::Request<T> {
        if let Some(speakers) = self.num_speakers {
            request = request.num_speakers(speakers);
        }
        if let Some(speakers) = self.min_speakers {
            request = request.min_speakers(speakers);
        }
        if let Some(speakers) = self.max_speakers {
            request = request.max_speakers(speakers);
        }
        if self.exclusive {
            request = request.exclusive(true);
        }
        if self.confidence {
            request = request.confidence(true);
        }
        if self.turn_confidence {
            request = request.turn_level_confidence(true);
        }
        if self.speech_probability {
            request = request.speech_probability(true);
        }
        if self.crosstalk_probability {
            request = request.crosstalk_probability(true);
        }
        if self.speaker_probability {
            request = request.speaker_probability(true);
        }
        if let Some(sensitivity) = self.vad_sensitivity {
            request = request.vad_sensitivity(sensitivity);
        }
        if let Some(sensitivity) = self.crosstalk_sensitivity {
            request = request.crosstalk_sensitivity(sensitivity);
        }
        request
    }
}
