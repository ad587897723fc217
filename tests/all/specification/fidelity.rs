//! The fragments have the structure of the provider's complete document.

use pyannote_tests::{bundle, fixtures, published};
use serde_json::{Map, Value};
use xtask::document::{self, without_wording};

const PERMISSIONS: &str = "x-api-key-permissions";

/// The complete document that the provider published on 2026-08-17, without wording.
fn complete() -> Value {
    let path = fixtures().join("openapi/2026-08-17.json");
    document::parse(&fs_err::read_to_string(path).unwrap()).unwrap()
}

/// The scopes of all operations, by `operationId`.
fn permissions(document: &Value) -> Map<String, Value> {
    let operations = document::operations(document).unwrap();
    let scopes = operations.iter().map(|operation| {
        let scopes = operation.value.get(PERMISSIONS).cloned();
        (
            operation.id().unwrap().to_owned(),
            scopes.unwrap_or_default(),
        )
    });
    scopes.collect()
}

#[test]
fn fragments_have_the_structure_of_the_complete_document() {
    let mut complete = complete();
    // The pages of these operations, which are kept as published, do not list the scopes. The overlay adds them.
    for path in ["/v1/diarize", "/v1/identify", "/v1/voiceprint"] {
        let operation = complete["paths"][path]["post"].as_object_mut().unwrap();
        operation.remove(PERMISSIONS).unwrap();
    }
    let (fragments, complete) = (without_wording(&published()), without_wording(&complete));
    for (kind, key) in [("paths", None), ("components", Some("schemas"))] {
        let part = |document: &Value| match key {
            Some(key) => document[kind][key].as_object().unwrap().clone(),
            None => document[kind].as_object().unwrap().clone(),
        };
        let (fragments, complete) = (part(&fragments), part(&complete));
        for (name, expected) in &complete {
            assert_eq!(fragments.get(name), Some(expected), "{name}");
        }
        assert_eq!(fragments.len(), complete.len(), "{kind}");
    }
    assert_eq!(fragments, complete);
}

#[test]
fn bundle_has_the_scopes_of_the_complete_document() {
    assert_eq!(permissions(&bundle()), permissions(&complete()));
}

#[test]
fn bindings_have_the_scopes_of_the_complete_document() {
    for (id, expected) in permissions(&complete()) {
        let mut name = String::new();
        let mut previous_is_lower = false;
        for char in id.chars() {
            if char.is_uppercase() && previous_is_lower {
                name.push('_');
            }
            previous_is_lower = char.is_lowercase();
            name.push(char.to_ascii_lowercase());
        }
        let scopes = pyannote_api_sys::permissions(&name).unwrap();
        let expected = expected.as_array().cloned().unwrap_or_default();
        assert_eq!(Vec::from(scopes), expected, "{id}");
    }
}
