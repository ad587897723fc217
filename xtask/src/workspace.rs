//! Paths of the files that the tasks read and write.

use std::path::{Path, PathBuf};

/// File name of the overlay: the corrections of the specification, as an OpenAPI Overlay document.
pub const OVERLAY: &str = "overlay.yaml";
/// File name of the bundle: the merged fragments with the overlay applied.
pub const BUNDLE: &str = "pyannoteai.yaml";

/// A checkout of this workspace.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout that this program was built from.
    #[must_use]
    pub fn current() -> Self {
        Self::at(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    /// The checkout at `root`.
    pub fn at(root: impl AsRef<Path>) -> Self {
        Self {
            root: root.as_ref().to_owned(),
        }
    }

    /// The workspace manifest, `Cargo.toml`.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.root.join("Cargo.toml")
    }

    /// The directory of the specification, `openapi/`.
    #[must_use]
    pub fn openapi(&self) -> PathBuf {
        self.root.join("openapi")
    }

    /// The overlay, `openapi/overlay.yaml`.
    #[must_use]
    pub fn overlay(&self) -> PathBuf {
        self.openapi().join(OVERLAY)
    }

    /// The generated bundle, `openapi/pyannoteai.yaml`.
    #[must_use]
    pub fn bundle(&self) -> PathBuf {
        self.openapi().join(BUNDLE)
    }

    /// The generated copy of the bundle in `pyannote-server/`. A package can only include files below its own
    /// directory.
    #[must_use]
    pub fn server_bundle(&self) -> PathBuf {
        self.root.join("pyannote-server").join(BUNDLE)
    }

    /// The generated bindings, `pyannote-api-sys/src/generated.rs`.
    #[must_use]
    pub fn bindings(&self) -> PathBuf {
        self.root.join("pyannote-api-sys/src/generated.rs")
    }

    /// `path` relative to the root, with forward slashes, for messages.
    #[must_use]
    pub fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .to_string_lossy()
            .replace('\\', "/")
    }
}
