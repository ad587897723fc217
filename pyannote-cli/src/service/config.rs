//! The configuration file, `config.toml`: the profiles, and their API keys on machines without a keyring.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use pyannote::secrecy::{ExposeSecret as _, SecretString};
use toml::{Table, Value};

use crate::error::{Failure, Result};
use crate::export::write_file_with_mode;
use crate::voiceprints::create_private_folder;

/// Environment variable of the folder of the configuration.
const FOLDER_VAR: &str = "PYANNOTE_CONFIG_DIR";
const PROFILES: &str = "profiles";
const BASE_URL: &str = "base_url";
/// The key itself, if it is not in the keyring.
const API_KEY: &str = "api_key";
/// Whether the key is in the keyring.
const KEYRING: &str = "keyring";

/// The configuration. Settings that this version does not know are kept.
#[derive(Debug)]
pub(crate) struct Config {
    path: PathBuf,
    table: Table,
}

/// A profile of the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredProfile {
    pub(crate) base_url: Option<String>,
    pub(crate) key: StoredKey,
}

/// Where the API key of a profile is.
#[derive(Clone, Debug, Default)]
pub(crate) enum StoredKey {
    #[default]
    Missing,
    Keyring,
    File(SecretString),
}

impl Config {
    /// Loads the configuration of this user, which is empty if there is no file.
    pub(crate) fn load() -> Result<Self> {
        let path = folder()?.join("config.toml");
        let text = match fs_err::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let table = parse(&text).map_err(|problem| invalid(&path, &problem))?;
        Ok(Self { path, table })
    }

    /// Changes the configuration. Only one process does so at a time.
    pub(crate) fn update(change: impl FnOnce(&mut Self)) -> Result<PathBuf> {
        let folder = folder()?;
        create_private_folder(&folder)?;
        let lock = folder.join("config.lock");
        // Unlocked when it is dropped.
        let file = File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _file = file
            .map_err(|error| Failure::failed(format!("cannot lock {}: {error}", lock.display())))?;
        let mut config = Self::load()?;
        change(&mut config);
        write_file_with_mode(&config.path, config.table.to_string().as_bytes(), 0o600)?;
        Ok(config.path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the profiles, sorted.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let profiles = self.profiles()?;
        let mut names: Vec<_> = profiles
            .into_iter()
            .flat_map(Table::keys)
            .cloned()
            .collect();
        names.sort();
        Ok(names)
    }

    /// A profile, or `None` if there is none of that name.
    pub(crate) fn profile(&self, name: &str) -> Result<Option<StoredProfile>> {
        let Some(profile) = self.profiles()?.and_then(|profiles| profiles.get(name)) else {
            return Ok(None);
        };
        // No message quotes a value, which may be a key.
        let wrong = |field: &str, what: &str| {
            invalid(
                &self.path,
                &format!("`{PROFILES}.{name}{field}` must be {what}"),
            )
        };
        let profile = profile.as_table().ok_or_else(|| wrong("", "a table"))?;
        let text = |field: &str| match profile.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong(&format!(".{field}"), "a string")),
        };
        let in_keyring = match profile.get(KEYRING) {
            None => false,
            Some(Value::Boolean(in_keyring)) => *in_keyring,
            Some(_) => return Err(wrong(&format!(".{KEYRING}"), "true or false")),
        };
        Ok(Some(StoredProfile {
            base_url: text(BASE_URL)?,
            key: match text(API_KEY)? {
                Some(key) => StoredKey::File(key.into()),
                None if in_keyring => StoredKey::Keyring,
                None => StoredKey::Missing,
            },
        }))
    }

    /// Adds a profile, or replaces the base URL and the key of an existing one.
    pub(crate) fn set(&mut self, name: &str, profile: &StoredProfile) {
        let stored = entry(entry(&mut self.table, PROFILES), name);
        for field in [BASE_URL, API_KEY, KEYRING] {
            stored.remove(field);
        }
        if let Some(url) = &profile.base_url {
            stored.insert(BASE_URL.to_owned(), url.as_str().into());
        }
        match &profile.key {
            StoredKey::Missing => {}
            StoredKey::Keyring => {
                stored.insert(KEYRING.to_owned(), true.into());
            }
            StoredKey::File(key) => {
                stored.insert(API_KEY.to_owned(), key.expose_secret().into());
            }
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        entry(&mut self.table, PROFILES).remove(name);
    }

    fn profiles(&self) -> Result<Option<&Table>> {
        match self.table.get(PROFILES) {
            None => Ok(None),
            Some(Value::Table(profiles)) => Ok(Some(profiles)),
            Some(_) => Err(invalid(
                &self.path,
                &format!("`{PROFILES}` must be a table"),
            )),
        }
    }
}

fn parse(text: &str) -> std::result::Result<Table, String> {
    text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.unwrap_or_default().matches('\n').count() + 1;
        format!("line {line}: {}", error.message())
    })
}

fn invalid(path: &Path, problem: &str) -> Failure {
    Failure::failed(format!(
        "the configuration {} is invalid: {problem}",
        path.display()
    ))
    .with_hint("correct the file, or delete it and run `pyannote login`")
}

/// The table of that name in `table`, which is created if it is missing.
#[expect(clippy::expect_used, reason = "anything but a table was replaced")]
fn entry<'a>(table: &'a mut Table, name: &str) -> &'a mut Table {
    let value = table.entry(name).or_insert_with(|| Table::new().into());
    if !value.is_table() {
        *value = Table::new().into();
    }
    value.as_table_mut().expect("it is a table")
}

/// The folder of the configuration.
pub(crate) fn folder() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os(FOLDER_VAR).filter(|folder| !folder.is_empty()) {
        return Ok(folder.into());
    }
    let strategy = etcetera::choose_base_strategy().map_err(|error| Failure::of(&error))?;
    Ok(strategy.config_dir().join("pyannote"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config {
            path: "config.toml".into(),
            table: parse(text).unwrap(),
        }
    }

    #[test]
    fn unknown_settings_survive_a_change() {
        let mut config = config(
            "theme = \"dark\"\n[profiles.work]\napi_key = \"sk-old\"\ncolor = \"red\"\n[profiles.home]\n",
        );
        config.set(
            "work",
            &StoredProfile {
                base_url: Some("http://localhost:8000".to_owned()),
                key: StoredKey::Keyring,
            },
        );
        config.remove("home");
        let text = config.table.to_string();
        assert_eq!(
            text,
            "theme = \"dark\"\n\n[profiles.work]\nbase_url = \"http://localhost:8000\"\ncolor = \"red\"\nkeyring = \
             true\n"
        );
    }

    #[test]
    fn errors_name_the_field_or_the_line_and_quote_no_value() {
        for (text, problem) in [
            ("profiles = \"sk-secret\"", "`profiles` must be a table"),
            (
                "[profiles]\ndefault = \"sk-secret\"",
                "`profiles.default` must be a table",
            ),
            (
                "[profiles.default]\napi_key = [\"sk-secret\"]",
                "`profiles.default.api_key` must be a string",
            ),
            (
                "[profiles.default]\nkeyring = \"sk-secret\"",
                "`profiles.default.keyring` must be true or false",
            ),
        ] {
            let error = config(text).profile("default").unwrap_err();
            assert!(error.message.ends_with(problem), "{}", error.message);
        }
        for text in [
            "[profiles.default]\napi_key = sk-secret",
            "[profiles.default]\napi_key = \"sk-secret",
            "[profiles.default]\napi_key = \"sk-secret\" x",
            "[profiles.default]\napi_key \"sk-secret\"",
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.starts_with("line 2: "), "{problem}");
            assert!(!problem.contains("secret"), "{problem}");
        }
    }
}
