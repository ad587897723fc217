//! Texts that debug output does not show: pre-signed URLs, URLs with a token, voiceprints.
//!
//! ```
//! use pyannote_api_sys::types::MediaResponse;
//!
//! let response: MediaResponse = serde_json::from_str(r#"{"url":"https://example.com/a.wav?signature=abc"}"#)?;
//! assert_eq!(format!("{:?}", response.url), "MediaResponseUrl(<39 characters>)");
//! assert_eq!(response.url.expose(), "https://example.com/a.wav?signature=abc");
//! # Ok::<_, serde_json::Error>(())
//! ```

use std::fmt;

/// A text is longer than the specification allows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TooLong {
    pub(crate) length: usize,
    pub(crate) maximum: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} characters, where {} are allowed",
            self.length, self.maximum
        )
    }
}

impl std::error::Error for TooLong {}

/// Writes a secret text. The generated file invokes it with the limits of the specification.
macro_rules! secret_text {
    ($(#[$meta:meta])* $name:ident of at most $maximum:expr, characters) => {
        $(#[$meta])*
        #[doc = "\n\nDebug output shows its length only."]
        #[derive(Clone, Eq, PartialEq, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The greatest length, in characters.
            pub const MAX_LENGTH: usize = $maximum;

            /// The text itself. Keep it out of logs.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::secret::TooLong;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                match text.chars().count() {
                    length if length > Self::MAX_LENGTH => Err($crate::secret::TooLong {
                        length,
                        maximum: Self::MAX_LENGTH,
                    }),
                    _ => Ok(Self(text)),
                }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $crate::secret::TooLong;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}(<{} characters>)", stringify!($name), self.0.chars().count())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::try_from(text).map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut schema = <String as schemars::JsonSchema>::json_schema(generator);
                if Self::MAX_LENGTH < usize::MAX {
                    schema.insert("maxLength".to_owned(), Self::MAX_LENGTH.into());
                }
                schema
            }
        }
    };
}
pub(crate) use secret_text;
