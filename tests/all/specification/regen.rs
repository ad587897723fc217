//! Regeneration is deterministic, and the committed files are up to date.

use xtask::regen;
use xtask::workspace::Workspace;

use super::Checkout;

#[test]
fn committed_files_are_up_to_date() {
    assert_eq!(regen::check(&Workspace::current()).unwrap(), "");
}

#[test]
fn second_run_changes_nothing() {
    let checkout = Checkout::new();
    checkout.replace("diarize.yaml", "- community-1", "- community-2");
    assert_eq!(
        regen::write(&checkout.workspace()).unwrap(),
        [
            "openapi/pyannoteai.yaml",
            "pyannote-server/pyannoteai.yaml",
            "pyannote-api-sys/src/generated.rs"
        ]
    );
    assert!(regen::write(&checkout.workspace()).unwrap().is_empty());
    assert_eq!(regen::check(&checkout.workspace()).unwrap(), "");
}

#[test]
fn check_prints_a_diff_and_writes_nothing() {
    let checkout = Checkout::new();
    checkout.replace("diarize.yaml", "- community-1", "- community-2");
    let before = checkout.openapi();
    let diff = regen::check(&checkout.workspace()).unwrap();
    assert!(
        diff.contains("--- openapi/pyannoteai.yaml (committed)"),
        "{diff}"
    );
    assert!(diff.contains("-          - community-1"), "{diff}");
    assert!(diff.contains("+          - community-2"), "{diff}");
    assert!(diff.contains(r#"Community2 = "community-2""#), "{diff}");
    assert_eq!(checkout.openapi(), before);
}

#[test]
fn unsupported_kind_of_job_is_an_error() {
    let checkout = Checkout::new();
    checkout.replace(
        "jobs.yaml",
        "                  - $ref: '#/components/schemas/IdentifyJob'\n",
        "                  - $ref: '#/components/schemas/JobListItem'\n",
    );
    let error = format!("{:#}", regen::check(&checkout.workspace()).unwrap_err());
    assert!(error.contains("has no target"), "{error}");

    // Without the correction, which also names the three kinds:
    let mut document = pyannote_tests::published();
    let pointer =
        "/paths/~1v1~1jobs~1{jobId}/get/responses/200/content/application~1json/schema/oneOf/2";
    *document.pointer_mut(pointer).unwrap() =
        serde_json::json!({"$ref": "#/components/schemas/JobListItem"});
    let error = format!("{:#}", xtask::lower::lower(&document).unwrap_err());
    assert!(error.contains("in GET /v1/jobs/{jobId}"), "{error}");
    assert!(error.contains("pyannote-api-sys/src/job.rs"), "{error}");
}

#[test]
fn enum_values_without_a_valid_variant_name_get_one() {
    for (value, variant) in [
        ("3d", r#"Value3d = "3d""#),
        ("unknown", r#"ValueUnknown = "unknown""#),
        ("precision_2", r#"ValuePrecision2 = "precision_2""#),
    ] {
        let checkout = Checkout::new();
        checkout.replace("diarize.yaml", "- community-1", &format!("- {value}"));
        let diff = regen::check(&checkout.workspace()).unwrap();
        assert!(diff.contains(variant), "{diff}");
    }
}

#[test]
fn enum_value_without_letters_is_an_error() {
    let checkout = Checkout::new();
    checkout.replace("diarize.yaml", "- community-1", "- '+'");
    let error = format!("{:#}", regen::check(&checkout.workspace()).unwrap_err());
    assert!(error.contains("in DiarizeRequestModel"), "{error}");
    assert!(
        error.contains(r#"cannot derive a variant name from the value "+""#),
        "{error}"
    );
    assert!(error.contains("xtask/src/generate.rs"), "{error}");
}
