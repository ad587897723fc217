//! From the documentation to the bindings: fragments, merge, overlay, regen, import.

mod import;
mod merge;
mod overlay;
mod regen;

use std::path::Path;

use tempfile::TempDir;
use xtask::layout::Layout;

/// A copy of what regen reads and writes, to change at will.
struct Checkout {
    folder: TempDir,
}

impl Checkout {
    fn new() -> Self {
        let source = Layout::of_this_checkout();
        let folder = tempfile::tempdir().unwrap();
        let copy = Layout::at(folder.path());
        fs_err::create_dir_all(copy.openapi()).unwrap();
        for entry in fs_err::read_dir(source.openapi()).unwrap() {
            let entry = entry.unwrap();
            fs_err::copy(entry.path(), copy.openapi().join(entry.file_name())).unwrap();
        }
        for (from, to) in [
            (source.bindings(), copy.bindings()),
            (source.bundle_of_the_server(), copy.bundle_of_the_server()),
        ] {
            fs_err::create_dir_all(to.parent().unwrap()).unwrap();
            fs_err::copy(from, to).unwrap();
        }
        Self { folder }
    }

    fn layout(&self) -> Layout {
        Layout::at(self.folder.path())
    }

    /// Replaces what must be there once in a file of `openapi/`.
    fn replace(&self, file: &str, from: &str, to: &str) {
        let path = self.layout().openapi().join(file);
        let text = fs_err::read_to_string(&path).unwrap();
        fs_err::write(&path, replaced(&text, from, to)).unwrap();
    }

    fn write(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.folder.path().join(name);
        fs_err::write(&path, text).unwrap();
        path
    }

    /// All that is in `openapi/`, to see that nothing was written.
    fn openapi(&self) -> Vec<(String, String)> {
        contents(&self.layout().openapi())
    }
}

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

/// `text` with the only occurrence of `from` replaced.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} is not there once");
    text.replace(from, to)
}
