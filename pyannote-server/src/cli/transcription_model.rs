//! The option `--transcription-model`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use pyannote_engine::LoadError;
use pyannote_engine::assets::{Assets, Progress};

/// Which model transcribes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum TranscriptionModel {
    /// The one of the engine, which is downloaded if it is missing.
    WhisperBase,
    /// The one in this folder.
    Folder(PathBuf),
    /// None.
    Off,
}

impl FromStr for TranscriptionModel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "whisper-base" => Ok(Self::WhisperBase),
            "off" => Ok(Self::Off),
            folder if Path::new(folder).is_dir() => Ok(Self::Folder(folder.into())),
            _ => Err(
                "there is no such folder: use that of a model, \"whisper-base\" or \"off\""
                    .to_owned(),
            ),
        }
    }
}

impl TranscriptionModel {
    /// The folder of a model, if there is one. Without a choice, that is Whisper base, unless its files are missing.
    ///
    /// # Errors
    ///
    /// Fails if Whisper base cannot be downloaded.
    pub(super) fn folder(
        model: Option<Self>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Option<PathBuf>, LoadError> {
        let base = match model {
            Some(Self::Off) => return Ok(None),
            Some(Self::Folder(folder)) => return Ok(Some(folder)),
            Some(Self::WhisperBase) => {
                let base = Assets::locate()?.whisper();
                base.ensure(progress)?;
                base
            }
            None => match Assets::locate()?.whisper() {
                base if base.ready() => base,
                _ => return Ok(None),
            },
        };
        Ok(Some(base.folder().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_a_name_or_a_folder() {
        let folder = |path: &str| TranscriptionModel::Folder(path.into());
        for (text, expected) in [
            ("whisper-base", TranscriptionModel::WhisperBase),
            ("off", TranscriptionModel::Off),
            ("src", folder("src")),
        ] {
            assert_eq!(text.parse(), Ok(expected));
        }
        for missing in ["", "./off", "faster-whisper-small", "Cargo.toml"] {
            let error = missing.parse::<TranscriptionModel>().unwrap_err();
            assert!(error.starts_with("there is no such folder"), "{error}");
        }
        let chosen = |model| TranscriptionModel::folder(Some(model), &mut |_| {});
        assert_eq!(chosen(TranscriptionModel::Off).unwrap(), None);
        assert_eq!(chosen(folder("a")).unwrap(), Some("a".into()));
    }
}
