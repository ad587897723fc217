//! `pyannote login` and `pyannote logout`: the API key of a profile.

use std::io::{self, ErrorKind, IsTerminal as _, Read as _};

use clap::Args;
use pyannote::RetryPolicy;
use pyannote::secrecy::SecretString;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::Global;
use crate::error::{ErrorType, Failure, Result};
use crate::service::{
    self, BASE_URL_VAR, Config, DEFAULT_BASE_URL, DEFAULT_PROFILE, KEY_VAR, KeyringEntry,
    StoredKey, StoredProfile, variable,
};
use crate::table::printable;
use crate::ui::Ui;

/// Maximum length of the name of a profile, in characters.
const MAX_NAME_CHARS: usize = 64;
/// Maximum length of what is read from the standard input, in bytes.
const MAX_INPUT_BYTES: u64 = 64 << 10;
/// Number of attempts of the test of a key: somebody waits for it.
const TEST_ATTEMPTS: u32 = 2;

/// Store an API key, after a test whether the service accepts it.
///
/// The key is read from a prompt, or from the standard input if that is not a terminal. It is stored in the keyring of
/// the system, or, if there is none, in a file that only you can read. With the variable PYANNOTE_KEYRING=off, it is
/// always stored in the file.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote login
  pass show pyannoteai | pyannote login --stdin
  pyannote login --profile local --base-url http://127.0.0.1:8000")]
pub(crate) struct Login {
    /// Base URL of the server that the key is for [default: that of the profile, or else https://api.pyannote.ai].
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Read the key from the standard input.
    #[arg(long)]
    stdin: bool,
    /// Store the key without a test.
    #[arg(long)]
    no_test: bool,
}

/// Delete the API key of a profile from this machine, and the profile.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pyannote logout
  pyannote logout --profile local")]
pub(crate) struct Logout;

/// Where an API key is stored.
#[derive(Clone, Copy, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyPlace {
    /// The keyring of the system.
    Keyring,
    /// The configuration file.
    File,
    /// Nowhere.
    Missing,
}

impl From<&StoredKey> for KeyPlace {
    fn from(key: &StoredKey) -> Self {
        match key {
            StoredKey::Missing => Self::Missing,
            StoredKey::Keyring => Self::Keyring,
            StoredKey::File(_) => Self::File,
        }
    }
}

/// A stored API key.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Login")]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoginOutput<'a> {
    profile: &'a str,
    base_url: &'a str,
    /// Where the key is.
    key: KeyPlace,
    /// Whether the service accepted the key.
    tested: bool,
}

/// A profile that was deleted.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Logout")]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogoutOutput<'a> {
    profile: &'a str,
}

impl Login {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        let name = global.profile.as_deref().unwrap_or(DEFAULT_PROFILE);
        check_name(name)?;
        let before = Config::load()?.profile(name)?;
        let base_url = self
            .base_url
            .as_deref()
            .or(before
                .as_ref()
                .and_then(|profile| profile.base_url.as_deref()))
            .unwrap_or(DEFAULT_BASE_URL);
        // An invalid base URL is found before the key is asked for.
        service::build(service::builder(base_url, "placeholder".to_owned().into()))?;
        let key = read_key(self.stdin, base_url)?;
        let builder = service::builder(base_url, key.clone())
            .retry(RetryPolicy::default().max_attempts(TEST_ATTEMPTS));
        let client = service::build(builder)?;
        if !self.no_test {
            test(&client, ui)?;
        }
        let stored = store(name, base_url, key, ui)?;
        forget(name, before.as_ref(), base_url, stored, ui);
        warn_of_variables(global, ui);
        if ui.is_json() {
            return ui.print_json(&LoginOutput {
                profile: name,
                base_url,
                key: stored,
                tested: !self.no_test,
            });
        }
        Ok(())
    }
}

impl Logout {
    pub(crate) fn run(self, ui: Ui, global: &Global) -> Result<()> {
        let name = global.profile.as_deref().unwrap_or(DEFAULT_PROFILE);
        let Some(stored) = Config::load()?.profile(name)? else {
            return Err(Failure::failed(format!("there is no profile \"{name}\""))
                .with_hint("list them with `pyannote profiles`"));
        };
        if matches!(stored.key, StoredKey::Keyring) {
            let base_url = stored.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL);
            // The profile is kept if this fails: it is what says that there is a key to delete.
            KeyringEntry::new(name, base_url)
                .delete()
                .map_err(|error| {
                    Failure::failed(format!(
                        "the key cannot be deleted from the keyring: {error}"
                    ))
                })?;
        }
        Config::update(|config| config.remove(name))?;
        ui.note(&format!("deleted the profile {name} and its API key"));
        if global.profile.is_none() && variable(KEY_VAR).is_some() {
            ui.warn(&format!("{KEY_VAR} is set, and remains in use"));
        }
        match ui.is_json() {
            true => ui.print_json(&LogoutOutput { profile: name }),
            false => Ok(()),
        }
    }
}

fn check_name(name: &str) -> Result<()> {
    let is_valid = !name.is_empty()
        && name.chars().count() <= MAX_NAME_CHARS
        && name
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char));
    match is_valid {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "the name of a profile must have 1 to {MAX_NAME_CHARS} letters, digits, `-`, `_` and `.`"
        ))),
    }
}

/// Reads the key from the standard input, or else from a prompt that does not show it.
fn read_key(from_stdin: bool, base_url: &str) -> Result<SecretString> {
    let stdin = io::stdin();
    let text = match (from_stdin, stdin.is_terminal()) {
        (true, true) => {
            return Err(Failure::usage(
                "the standard input is a terminal, which would show the key; leave out --stdin",
            ));
        }
        (false, true) => {
            let prompt = rpassword::prompt_password(format!("API key for {base_url}: "));
            prompt.map_err(|error| match error.kind() {
                ErrorKind::Interrupted => Failure::new(ErrorType::Interrupted, "interrupted"),
                _ => Failure::of(&error).context("cannot read the key from the terminal"),
            })?
        }
        (_, false) => {
            let mut bytes = Vec::new();
            let read = stdin.lock().take(MAX_INPUT_BYTES).read_to_end(&mut bytes);
            read.map_err(|error| Failure::of(&error).context("cannot read the standard input"))?;
            String::from_utf8(bytes)
                .map_err(|_| Failure::usage("the standard input is not text"))?
        }
    };
    // Files begin with a byte order mark on some platforms, and lines end with a line break.
    match text.trim_start_matches('\u{feff}').trim() {
        "" => Err(Failure::usage("the API key is empty")
            .with_hint("copy it from the dashboard of pyannoteAI")),
        key => Ok(key.to_owned().into()),
    }
}

/// Tests whether the service accepts the key. A team without credit has a valid key.
fn test(client: &pyannote::Client, ui: Ui) -> Result<()> {
    match service::block_on(async { Ok(client.test_key().await) })? {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == pyannote::ErrorKind::PaymentRequired => {
            ui.warn(&format!("the key is valid, but {error}"));
            Ok(())
        }
        Err(error) => {
            let failure = Failure::from(error).context("the key was not stored");
            let hint = match failure.error_type {
                ErrorType::Access => "copy the key from the dashboard again",
                _ => "pass --no-test to store the key without a test",
            };
            Err(failure.with_hint(hint))
        }
    }
}

/// Stores a key in the keyring, or else in the configuration file.
fn store(name: &str, base_url: &str, key: SecretString, ui: Ui) -> Result<KeyPlace> {
    let entry = KeyringEntry::new(name, base_url);
    let in_keyring = entry.set(&key);
    let stored = StoredProfile {
        base_url: (base_url != DEFAULT_BASE_URL).then(|| base_url.to_owned()),
        key: match in_keyring {
            Ok(()) => StoredKey::Keyring,
            Err(_) => StoredKey::File(key),
        },
    };
    let path = Config::update(|config| config.set(name, &stored)).inspect_err(|_| {
        // A key that no profile refers to is in nobody's way, so this may fail.
        if in_keyring.is_ok() {
            let _ = entry.delete();
        }
    })?;
    let what = format!("stored the API key for {base_url} as profile {name}");
    match in_keyring {
        Ok(()) => ui.note(&format!("{what}, in the keyring")),
        Err(error) => ui.note(&format!(
            "{what}, in {}; the keyring was not used: {}",
            path.display(),
            printable(&error.to_string())
        )),
    }
    Ok(KeyPlace::from(&stored.key))
}

/// Deletes the key that was stored before from the keyring, unless the new one has replaced it.
fn forget(name: &str, before: Option<&StoredProfile>, base_url: &str, now: KeyPlace, ui: Ui) {
    let Some(StoredProfile {
        base_url: old_url,
        key: StoredKey::Keyring,
    }) = before
    else {
        return;
    };
    let old = KeyringEntry::new(name, old_url.as_deref().unwrap_or(DEFAULT_BASE_URL));
    let is_replaced = matches!(now, KeyPlace::Keyring) && old == KeyringEntry::new(name, base_url);
    if !is_replaced && let Err(error) = old.delete() {
        ui.warn(&format!(
            "the key that was stored before is still in the keyring: {error}"
        ));
    }
}

/// Says if the stored key will not be used because of a variable.
fn warn_of_variables(global: &Global, ui: Ui) {
    if global.profile.is_some() {
        return;
    }
    for name in [KEY_VAR, BASE_URL_VAR] {
        if variable(name).is_some() {
            ui.warn(&format!(
                "{name} is set, so the stored key is not used; unset it, or pass --profile {DEFAULT_PROFILE}"
            ));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_profiles() {
        for name in ["default", "work-2", "a.b_c"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "a/b", "ä", "a\nb", &"a".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
