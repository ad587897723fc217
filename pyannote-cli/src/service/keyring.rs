//! The keyring of the system, which may be missing, locked, or not answer.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use pyannote::secrecy::SecretString;

/// Environment variable: `off` keeps the command away from the keyring.
const SWITCH_VAR: &str = "PYANNOTE_KEYRING";
/// How long a keyring may take. It answers at once, unless it is locked.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a keyring may take if there may be somebody to unlock it.
const TIMEOUT_AT_TERMINAL: Duration = Duration::from_secs(30);

/// An entry of the keyring.
///
/// It is named after the profile and the base URL, so that a key is never sent to a server for which it was not stored:
/// not after an edit of the configuration, and not if another configuration has a profile of the same name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    account: String,
}

/// Why the keyring cannot be used.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum KeyringError {
    /// It was switched off by the environment variable.
    Off,
    /// This build of the command does not support keyrings.
    #[cfg_attr(feature = "keyring", allow(dead_code, reason = "it does"))]
    Unsupported,
    NoAnswer(Duration),
    Failed(String),
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => write!(f, "it is switched off by {SWITCH_VAR}"),
            Self::Unsupported => f.write_str("this build of the command does not support it"),
            Self::NoAnswer(timeout) => {
                write!(f, "it did not answer within {} s", timeout.as_secs())
            }
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl Entry {
    pub(crate) fn new(profile: &str, base_url: &str) -> Self {
        Self {
            account: format!("{profile} at {}", base_url.trim_end_matches('/')),
        }
    }

    /// Reads the key, or returns `None` if there is none.
    pub(crate) fn get(&self) -> Result<Option<SecretString>, KeyringError> {
        let account = self.account.clone();
        call(move || backend::get(&account))
    }

    /// Stores a key, and replaces the one that is there.
    pub(crate) fn set(&self, key: &SecretString) -> Result<(), KeyringError> {
        let (account, key) = (self.account.clone(), key.clone());
        call(move || backend::set(&account, &key))
    }

    /// Deletes the key, if there is one.
    pub(crate) fn delete(&self) -> Result<(), KeyringError> {
        let account = self.account.clone();
        call(move || backend::delete(&account))
    }
}

fn call<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    if std::env::var_os(SWITCH_VAR).is_some_and(|value| value == "off") {
        return Err(KeyringError::Off);
    }
    let timeout = match io::stdin().is_terminal() {
        true => TIMEOUT_AT_TERMINAL,
        false => TIMEOUT,
    };
    call_within(timeout, run)
}

/// Calls the keyring in a thread of its own, which is abandoned after the timeout.
fn call_within<T: Send + 'static>(
    timeout: Duration,
    run: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::Builder::new().name("keyring".to_owned());
    thread
        .spawn(move || {
            // Nobody may be waiting any more.
            let _ = sender.send(run());
        })
        .map_err(|error| KeyringError::Failed(error.to_string()))?;
    match receiver.recv_timeout(timeout) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(KeyringError::NoAnswer(timeout)),
        Err(RecvTimeoutError::Disconnected) => Err(KeyringError::Failed("it failed".to_owned())),
    }
}

#[cfg(feature = "keyring")]
mod backend {
    use keyring::{Entry, Error};
    use pyannote::secrecy::{ExposeSecret as _, SecretString};

    use super::KeyringError;

    const SERVICE: &str = "pyannote";

    fn entry(account: &str) -> Result<Entry, KeyringError> {
        if let Err(error) = Entry::store_status() {
            return Err(failed(error));
        }
        Entry::new(SERVICE, account).map_err(|error| failed(&error))
    }

    pub(super) fn get(account: &str) -> Result<Option<SecretString>, KeyringError> {
        match entry(account)?.get_password() {
            Ok(key) => Ok(Some(key.into())),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    pub(super) fn set(account: &str, key: &SecretString) -> Result<(), KeyringError> {
        let stored = entry(account)?.set_password(key.expose_secret());
        stored.map_err(|error| failed(&error))
    }

    pub(super) fn delete(account: &str) -> Result<(), KeyringError> {
        match entry(account)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Messages have the reason of the platform, but never what is stored.
    fn failed(error: &Error) -> KeyringError {
        KeyringError::Failed(match error {
            Error::PlatformFailure(error) | Error::NoStorageAccess(error) => error.to_string(),
            Error::BadEncoding(_) | Error::BadDataFormat(..) => {
                "its entry is not an API key".to_owned()
            }
            error => error.to_string(),
        })
    }
}

#[cfg(not(feature = "keyring"))]
mod backend {
    use pyannote::secrecy::SecretString;

    use super::KeyringError;

    pub(super) fn get(_: &str) -> Result<Option<SecretString>, KeyringError> {
        Err(KeyringError::Unsupported)
    }

    pub(super) fn set(_: &str, _: &SecretString) -> Result<(), KeyringError> {
        Err(KeyringError::Unsupported)
    }

    pub(super) fn delete(_: &str) -> Result<(), KeyringError> {
        Err(KeyringError::Unsupported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_that_does_not_answer_is_given_up() {
        let (never, wait) = mpsc::channel::<()>();
        let timeout = Duration::from_millis(1);
        let result = call_within(timeout, move || {
            let _ = wait.recv();
            Ok(())
        });
        assert_eq!(result, Err(KeyringError::NoAnswer(timeout)));
        drop(never);
    }

    #[test]
    fn a_key_is_stored_for_one_profile_and_one_server() {
        let entry = Entry::new("default", "https://api.pyannote.ai/");
        assert_eq!(entry, Entry::new("default", "https://api.pyannote.ai"));
        assert_ne!(entry, Entry::new("default", "http://localhost:8000"));
        assert_ne!(entry, Entry::new("work", "https://api.pyannote.ai"));
    }
}
