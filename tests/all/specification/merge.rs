//! Fragments that disagree.

use xtask::merge::{Fragment, merge};

use super::{Checkout, replaced};

fn fragments() -> Vec<Fragment> {
    xtask::merge::read_fragments(&Checkout::new().layout().openapi()).unwrap()
}

/// The error of a merge after one replacement in `file`.
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
fn all_ten_operations_are_in_the_whole() {
    let merged = merge(&fragments()).unwrap();
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
fn one_name_with_two_contents_names_both_files_and_the_place() {
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
fn the_owner_of_a_name_is_the_file_that_had_it_first() {
    // MatchingOptions comes with identify.yaml, so that is the file to look at, and not the first of all.
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
fn another_server_is_a_conflict_too() {
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
