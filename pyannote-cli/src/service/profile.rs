//! The API key and the base URL: from the environment, or from a profile of the configuration.

use pyannote::secrecy::SecretString;

use super::config::{Config, StoredKey, StoredProfile};
use super::keyring::Entry;
use crate::error::{ErrorType, Failure, Result};

pub(crate) const KEY_VAR: &str = "PYANNOTEAI_API_KEY";
pub(crate) const BASE_URL_VAR: &str = "PYANNOTEAI_BASE_URL";
pub(crate) const DEFAULT_BASE_URL: &str = "https://api.pyannote.ai";
pub(crate) const DEFAULT_PROFILE: &str = "default";

/// What is needed to call the service.
#[derive(Debug)]
pub(crate) struct Profile {
    name: String,
    key: Key,
    base_url: Option<String>,
}

/// Where the API key comes from.
#[derive(Debug)]
enum Key {
    Environment(SecretString),
    Stored(StoredKey),
}

impl Profile {
    pub(crate) fn base_url(&self) -> &str {
        self.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL)
    }

    /// Loads a profile, which may have no key. Without a name, variables of the environment take precedence over the
    /// profile `default`.
    pub(crate) fn load(name: Option<&str>) -> Result<Self> {
        let (key, base_url) = match name {
            None => (variable(KEY_VAR), variable(BASE_URL_VAR)),
            Some(_) => (None, None),
        };
        choose(name, key.map(Into::into), base_url, |name| {
            Config::load()?.profile(name)
        })
    }

    /// The API key. Reads it from the keyring if it is there.
    pub(crate) fn key(&self) -> Result<SecretString> {
        let failure = |message: String| Failure::new(ErrorType::Access, message);
        let name = &self.name;
        match &self.key {
            Key::Environment(key) | Key::Stored(StoredKey::File(key)) => Ok(key.clone()),
            Key::Stored(StoredKey::Missing) => Err(failure("the API key is missing".to_owned())
                .with_hint(format!(
                    "store one with `pyannote login`, set {KEY_VAR}, or pass --local to use open models on this machine"
                ))),
            Key::Stored(StoredKey::Keyring) => match Entry::new(name, self.base_url()).get() {
                Ok(Some(key)) => Ok(key),
                Ok(None) => Err(failure(format!(
                    "the keyring has no API key of the profile \"{name}\" for {}",
                    self.base_url()
                ))
                .with_hint(format!("store it with `{}`", login_command(name)))),
                Err(error) => Err(failure(format!(
                    "the API key of the profile \"{name}\" cannot be read from the keyring: {error}"
                ))
                .with_hint(format!(
                    "unlock the keyring, set {KEY_VAR}, or store the key in a file with `PYANNOTE_KEYRING=off {}`",
                    login_command(name)
                ))),
            },
        }
    }

    /// Where the key comes from, in words, or `None` if there is none.
    pub(crate) fn key_source(&self) -> Option<String> {
        match &self.key {
            Key::Environment(_) => Some(format!("the variable {KEY_VAR}")),
            Key::Stored(StoredKey::Missing) => None,
            Key::Stored(StoredKey::Keyring) => {
                Some(format!("the profile \"{}\", in the keyring", self.name))
            }
            Key::Stored(StoredKey::File(_)) => {
                Some(format!("the profile \"{}\", in a file", self.name))
            }
        }
    }
}

/// A variable of the environment, unless it is blank. One that is not text is not ignored, but invalid.
pub(crate) fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?.to_string_lossy().into_owned();
    (!value.trim().is_empty()).then_some(value)
}

/// The command that stores the key of a profile.
pub(crate) fn login_command(name: &str) -> String {
    match name {
        DEFAULT_PROFILE => "pyannote login".to_owned(),
        name => format!("pyannote login --profile {name}"),
    }
}

/// Chooses between the environment and the configuration. A key is for one server: that of a profile is not sent to a
/// base URL of the environment.
fn choose(
    name: Option<&str>,
    key: Option<SecretString>,
    base_url: Option<String>,
    stored: impl FnOnce(&str) -> Result<Option<StoredProfile>>,
) -> Result<Profile> {
    let profile = |key, base_url| Profile {
        name: name.unwrap_or(DEFAULT_PROFILE).to_owned(),
        key,
        base_url,
    };
    match (key, base_url) {
        (Some(key), base_url) => return Ok(profile(Key::Environment(key), base_url)),
        (None, Some(base_url)) => {
            return Ok(profile(Key::Stored(StoredKey::Missing), Some(base_url)));
        }
        (None, None) => {}
    }
    match (stored(name.unwrap_or(DEFAULT_PROFILE))?, name) {
        (Some(stored), _) => Ok(profile(Key::Stored(stored.key), stored.base_url)),
        (None, None) => Ok(profile(Key::Stored(StoredKey::Missing), None)),
        (None, Some(name)) => Err(Failure::new(
            ErrorType::Access,
            format!("there is no profile \"{name}\""),
        )
        .with_hint(format!("create it with `{}`", login_command(name)))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use pyannote::secrecy::ExposeSecret as _;

    use super::*;

    /// The key and the base URL, given those of the environment and a profile `default` with both.
    fn chosen(
        name: Option<&str>,
        key: Option<&str>,
        base_url: Option<&str>,
    ) -> (Option<String>, String) {
        let stored = |name: &str| {
            Ok((name == DEFAULT_PROFILE).then(|| StoredProfile {
                base_url: Some("https://stored".to_owned()),
                key: StoredKey::File("stored".into()),
            }))
        };
        let base_url = base_url.map(str::to_owned);
        let profile = choose(name, key.map(Into::into), base_url, stored).unwrap();
        let key = profile.key().ok();
        (
            key.map(|key| key.expose_secret().to_owned()),
            profile.base_url().to_owned(),
        )
    }

    #[test]
    fn a_key_is_only_used_with_its_own_base_url() {
        let key = |key: &str| Some(key.to_owned());
        for (name, variables, expected) in [
            (None, (None, None), (key("stored"), "https://stored")),
            (
                Some("default"),
                (None, None),
                (key("stored"), "https://stored"),
            ),
            (None, (Some("env"), None), (key("env"), DEFAULT_BASE_URL)),
            (
                None,
                (Some("env"), Some("https://env")),
                (key("env"), "https://env"),
            ),
            (None, (None, Some("https://env")), (None, "https://env")),
        ] {
            let (chosen_key, base_url) = chosen(name, variables.0, variables.1);
            assert_eq!((chosen_key, base_url.as_str()), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_broken_configuration_does_not_matter_to_a_key_of_the_environment() {
        let broken = |_: &str| Err(Failure::failed("broken"));
        assert!(choose(None, Some("env".into()), None, broken).is_ok());
        let error = choose(None, None, None, broken).unwrap_err();
        assert_eq!(error.message, "broken");
        let error = choose(Some("work"), None, None, |_| Ok(None)).unwrap_err();
        assert_eq!(error.message, "there is no profile \"work\"");
    }
}
