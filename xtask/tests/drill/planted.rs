//! The planted changes of the specification.

use serde_json::{Value, json};

/// A change of the specification.
pub(crate) struct Planted {
    pub(crate) name: String,
    change: Box<dyn Fn(&mut Value)>,
    /// Whether it can be part of a document with all other changes.
    pub(crate) is_combinable: bool,
}

impl Planted {
    pub(crate) fn apply(&self, document: &mut Value) {
        (self.change)(document);
    }
}

/// All changes: those in `planted.yaml`, and those that need code.
pub(crate) fn planted() -> Vec<Planted> {
    let listed: Vec<Value> = yaml_serde::from_str(include_str!("planted.yaml")).unwrap();
    let listed = listed.into_iter().map(|entry| Planted {
        name: entry["change"].as_str().unwrap().to_owned(),
        is_combinable: entry.get("alone").is_none(),
        change: Box::new(move |document| {
            for edit in entry["set"].as_array().unwrap() {
                for (pointer, value) in edit.as_object().unwrap() {
                    set(document, pointer, value);
                }
            }
        }),
    });
    let (stops, others): (Vec<_>, Vec<_>) = listed
        .chain(documents())
        .partition(|planted| planted.name.starts_with("stop"));
    others.into_iter().chain(stops).collect()
}

/// Sets the value at a JSON pointer. Its last part may be new, and `-` appends to a list.
fn set(document: &mut Value, pointer: &str, value: &Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    match document.pointer_mut(parent) {
        Some(Value::Array(items)) if key == "-" => items.push(value.clone()),
        Some(parent) => parent[key] = value.clone(),
        None => panic!("{pointer} has no parent"),
    }
}

fn with(name: &str, change: impl Fn(&mut Value) + 'static) -> Planted {
    Planted {
        name: name.to_owned(),
        change: Box::new(change),
        is_combinable: false,
    }
}

fn schema_ref(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

fn documents() -> Vec<Planted> {
    vec![
        with(
            "enum: value of a response, in all three places",
            |document| {
                for pointer in [
                    "/components/schemas/JobStatus/enum",
                    "/components/schemas/JobCreated/properties/status/enum",
                    "/paths/~1v2~1jobs/get/parameters/2/schema/enum",
                ] {
                    document
                        .pointer_mut(pointer)
                        .unwrap()
                        .as_array_mut()
                        .unwrap()
                        .push(json!("queued"));
                }
            },
        ),
        with(
            "document: the complete document of 2026-08-17, without wording",
            |document| {
                let text = include_str!("../../../tests/fixtures/openapi/2026-08-17.json");
                *document = serde_json::from_str(text).unwrap();
            },
        ),
        with(
            "document: references and inline schemas exchanged",
            |document| {
                let status = document["components"]["schemas"]["JobStatus"].clone();
                document["components"]["schemas"]["JobCreated"]["properties"]["status"] =
                    json!({"$ref": schema_ref("JobStatus")});
                document["components"]["schemas"]["DiarizationJob"]["properties"]["status"] =
                    status;
                document["components"]["schemas"]["Stream"]["properties"]["input"] =
                    json!({"allOf": [{"$ref": schema_ref("CreateStream")}]});
            },
        ),
        with("document: other wording", |document| {
            document["info"]["description"] = json!("The API.");
            document["components"]["schemas"]["DiarizeRequest"]["title"] = json!("Request");
            document["components"]["schemas"]["DiarizeRequest"]["properties"]["url"]["description"] =
                json!("A URL.");
            document["paths"]["/v1/test"]["get"]["summary"] = json!("Test");
        }),
        with("document: OpenAPI 3.1", |document| {
            to_v3_1(document);
            let request = &mut document["components"]["schemas"]["DiarizeRequest"]["properties"];
            request["sensitivity"] =
                json!({"type": ["number", "null"], "exclusiveMinimum": -5, "maximum": 5});
            request["version"] = json!({"const": 2});
            request["language"] = json!({"type": "string", "examples": ["en", "fr"]});
            request["gain"] = json!({"anyOf": [{"type": "number"}, {"type": "null"}]});
            request["threshold"] = json!({"type": ["number", "string"]});
            request["matching"] =
                json!({"$ref": schema_ref("MatchingOptions"), "description": "Matching."});
            request["voice"] = json!({"type": "string", "contentEncoding": "base64"});
            request["options"] =
                json!({"anyOf": [{"$ref": schema_ref("MatchingOptions")}, {"type": "null"}]});
        }),
        with("document: the same in OpenAPI 3.1", to_v3_1),
        with("stop: tuple in OpenAPI 3.1", |document| {
            document["openapi"] = json!("3.1.0");
            document["components"]["schemas"]["DiarizeRequest"]["properties"]["span"] =
                json!({"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}]});
        }),
        with("stop: OpenAPI 4.0", |document| {
            document["openapi"] = json!("4.0.0")
        }),
        with(
            "stop: a defect that the overlay corrects is fixed",
            |document| {
                document["components"]["schemas"]["Voiceprint"]["properties"]["label"]["pattern"] =
                    json!("^(?!SPEAKER_).*");
            },
        ),
    ]
}

/// Writes a document as OpenAPI 3.1.
fn to_v3_1(document: &mut Value) {
    fn convert(value: &mut Value) {
        match value {
            Value::Object(map) => {
                if map.remove("nullable") == Some(json!(true)) {
                    let kind = map["type"].take();
                    map["type"] = json!([kind, "null"]);
                }
                if let Some(example) = map.get("example").cloned()
                    && map.contains_key("type")
                {
                    map.remove("example");
                    map.insert("examples".to_owned(), json!([example]));
                }
                map.values_mut().for_each(convert);
            }
            Value::Array(items) => items.iter_mut().for_each(convert),
            _ => {}
        }
    }
    convert(document);
    document["openapi"] = json!("3.1.0");
    document["jsonSchemaDialect"] = json!("https://spec.openapis.org/oas/3.1/dialect/base");
    document["webhooks"] = json!({});
}
