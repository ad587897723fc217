//! Checks of this machine: models, programs, folders.

use std::path::Path;

use pyannote_engine::assets::Assets;
use pyannote_engine::audio::Ffmpeg;

use super::report::{Check, Report};
use crate::error::Result;
use crate::voiceprints::VoiceprintStore;

const MIB: u64 = 1 << 20;
/// Free space below which an upload from the standard input or a download of the models is likely to fail.
const LITTLE_SPACE_BYTES: u64 = 1024 * MIB;
/// Free space below which results may fail to be written.
const NO_SPACE_BYTES: u64 = 50 * MIB;

/// Who may read a folder.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Access {
    Anyone,
    /// It contains secrets or biometric data.
    OwnerOnly,
}

pub(super) fn check(report: &mut Report) -> Result<()> {
    report.add(Check::ok(
        "version",
        format!(
            "pyannote {} on {} {}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
    ))?;
    report.add(models())?;
    report.add(transcription_model())?;
    report.add(ffmpeg())?;
    #[cfg(feature = "api")]
    report.add(match crate::service::config_folder() {
        Ok(path) => folder("configuration", &path, Access::OwnerOnly),
        Err(failure) => Check::fail("configuration", failure.message, "set PYANNOTE_CONFIG_DIR"),
    })?;
    #[cfg(all(feature = "api", unix))]
    if let Ok(path) = crate::service::config_folder() {
        let path = path.join("config.toml");
        if is_open_to_others(&path) {
            report.add(Check::warn(
                "configuration",
                format!(
                    "{} may contain an API key and is open to others",
                    path.display()
                ),
                format!("chmod 600 {}", path.display()),
            ))?;
        }
    }
    report.add(match VoiceprintStore::open() {
        Ok(store) => folder("voiceprints", store.folder(), Access::OwnerOnly),
        Err(failure) => Check::fail(
            "voiceprints",
            failure.message,
            "set PYANNOTE_VOICEPRINTS_DIR",
        ),
    })?;
    report.add(folder("temporary", &std::env::temp_dir(), Access::Anyone))
}

/// The open models, which are not downloaded here.
fn models() -> Check {
    const NAME: &str = "models";
    let assets = match Assets::locate() {
        Ok(assets) => assets,
        Err(error) => return Check::warn(NAME, error.to_string(), "set PYANNOTE_ASSETS_DIR"),
    };
    let path = assets.folder().display();
    if assets.ready() {
        return Check::ok(NAME, format!("complete, in {path}"));
    }
    let folder = folder(NAME, assets.folder(), Access::Anyone);
    if folder.remedy.is_some() {
        return folder;
    }
    let (problem, remedy) = match assets.folder().exists() {
        true => ("incomplete or damaged", "download them again"),
        false => ("not downloaded", "download them"),
    };
    Check::warn(
        NAME,
        format!("{problem}, in {path}; only --local and the server need them"),
        format!("{remedy} with `pyannote demo` (82 MB, needs Python 3 with pip)"),
    )
}

/// The transcription model, which is not downloaded here.
fn transcription_model() -> Check {
    const NAME: &str = "transcription";
    let assets = match Assets::locate() {
        Ok(assets) => assets.whisper(),
        Err(error) => return Check::warn(NAME, error.to_string(), "set PYANNOTE_ASSETS_DIR"),
    };
    let path = assets.folder().display();
    if assets.ready() {
        return Check::ok(NAME, format!("Whisper base, in {path}"));
    }
    let problem = match assets.folder().exists() {
        true => "Whisper base is incomplete or damaged",
        false => "Whisper base is not downloaded",
    };
    Check::ok(
        NAME,
        format!(
            "{problem}, in {path}; `pyannote diarize --local --transcribe` downloads it (134 MB), as does \
             `pyannote serve --transcription-model whisper-base`"
        ),
    )
}

/// The program that decodes what the decoders of the engine cannot.
fn ffmpeg() -> Check {
    const NAME: &str = "ffmpeg";
    let ffmpeg = Ffmpeg::default();
    if ffmpeg.is_off() {
        return Check::ok(NAME, "turned off by PYANNOTE_FFMPEG");
    }
    let Some(path) = ffmpeg.find() else {
        return Check::warn(
            NAME,
            "not on the PATH; recordings such as avi, wma or amr cannot be decoded with --local",
            "install it from https://ffmpeg.org or with the package manager",
        );
    };
    let path = path.display();
    match ffmpeg.version() {
        Some(version) => Check::ok(
            NAME,
            format!("{path}, version {version}; decodes recordings that the engine cannot decode"),
        ),
        None => Check::warn(
            NAME,
            format!("{path} does not work"),
            "correct PYANNOTE_FFMPEG, or install ffmpeg again",
        ),
    }
}

/// Checks that files can be written in a folder, which may not exist yet, and that nobody else can read secret ones.
fn folder(name: &'static str, path: &Path, access: Access) -> Check {
    let shown = path.display();
    // That of a relative path is the current directory.
    let existing = path
        .ancestors()
        .map(|path| {
            if path == Path::new("") {
                Path::new(".")
            } else {
                path
            }
        })
        .find(|path| path.exists())
        .unwrap_or(Path::new("."));
    if !existing.is_dir() {
        return Check::fail(
            name,
            format!("{} is not a folder", existing.display()),
            "move the file away",
        );
    }
    if let Err(error) = tempfile::tempfile_in(existing) {
        return Check::fail(
            name,
            format!("{}: {error}", existing.display()),
            format!(
                "make {} writable, or use another folder",
                existing.display()
            ),
        );
    }
    #[cfg(unix)]
    if access == Access::OwnerOnly && is_open_to_others(path) {
        return Check::warn(
            name,
            format!("{shown} is open to other users"),
            format!("chmod 700 {shown}"),
        );
    }
    #[cfg(not(unix))]
    let _ = access;
    let state = match path.exists() {
        true => "",
        false => "not created yet, ",
    };
    match fs4::available_space(existing) {
        Ok(bytes) => space(
            name,
            bytes,
            &format!("{shown} ({state}{} free)", size(bytes)),
        ),
        Err(error) => Check::warn(
            name,
            format!("{shown}: the free space is unknown: {error}"),
            "check the free space",
        ),
    }
}

fn space(name: &'static str, bytes: u64, message: &str) -> Check {
    match bytes {
        bytes if bytes < NO_SPACE_BYTES => Check::fail(name, message, "make room on the disk"),
        bytes if bytes < LITTLE_SPACE_BYTES => Check::warn(name, message, "make room on the disk"),
        _ => Check::ok(name, message),
    }
}

/// A size in bytes, for people.
pub(super) fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        bytes if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        bytes if bytes >= 1e6 => format!("{:.1} MB", bytes / 1e6),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn a_full_disk_fails() {
        for (bytes, status) in [
            (0, Status::Fail),
            (100 * MIB, Status::Warn),
            (2048 * MIB, Status::Ok),
        ] {
            assert_eq!(space("disk", bytes, "").status, status, "{bytes}");
        }
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(82_000_000), "82.0 MB");
        assert_eq!(size(12_340_000_000), "12.3 GB");
    }

    #[test]
    fn a_folder_is_not_created() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("a").join("b");
        let check = super::folder("test", &missing, Access::OwnerOnly);
        assert!(check.message.contains("not created yet"), "{check:?}");
        assert!(!missing.exists());

        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let check = super::folder("test", &file.join("a"), Access::Anyone);
        assert_eq!(check.status, Status::Fail, "{check:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_folder_that_others_can_read_is_a_warning() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::create_dir(&secret).unwrap();
        std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o755)).unwrap();
        let check = super::folder("test", &secret, Access::OwnerOnly);
        assert_eq!(check.status, Status::Warn, "{check:?}");
        std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o700)).unwrap();
        let check = super::folder("test", &secret, Access::OwnerOnly);
        assert_ne!(
            check.remedy,
            Some(format!("chmod 700 {}", secret.display()))
        );
    }
}
