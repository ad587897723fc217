//! Selection of the audio track.

use std::num::NonZero;

use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, Track, TrackType};

use super::{AudioError, codec, opus};

/// Selects an audio track, and creates its decoder: the one with `number`, from 1, or else `preferred`, or else the
/// default one, or else the first one that can be decoded.
///
/// # Errors
///
/// Fails if there is no audio track, if the track with `number` does not exist, or if it cannot be decoded.
pub(super) fn select(
    format: &dyn FormatReader,
    number: Option<NonZero<usize>>,
    preferred: Option<u32>,
) -> Result<(&Track, Box<dyn AudioDecoder>), AudioError> {
    if let Some(number) = number {
        let candidates = numbered(format).collect::<Vec<_>>();
        return match candidates.get(number.get() - 1) {
            Some((track, _)) => first_decodable([*track]),
            None if candidates.is_empty() => Err(AudioError::NoAudioTrack),
            None => Err(AudioError::NoSuchTrack {
                number: number.get(),
                tracks: Vec::from_iter(candidates.into_iter().map(|(_, label)| label)).join(", "),
            }),
        };
    }
    let preferred = format
        .tracks()
        .iter()
        .filter(|track| Some(track.id) == preferred);
    first_decodable(
        preferred
            .chain(format.default_track(TrackType::Audio))
            .chain(format.tracks()),
    )
}

/// The first audio track that can be decoded.
fn first_decodable<'a>(
    tracks: impl IntoIterator<Item = &'a Track>,
) -> Result<(&'a Track, Box<dyn AudioDecoder>), AudioError> {
    let mut error = AudioError::NoAudioTrack;
    for track in tracks {
        let Some(parameters) = audio(track) else {
            continue;
        };
        match opus::CODECS.make_audio_decoder(parameters, &AudioDecoderOptions::default()) {
            Ok(decoder) => return Ok((track, decoder)),
            // The error of the first track is reported.
            Err(_) if !matches!(error, AudioError::NoAudioTrack) => {}
            Err(Error::Unsupported(_)) => {
                error = AudioError::UnsupportedCodec(codec::name(parameters));
            }
            Err(_) => error = AudioError::Corrupted { at: 0.0 },
        }
    }
    Err(error)
}

/// The audio tracks, each with its number, from 1, and its language.
fn numbered(format: &dyn FormatReader) -> impl Iterator<Item = (&Track, String)> {
    let tracks = format
        .tracks()
        .iter()
        .filter(|track| audio(track).is_some());
    tracks
        .zip(1..)
        .map(|(track, number)| (track, label(number, track.language.as_deref())))
}

/// The number of an audio track, from 1, and its language, if it is known.
pub(super) fn label(number: usize, language: Option<&str>) -> String {
    match language {
        None | Some("und" | "") => format!("track {number}"),
        Some(language) => format!("track {number} ({language})"),
    }
}

/// A warning that names the audio tracks that are not decoded, if there are any.
pub(super) fn warning(format: &dyn FormatReader, selected: u32) -> Option<String> {
    others(numbered(format).map(|(track, label)| (label, track.id == selected)))
}

/// A warning that names the audio tracks that are not decoded, if there are any, from the label of each track, and
/// whether it is decoded.
pub(super) fn others(tracks: impl IntoIterator<Item = (String, bool)>) -> Option<String> {
    let mut name = None;
    let mut others = Vec::new();
    for (label, is_selected) in tracks {
        match is_selected {
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
