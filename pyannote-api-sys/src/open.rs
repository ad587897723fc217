//! Open enums: a value that the specification does not list survives, as itself.
//!
//! The service gains statuses and models before its specification does. An enum of this kind decodes any text, keeps
//! what it does not know in its variant `Unknown`, and writes it back as it came.
//!
//! ```
//! use pyannote_api_sys::types::JobStatus;
//!
//! let status: JobStatus = serde_json::from_str(r#""queued""#)?;
//! assert!(matches!(&status, JobStatus::Unknown(value) if value.as_str() == "queued"));
//! assert_eq!(serde_json::to_string(&status)?, r#""queued""#);
//! assert_eq!(JobStatus::from("succeeded"), JobStatus::Succeeded);
//! # Ok::<_, serde_json::Error>(())
//! ```

use std::fmt;

/// A value that the specification does not list. Only an open enum makes one, so that it is never a listed value.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnknownValue(pub(crate) String);

impl UnknownValue {
    /// The value.
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

/// The schema of an open enum: the listed values, or any other text.
pub(crate) fn schema(known: &[&str]) -> schemars::Schema {
    schemars::json_schema!({
        "anyOf": [
            { "type": "string", "enum": known },
            { "type": "string" }
        ]
    })
}

/// Writes an open enum. The generated file invokes it with the values of the specification.
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $value:literal),* $(,)? }) => {
        $(#[$meta])*
        #[doc = "\n\nA value that the specification does not list is kept as `Unknown`."]
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", $value, "`")] $variant,)*
            /// A value that the specification does not list.
            Unknown($crate::open::UnknownValue),
        }

        impl $name {
            /// The values that the specification lists, in its order.
            pub const KNOWN: &'static [&'static str] = &[$($value),*];

            /// The value as it is sent.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Unknown(value) => value.as_str(),
                }
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($value => Self::$variant,)*
                    _ => Self::Unknown($crate::open::UnknownValue(value.to_owned())),
                }
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                match value.as_str() {
                    $($value => Self::$variant,)*
                    _ => Self::Unknown($crate::open::UnknownValue(value)),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(value: &str) -> Result<Self, Self::Err> {
                Ok(Self::from(value))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer).map(Self::from)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::open::schema(Self::KNOWN)
            }
        }
    };
}
pub(crate) use open_enum;
