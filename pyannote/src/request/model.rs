//! Models.

use crate::open_enum::open_enum;

open_enum! {
    /// A diarization model. Without one, the service uses its default.
    ///
    /// ```
    /// use pyannote::Model;
    ///
    /// assert_eq!(Model::from("precision-2"), Model::Precision2);
    /// assert_eq!(Model::from("precision-9").as_str(), "precision-9");
    /// ```
    Model {
        /// `precision-2`, the default.
        Precision2 = "precision-2",
        /// `precision-3`, which has to be asked for. Its voiceprints differ from those of `precision-2`.
        Precision3 = "precision-3",
        /// `community-1`, the open model. It supports diarization only, without transcription.
        Community1 = "community-1",
        ..
        /// A model that this version does not know.
        Other,
    }
}

open_enum! {
    /// A transcription model. The service's documentation lists the languages of each.
    TranscriptionModel {
        /// `parakeet-tdt-0.6b-v3`, the default.
        ParakeetTdt06bV3 = "parakeet-tdt-0.6b-v3",
        /// `faster-whisper-large-v3-turbo`.
        FasterWhisperLargeV3Turbo = "faster-whisper-large-v3-turbo",
        ..
        /// A model that this version does not know.
        Other,
    }
}
