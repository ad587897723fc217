//! JSON schemas of the handwritten types.

/// Implements `schemars::JsonSchema` for a type of this crate if the feature `schemars` is enabled.
macro_rules! impl_json_schema {
    ($name:ident, |$generator:ident| $schema:expr) => {
        #[cfg(feature = "schemars")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn json_schema($generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $schema
            }
        }
    };
}
pub(crate) use impl_json_schema;
