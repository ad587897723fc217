//! Moves inline schemas that need a [`CustomType`] into components.

use anyhow::{Context, Result};
use heck::ToUpperCamelCase;
use serde_json::{Map, Value, json};

use super::custom_type::{CustomType, item_type, kind_of};
use super::{for_each_operation, reference};

/// Replaces inline schemas by references, and collects the custom types.
pub(super) struct Hoister {
    /// Values and names of the enums that are named in the specification.
    named_enums: Vec<(Value, String)>,
    /// The schemas moved into components, by name.
    pub(super) hoisted: Map<String, Value>,
    /// The types to write, in document order.
    pub(super) custom_types: Vec<CustomType>,
}

impl Hoister {
    pub(super) fn new(schemas: &Map<String, Value>) -> Self {
        let named_enums = schemas
            .iter()
            .filter_map(|(name, schema)| Some((schema.get("enum")?.clone(), name.clone())))
            .collect();
        Self {
            named_enums,
            hoisted: Map::new(),
            custom_types: Vec::new(),
        }
    }

    /// Processes a schema of the components.
    pub(super) fn visit_named(
        &mut self,
        name: &str,
        schema: &mut Value,
        in_request: bool,
    ) -> Result<()> {
        self.name_items(name, schema, in_request)?;
        match kind_of(schema, in_request)? {
            Some(kind) => {
                self.custom_types.push(CustomType {
                    name: name.to_owned(),
                    description: description(schema),
                    kind,
                });
                Ok(())
            }
            None => self.visit_children(name, schema, in_request),
        }
    }

    /// Processes the schemas in `schema`.
    fn visit_children(&mut self, name: &str, schema: &mut Value, in_request: bool) -> Result<()> {
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            for (property, inner) in properties {
                let type_name = format!("{name}{}", property.to_upper_camel_case());
                let role = format!("The property `{property}` of `{name}`.");
                self.replace(&type_name, &role, inner, in_request)
                    .with_context(|| format!("in {name}.{property}"))?;
            }
        }
        if let Some(items) = schema.get_mut("items") {
            let role = format!("An item of `{name}`.");
            self.replace(&format!("{name}Item"), &role, items, in_request)?;
        }
        if let Some(values) = schema
            .get_mut("additionalProperties")
            .filter(|values| values.is_object())
        {
            let role = format!("A value of `{name}`.");
            self.replace(&format!("{name}Value"), &role, values, in_request)?;
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            let parts = schema.get_mut(key).and_then(Value::as_array_mut);
            for (index, part) in parts.into_iter().flatten().enumerate() {
                if key == "allOf" {
                    // progenitor merges the parts into one type.
                    self.visit_children(name, part, in_request)?;
                } else {
                    let role = format!("A variant of `{name}`.");
                    self.replace(&format!("{name}Variant{index}"), &role, part, in_request)?;
                }
            }
        }
        Ok(())
    }

    /// Moves the items of an array with a limited length into a schema of their own, if they need a type.
    fn name_items(&mut self, name: &str, schema: &mut Value, in_request: bool) -> Result<()> {
        let is_limited = ["minItems", "maxItems"]
            .iter()
            .any(|key| schema.get(key).is_some());
        if !in_request || !is_limited {
            return Ok(());
        }
        let Some(items) = schema.get_mut("items") else {
            return Ok(());
        };
        describe_default(items);
        if item_type(items).is_none() {
            let item = format!("{name}Item");
            let mut schema = std::mem::replace(items, reference(&item));
            self.visit_named(&item, &mut schema, in_request)?;
            self.hoisted.insert(item, schema);
        }
        Ok(())
    }

    /// Processes the schemas of all parameters.
    pub(super) fn visit_parameters(&mut self, document: &mut Value) -> Result<()> {
        for_each_operation(document, |operation| {
            let id = operation
                .get("operationId")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let parameters = operation.get_mut("parameters");
            for parameter in parameters
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                let name = parameter
                    .get("name")
                    .and_then(Value::as_str)
                    .context("a parameter has no name")?
                    .to_owned();
                if let Some(schema) = parameter.get_mut("schema") {
                    let type_name = [&id, &name].map(|part| part.to_upper_camel_case()).concat();
                    let role = format!("The parameter `{name}` of `{id}`.");
                    self.replace(&type_name, &role, schema, true)?;
                }
            }
            Ok(())
        })
    }

    /// Replaces `schema` by a reference to `type_name` if it needs a custom type. `role` documents the type if the
    /// specification does not.
    fn replace(
        &mut self,
        type_name: &str,
        role: &str,
        schema: &mut Value,
        in_request: bool,
    ) -> Result<()> {
        let own_description = description(schema);
        describe_default(schema);
        self.name_items(type_name, schema, in_request)?;
        let Some(kind) = kind_of(schema, in_request)? else {
            return self.visit_children(type_name, schema, in_request);
        };
        let named = schema.get("enum").and_then(|values| {
            let same = self.named_enums.iter().find(|(other, _)| other == values);
            same.map(|(_, name)| name.clone())
        });
        let is_hoisted = named.is_none();
        let target = named.unwrap_or_else(|| type_name.to_owned());
        let mut replacement = json!({ "allOf": [reference(&target)] });
        for key in ["description", "nullable"] {
            if let Some(value) = schema.get(key) {
                replacement[key] = value.clone();
            }
        }
        let mut original = std::mem::replace(schema, replacement);
        if is_hoisted {
            self.custom_types.push(CustomType {
                name: target.clone(),
                description: own_description.or_else(|| Some(role.to_owned())),
                kind,
            });
            if let Some(map) = original.as_object_mut() {
                map.remove("nullable");
            }
            self.hoisted.insert(target, original);
        }
        Ok(())
    }
}

fn description(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?;
    Some(text.to_owned())
}

/// Moves the default of `schema` into its description.
fn describe_default(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    let Some(default) = map.remove("default") else {
        return;
    };
    let default = format!("The service's default is `{default}`.");
    let text = match map.get("description").and_then(Value::as_str) {
        Some(text) => format!("{}\n\n{default}", text.trim_end()),
        None => default,
    };
    map.insert("description".to_owned(), Value::String(text));
}
