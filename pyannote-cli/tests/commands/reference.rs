//! `REFERENCE.md` and the man pages.

use std::path::Path;

use crate::sandbox::{Sandbox, stdout};

#[test]
fn the_reference_is_up_to_date() {
    let sandbox = Sandbox::new();
    let reference = stdout(&sandbox.run(&["reference"]));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("REFERENCE.md");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if committed != reference && std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, reference).unwrap();
        return;
    }
    assert_eq!(
        committed, reference,
        "run this test with UPDATE_REFERENCE=1, or `pyannote reference > pyannote-cli/REFERENCE.md`"
    );
}

#[test]
fn every_command_has_a_man_page() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&["reference", "--man", "man"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let pages = sandbox.list("man");
    for page in ["pyannote.1", "pyannote-diarize.1", "pyannote-jobs-wait.1"] {
        assert!(pages.iter().any(|name| name == page), "{pages:?}");
    }
    assert!(
        sandbox
            .read("man/pyannote-diarize.1")
            .contains("num\\-speakers")
    );
}
