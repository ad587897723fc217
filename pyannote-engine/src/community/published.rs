//! Whether files are the published ones.

use std::path::{Path, PathBuf};

use crate::assets::sha256;

/// The files of community-1's repository with their SHA-256 digests, at revision
/// 3533c8cf8e369892e6b79ff1bf80f7b0286a54ee. The repository is gated; these are the digests that many public projects
/// check their downloads against.
const FILES: [(&str, &str); 5] = [
    (
        "config.yaml",
        "5ce2bfa9a938dc132cec1172592d65173cbb8f444ea1e4133f10f9391de155be",
    ),
    (
        "embedding/pytorch_model.bin",
        "6f10ff60898a1d185fa22e1d11e0bfa8a92efec811f11bca48cb8cafebefd929",
    ),
    (
        "plda/plda.npz",
        "9b77bcd840692710dd3496f62ecfeed8d8e5f002fd991b785079b244eab7d255",
    ),
    (
        "plda/xvec_transform.npz",
        "325f1ce8e48f7e55e9c8aa47e05d2766b7c48c4b25b8de8dd751e7a4cc5fbe8f",
    ),
    (
        "segmentation/pytorch_model.bin",
        "7ad24338d844fb95985486eb1a464e32d229f6d7a03c9abe60f978bacf3f816e",
    ),
];

/// Whether these files, and no others, are those of the repository.
pub(super) fn are_published(files: &[PathBuf]) -> bool {
    are(files, &FILES)
}

fn are(files: &[PathBuf], published: &[(&str, &str)]) -> bool {
    let is_published = |path: &Path| {
        let found = published.iter().find(|(name, _)| path.ends_with(name));
        found.is_some_and(|(_, digest)| sha256::of_file(path).is_ok_and(|found| found == *digest))
    };
    files.len() == published.len() && files.iter().all(|path| is_published(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn files_are_published_if_all_have_the_digests() {
        let folder = TempDir::new().unwrap();
        let files = ["config.yaml", "plda/plda.npz"].map(|name| folder.path().join(name));
        std::fs::create_dir(folder.path().join("plda")).unwrap();
        std::fs::write(&files[0], "abc").unwrap();
        std::fs::write(&files[1], "").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(are(
            &files,
            &[("config.yaml", abc), ("plda/plda.npz", empty)]
        ));
        assert!(!are(
            &files,
            &[("config.yaml", abc), ("plda/plda.npz", abc)]
        ));
        assert!(!are(
            &files[..1],
            &[("config.yaml", abc), ("plda/plda.npz", empty)]
        ));
        assert!(!are(
            &files,
            &[("config.yaml", abc), ("plda/xvec_transform.npz", empty)]
        ));
        assert!(!are_published(&files));
    }
}
