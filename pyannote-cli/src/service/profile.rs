//! The API key and the base URL: from the environment, or from a profile of the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use etcetera::BaseStrategy as _;
use pyannote::secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorType, Failure, Result};

const KEY_VAR: &str = "PYANNOTEAI_API_KEY";
const BASE_URL_VAR: &str = "PYANNOTEAI_BASE_URL";
/// Environment variable of the folder of the configuration.
const CONFIG_VAR: &str = "PYANNOTE_CONFIG_DIR";
const DEFAULT_PROFILE: &str = "default";

/// What is needed to call the service.
pub(crate) struct Profile {
    pub(crate) key: SecretString,
    base_url: Option<String>,
}

/// The configuration file, `config.toml`.
#[derive(Default, Deserialize, Serialize)]
struct Config {
    #[serde(default)]
    profiles: BTreeMap<String, ProfileConfig>,
}

#[derive(Default, Deserialize, Serialize)]
struct ProfileConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    /// Only on machines without a keyring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_key: Option<String>,
}

impl Profile {
    pub(crate) const DEFAULT_BASE_URL: &str = "https://api.pyannote.ai";

    pub(crate) fn base_url(&self) -> &str {
        self.base_url.as_deref().unwrap_or(Self::DEFAULT_BASE_URL)
    }

    /// Loads a profile. Without a name, variables of the environment take precedence over the profile `default`.
    pub(crate) fn load(name: Option<&str>) -> Result<Self> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (key, base_url) = match name {
            None => (variable(KEY_VAR), variable(BASE_URL_VAR)),
            Some(_) => (None, None),
        };
        let mut config = Config::load()?;
        let stored = match (
            config.profiles.remove(name.unwrap_or(DEFAULT_PROFILE)),
            name,
        ) {
            (Some(stored), _) => stored,
            (None, None) => ProfileConfig::default(),
            (None, Some(name)) => {
                return Err(Failure::new(
                    ErrorType::Access,
                    format!("there is no profile \"{name}\""),
                )
                .with_hint(format!("create it with `pyannote login --profile {name}`")));
            }
        };
        // A key is for one server: that of the profile is not sent to a base URL of the environment.
        let (key, base_url) = match (key, base_url) {
            (Some(key), base_url) => (Some(key), base_url),
            (None, None) => (stored.api_key, stored.base_url),
            (None, Some(_)) => (None, None),
        };
        let Some(key) = key else {
            return Err(Failure::new(ErrorType::Access, "the API key is missing").with_hint(format!(
                "store one with `pyannote login`, set {KEY_VAR}, or pass --local to use open models on this machine"
            )));
        };
        Ok(Self {
            key: key.into(),
            base_url,
        })
    }
}

impl Config {
    fn load() -> Result<Self> {
        let path = folder()?.join("config.toml");
        match fs_err::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                Failure::failed(format!("{}: {}", path.display(), error.message()))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The folder of the configuration.
pub(crate) fn folder() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os(CONFIG_VAR).filter(|folder| !folder.is_empty()) {
        return Ok(folder.into());
    }
    let strategy = etcetera::choose_base_strategy().map_err(|error| Failure::of(&error))?;
    Ok(strategy.config_dir().join("pyannote"))
}
