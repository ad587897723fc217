//! The option `--ffmpeg`: a mistake is found at the start, and not by the first job that needs the program.

use std::path::PathBuf;

use pyannote_engine::audio::Ffmpeg;

use super::ServeError;

/// What is there.
#[derive(Debug, PartialEq)]
enum Found {
    Off,
    Nothing,
    Broken(PathBuf),
    Works(PathBuf, String),
}

/// Checks that the program works, if the option selects one. If recordings are decoded here, the log says which program
/// is used, or that there is none.
///
/// # Errors
///
/// If the option selects a program that does not work.
pub(super) async fn check(option: Option<Ffmpeg>, decodes: bool) -> Result<(), ServeError> {
    let is_selected = option
        .as_ref()
        .is_some_and(|ffmpeg| *ffmpeg != Ffmpeg::on_path());
    if !is_selected && !decodes {
        return Ok(());
    }
    let ffmpeg = option.unwrap_or_default();
    let found = tokio::task::spawn_blocking(move || find(&ffmpeg)).await?;
    if let (Found::Broken(path), true) = (&found, is_selected) {
        let path = path.display();
        return Err(format!(
            "--ffmpeg: {path} is not ffmpeg, or cannot be run: pass the path of the program, or \"off\""
        )
        .into());
    }
    if decodes {
        log(&found);
    }
    Ok(())
}

/// Looks for the program, and runs it.
fn find(ffmpeg: &Ffmpeg) -> Found {
    match (ffmpeg.find(), ffmpeg.version()) {
        _ if ffmpeg.is_off() => Found::Off,
        (None, _) => Found::Nothing,
        (Some(path), None) => Found::Broken(path),
        (Some(path), Some(version)) => Found::Works(path, version),
    }
}

fn log(found: &Found) {
    let why = match found {
        Found::Works(path, version) => {
            return tracing::info!(path = %path.display(), version, "found ffmpeg");
        }
        Found::Off => "it is off",
        Found::Nothing => "it is not on the PATH",
        Found::Broken(path) => {
            tracing::warn!(path = %path.display(), "ffmpeg does not work");
            "the one on the PATH does not work"
        }
    };
    tracing::info!(
        why,
        "no ffmpeg: jobs fail whose recordings only it decodes, such as AVI, WMA and AMR"
    );
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn a_selected_program_must_work() {
        let folder = tempfile::tempdir().unwrap();
        let script = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
            path
        };
        let works = script("works", "echo ffmpeg version 7.1 Copyright");
        let other = script("other", "echo hello");
        assert_eq!(
            find(&Ffmpeg::program(&works)),
            Found::Works(works.clone(), "7.1".to_owned())
        );
        assert_eq!(find(&Ffmpeg::off()), Found::Off);
        for decodes in [true, false] {
            for option in [None, Some(Ffmpeg::off()), Some(Ffmpeg::program(&works))] {
                check(option, decodes).await.unwrap();
            }
            for broken in [&*other, folder.path(), &folder.path().join("missing")] {
                let error = check(Some(Ffmpeg::program(broken)), decodes)
                    .await
                    .unwrap_err();
                let expected = format!("--ffmpeg: {} is not ffmpeg", broken.display());
                assert!(error.to_string().starts_with(&expected), "{error}");
            }
        }
    }
}
