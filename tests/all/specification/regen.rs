//! Regeneration: up to date, deterministic, and strict about what is stale.

use xtask::layout::Layout;
use xtask::regen;

use super::Checkout;

#[test]
fn what_is_committed_is_up_to_date() {
    assert_eq!(regen::check(&Layout::of_this_checkout()).unwrap(), "");
}

#[test]
fn a_second_run_changes_nothing() {
    let checkout = Checkout::new();
    checkout.replace("diarize.yaml", "- community-1", "- community-2");
    assert_eq!(
        regen::write(&checkout.layout()).unwrap(),
        [
            "openapi/pyannoteai.yaml",
            "pyannote-server/pyannoteai.yaml",
            "pyannote-api-sys/src/generated.rs"
        ]
    );
    assert!(regen::write(&checkout.layout()).unwrap().is_empty());
    assert_eq!(regen::check(&checkout.layout()).unwrap(), "");
}

#[test]
fn a_stale_file_is_shown_as_a_diff_and_left_alone() {
    let checkout = Checkout::new();
    checkout.replace("diarize.yaml", "- community-1", "- community-2");
    let before = checkout.openapi();
    let diff = regen::check(&checkout.layout()).unwrap();
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
fn a_kind_of_job_that_the_bindings_cannot_tell_apart_is_an_error() {
    let checkout = Checkout::new();
    checkout.replace(
        "jobs.yaml",
        "                  - $ref: '#/components/schemas/IdentifyJob'\n",
        "                  - $ref: '#/components/schemas/JobListItem'\n",
    );
    let error = format!("{:#}", regen::check(&checkout.layout()).unwrap_err());
    assert!(error.contains("mends nothing"), "{error}");

    // And without the mend that says which three they are:
    let mut document = pyannote_tests::published();
    let place =
        "/paths/~1v1~1jobs~1{jobId}/get/responses/200/content/application~1json/schema/oneOf/2";
    *document.pointer_mut(place).unwrap() =
        serde_json::json!({"$ref": "#/components/schemas/JobListItem"});
    let error = format!("{:#}", xtask::lower::lower(&document).unwrap_err());
    assert!(error.contains("in GET /v1/jobs/{jobId}"), "{error}");
    assert!(error.contains("pyannote-api-sys/src/job.rs"), "{error}");
}

#[test]
fn a_value_that_gives_no_name_to_a_variant_is_an_error() {
    for (value, reason) in [
        ("3d", "gives no name to a variant"),
        ("unknown", "would be called Unknown, as another variant is"),
        (
            "precision_2",
            "would be called Precision2, as another variant is",
        ),
    ] {
        let checkout = Checkout::new();
        checkout.replace("diarize.yaml", "- community-1", &format!("- {value}"));
        let error = format!("{:#}", regen::check(&checkout.layout()).unwrap_err());
        assert!(error.contains("in the enum DiarizeRequestModel"), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}
