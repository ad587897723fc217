//! The models that a request can name.

/// Writes an enum of names that keeps those which it does not know.
macro_rules! names {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $value:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// A model that this version does not know: sent as it is.
            Other(String),
        }

        impl $name {
            /// The name as it is sent.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Other(name) => name,
                }
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                match name {
                    $($value => Self::$variant,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self::from(name.as_str())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// A model. Where a request names none, the service takes its default.
    ///
    /// ```
    /// use pyannote::Model;
    ///
    /// assert_eq!(Model::from("precision-2"), Model::Precision2);
    /// assert_eq!(Model::from("precision-3").as_str(), "precision-3");
    /// ```
    Model {
        /// `precision-2`, the default.
        Precision2 = "precision-2",
        /// `community-1`, the open model; for diarization only, without transcription.
        Community1 = "community-1",
    }
}

names! {
    /// A model for transcription. Which languages it knows is in the service's documentation.
    TranscriptionModel {
        /// `parakeet-tdt-0.6b-v3`, the default.
        ParakeetTdt06bV3 = "parakeet-tdt-0.6b-v3",
        /// `faster-whisper-large-v3-turbo`.
        FasterWhisperLargeV3Turbo = "faster-whisper-large-v3-turbo",
    }
}
