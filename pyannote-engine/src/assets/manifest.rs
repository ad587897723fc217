//! The manifest of the cache folder: the digests of its files, and of the packages that they were made from.
//!
//! The digests of converted files are stored here instead of being pinned in the program: an update of the crate that
//! writes safetensors may change their headers, and must not make every download fail.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::AssetsError;
use super::pins::Wheel;
use super::sha256;

/// Name of the manifest in the folder. It is written last.
pub(super) const FILE: &str = "manifest.json";

/// Version of the conversion: to be incremented when the same packages should give different files.
const CONVERSION_VERSION: u32 = 1;

#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Manifest {
    conversion: u32,
    /// The digest of each package.
    packages: BTreeMap<String, String>,
    /// The digest of each file.
    pub(super) files: BTreeMap<String, String>,
}

impl Manifest {
    /// The manifest of files from these packages, without any files yet.
    pub(super) fn new(wheels: &[Wheel]) -> Self {
        let package = |wheel: &Wheel| (wheel.requirement(), wheel.sha256.to_owned());
        Self {
            conversion: CONVERSION_VERSION,
            packages: wheels.iter().map(package).collect(),
            files: BTreeMap::new(),
        }
    }

    /// Reads the manifest of a folder. Returns `None` unless it is that of these packages.
    pub(super) fn current(folder: &Path, wheels: &[Wheel]) -> Option<Self> {
        let manifest = std::fs::read(folder.join(FILE)).ok()?;
        let manifest: Self = serde_json::from_slice(&manifest).ok()?;
        let expected = Self::new(wheels);
        let is_current =
            manifest.conversion == expected.conversion && manifest.packages == expected.packages;
        is_current.then_some(manifest)
    }

    /// Reads the manifest of a folder. Returns `None` unless all files of these packages have the right digest.
    pub(super) fn verified(folder: &Path, wheels: &[Wheel]) -> Option<Self> {
        let manifest = Self::current(folder, wheels)?;
        let entries = wheels.iter().flat_map(|wheel| wheel.entries);
        let names: BTreeSet<&str> = entries.map(|entry| entry.file).collect();
        let is_intact = names.into_iter().all(|name| {
            let digest = sha256::of_file(&folder.join(name)).ok();
            digest.is_some() && digest.as_ref() == manifest.files.get(name)
        });
        is_intact.then_some(manifest)
    }

    /// Serializes the manifest.
    pub(super) fn to_json(&self) -> Result<Vec<u8>, AssetsError> {
        serde_json::to_vec_pretty(self)
            .map_err(|error| AssetsError::io(Path::new(FILE), error.into()))
    }
}
