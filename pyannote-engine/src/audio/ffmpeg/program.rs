//! Which program is run.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use super::output::Output;

/// The environment variable with the default.
const VARIABLE: &str = "PYANNOTE_FFMPEG";
/// Its value if no program is run.
const OFF: &str = "off";
/// How long ffmpeg may write nothing.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Timeout of the question for the version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum length of a version, in bytes.
const MAX_VERSION_BYTES: usize = 60;
/// Variables that are passed on: without them, some installations do not find their libraries.
const VARIABLES: &[&str] = &[
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "SystemRoot",
];

/// Whether, and which, `ffmpeg` decodes what the decoders of this crate refuse.
///
/// The default is what the environment variable `PYANNOTE_FFMPEG` says, `off` or the path of the program, or else the
/// `ffmpeg` on the `PATH`, if there is one. Options of a command line are parsed like the variable.
///
/// ```
/// use pyannote_engine::audio::{DecodeOptions, Ffmpeg};
///
/// let options = DecodeOptions::new().ffmpeg(Ffmpeg::off());
/// assert_eq!("off".parse(), Ok(Ffmpeg::off()));
/// assert_eq!("/opt/ffmpeg".parse(), Ok(Ffmpeg::program("/opt/ffmpeg")));
/// assert_eq!(Ffmpeg::off().find(), None);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Ffmpeg {
    program: Program,
    pub(super) timeout: Duration,
}

#[derive(Clone, Debug, PartialEq)]
enum Program {
    OnPath,
    Off,
    At(PathBuf),
}

impl Ffmpeg {
    /// The program `ffmpeg` on the `PATH`. Folders of the `PATH` that are relative are ignored.
    pub fn on_path() -> Self {
        Self::new(Program::OnPath)
    }

    /// Runs no other program.
    pub fn off() -> Self {
        Self::new(Program::Off)
    }

    /// The program at this path.
    pub fn program(path: impl Into<PathBuf>) -> Self {
        Self::new(Program::At(path.into()))
    }

    fn new(program: Program) -> Self {
        Self {
            program,
            timeout: TIMEOUT,
        }
    }

    /// Sets how long the program may write nothing before it is stopped. Default: 2 min.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Whether no program is run.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.program == Program::Off
    }

    /// Returns the path of the program, or `None` if it is turned off or not on the `PATH`. A path that was given is not
    /// checked.
    #[must_use]
    pub fn find(&self) -> Option<PathBuf> {
        match &self.program {
            Program::Off => None,
            Program::OnPath => find_in(&std::env::var_os("PATH")?),
            // The program is started in another folder.
            Program::At(path) => std::path::absolute(path).ok(),
        }
    }

    /// Runs the program to get its version, such as `7.1`. Returns `None` if it is not found or does not work.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        let mut command = command(&self.find()?);
        command.arg("-version").stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        let first =
            Output::new(child.stdout.take()?, VERSION_TIMEOUT, VERSION_TIMEOUT).first_line();
        let _ = child.kill();
        let _ = child.wait();
        version_in(&first?)
    }
}

impl Default for Ffmpeg {
    fn default() -> Self {
        match std::env::var_os(VARIABLE) {
            Some(value) if value == OFF => Self::off(),
            Some(path) if !path.is_empty() => Self::program(path),
            _ => Self::on_path(),
        }
    }
}

impl FromStr for Ffmpeg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            OFF => Self::off(),
            "" => Self::on_path(),
            path => Self::program(path),
        })
    }
}

/// A command that runs a program with next to no environment, away from the current directory.
pub(super) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    for name in VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    if let Some(folder) = program.parent() {
        command.current_dir(folder);
    }
    // Ctrl-C ends this process, which decides what happens to the recording.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Finds the program in a list of folders.
fn find_in(folders: &OsStr) -> Option<PathBuf> {
    let file = format!("ffmpeg{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(folders)
        // An empty or relative folder depends on the current directory, which may contain anything.
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|path| is_executable(path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// The version in the first line of what `ffmpeg -version` writes.
fn version_in(line: &str) -> Option<String> {
    let version = line.strip_prefix("ffmpeg version ")?;
    let version = version.split_whitespace().next()?;
    let is_plain =
        version.len() <= MAX_VERSION_BYTES && version.bytes().all(|byte| byte.is_ascii_graphic());
    is_plain.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found() {
        for (line, version) in [
            ("ffmpeg version 7.1 Copyright (c) 2000-2024", Some("7.1")),
            (
                "ffmpeg version n6.0-22-gabc Copyright",
                Some("n6.0-22-gabc"),
            ),
            ("ffmpeg version \u{1b}[31m1", None),
            ("ffmpeg version ", None),
            ("sh: not found", None),
        ] {
            assert_eq!(version_in(line).as_deref(), version, "{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_absolute_folders_are_searched() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = ["a", "b"].map(|name| folder.path().join(name).join("ffmpeg"));
        for path in [&first, &second] {
            std::fs::create_dir(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let paths = |all: &[&Path]| std::env::join_paths(all).unwrap();
        let [a, b] = [&first, &second].map(|path| path.parent().unwrap());
        assert_eq!(find_in(&paths(&[a, b])), None);
        std::fs::set_permissions(&second, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(find_in(&paths(&[a, b])).as_ref(), Some(&second));
        // As seen from the folder of this package.
        let up = "../".repeat(std::env::current_dir().unwrap().components().count());
        let relative = Path::new(&up).join(b.strip_prefix("/").unwrap());
        assert!(is_executable(&relative.join("ffmpeg")));
        assert_eq!(find_in(&paths(&[&relative, Path::new("")])), None);
    }
}
