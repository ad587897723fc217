//! Where things are in the workspace.

use std::path::{Path, PathBuf};

/// The mends, an OpenAPI Overlay document.
pub const OVERLAY: &str = "overlay.yaml";
/// The bundle: fragments merged and mended.
pub const BUNDLE: &str = "pyannoteai.yaml";

/// A checkout of the workspace.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The checkout that this program was built from.
    #[must_use]
    pub fn of_this_checkout() -> Self {
        Self::at(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    /// The checkout at `root`.
    pub fn at(root: impl AsRef<Path>) -> Self {
        Self {
            root: root.as_ref().to_owned(),
        }
    }

    /// The manifest of the workspace.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.root.join("Cargo.toml")
    }

    /// The folder of the specification.
    #[must_use]
    pub fn openapi(&self) -> PathBuf {
        self.root.join("openapi")
    }

    /// The mends.
    #[must_use]
    pub fn overlay(&self) -> PathBuf {
        self.openapi().join(OVERLAY)
    }

    /// The bundle, which is generated.
    #[must_use]
    pub fn bundle(&self) -> PathBuf {
        self.openapi().join(BUNDLE)
    }

    /// The bundle once more, inside the server's crate: a package holds only what is below its folder.
    #[must_use]
    pub fn bundle_of_the_server(&self) -> PathBuf {
        self.root.join("pyannote-server").join(BUNDLE)
    }

    /// The bindings, which are generated.
    #[must_use]
    pub fn bindings(&self) -> PathBuf {
        self.root.join("pyannote-api-sys/src/generated.rs")
    }

    /// `path` as seen from the root, for messages.
    #[must_use]
    pub fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .to_string_lossy()
            .replace('\\', "/")
    }
}
