//! The voiceprints that are stored on this machine: one file each, which only its owner can read.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use etcetera::BaseStrategy as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use pyannote_engine::{Community1, Voiceprint as EngineVoiceprint, VoiceprintError};
use serde::{Deserialize, Serialize};

use crate::error::{Failure, Result};
use crate::export::write_file_with_mode;
use crate::result::Backend;

/// Environment variable of the folder of the voiceprints.
const FOLDER_VAR: &str = "PYANNOTE_VOICEPRINTS_DIR";
const EXTENSION: &str = "voiceprint.json";
/// The model of the service if a request names none.
#[cfg(feature = "api")]
const DEFAULT_MODEL: &str = "precision-2";
/// Maximum length of a name, in characters: that of a label in the API.
const MAX_NAME_CHARS: usize = 100;
/// Maximum length of an encoded name, in bytes: file systems allow 255 for the whole name.
const MAX_FILE_NAME_BYTES: usize = 200;
/// Characters of names that are not encoded in names of files.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b' ').remove(b'-').remove(b'_');

/// A stored voiceprint. Has no `Debug`: it is biometric data.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredVoiceprint {
    pub(crate) name: String,
    /// What made it.
    pub(crate) backend: Backend,
    /// The model that made it; `None` if the service chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    /// Base64, as the service or the engine returned it.
    pub(crate) voiceprint: String,
}

impl StoredVoiceprint {
    /// A voiceprint that was made now.
    ///
    /// The engine of this machine, which a server may run, too, writes its model into the voiceprint. Otherwise, `model`
    /// is the one that was requested.
    pub(crate) fn new(name: &str, voiceprint: &str, model: Option<String>) -> Result<Self> {
        check_name(name)?;
        let voiceprint = voiceprint.trim().to_owned();
        let (backend, model) = match EngineVoiceprint::from_base64(&voiceprint) {
            Ok(voiceprint) => (Backend::Local, Some(voiceprint.model().to_owned())),
            Err(VoiceprintError::NotLocal) => (Backend::Service, model),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            name: name.to_owned(),
            backend,
            model,
            created_at: Utc::now(),
            voiceprint,
        })
    }

    /// Whether the engine on this machine made it with this embedding model.
    pub(crate) fn is_of(&self, embedding_model: &str) -> bool {
        EngineVoiceprint::from_base64(&self.voiceprint)
            .is_ok_and(|voiceprint| voiceprint.model() == embedding_model)
    }

    /// The voiceprint for the engine on this machine, whose embedding model is `required`.
    pub(crate) fn for_engine(&self, required: &str) -> Result<EngineVoiceprint> {
        let name = shell_word(&self.name);
        let option = |model: &str| match model {
            Community1::EMBEDDING_MODEL => " --model community-1",
            _ => "",
        };
        let create = format!(
            "create one with `pyannote voiceprint create {name} FILE --local{}`",
            option(required)
        );
        let voiceprint = EngineVoiceprint::from_base64(&self.voiceprint).map_err(|error| {
            let failure = match error {
                VoiceprintError::NotLocal => Failure::usage(format!(
                    "the voiceprint of {} was made by the service and cannot be used with --local",
                    self.name
                )),
                error => Failure::from(error).context(format!("the voiceprint of {}", self.name)),
            };
            failure.with_hint(&create)
        })?;
        if voiceprint.model() != required {
            let made_by = voiceprint.model();
            let failure = Failure::usage(format!(
                "the voiceprint of {} was made by {made_by} and cannot be used with {required}",
                self.name
            ));
            return Err(failure.with_hint(match option(made_by) {
                "" => create,
                option => format!("pass{option}, or {create}"),
            }));
        }
        Ok(voiceprint)
    }

    /// The voiceprint for the service, if its model is the one of the request.
    #[cfg(feature = "api")]
    pub(crate) fn for_service(
        &self,
        model: Option<&str>,
        is_pyannoteai: bool,
    ) -> Result<pyannote::Voiceprint> {
        let create = |options: &str| {
            let name = shell_word(&self.name);
            format!("create one with `pyannote voiceprint create {name} FILE{options}`")
        };
        if self.backend == Backend::Local && is_pyannoteai {
            return Err(Failure::usage(format!(
                "the voiceprint of {} was made by the engine on this machine and cannot be used with pyannoteAI",
                self.name
            ))
            .with_hint(create("")));
        }
        let made_by = self.model.as_deref().unwrap_or(DEFAULT_MODEL);
        let wanted = model.unwrap_or(DEFAULT_MODEL);
        // A server of your own, which checks them, has one model whatever is requested.
        if self.backend == Backend::Service && made_by != wanted {
            let failure = Failure::usage(format!(
                "the voiceprint of {} was made by {made_by} and cannot be used with {wanted}",
                self.name
            ));
            return Err(failure.with_hint(match model {
                Some(model) => create(&format!(" --model {model}")),
                None => format!("pass --model {made_by}, or {}", create("")),
            }));
        }
        Ok(pyannote::Voiceprint::from_base64(self.voiceprint.as_str())?)
    }
}

/// Checks that a name can be a label in a request.
fn check_name(name: &str) -> Result<()> {
    let problem = if name.trim().is_empty() {
        "must not be empty".to_owned()
    } else if name.chars().count() > MAX_NAME_CHARS {
        format!("must have at most {MAX_NAME_CHARS} characters")
    } else if name.to_ascii_uppercase().starts_with("SPEAKER_") {
        "must not start with SPEAKER_, which is reserved for unknown speakers".to_owned()
    } else if name.chars().any(char::is_control) {
        "must not contain control characters".to_owned()
    } else if file_name(name).len() > MAX_FILE_NAME_BYTES {
        "is too long for the name of a file".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::usage(format!(
        "the name of a voiceprint {problem}"
    )))
}

fn file_name(name: &str) -> String {
    format!("{}.{EXTENSION}", utf8_percent_encode(name, PLAIN))
}

/// A name as an argument in a shell.
pub(crate) fn shell_word(name: &str) -> String {
    let is_plain = name
        .chars()
        .all(|char| char.is_alphanumeric() || "-_.".contains(char));
    match is_plain {
        true => name.to_owned(),
        false => format!("'{}'", name.replace('\'', r"'\''")),
    }
}

/// The folder of the voiceprints.
pub(crate) struct VoiceprintStore {
    folder: PathBuf,
}

impl VoiceprintStore {
    /// The store of this user.
    pub(crate) fn open() -> Result<Self> {
        let folder = match std::env::var_os(FOLDER_VAR).filter(|folder| !folder.is_empty()) {
            Some(folder) => folder.into(),
            None => etcetera::choose_base_strategy()
                .map_err(|error| Failure::of(&error))?
                .data_dir()
                .join("pyannote")
                .join("voiceprints"),
        };
        Ok(Self { folder })
    }

    /// The folder, which may not exist yet.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a voiceprint.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(file_name(name))
    }

    pub(crate) fn get(&self, name: &str) -> Result<StoredVoiceprint> {
        check_name(name)?;
        let path = self.path(name);
        let json = match fs_err::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(self.missing(name)?),
            json => json?,
        };
        serde_json::from_slice(&json).map_err(|error| {
            let name = shell_word(name);
            Failure::of(&error)
                .context(format!("{} is damaged", path.display()))
                .with_hint(format!(
                    "create it again with `pyannote voiceprint create {name} FILE --replace`, or delete it with \
                     `pyannote voiceprint remove {name}`"
                ))
        })
    }

    fn missing(&self, name: &str) -> Result<Failure> {
        let names = self.names()?;
        let hint = match names.is_empty() {
            true => format!(
                "create it with `pyannote voiceprint create {} FILE`",
                shell_word(name)
            ),
            false => format!("there are: {}", names.join(", ")),
        };
        Ok(Failure::failed(format!("there is no voiceprint of \"{name}\"")).with_hint(hint))
    }

    /// The names of all voiceprints, sorted.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let entries = match fs_err::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let file = entry?.file_name();
            let encoded = file
                .to_str()
                .and_then(|file| file.strip_suffix(EXTENSION)?.strip_suffix('.'));
            if let Some(Ok(name)) = encoded.map(|name| percent_decode_str(name).decode_utf8()) {
                names.push(name.into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Checks that there is a voiceprint, which may be damaged.
    pub(crate) fn check_exists(&self, name: &str) -> Result<()> {
        check_name(name)?;
        match self.path(name).exists() {
            true => Ok(()),
            false => Err(self.missing(name)?),
        }
    }

    /// Checks that a voiceprint can be stored under a name, before it is made and billed.
    pub(crate) fn check_free(&self, name: &str, replace: bool) -> Result<()> {
        check_name(name)?;
        if replace || !self.path(name).exists() {
            return Ok(());
        }
        Err(
            Failure::failed(format!("there is a voiceprint of \"{name}\" already"))
                .with_hint("pass --replace to replace it, or use another name"),
        )
    }

    /// Stores a voiceprint. Replaces the one with the same name.
    pub(crate) fn put(&self, voiceprint: &StoredVoiceprint) -> Result<PathBuf> {
        check_name(&voiceprint.name)?;
        create_private_folder(&self.folder)?;
        let path = self.path(&voiceprint.name);
        write_file_with_mode(&path, &serde_json::to_vec_pretty(voiceprint)?, 0o600)?;
        Ok(path)
    }

    pub(crate) fn rename(&self, from: &str, to: &str, replace: bool) -> Result<()> {
        let mut voiceprint = self.get(from)?;
        self.check_free(to, replace)?;
        to.clone_into(&mut voiceprint.name);
        self.put(&voiceprint)?;
        // On a file system that ignores case, both may be the same file.
        if self.path(from) != self.path(to) {
            fs_err::remove_file(self.path(from))?;
        }
        Ok(())
    }

    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        check_name(name)?;
        match fs_err::remove_file(self.path(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(self.missing(name)?),
            removed => Ok(removed?),
        }
    }
}

/// Creates a folder that only its owner can read.
pub(crate) fn create_private_folder(folder: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder
        .create(folder)
        .map_err(|error| Failure::failed(format!("cannot create {}: {error}", folder.display())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use pyannote_engine::Embedding;

    use super::*;

    fn store() -> (tempfile::TempDir, VoiceprintStore) {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("voiceprints");
        (directory, VoiceprintStore { folder })
    }

    fn engine_voiceprint() -> String {
        EngineVoiceprint::new("model-a", Embedding(vec![0.6, 0.8]))
            .unwrap()
            .to_base64()
    }

    #[test]
    fn a_voiceprint_is_stored_renamed_and_removed() {
        let (_directory, store) = store();
        assert!(store.names().unwrap().is_empty());
        let name = "Ada Łovelace/../x'%";
        let voiceprint = StoredVoiceprint::new(name, &engine_voiceprint(), None).unwrap();
        let path = store.put(&voiceprint).unwrap();
        assert_eq!(path.parent(), Some(store.folder.as_path()));
        assert_eq!(store.names().unwrap(), [name]);
        let stored = store.get(name).unwrap();
        assert_eq!(stored.model.as_deref(), Some("model-a"));
        assert_eq!(stored.for_engine("model-a").unwrap().model(), "model-a");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(&store.folder), 0o700);
        }
        store.check_free(name, false).unwrap_err();
        store.rename(name, "Ada", false).unwrap();
        assert_eq!(store.names().unwrap(), ["Ada"]);
        assert_eq!(store.get("Ada").unwrap().name, "Ada");
        store.remove("Ada").unwrap();
        let error = store.get("Ada").err().unwrap();
        assert_eq!(error.message, "there is no voiceprint of \"Ada\"");
    }

    #[test]
    fn invalid_names() {
        let long = "ä".repeat(99);
        for name in [
            "",
            " ",
            "SPEAKER_1",
            "speaker_1",
            "a\nb",
            &"a".repeat(101),
            &long,
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[cfg(feature = "api")]
    #[test]
    fn a_voiceprint_that_does_not_fit_is_refused() {
        let local = StoredVoiceprint::new("Ada", &engine_voiceprint(), None).unwrap();
        let model = |model: &str| Some(model.to_owned());
        let service = StoredVoiceprint::new("Ada", "AAAA", model("precision-2")).unwrap();
        assert!(local.for_service(None, true).is_err());
        assert!(local.for_service(None, false).is_ok());
        assert!(service.for_service(None, true).is_ok());
        assert!(service.for_service(Some("precision-2"), true).is_ok());
        assert!(service.for_service(Some("precision-3"), true).is_err());
        assert!(service.for_engine("model-a").is_err());

        // The model that was not named is the default of the service, in both.
        let error = |voiceprint: &StoredVoiceprint, model| {
            let failure = voiceprint.for_service(model, true).err()?;
            Some((failure.message, failure.hint.unwrap()))
        };
        let message = |made_by: &str, with: &str| {
            format!("the voiceprint of Ada was made by {made_by} and cannot be used with {with}")
        };
        let newer = StoredVoiceprint::new("Ada", "AAAA", model("precision-3")).unwrap();
        let default = StoredVoiceprint::new("Ada", "AAAA", None).unwrap();
        assert_eq!(error(&newer, Some("precision-3")), None);
        assert_eq!(
            error(&newer, None),
            Some((
                message("precision-3", "precision-2"),
                "pass --model precision-3, or create one with `pyannote voiceprint create Ada FILE`".to_owned()
            ))
        );
        assert_eq!(error(&default, None), None);
        assert_eq!(error(&default, Some("precision-2")), None);
        assert_eq!(
            error(&default, Some("precision-3")),
            Some((
                message("precision-2", "precision-3"),
                "create one with `pyannote voiceprint create Ada FILE --model precision-3`"
                    .to_owned()
            ))
        );
        // A server of your own checks the model that is in the voiceprint.
        assert_eq!(
            local
                .for_service(Some("precision-3"), false)
                .err()
                .map(|failure| failure.message),
            None
        );
    }
}
