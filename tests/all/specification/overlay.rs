//! Mends must not rot.

use pyannote_tests::published;
use serde_json::Value;
use xtask::layout::Layout;
use xtask::overlay;
use xtask::regen;

use super::Checkout;

fn mends() -> Value {
    let text = fs_err::read_to_string(Layout::of_this_checkout().overlay()).unwrap();
    yaml_serde::from_str(&text).unwrap()
}

/// An overlay of one action.
fn one(action: &str) -> String {
    format!("overlay: 1.0.0\ninfo: {{title: Test, version: 1.0.0}}\nactions:\n  - {action}\n")
}

#[test]
fn an_action_whose_target_is_gone_is_an_error() {
    let error = overlay::apply(
        &one("{target: $.components.schemas.Gone, description: why, update: {nullable: true}}"),
        &mut published(),
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.starts_with("action 1 ($.components.schemas.Gone) mends nothing"),
        "{error}"
    );
}

#[test]
fn an_action_without_an_effect_is_an_error() {
    let error = overlay::apply(
        &one("{target: $.components.schemas.ApiError, description: why, update: {type: object}}"),
        &mut published(),
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("changes nothing"), "{error}");
}

#[test]
fn an_action_without_a_reason_is_an_error() {
    let error = overlay::apply(
        &one("{target: $.components.schemas.ApiError, update: {nullable: true}}"),
        &mut published(),
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("has no description"), "{error}");
}

#[test]
fn every_action_is_needed() {
    // With its effect already there, each action must be refused: so none is there for nothing, and none stays when
    // the provider mends the defect.
    let mends = mends();
    let actions = mends["actions"].as_array().unwrap();
    for (index, action) in actions.iter().enumerate() {
        let mut alone = mends.clone();
        alone["actions"] = Value::Array(vec![action.clone()]);
        let alone = serde_json::to_string(&alone).unwrap();
        let mut document = published();
        overlay::apply(&alone, &mut document).unwrap();
        assert!(
            overlay::apply(&alone, &mut document).is_err(),
            "action {index} ({}) applies again to what it mended",
            action["target"]
        );
    }
}

#[test]
fn a_defect_that_the_provider_mended_stops_regen() {
    let checkout = Checkout::new();
    checkout.replace(
        "identify.yaml",
        "pattern: ^(?!speaker_).*",
        "pattern: ^(?!SPEAKER_).*",
    );
    let error = format!("{:#}", regen::write(&checkout.layout()).unwrap_err());
    assert!(
        error.starts_with("in openapi/overlay.yaml: action"),
        "{error}"
    );
    assert!(error.contains("remove the action"), "{error}");
}
