//! Strings that are redacted in debug output: pre-signed URLs, URLs with a token, and voiceprints.
//!
//! `Debug` prints the length only. There is no `Display`; [`expose`](crate::types::MediaResponseUrl::expose) returns
//! the string. Serialization is not redacted.
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

/// A string is longer than the specification allows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TooLong {
    /// Length in characters.
    pub(crate) length: usize,
    /// Largest allowed length in characters.
    pub(crate) maximum: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "must have at most {} characters, got {}",
            self.maximum, self.length
        )
    }
}

impl std::error::Error for TooLong {}

/// Defines a secret string. The generated file invokes it with the limit in the specification, or `usize::MAX`.
macro_rules! secret_string {
    ($(#[$meta:meta])* $name:ident(max_length = $max_length:expr)) => {
        $(#[$meta])*
        #[doc = "\n\nRedacted in debug output."]
        #[derive(Clone, Eq, PartialEq, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(::std::string::String);

        impl $name {
            /// Largest allowed length, in characters.
            pub const MAX_LENGTH: usize = $max_length;

            /// The string itself. Do not log it.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl ::std::convert::TryFrom<::std::string::String> for $name {
            type Error = $crate::secret::TooLong;

            fn try_from(text: ::std::string::String) -> ::std::result::Result<Self, Self::Error> {
                match text.chars().count() {
                    length if length > Self::MAX_LENGTH => ::std::result::Result::Err($crate::secret::TooLong {
                        length,
                        maximum: Self::MAX_LENGTH,
                    }),
                    _ => ::std::result::Result::Ok(Self(text)),
                }
            }
        }

        impl ::std::convert::TryFrom<&str> for $name {
            type Error = $crate::secret::TooLong;

            fn try_from(text: &str) -> ::std::result::Result<Self, Self::Error> {
                Self::try_from(text.to_owned())
            }
        }

        impl ::std::convert::From<$name> for ::std::string::String {
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
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let text = <::std::string::String as serde::Deserialize>::deserialize(deserializer)?;
                Self::try_from(text).map_err(serde::de::Error::custom)
            }
        }

        $crate::json_schema::impl_json_schema!($name, |generator| {
            let mut schema = <::std::string::String as schemars::JsonSchema>::json_schema(generator);
            if Self::MAX_LENGTH < usize::MAX {
                schema.insert("maxLength".to_owned(), Self::MAX_LENGTH.into());
            }
            schema
        });
    };
}
pub(crate) use secret_string;
