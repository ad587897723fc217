//! What the tests of commands that call a server have in common.
#![allow(clippy::panic, clippy::unwrap_used)]
#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use pyannote_server::{ApiKey, RateLimits, Scope, ScriptedEngine, Server};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

pub(crate) const KEY: &str = "sk-test-key";
/// A key that can do nothing but read jobs.
pub(crate) const READER_KEY: &str = "sk-reader-key";

/// A server in this process.
pub(crate) async fn server() -> Server {
    Server::builder()
        .engine(ScriptedEngine::new())
        .key(KEY)
        .api_key(ApiKey::new(READER_KEY).scopes([Scope::JobsRead]))
        .rate_limits(RateLimits::off())
        .start()
        .await
        .unwrap()
}

/// An address of this machine where nothing listens.
pub(crate) fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// The folders of a user who has nothing yet.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("config").join("config.toml")
    }

    /// The command, with neither keyring nor models nor a key in the environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pyannote"));
        for name in [
            "ALL_PROXY",
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "NO_PROXY",
            "PYANNOTEAI_API_KEY",
            "PYANNOTEAI_BASE_URL",
            "PYANNOTEAI_WEBHOOK_SECRET",
            "PYANNOTE_COMMUNITY_1",
            "PYANNOTE_PROFILE",
        ] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
            .args(arguments)
            .env("PYANNOTE_KEYRING", "off")
            .env("PYANNOTE_CONFIG_DIR", self.path().join("config"))
            .env("PYANNOTE_FFMPEG", "off")
            .env("PYANNOTE_VOICEPRINTS_DIR", self.path().join("voiceprints"))
            .env("PYANNOTE_ASSETS_DIR", self.path().join("assets"))
            .env("PYANNOTE_PYTHON", self.path().join("no-python"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&self.command(arguments).output().await.unwrap())
    }

    /// Runs the command with this standard input.
    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        run_with_input(self.command(arguments), input).await
    }
}

pub(crate) async fn run_with_input(mut command: Command, input: &[u8]) -> Outcome {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // The command may end without reading it.
    let _ = child.stdin.take().unwrap().write_all(input).await;
    Outcome::of(&child.wait_with_output().await.unwrap())
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let outcome = Self {
            code: output.status.code().unwrap(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        };
        for secret in [KEY, READER_KEY] {
            assert!(!outcome.stdout.contains(secret), "{outcome:?}");
            assert!(!outcome.stderr.contains(secret), "{outcome:?}");
        }
        outcome
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the exit code, and that standard error has these words.
    #[track_caller]
    pub(crate) fn assert(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for words in words {
            assert!(self.stderr.contains(words), "{words}: {self:?}");
        }
    }
}
