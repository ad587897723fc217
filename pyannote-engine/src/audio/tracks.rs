//! Selection of the audio track.

use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, Track, TrackType};

use super::{AudioError, codec, opus};

/// Selects the track `preferred`, or else the default audio track, or else the first one that can be decoded, and
/// creates its decoder.
pub(super) fn select(
    format: &dyn FormatReader,
    preferred: Option<u32>,
) -> Result<(&Track, Box<dyn AudioDecoder>), AudioError> {
    let preferred = format
        .tracks()
        .iter()
        .filter(|track| Some(track.id) == preferred);
    let mut error = AudioError::NoAudioTrack;
    for track in preferred
        .chain(format.default_track(TrackType::Audio))
        .chain(format.tracks())
    {
        let Some(parameters) = audio(track) else {
            continue;
        };
        match opus::CODECS.make_audio_decoder(parameters, &AudioDecoderOptions::default()) {
            Ok(decoder) => return Ok((track, decoder)),
            // The error of the first track is reported.
            Err(_) if !matches!(error, AudioError::NoAudioTrack) => {}
            Err(Error::Unsupported(_)) => {
                error = AudioError::UnsupportedCodec(codec::name(parameters.codec));
            }
            Err(_) => error = AudioError::Corrupted { at: 0.0 },
        }
    }
    Err(error)
}

/// A warning that names the audio tracks that are not decoded, if there are any.
pub(super) fn warning(format: &dyn FormatReader, selected: u32) -> Option<String> {
    let mut name = None;
    let mut others = Vec::new();
    let tracks = format
        .tracks()
        .iter()
        .filter(|track| audio(track).is_some());
    for (number, track) in (1..).zip(tracks) {
        let label = match track.language.as_deref() {
            None | Some("und" | "") => format!("track {number}"),
            Some(language) => format!("track {number} ({language})"),
        };
        match track.id == selected {
            true => name = Some(label),
            false => others.push(label),
        }
    }
    let name = name.filter(|_| !others.is_empty())?;
    Some(format!(
        "the recording has {} audio tracks: {name} was decoded, but not {}",
        others.len() + 1,
        others.join(", ")
    ))
}

/// The parameters of an audio track.
pub(super) fn audio(track: &Track) -> Option<&AudioCodecParameters> {
    track.codec_params.as_ref()?.audio()
}
