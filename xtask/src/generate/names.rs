//! Finds names in the specification that become the same name in Rust.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use heck::{ToSnakeCase, ToUpperCamelCase};
use serde_json::Value;

use crate::document;

/// Methods of `Client` that are not operations.
const CLIENT_METHODS: [&str; 10] = [
    "api_version",
    "baseurl",
    "bearer",
    "client",
    "exec",
    "inner",
    "new",
    "new_with_client",
    "post",
    "pre",
];

/// Methods of the builder of an operation that are not parameters.
const BUILDER_METHODS: [&str; 2] = ["new", "send"];
/// Further ones, if the operation has a request body.
const BODY_METHODS: [&str; 2] = ["body", "body_map"];

const REMEDY: &str = "rename an operation or a schema, or remove the other names, in openapi/overlay.yaml; or derive \
                      different names in xtask/src/generate.rs";

/// Checks the names of schemas, operations and parameters.
pub(super) fn check_document(document: &Value) -> Result<()> {
    let schemas = document::schemas(document);
    check_unique(
        "components.schemas: the schemas",
        schemas.keys().map(String::as_str),
        |name| name.to_upper_camel_case(),
    )?;
    let operations = document::operations(document)?;
    let mut ids = Vec::new();
    for operation in &operations {
        let id = operation.id()?;
        ensure!(
            !CLIENT_METHODS.contains(&id.to_snake_case().as_str()),
            "the operationId {id} of {operation} has the name of a method of `Client`: rename it in \
             openapi/overlay.yaml, or derive another name in xtask/src/generate.rs"
        );
        ids.push(id);
        let parameters = operation.value.get("parameters").and_then(Value::as_array);
        let names: Vec<&str> = parameters
            .into_iter()
            .flatten()
            .filter_map(|parameter| parameter.get("name")?.as_str())
            .collect();
        let has_body = operation.value.get("requestBody").is_some();
        for name in &names {
            let rust_name = name.to_snake_case();
            let is_reserved = BUILDER_METHODS.contains(&rust_name.as_str())
                || has_body && BODY_METHODS.contains(&rust_name.as_str());
            ensure!(
                !is_reserved,
                "the parameter {name} of {operation} has the name of another method of the builder: derive another \
                 name in xtask/src/generate.rs"
            );
        }
        check_unique(
            &format!("{operation}: the parameters"),
            names.into_iter(),
            |name| name.to_snake_case(),
        )?;
    }
    check_unique("the operationIds", ids.into_iter(), |id| id.to_snake_case())
}

fn check_unique<'a>(
    what: &str,
    names: impl Iterator<Item = &'a str>,
    rust_name: impl Fn(&str) -> String,
) -> Result<()> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        let rust_name = rust_name(name);
        if let Some(other) = seen.get(&rust_name) {
            bail!("{what} {other} and {name} have the same name in Rust, `{rust_name}`: {REMEDY}");
        }
        seen.insert(rust_name, name);
    }
    Ok(())
}

/// Checks the names of the generated types, fields and variants.
pub(super) fn check_generated(items: &[syn::Item]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for item in items {
        let name = match item {
            syn::Item::Struct(item) => {
                let fields = item.fields.iter().filter_map(|field| {
                    let name = field.ident.as_ref()?.to_string();
                    Some((renamed(&field.attrs).unwrap_or_else(|| name.clone()), name))
                });
                check_members(&item.ident, "properties", fields)?;
                item.ident.to_string()
            }
            syn::Item::Enum(item) => {
                let variants = item.variants.iter().map(|variant| {
                    let name = variant.ident.to_string();
                    (
                        renamed(&variant.attrs).unwrap_or_else(|| name.clone()),
                        name,
                    )
                });
                check_members(&item.ident, "variants", variants)?;
                item.ident.to_string()
            }
            syn::Item::Mod(module) => {
                if let Some((_, items)) = &module.content {
                    check_generated(items)?;
                }
                continue;
            }
            // A custom type: its name comes after its attributes, which are groups.
            syn::Item::Macro(item) => {
                let mut tokens = item.mac.tokens.clone().into_iter();
                let name = tokens.find_map(|token| match token {
                    proc_macro2::TokenTree::Ident(name) => Some(name.to_string()),
                    _ => None,
                });
                match name {
                    Some(name) => name,
                    None => continue,
                }
            }
            _ => continue,
        };
        ensure!(
            seen.insert(name.clone()),
            "two schemas have the same name in Rust, `{name}`, one of them derived from the property that it \
             describes: {REMEDY}"
        );
    }
    Ok(())
}

fn check_members(
    owner: &syn::Ident,
    what: &str,
    members: impl Iterator<Item = (String, String)>,
) -> Result<()> {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (name, rust_name) in members {
        if let Some(other) = seen.get(&rust_name) {
            bail!(
                "the {what} `{other}` and `{name}` of {owner} have the same name in Rust, `{rust_name}`: {REMEDY}"
            );
        }
        seen.insert(rust_name, name);
    }
    Ok(())
}

/// The name in the specification, from `#[serde(rename = "…")]`.
fn renamed(attributes: &[syn::Attribute]) -> Option<String> {
    let mut name = None;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
    {
        // What it cannot parse has no name to show.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                name = Some(meta.value()?.parse::<syn::LitStr>()?.value());
            } else if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            }
            Ok(())
        });
    }
    name
}
