//! The pipeline from the API documentation to the bindings: import, merge, overlay and regen.

mod ahead;
mod fidelity;
mod import;
mod merge;
mod overlay;
mod regen;

use std::path::Path;

use tempfile::TempDir;
use xtask::workspace::Workspace;

/// A temporary copy of the files that `xtask` reads and writes.
struct Checkout {
    folder: TempDir,
}

impl Checkout {
    fn new() -> Self {
        let source = Workspace::current();
        let folder = tempfile::tempdir().unwrap();
        let copy = Workspace::at(folder.path());
        fs_err::create_dir_all(copy.openapi()).unwrap();
        for entry in fs_err::read_dir(source.openapi()).unwrap() {
            let entry = entry.unwrap();
            fs_err::copy(entry.path(), copy.openapi().join(entry.file_name())).unwrap();
        }
        for (from, to) in [
            (source.bindings(), copy.bindings()),
            (source.server_bundle(), copy.server_bundle()),
        ] {
            fs_err::create_dir_all(to.parent().unwrap()).unwrap();
            fs_err::copy(from, to).unwrap();
        }
        Self { folder }
    }

    fn workspace(&self) -> Workspace {
        Workspace::at(self.folder.path())
    }

    /// Replaces the only occurrence of `from` in a file in `openapi/`.
    fn replace(&self, file: &str, from: &str, to: &str) {
        let path = self.workspace().openapi().join(file);
        let text = fs_err::read_to_string(&path).unwrap();
        fs_err::write(&path, replaced(&text, from, to)).unwrap();
    }

    /// Writes a file outside of `openapi/` and returns its path.
    fn write(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.folder.path().join(name);
        fs_err::write(&path, text).unwrap();
        path
    }

    /// The files in `openapi/`.
    fn openapi(&self) -> Vec<(String, String)> {
        contents(&self.workspace().openapi())
    }
}

/// Names and contents of the files in `folder`, sorted by name.
fn contents(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs_err::read_to_string(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// Replaces the only occurrence of `from` in `text`.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(
        text.matches(from).count(),
        1,
        "{from:?} must occur exactly once"
    );
    text.replace(from, to)
}
