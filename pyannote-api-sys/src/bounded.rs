//! Numbers in a range and arrays with a limited length, for requests.
//!
//! progenitor generates checks for the length and the pattern of a string, but for no other limit of the specification.
//! The types defined here check their limits when they are constructed or deserialized.
//!
//! ```
//! use pyannote_api_sys::types::MatchingOptionsThreshold;
//!
//! assert_eq!(MatchingOptionsThreshold::try_from(62.5)?.get(), 62.5);
//! assert_eq!(
//!     MatchingOptionsThreshold::try_from(250.0).unwrap_err().to_string(),
//!     "must be between 0 and 100, got 250",
//! );
//! # Ok::<_, pyannote_api_sys::bounded::OutOfBounds>(())
//! ```

use std::fmt;
use std::ops::{Bound, RangeBounds};

/// A number or a length is outside the limits of the specification.
#[derive(Clone, Debug, PartialEq)]
pub struct OutOfBounds(String);

impl OutOfBounds {
    pub(crate) fn length(length: usize, minimum: usize, maximum: usize) -> Self {
        Self(match maximum {
            usize::MAX => format!("must have at least {minimum} items, got {length}"),
            _ => format!("must have between {minimum} and {maximum} items, got {length}"),
        })
    }
}

/// A primitive number of a bounded type.
pub(crate) trait Number: Copy + fmt::Display + PartialOrd {
    /// Whether JSON can represent the number: it has neither NaN nor infinities.
    fn is_json(self) -> bool {
        true
    }
}

impl Number for u64 {}
impl Number for i64 {}
impl Number for f32 {
    fn is_json(self) -> bool {
        self.is_finite()
    }
}
impl Number for f64 {
    fn is_json(self) -> bool {
        self.is_finite()
    }
}

/// Checks that a number is within its bounds.
pub(crate) fn check<N: Number>(value: N, bounds: (Bound<N>, Bound<N>)) -> Result<N, OutOfBounds> {
    if value.is_json() && bounds.contains(&value) {
        return Ok(value);
    }
    let lower = match bounds.0 {
        Bound::Included(minimum) => Some(format!("at least {minimum}")),
        Bound::Excluded(minimum) => Some(format!("greater than {minimum}")),
        Bound::Unbounded => None,
    };
    let upper = match bounds.1 {
        Bound::Included(maximum) => Some(format!("at most {maximum}")),
        Bound::Excluded(maximum) => Some(format!("less than {maximum}")),
        Bound::Unbounded => None,
    };
    let expected = match bounds {
        (Bound::Included(minimum), Bound::Included(maximum)) => {
            format!("between {minimum} and {maximum}")
        }
        _ => {
            let finite = (!value.is_json()).then(|| "finite".to_owned());
            let parts: Vec<String> = [lower, upper, finite].into_iter().flatten().collect();
            parts.join(" and ")
        }
    };
    Err(OutOfBounds(format!("must be {expected}, got {value}")))
}

/// Adds bounds to a JSON schema.
#[cfg(feature = "schemars")]
pub(crate) fn add_bounds<N: Number + Into<serde_json::Value>>(
    schema: &mut schemars::Schema,
    (minimum, maximum): (Bound<N>, Bound<N>),
) {
    for (bound, inclusive, exclusive) in [
        (minimum, "minimum", "exclusiveMinimum"),
        (maximum, "maximum", "exclusiveMaximum"),
    ] {
        match bound {
            Bound::Included(bound) => schema.insert(inclusive.to_owned(), bound.into()),
            Bound::Excluded(bound) => schema.insert(exclusive.to_owned(), bound.into()),
            Bound::Unbounded => None,
        };
    }
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OutOfBounds {}

/// Defines a number in a range. The generated file invokes it with the limits in the specification:
///
/// ```ignore
/// bounded_number! {
///     #[doc = "The number of jobs per page."]
///     Limit(u64) in (Included(1), Included(100))
/// }
/// ```
macro_rules! bounded_number {
    ($(#[$meta:meta])* $name:ident($repr:ty) in ($minimum:expr, $maximum:expr)) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name($repr);

        impl $name {
            /// Smallest and largest allowed value.
            pub const BOUNDS: (std::ops::Bound<$repr>, std::ops::Bound<$repr>) = {
                #[allow(unused_imports)]
                use std::ops::Bound::{Excluded, Included, Unbounded};
                ($minimum, $maximum)
            };

            /// The value as a primitive number.
            #[must_use]
            pub fn get(self) -> $repr {
                self.0
            }
        }

        impl ::std::convert::TryFrom<$repr> for $name {
            type Error = $crate::bounded::OutOfBounds;

            fn try_from(value: $repr) -> ::std::result::Result<Self, Self::Error> {
                $crate::bounded::check(value, Self::BOUNDS).map(Self)
            }
        }

        impl ::std::convert::From<$name> for $repr {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let value = <$repr as serde::Deserialize>::deserialize(deserializer)?;
                Self::try_from(value).map_err(serde::de::Error::custom)
            }
        }

        $crate::json_schema::impl_json_schema!($name, |generator| {
            let mut schema = <$repr as schemars::JsonSchema>::json_schema(generator);
            $crate::bounded::add_bounds(&mut schema, Self::BOUNDS);
            schema
        });
    };
}
pub(crate) use bounded_number;

/// Defines an array with a limited length. The generated file invokes it with the limits in the specification.
macro_rules! bounded_list {
    ($(#[$meta:meta])* $name:ident($item:ty) in $minimum:expr, $maximum:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(::std::vec::Vec<$item>);

        impl $name {
            /// Smallest allowed length.
            pub const MINIMUM: usize = $minimum;
            /// Largest allowed length.
            pub const MAXIMUM: usize = $maximum;

            /// Unwraps the items.
            #[must_use]
            pub fn into_inner(self) -> ::std::vec::Vec<$item> {
                self.0
            }
        }

        impl ::std::convert::TryFrom<::std::vec::Vec<$item>> for $name {
            type Error = $crate::bounded::OutOfBounds;

            fn try_from(items: ::std::vec::Vec<$item>) -> ::std::result::Result<Self, Self::Error> {
                if (Self::MINIMUM..=Self::MAXIMUM).contains(&items.len()) {
                    ::std::result::Result::Ok(Self(items))
                } else {
                    ::std::result::Result::Err($crate::bounded::OutOfBounds::length(
                        items.len(),
                        Self::MINIMUM,
                        Self::MAXIMUM,
                    ))
                }
            }
        }

        impl std::ops::Deref for $name {
            type Target = [$item];

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let items = <::std::vec::Vec<$item> as serde::Deserialize>::deserialize(deserializer)?;
                Self::try_from(items).map_err(serde::de::Error::custom)
            }
        }

        $crate::json_schema::impl_json_schema!($name, |generator| {
            let mut schema = <::std::vec::Vec<$item> as schemars::JsonSchema>::json_schema(generator);
            schema.insert("minItems".to_owned(), Self::MINIMUM.into());
            schema.insert("maxItems".to_owned(), Self::MAXIMUM.into());
            schema
        });
    };
}
pub(crate) use bounded_list;

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Bound::{Excluded, Included, Unbounded};

    fn message<N: Number>(value: N, bounds: (Bound<N>, Bound<N>)) -> String {
        match check(value, bounds) {
            Ok(value) => format!("ok {value}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn message_names_the_bounds() {
        for (value, bounds, expected) in [
            (5.0, (Included(0.0), Included(5.0)), "ok 5"),
            (
                5.5,
                (Included(0.0), Included(5.0)),
                "must be between 0 and 5, got 5.5",
            ),
            (
                -1.0,
                (Included(0.0), Unbounded),
                "must be at least 0, got -1",
            ),
            (
                0.0,
                (Excluded(0.0), Unbounded),
                "must be greater than 0, got 0",
            ),
            (
                1.0,
                (Excluded(0.0), Excluded(1.0)),
                "must be greater than 0 and less than 1, got 1",
            ),
            (
                9.0,
                (Included(0.0), Excluded(9.0)),
                "must be at least 0 and less than 9, got 9",
            ),
            (
                0.0,
                (Excluded(0.0), Included(9.0)),
                "must be greater than 0 and at most 9, got 0",
            ),
            (
                9.5,
                (Unbounded, Included(9.0)),
                "must be at most 9, got 9.5",
            ),
            (
                9.0,
                (Unbounded, Excluded(9.0)),
                "must be less than 9, got 9",
            ),
            (
                f64::NAN,
                (Included(0.0), Unbounded),
                "must be at least 0 and finite, got NaN",
            ),
            (
                f64::INFINITY,
                (Included(0.0), Unbounded),
                "must be at least 0 and finite, got inf",
            ),
            (
                f64::NEG_INFINITY,
                (Unbounded, Included(9.0)),
                "must be at most 9 and finite, got -inf",
            ),
        ] {
            assert_eq!(message(value, bounds), expected);
        }
        assert_eq!(
            message(-11_i64, (Included(-10), Unbounded)),
            "must be at least -10, got -11"
        );
    }

    bounded_number! {
        /// A share.
        Share(f64) in (Excluded(0.0), Included(1.0))
    }

    #[test]
    fn limits_apply_when_deserializing_and_are_in_the_json_schema() {
        assert!(serde_json::from_str::<Share>("0.5").is_ok());
        assert!(serde_json::from_str::<Share>("0.0").is_err());
        #[cfg(feature = "schemars")]
        {
            let schema = schemars::schema_for!(Share);
            assert_eq!(
                schema.get("exclusiveMinimum"),
                Some(&serde_json::json!(0.0))
            );
            assert_eq!(schema.get("maximum"), Some(&serde_json::json!(1.0)));
        }
    }
}
