//! Open enums: enums of strings that keep values missing from the specification.
//!
//! The service may introduce statuses and models before its specification lists them. An open enum deserializes any
//! string. A value that the specification does not list becomes the variant `Unknown`, and is serialized unchanged.
//!
//! Every open enum implements `From<&str>`, `From<String>`, `FromStr`, `Display`, `Serialize` and `Deserialize`, and
//! has a method `as_str` and a constant `KNOWN` with the listed values. It is `#[non_exhaustive]`: a value that the
//! specification adds later moves from `Unknown` to a variant of its own.
//!
//! ```
//! use pyannote_api_sys::types::JobStatus;
//!
//! let status: JobStatus = serde_json::from_str(r#""queued""#)?;
//! assert!(matches!(&status, JobStatus::Unknown(value) if value.as_str() == "queued"));
//! assert_eq!(serde_json::to_string(&status)?, r#""queued""#);
//!
//! assert_eq!(JobStatus::from("succeeded"), JobStatus::Succeeded);
//! assert!(JobStatus::KNOWN.contains(&"succeeded"));
//! # Ok::<_, serde_json::Error>(())
//! ```

use std::fmt;

/// A value that the specification does not list.
///
/// There is no public constructor, so an `Unknown` variant never holds a listed value. Convert a string with the
/// `From` implementation of the enum instead.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnknownValue(pub(crate) String);

impl UnknownValue {
    /// The value as a string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// JSON schema of an open enum: the listed values, or any other string.
#[cfg(feature = "schemars")]
pub(crate) fn schema(known: &[&str]) -> schemars::Schema {
    schemars::json_schema!({
        "anyOf": [
            { "type": "string", "enum": known },
            { "type": "string" }
        ]
    })
}

/// Defines an open enum. The generated file invokes it with the values in the specification:
///
/// ```ignore
/// open_enum! {
///     #[doc = "Status of a stream."]
///     StreamStatus { Created = "created", Running = "running" }
/// }
/// ```
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $value:literal),* $(,)? }) => {
        $(#[$meta])*
        #[doc = "\n\nA value that the specification does not list is kept as `Unknown`."]
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", $value, "`")] $variant,)*
            /// A value that the specification does not list.
            Unknown($crate::open_enum::UnknownValue),
        }

        impl $name {
            /// The values that the specification lists, in its order.
            pub const KNOWN: &'static [&'static str] = &[$($value),*];

            /// The value as it is serialized.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Unknown(value) => value.as_str(),
                }
            }
        }

        impl ::std::convert::From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($value => Self::$variant,)*
                    _ => Self::Unknown($crate::open_enum::UnknownValue(value.to_owned())),
                }
            }
        }

        impl ::std::convert::From<::std::string::String> for $name {
            fn from(value: ::std::string::String) -> Self {
                match value.as_str() {
                    $($value => Self::$variant,)*
                    _ => Self::Unknown($crate::open_enum::UnknownValue(value)),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
                ::std::result::Result::Ok(Self::from(value))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                <::std::string::String as serde::Deserialize>::deserialize(deserializer).map(Self::from)
            }
        }

        $crate::json_schema::impl_json_schema!($name, |_generator| {
            $crate::open_enum::schema(Self::KNOWN)
        });
    };
}
pub(crate) use open_enum;
