//! Names of unsupported codecs, for error messages.

use symphonia::core::codecs::audio::{AudioCodecId, CODEC_ID_NULL_AUDIO, well_known as id};

/// Codecs that may occur in supported containers, but have no decoder.
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
    (id::CODEC_ID_AAC, "AAC with an unsupported profile"),
    (id::CODEC_ID_ADPCM_G722, "G.722"),
    (id::CODEC_ID_ADPCM_G726, "G.726"),
    (id::CODEC_ID_ADPCM_G726LE, "G.726"),
];

/// The name of a codec, or its number if the name is unknown.
pub(super) fn name(codec: AudioCodecId) -> String {
    if codec == CODEC_ID_NULL_AUDIO {
        return "an unknown codec".to_owned();
    }
    match NAMES.iter().find(|(known, _)| *known == codec) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("codec {codec}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_codecs_have_names() {
        assert_eq!(name(id::CODEC_ID_AC3), "AC-3");
        assert_eq!(name(CODEC_ID_NULL_AUDIO), "an unknown codec");
        assert_eq!(
            name(id::CODEC_ID_COOK),
            format!("codec {}", id::CODEC_ID_COOK)
        );
    }
}
