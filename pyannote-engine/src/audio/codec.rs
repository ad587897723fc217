//! Names of unsupported codecs, for error messages.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::{
    AudioCodecId, AudioCodecParameters, CODEC_ID_NULL_AUDIO, well_known as id,
};

/// Codecs that may occur in supported containers, but have no decoder, or one that refuses the parameters of a track.
const NAMES: &[(AudioCodecId, &str)] = &[
    (id::CODEC_ID_SPEEX, "Speex"),
    (id::CODEC_ID_MUSEPACK, "Musepack"),
    (id::CODEC_ID_AC3, "AC-3"),
    (id::CODEC_ID_EAC3, "E-AC-3"),
    (id::CODEC_ID_AC4, "AC-4"),
    (id::CODEC_ID_DCA, "DTS"),
    (id::CODEC_ID_WMA, "WMA"),
    (id::CODEC_ID_WAVPACK, "WavPack"),
    (id::CODEC_ID_MONKEYS_AUDIO, "Monkey's Audio"),
    (id::CODEC_ID_TTA, "TTA"),
    (id::CODEC_ID_TRUEHD, "TrueHD"),
    (id::CODEC_ID_FLAC, "FLAC in this container"),
    (id::CODEC_ID_ALAC, "ALAC with damaged parameters"),
    (id::CODEC_ID_OPUS, "Opus with damaged parameters"),
    (id::CODEC_ID_VORBIS, "Vorbis with damaged parameters"),
    (id::CODEC_ID_ADPCM_G722, "G.722"),
    (id::CODEC_ID_ADPCM_G726, "G.726"),
    (id::CODEC_ID_ADPCM_G726LE, "G.726"),
];

/// The parameters of a codec that is not supported.
pub(super) fn unsupported(name: &str) -> AudioCodecParameters {
    let mut parameters = AudioCodecParameters::new();
    parameters.with_extra_data(name.as_bytes().into());
    parameters
}

/// The name of the codec of a track, or its number if the name is unknown.
pub(super) fn name(parameters: &AudioCodecParameters) -> String {
    let codec = parameters.codec;
    if codec == CODEC_ID_NULL_AUDIO {
        let name = parameters
            .extra_data
            .as_deref()
            .map(String::from_utf8_lossy);
        return name.map_or_else(|| "an unknown codec".to_owned(), |name| name.into_owned());
    }
    if codec == id::CODEC_ID_AAC {
        return aac(parameters);
    }
    match NAMES.iter().find(|(known, _)| *known == codec) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("codec {codec}"),
    }
}

/// The reason why AAC is not supported: its profile, or more than two channels.
fn aac(parameters: &AudioCodecParameters) -> String {
    let config = parameters.extra_data.as_deref().unwrap_or_default();
    let [first, second, ..] = config else {
        let channels = parameters.channels.as_ref().map_or(0, Channels::count);
        return format!("AAC with {channels} channels");
    };
    // The profile has 5 bits, or 6 more; the channels follow after 4 bits of the sample rate.
    let profile = match first >> 3 {
        31 => 32 + ((first & 7) << 3 | second >> 5),
        profile => profile,
    };
    match profile {
        1 => "AAC Main".to_owned(),
        2 => match second >> 3 & 0x0f {
            0 => "AAC with a custom channel layout".to_owned(),
            channels @ 3..=6 => format!("AAC with {channels} channels"),
            7 => "AAC with 8 channels".to_owned(),
            1 | 2 => "HE-AAC".to_owned(),
            other => format!("AAC with channel layout {other}"),
        },
        3 => "AAC SSR".to_owned(),
        4 => "AAC LTP".to_owned(),
        5 | 29 => "HE-AAC".to_owned(),
        23 => "AAC LD".to_owned(),
        39 => "AAC ELD".to_owned(),
        42 => "xHE-AAC".to_owned(),
        _ => "AAC with an unsupported profile".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(codec: AudioCodecId, extra_data: &[u8]) -> AudioCodecParameters {
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(codec)
            .with_extra_data(extra_data.into());
        parameters
    }

    #[test]
    fn codecs_have_names() {
        assert_eq!(name(&with(id::CODEC_ID_AC3, b"")), "AC-3");
        assert_eq!(name(&AudioCodecParameters::new()), "an unknown codec");
        assert_eq!(name(&unsupported("A_QDM2")), "A_QDM2");
        let number = format!("codec {}", id::CODEC_ID_COOK);
        assert_eq!(name(&with(id::CODEC_ID_COOK, b"")), number);
    }

    #[test]
    fn the_reason_of_aac_is_its_profile_or_its_channels() {
        for (config, expected) in [
            (&[0x11, 0xb0][..], "AAC with 6 channels"),
            (&[0x11, 0xb8], "AAC with 8 channels"),
            (&[0x2b, 0x92, 0x08], "HE-AAC"),
            (&[0xeb, 0x0a], "HE-AAC"),
            (&[0x0a, 0x10], "AAC Main"),
            (&[0xf8, 0xe6], "AAC ELD"),
            (&[0xf9, 0x40], "xHE-AAC"),
        ] {
            let name = name(&with(id::CODEC_ID_AAC, config));
            assert_eq!(name, expected, "{config:x?}");
        }
    }
}
