//! Merging fragments, and conflicts between them.

use xtask::merge::{Fragment, merge};

use super::{Checkout, replaced};

fn fragments() -> Vec<Fragment> {
    xtask::merge::read_fragments(&Checkout::new().workspace().openapi()).unwrap()
}

/// The error of a merge after a replacement in `file`.
fn conflict(file: &str, from: &str, to: &str) -> String {
    let mut fragments = fragments();
    let changed = fragments
        .iter_mut()
        .find(|fragment| fragment.name == file)
        .unwrap();
    *changed = Fragment::parse(file, replaced(&changed.text, from, to)).unwrap();
    merge(&fragments).unwrap_err().to_string()
}

#[test]
fn merged_document_has_all_ten_operations() {
    let merged = merge(&fragments()).unwrap().document;
    let operations = xtask::document::operations(&merged).unwrap();
    let ids: Vec<&str> = operations
        .iter()
        .map(|operation| operation.id().unwrap())
        .collect();
    assert_eq!(
        ids,
        [
            "diarize",
            "identify",
            "getJobById",
            "getJobsByTeamV2",
            "createStream",
            "getStream",
            "getMediaUploadURL",
            "getMediaDownloadURL",
            "testKey",
            "voiceprint",
        ]
    );
}

#[test]
fn conflicting_definitions_name_both_files_and_the_location() {
    let error = conflict(
        "voiceprint.yaml",
        "          description: Field name\n",
        "          description: Name of the field\n",
    );
    assert!(
        error.starts_with(
            "diarize.yaml and voiceprint.yaml differ at \
             components.schemas.ValidationError.properties.field.description: "
        ),
        "{error}"
    );
}

#[test]
fn conflict_names_the_first_file_with_the_definition() {
    // MatchingOptions is first defined in identify.yaml, which is not the first fragment.
    let mut fragments = fragments();
    let identify = fragments
        .iter()
        .find(|fragment| fragment.name == "identify.yaml")
        .unwrap();
    let text = replaced(&identify.text, "  /v1/identify:", "  /v2/identify:");
    let text = replaced(
        &text,
        "          format: float\n",
        "          format: double\n",
    );
    fragments.push(Fragment::parse("newer.yaml", text).unwrap());
    let error = merge(&fragments).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "identify.yaml and newer.yaml differ at \
             components.schemas.MatchingOptions.properties.threshold.format: "
        ),
        "{error}"
    );
}

#[test]
fn conflicting_servers_are_an_error() {
    let error = conflict(
        "test.yaml",
        "url: https://api.pyannote.ai",
        "url: https://example.com",
    );
    assert!(
        error.starts_with("diarize.yaml and test.yaml differ at servers.0.url: "),
        "{error}"
    );
}
