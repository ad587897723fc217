//! Obsolete corrections in the overlay are errors.

use pyannote_tests::published;
use serde_json::Value;
use xtask::workspace::Workspace;
use xtask::{overlay, regen};

use super::Checkout;

fn corrections() -> Value {
    let text = fs_err::read_to_string(Workspace::current().overlay()).unwrap();
    yaml_serde::from_str(&text).unwrap()
}

/// An overlay with one action.
fn single(action: &str) -> String {
    format!("overlay: 1.0.0\ninfo: {{title: Test, version: 1.0.0}}\nactions:\n  - {action}\n")
}

#[test]
fn action_with_a_missing_target_is_an_error() {
    let error = overlay::apply(
        &single("{target: $.components.schemas.Gone, description: why, update: {nullable: true}}"),
        &mut published(),
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.starts_with("action 1 ($.components.schemas.Gone) has no target"),
        "{error}"
    );
}

#[test]
fn action_without_an_effect_is_an_error() {
    let error = overlay::apply(
        &single(
            "{target: $.components.schemas.ApiError, description: why, update: {type: object}}",
        ),
        &mut published(),
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("changes nothing"), "{error}");
}

#[test]
fn optional_action_may_have_no_effect() {
    for target in ["$.components.schemas.Gone", "$.components.schemas.ApiError"] {
        let mut document = published();
        overlay::apply(
            &single(&format!(
                "{{target: {target}, description: why, x-optional: true, update: {{type: object}}}}"
            )),
            &mut document,
        )
        .unwrap();
        assert_eq!(document, published());
    }
}

#[test]
fn action_without_a_description_is_an_error() {
    let error = overlay::apply(
        &single("{target: $.components.schemas.ApiError, update: {nullable: true}}"),
        &mut published(),
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("has no description"), "{error}");
}

#[test]
fn every_action_is_needed() {
    // Applying an action twice must fail: it then has an effect, and is reported once the provider fixes the defect.
    let corrections = corrections();
    let actions = corrections["actions"].as_array().unwrap();
    for (index, action) in actions.iter().enumerate() {
        let mut action = action.clone();
        // An optional action must have an effect too, on the current fragments.
        action.as_object_mut().unwrap().remove("x-optional");
        let mut alone = corrections.clone();
        alone["actions"] = Value::Array(vec![action.clone()]);
        let alone = serde_json::to_string(&alone).unwrap();
        let mut document = published();
        overlay::apply(&alone, &mut document).unwrap();
        assert!(
            overlay::apply(&alone, &mut document).is_err(),
            "action {index} ({}) applies to its own result",
            action["target"]
        );
    }
}

#[test]
fn fixed_defect_makes_regen_fail() {
    let checkout = Checkout::new();
    checkout.replace(
        "identify.yaml",
        "pattern: ^(?!speaker_).*",
        "pattern: ^(?!SPEAKER_).*",
    );
    let error = format!("{:#}", regen::write(&checkout.workspace()).unwrap_err());
    assert!(
        error.starts_with("in openapi/overlay.yaml: action"),
        "{error}"
    );
    assert!(error.contains("remove the action"), "{error}");
}
