//! Diarization of recordings with one party per channel, such as calls.
//!
//! 1. **Levels** ([`levels`]). Each channel is measured in the frames of the segmentation model: levels of eight bands.
//! 2. **Roles** ([`roles`]). Silent channels, and copies of other channels, are not diarized.
//! 3. **Leakage** ([`leakage`]). Frames in which a channel contains only the faint speech of another party are found,
//!    and replaced by silence. This comes before diarization, so that neither turns nor embeddings contain them.
//! 4. **Diarization** of each channel, by default with one speaker.
//! 5. **Merge** ([`merge`]). Speakers are numbered by channel.

mod leakage;
mod levels;
mod merge;
mod roles;

use std::ops::Range;

use crate::identification::Identification;
use crate::{
    Diarization, DiarizeError, Diarizer, Engine, Matching, Options, Recording, SpeakerBounds,
};
use levels::{LevelMeter, Levels};
use roles::Role;

/// Options of [`Engine::diarize_channels`].
///
/// ```
/// use pyannote_engine::{ChannelOptions, SpeakerBounds};
///
/// // Several speakers share the microphone of a channel.
/// let options = ChannelOptions::new().speakers_per_channel(SpeakerBounds::default());
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ChannelOptions {
    speakers: Option<SpeakerBounds>,
    keep_leakage: bool,
}

impl ChannelOptions {
    /// The defaults: one speaker per channel, and leakage is suppressed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the bounds on the number of speakers of each channel. Without bounds, it is estimated.
    pub fn speakers_per_channel(mut self, bounds: SpeakerBounds) -> Self {
        self.speakers = Some(bounds);
        self
    }

    /// Keeps leakage from other channels: every turn that is audible in a channel is a turn of its speaker.
    pub fn keep_leakage(mut self) -> Self {
        self.keep_leakage = true;
        self
    }

    fn check(&self, options: &Options<'_>) -> Result<(), DiarizeError> {
        if options.speaker_bounds() != SpeakerBounds::default() {
            return Err(invalid(
                "num_speakers",
                "cannot be combined with channels: set `speakers_per_channel`",
            ));
        }
        let bounds = self.speakers.unwrap_or_default();
        match Options::new().bounds(bounds).check() {
            Err(DiarizeError::InvalidOptions { reason, .. }) => {
                Err(invalid("speakers_per_channel", &reason))
            }
            result => result,
        }
    }

    /// The bounds for each channel. If there is no channel per party, the number of speakers is estimated by default.
    fn bounds(&self, is_single: bool) -> SpeakerBounds {
        self.speakers.unwrap_or(SpeakerBounds {
            min: None,
            max: (!is_single).then_some(1),
        })
    }
}

fn invalid(option: &'static str, reason: &str) -> DiarizeError {
    DiarizeError::InvalidOptions {
        option,
        reason: reason.to_owned(),
    }
}

impl<D: Diarizer> Engine<D> {
    /// Computes who speaks when in a recording with one party per channel, such as a call. The work grows with the
    /// number of channels.
    ///
    /// Each channel is diarized alone, by default with one speaker. Speakers are numbered by channel: `SPEAKER_00` is
    /// channel 1, `SPEAKER_01` is channel 2. If a channel has several speakers, the numbers of the next channel follow
    /// theirs. [`Speaker::channel`](crate::Speaker::channel) has the channel.
    ///
    /// The other party of a call is often faintly audible. Such leakage is suppressed if its delay is at most 0.4 s;
    /// speech of both parties at once is kept.
    ///
    /// Silent channels, and those that are nearly the same as another one, are not diarized, and have a warning. If
    /// only one channel remains for that reason, or if there is only one, the recording has no channel per party: it is
    /// diarized as by [`diarize`](Self::diarize), with a warning.
    ///
    #[cfg_attr(all(feature = "audio", feature = "models"), doc = "```no_run")]
    #[cfg_attr(not(all(feature = "audio", feature = "models")), doc = "```ignore")]
    /// use pyannote_engine::audio::{DecodeOptions, decode_channels};
    /// use pyannote_engine::{ChannelOptions, Engine, Options};
    ///
    /// let engine = Engine::load()?;
    /// let channels = decode_channels("call.wav", &DecodeOptions::new())?;
    /// let diarization = engine.diarize_channels(&channels, &ChannelOptions::new(), Options::new())?;
    /// for speaker in &diarization.speakers {
    ///     println!("{} is channel {}", speaker.label, speaker.channel.unwrap_or(1));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if there are no channels, if `options` have a number of speakers, and for the same reasons as
    /// [`diarize`](Self::diarize).
    pub fn diarize_channels(
        &self,
        channels: &[Recording],
        channel_options: &ChannelOptions,
        mut options: Options<'_>,
    ) -> Result<Diarization, DiarizeError> {
        channel_options.check(&options)?;
        if channels.is_empty() {
            return Err(invalid("channels", "must have at least one channel"));
        }
        let levels = channels
            .iter()
            .map(|channel| measure(channel, &options))
            .collect::<Result<Vec<_>, _>>()?;
        let roles = roles::roles(&levels);
        let is_single = roles::is_single(&roles);
        let distinct: Vec<usize> = (0..channels.len())
            .filter(|channel| roles[*channel] == Role::Distinct)
            .collect();
        let bounds = channel_options.bounds(is_single);
        let (sensitivity, is_accurate) = (options.speech_sensitivity(), options.is_accurate());
        let mut diarizations = Vec::new();
        for (done, &channel) in distinct.iter().enumerate() {
            let mut recording = channels[channel].clone();
            if !channel_options.keep_leakage {
                recording = recording.with_silence(leakage_of(channel, &distinct, &levels));
            }
            let token = options.token().clone();
            let report = |fraction| {
                options.report((done as f64 + fraction) / distinct.len() as f64);
            };
            let own = Options::new()
                .bounds(bounds)
                .sensitivity(sensitivity)
                .accurate(is_accurate)
                .cancel_token(&token);
            let diarization = self.diarize_samples(&recording, own.on_progress(report))?;
            diarizations.push((channel, diarization));
        }
        let mut merged = match is_single {
            true => diarizations
                .pop()
                .map(|(_, diarization)| diarization)
                .unwrap_or_default(),
            false => merge::merge(diarizations, channels.len()),
        };
        let mut warnings: Vec<String> = Vec::new();
        for warning in channels.iter().flat_map(Recording::warnings) {
            // All channels have the warnings of the file.
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        warnings.extend(roles::warnings(&roles));
        merged.warnings.splice(0..0, warnings);
        let durations = channels.iter().map(Recording::duration);
        merged.duration_s = durations.fold(0.0, f64::max);
        options.report(1.0);
        Ok(merged)
    }

    /// Computes who speaks when in a recording with one party per channel, and which voiceprint each speaker matches.
    ///
    /// See [`diarize_channels`](Self::diarize_channels) and [`identify`](Self::identify).
    ///
    /// # Errors
    ///
    /// For the same reasons as both of them.
    pub fn identify_channels(
        &self,
        channels: &[Recording],
        matching: &Matching,
        channel_options: &ChannelOptions,
        options: Options<'_>,
    ) -> Result<Identification, DiarizeError> {
        self.check_matching(matching)?;
        let diarization = self.diarize_channels(channels, channel_options, options)?;
        Ok(Identification::compute(
            self.diarizer(),
            diarization,
            matching,
        ))
    }
}

/// Measures the levels of a channel.
fn measure(channel: &Recording, options: &Options<'_>) -> Result<Levels, DiarizeError> {
    let mut meter = LevelMeter::new();
    for block in channel.blocks() {
        if options.token().is_cancelled() {
            return Err(DiarizeError::Cancelled);
        }
        meter.push(&block?);
    }
    Ok(meter.finish())
}

/// The ranges of samples of a channel that are leakage from other ones.
fn leakage_of(channel: usize, distinct: &[usize], levels: &[Levels]) -> Vec<Range<usize>> {
    let others = distinct.iter().filter(|other| **other != channel);
    let leaks: Vec<_> = others
        .filter_map(|&other| {
            Some((
                leakage::find(&levels[channel], &levels[other])?,
                &levels[other],
            ))
        })
        .collect();
    let leaked = leakage::leaked_frames(&levels[channel], &leaks);
    let mut ranges = Vec::new();
    let mut start = 0;
    for run in leaked.chunk_by(|a, b| a == b) {
        let end = start + run.len();
        if run.first() == Some(&true) {
            ranges.push(levels::samples_of(start..end));
        }
        start = end;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use pyannote_core::Turn;

    use super::*;
    use crate::{SAMPLE_RATE, Scores, Sensitivity, Speaker};

    /// Finds speech well above the noise floor, however faint: like the models, which adapt to the level.
    #[derive(Default)]
    struct AdaptiveDiarizer {
        bounds: Mutex<Vec<SpeakerBounds>>,
        others: Mutex<Vec<(Sensitivity, bool)>>,
    }

    impl Diarizer for AdaptiveDiarizer {
        fn models(&self) -> &str {
            "adaptive"
        }

        fn embedding_model(&self) -> &str {
            "none"
        }

        fn diarize(
            &self,
            recording: &Recording,
            options: &mut Options<'_>,
        ) -> Result<Diarization, DiarizeError> {
            self.bounds.lock().unwrap().push(options.speaker_bounds());
            let others = (options.speech_sensitivity(), options.is_accurate());
            self.others.lock().unwrap().push(others);
            options.report(0.5);
            let mut meter = LevelMeter::new();
            meter.push(&recording.samples(..)?);
            let levels = meter.finish();
            let is_speech = |frame: &levels::Frame| {
                let bands = frame.iter().zip(&levels.floor);
                bands.into_iter().any(|(level, floor)| *level > floor + 12)
            };
            let speech: Vec<bool> = levels.frames.iter().map(is_speech).collect();
            let (mut turns, mut at) = (Vec::new(), 0);
            for run in speech.chunk_by(|a, b| a == b) {
                if run[0] {
                    let samples = levels::samples_of(at..at + run.len());
                    let seconds = |sample: usize| sample as f64 / f64::from(SAMPLE_RATE);
                    turns.push(Turn::new(seconds(samples.start), seconds(samples.end), "A"));
                }
                at += run.len();
            }
            Ok(Diarization {
                turns: turns.into_iter().collect(),
                speakers: vec![Speaker {
                    label: "A".to_owned(),
                    ..Speaker::default()
                }],
                scores: Scores {
                    resolution: 0.02,
                    ..Scores::default()
                },
                ..Diarization::default()
            })
        }

        fn same_speaker_probability(&self, _: f32) -> f32 {
            0.5
        }
    }

    /// Noise from -1 to 1, the same for the same seed.
    fn noise(samples: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..samples).map(next).collect()
    }

    const SECONDS: usize = 60;

    /// Noise with a level that varies like that of speech, in these sections, in seconds.
    fn speech(sections: &[Range<usize>], seed: u64) -> Vec<f32> {
        let samples = noise(SECONDS * 16_000, seed);
        let levels = noise(SECONDS * 20, seed + 100);
        let is_spoken = |at: usize| {
            sections
                .iter()
                .any(|section| section.contains(&(at / 16_000)))
        };
        let sample = |(at, sample): (usize, f32)| match is_spoken(at) {
            true => sample * 0.3 * 10_f32.powf(0.5 * levels[at / 800] - 0.5),
            false => 0.0,
        };
        samples.into_iter().enumerate().map(sample).collect()
    }

    fn call(gain_db: f32, delay: usize) -> [Recording; 2] {
        let sections = [
            [0..8, 20..28, 40..46],
            // 26 to 28 s and 44 to 46 s are double-talk.
            [10..18, 26..36, 44..54],
        ];
        let parties = [speech(&sections[0], 1), speech(&sections[1], 2)];
        let gain = 10_f32.powf(gain_db / 20.0);
        [0, 1].map(|channel| {
            let background = noise(SECONDS * 16_000, channel as u64 + 7);
            let sample = |at: usize| {
                let leak = at
                    .checked_sub(delay)
                    .map_or(0.0, |at| parties[1 - channel][at]);
                parties[channel][at] + gain * leak + 1e-5 * background[at]
            };
            Recording::new((0..SECONDS * 16_000).map(sample).collect())
        })
    }

    /// The seconds in which a speaker speaks for most of the time.
    fn seconds_of(diarization: &Diarization, speaker: &str) -> Vec<usize> {
        let spoken = |second: &usize| {
            let (start, end) = (*second as f64, *second as f64 + 1.0);
            let turns = diarization
                .turns
                .iter()
                .filter(|turn| turn.speaker == speaker);
            let overlap = |turn: &Turn| (turn.end.min(end) - turn.start.max(start)).max(0.0);
            turns.map(overlap).sum::<f64>() > 0.5
        };
        (0..SECONDS).filter(spoken).collect()
    }

    fn engine() -> Engine<AdaptiveDiarizer> {
        Engine::new(AdaptiveDiarizer::default())
    }

    #[test]
    fn leakage_is_no_turn_and_double_talk_is() {
        let expected = [
            [0..8, 20..28, 40..46]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>(),
            [10..18, 26..36, 44..54].into_iter().flatten().collect(),
        ];
        for (gain_db, delay) in [(-15.0, 0), (-25.0, 320), (-35.0, 2_400)] {
            let channels = call(gain_db, delay);
            let diarize = |own: ChannelOptions| {
                let diarization = engine().diarize_channels(&channels, &own, Options::new());
                let diarization = diarization.unwrap();
                ["SPEAKER_00", "SPEAKER_01"].map(|name| seconds_of(&diarization, name))
            };
            assert_eq!(diarize(ChannelOptions::new()), expected, "{gain_db} dB");
            let [first, _] = diarize(ChannelOptions::new().keep_leakage());
            assert_eq!(first.len(), 46, "{gain_db} dB: {first:?}");
        }
    }

    #[test]
    fn channels_that_are_no_parties_are_not_diarized() {
        let [a, b] = call(-200.0, 0);
        let samples = a.samples(..).unwrap();
        let with = |change: &dyn Fn(f32) -> f32| {
            Recording::new(samples.iter().copied().map(change).collect())
        };
        let silent = with(&|_| 0.0);
        let one = SpeakerBounds {
            min: None,
            max: Some(1),
        };
        let any = SpeakerBounds::default();
        let identical = "channels 1 and 2 are nearly identical";
        let only = "there is only one channel";
        for (channels, bounds, warnings) in [
            (vec![a.clone(), b.clone()], &[one, one][..], &[][..]),
            (
                vec![silent.clone(), a.clone()],
                &[one],
                &["channel 1 is silent"],
            ),
            (vec![silent.clone()], &[], &["channel 1 is silent"]),
            (vec![a.clone()], &[any], &[only]),
            (vec![a.clone(), a.clone()], &[any], &[identical, only]),
            // Opposite phase, and a copy at another level.
            (
                vec![a.clone(), with(&|sample| -sample)],
                &[any],
                &[identical, only],
            ),
            (
                vec![a.clone(), with(&|sample| 0.5 * sample)],
                &[any],
                &[identical, only],
            ),
            (vec![a.clone(), a.clone(), b], &[one, one], &[identical]),
        ] {
            let engine = engine();
            let own = ChannelOptions::new();
            let found = engine
                .diarize_channels(&channels, &own, Options::new())
                .unwrap();
            assert_eq!(*engine.diarizer().bounds.lock().unwrap(), bounds);
            assert_eq!(found.warnings.len(), warnings.len(), "{:?}", found.warnings);
            for (warning, start) in found.warnings.iter().zip(warnings) {
                assert!(warning.starts_with(start), "{warning}");
            }
        }
    }

    #[test]
    fn warnings_of_the_file_appear_once_and_progress_is_that_of_all_channels() {
        let channels = call(-200.0, 0).map(|channel| channel.with_warnings(["cut".to_owned()]));
        let mut reported = Vec::new();
        let options = Options::new().on_progress(|fraction| reported.push(fraction));
        let own = ChannelOptions::new();
        let found = engine().diarize_channels(&channels, &own, options).unwrap();
        assert_eq!(found.warnings, ["cut"]);
        assert_eq!(reported, [0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn sensitivities_and_accuracy_are_those_of_every_channel() {
        let (engine, own) = (engine(), ChannelOptions::new());
        let channels = call(-200.0, 0);
        let sensitivity = Sensitivity {
            vad: 1.0,
            crosstalk: -2.0,
        };
        let options = Options::new().sensitivity(sensitivity).accurate(true);
        engine.diarize_channels(&channels, &own, options).unwrap();
        let found = engine.diarizer().others.lock().unwrap();
        assert_eq!(*found, [(sensitivity, true); 2]);
    }

    #[test]
    fn invalid_options_are_rejected_before_the_run() {
        let channels = [Recording::default()];
        let error = |channels: &[Recording], own: ChannelOptions, options: Options<'_>| {
            let result = engine().diarize_channels(channels, &own, options);
            result.unwrap_err().to_string()
        };
        assert_eq!(
            error(
                &channels,
                ChannelOptions::new(),
                Options::new().num_speakers(2)
            ),
            "`num_speakers` cannot be combined with channels: set `speakers_per_channel`"
        );
        let none = ChannelOptions::new().speakers_per_channel(SpeakerBounds::exactly(0));
        assert_eq!(
            error(&channels, none, Options::new()),
            "`speakers_per_channel` must be 1 to 10,000"
        );
        assert_eq!(
            error(&[], ChannelOptions::new(), Options::new()),
            "`channels` must have at least one channel"
        );
        let token = crate::CancelToken::new();
        token.cancel();
        let options = Options::new().cancel_token(&token);
        let channels = [Recording::new(vec![0.1; 16_000])];
        assert_eq!(
            error(&channels, ChannelOptions::new(), options),
            "the run was cancelled"
        );
    }
}
