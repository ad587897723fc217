//! The manifest of the cache folder: what its files were made from, and their sums.
//!
//! The sums of the converted files are kept here and not pinned in the program: the bytes of a safetensors header are up
//! to the crate that writes it, and an update of that crate must not make every download fail. What they are made from
//! is pinned.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::AssetsError;
use super::source::Wheel;
use super::sum;

/// Its name in the folder. It is written last.
pub(super) const FILE: &str = "manifest.json";

/// Raised whenever the same wheels are to give other files.
const CONVERSION: u32 = 1;

/// What the files were made from, and their sums.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Manifest {
    conversion: u32,
    /// The sum of each package.
    packages: BTreeMap<String, String>,
    /// The sum of each file.
    pub(super) files: BTreeMap<String, String>,
}

impl Manifest {
    /// The manifest of what is made from these wheels, without any file yet.
    pub(super) fn of(wheels: &[Wheel]) -> Self {
        let package = |wheel: &Wheel| (wheel.requirement(), wheel.sha256.to_owned());
        Self {
            conversion: CONVERSION,
            packages: wheels.iter().map(package).collect(),
            files: BTreeMap::new(),
        }
    }

    /// The manifest of a folder, if its files are those made from these wheels, all there, and whole.
    pub(super) fn checked(folder: &Path, wheels: &[Wheel]) -> Option<Self> {
        let manifest = std::fs::read(folder.join(FILE)).ok()?;
        let manifest: Self = serde_json::from_slice(&manifest).ok()?;
        let expected = Self::of(wheels);
        let made_alike =
            manifest.conversion == expected.conversion && manifest.packages == expected.packages;
        let whole = wheels.iter().flat_map(|wheel| wheel.entries).all(|entry| {
            let sum = sum::of_file(&folder.join(entry.file)).ok();
            sum.is_some() && sum.as_ref() == manifest.files.get(entry.file)
        });
        (made_alike && whole).then_some(manifest)
    }

    /// The manifest as JSON.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, AssetsError> {
        serde_json::to_vec_pretty(self)
            .map_err(|error| AssetsError::io(Path::new(FILE), error.into()))
    }
}
