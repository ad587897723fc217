//! What is ahead of the published specification, and what happens when it is published.

use serde_json::{Value, json};
use xtask::ahead::Published;
use xtask::import;
use xtask::merge::{Fragment, merge, published, read_fragments};
use xtask::regen;

use super::Checkout;

const NAME: &str = "ahead.yaml";

/// The report of the import of a complete document, and the error of the next `regen`.
fn import_and_regen(document: &Value) -> (String, String) {
    let checkout = Checkout::new();
    let ahead = || fs_err::read_to_string(checkout.workspace().openapi().join(NAME)).unwrap();
    let before = ahead();
    let file = checkout.write("complete.json", &document.to_string());
    let plan = import::plan(&checkout.workspace(), &[file]).unwrap();
    plan.write().unwrap();
    assert_eq!(ahead(), before, "an import does not change it");
    let error = regen::write(&checkout.workspace()).unwrap_err();
    (plan.report.to_string(), format!("{error:#}"))
}

#[test]
fn a_field_that_is_published_as_expected_is_reported_and_must_be_removed() {
    let merged = xtask::document::schemas(&pyannote_tests::bundle());
    let mut document = pyannote_tests::published();
    let schemas = &mut document["components"]["schemas"];
    let mut sensitivity = merged["DiarizeRequest"]["properties"]["vadSensitivity"].clone();
    sensitivity["description"] = "Other words".into();
    schemas["DiarizeRequest"]["properties"]["vadSensitivity"] = sensitivity;
    schemas["IdentifyRequest"]["properties"]["model"]["enum"] =
        json!(["precision-2", "precision-3"]);
    let (report, error) = import_and_regen(&document);
    let published = "DiarizeRequest.vadSensitivity is published: remove it from openapi/ahead.yaml; \
        IdentifyRequest.model: \"precision-3\" is published: remove it from openapi/ahead.yaml";
    assert_eq!(error, published);
    assert_eq!(
        report,
        format!(
            "\n0 changes, 0 breaking\n1 change of wording, which --wording lists\nsemver bump: patch\nregen stops: {published}\n"
        )
        .trim_start()
    );
}

#[test]
fn a_field_that_is_published_differently_is_reported_with_its_effect() {
    let mut document = pyannote_tests::published();
    let schemas = &mut document["components"]["schemas"];
    schemas["DiarizationJobOutput"]["properties"]["speakerProbability"] = json!({
        "type": "array",
        "items": { "$ref": "#/components/schemas/Confidence" },
    });
    let (report, error) = import_and_regen(&document);
    assert_eq!(
        error,
        "DiarizationJobOutput.speakerProbability is published differently: remove it from openapi/ahead.yaml"
    );
    assert!(report.starts_with("BREAKING"), "{report}");
    assert!(
        report.ends_with(&format!("regen stops: {error}\n")),
        "{report}"
    );
}

#[test]
fn the_bundle_has_what_is_ahead_and_the_published_specification_does_not() {
    let published = xtask::document::schemas(&pyannote_tests::published());
    let bundle = xtask::document::schemas(&pyannote_tests::bundle());
    for request in ["DiarizeRequest", "IdentifyRequest"] {
        for field in [
            "speechProbability",
            "crosstalkProbability",
            "speakerProbability",
            "vadSensitivity",
            "crosstalkSensitivity",
        ] {
            let of = |schemas: &serde_json::Map<String, Value>| {
                schemas[request]["properties"].get(field).cloned()
            };
            assert!(of(&published).is_none(), "{field}");
            assert!(of(&bundle).is_some(), "{field}");
        }
    }
    let models = &bundle["VoiceprintRequest"]["properties"]["model"]["enum"];
    assert_eq!(*models, json!(["precision-2", "precision-3"]));
}

/// The result of adding this to the published specification.
fn added(schemas: Value) -> Result<(Value, Vec<Published>), String> {
    let mut fragments = read_fragments(&Checkout::new().workspace().openapi()).unwrap();
    fragments.retain(|fragment| fragment.name != NAME);
    let document = json!({
        "openapi": "3.0.0",
        "info": { "title": "", "version": "", "x-ahead-of-specification": true },
        "paths": {},
        "components": { "schemas": schemas },
    });
    fragments.push(Fragment::parse(NAME, document.to_string()).unwrap());
    let merged = merge(&fragments).map_err(|error| format!("{error:#}"))?;
    let plain = published(&fragments).unwrap();
    assert_eq!(plain, pyannote_tests::published());
    Ok((merged.document, merged.published))
}

#[test]
fn schemas_properties_and_values_are_added() {
    let (document, published) = added(json!({
        "New": { "type": "object" },
        "ApiError": { "properties": { "code": { "type": "string" } } },
        "JobStatus": { "enum": ["queued", "running"] },
    }))
    .unwrap();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["New"], json!({ "type": "object" }));
    assert_eq!(
        schemas["ApiError"]["properties"]["code"],
        json!({ "type": "string" })
    );
    let statuses = schemas["JobStatus"]["enum"].as_array().unwrap();
    assert_eq!(statuses.last().unwrap(), "queued");
    let published: Vec<String> = published.iter().map(ToString::to_string).collect();
    assert_eq!(
        published,
        ["JobStatus: \"running\" is published: remove it from openapi/ahead.yaml"]
    );
}

#[test]
fn what_does_not_only_add_is_an_error() {
    for (schemas, expected) in [
        (
            json!({ "Renamed": { "properties": {} } }),
            "ahead.yaml adds to Renamed, which the specification does not have: correct or remove it there",
        ),
        (
            json!({ "ApiError": { "properties": { "code": { "enum": ["a"] } } } }),
            "ahead.yaml adds to ApiError.code, which the specification does not have: correct or remove it there",
        ),
        (
            json!({ "ApiError": { "required": ["code"] } }),
            "ahead.yaml cannot add `required` to ApiError: only properties and values of an `enum` can be added",
        ),
        (
            json!({ "ApiError": { "properties": { "message": { "enum": ["a"] } } } }),
            "ahead.yaml cannot add `enum` to ApiError.message: only properties and values of an `enum` can be added",
        ),
    ] {
        assert_eq!(added(schemas).unwrap_err(), expected);
    }
}
