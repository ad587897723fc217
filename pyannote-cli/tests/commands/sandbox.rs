//! A folder, a server and the command, for one test.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pyannote_server::{RateLimits, ScriptedEngine, Server};
use regex::{Captures, Regex};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const KEY: &str = "test-key";

/// Runs the command in a folder of its own, with the key of a server in this process, and writes down what happens.
pub(crate) struct Sandbox {
    folder: TempDir,
    runtime: Runtime,
    server: Option<Server>,
    engine: ScriptedEngine,
    transcript: RefCell<String>,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let engine = ScriptedEngine::new();
        let server = Server::builder()
            .engine(engine.clone())
            .key(KEY)
            .rate_limits(RateLimits::off())
            .start();
        Self {
            folder: tempfile::tempdir().unwrap(),
            server: Some(runtime.block_on(server).unwrap()),
            runtime,
            engine,
            transcript: RefCell::default(),
        }
    }

    /// The script of the server's engine.
    pub(crate) fn engine(&self) -> &ScriptedEngine {
        &self.engine
    }

    /// The number of diarizations that the server was asked for.
    pub(crate) fn submissions(&self) -> usize {
        let requests = self.server().requests();
        let submissions = requests
            .iter()
            .filter(|request| request.path == "/v1/diarize");
        submissions.count()
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: impl AsRef<Path>) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Writes a WAV file with a tone.
    pub(crate) fn write_recording(&self, name: impl AsRef<Path>, seconds: u32) {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut writer = hound::WavWriter::create(path, spec).unwrap();
        for index in 0..16_000 * seconds {
            let phase = f64::from(index) * 220.0 / 16_000.0;
            let sample = (phase * std::f64::consts::TAU).sin() * 8_000.0;
            writer.write_sample(sample as i16).unwrap();
        }
        writer.finalize().unwrap();
    }

    /// The names of the files in a folder and its subfolders, sorted.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        let root = self.path(folder);
        let entries = walkdir::WalkDir::new(&root).sort_by_file_name();
        let files = entries.into_iter().map(Result::unwrap);
        files
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                let path = entry.path().strip_prefix(&root).unwrap();
                path.to_string_lossy().replace('\\', "/")
            })
            .collect()
    }

    /// The command, in an environment that has nothing of the user's.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pyannote"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let is_proxy = text.to_uppercase().ends_with("_PROXY");
            if text.starts_with("PYANNOTE") || text.contains("COLOR") || is_proxy {
                command.env_remove(&name);
            }
        }
        command
            .current_dir(self.folder.path())
            .env("PYANNOTEAI_API_KEY", KEY)
            .env("PYANNOTEAI_BASE_URL", self.server().url())
            .env("PYANNOTE_CONFIG_DIR", self.path("config"))
            .env("PYANNOTE_FFMPEG", "off")
            .env("PYANNOTE_VOICEPRINTS_DIR", self.path("voiceprints"))
            .env("PYANNOTE_ASSETS_DIR", self.path("no-models"))
            .env("PYANNOTE_PYTHON", self.path("no-python"))
            .env("PYANNOTE_KEYRING", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the command.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Output {
        self.run_with(arguments, |_| {})
    }

    /// Runs the command after `change`, such as of its environment.
    pub(crate) fn run_with<S: AsRef<OsStr>>(
        &self,
        arguments: &[S],
        change: impl FnOnce(&mut Command),
    ) -> Output {
        let mut command = self.command();
        change(command.args(arguments));
        let output = command.output().unwrap();
        self.record(arguments, &output);
        output
    }

    /// A result as JSON.
    pub(crate) fn render(&self, name: &str) -> Vec<u8> {
        self.command()
            .args(["render", name, "--json"])
            .output()
            .unwrap()
            .stdout
    }

    /// Runs the command with a standard input.
    pub(crate) fn pipe<S: AsRef<OsStr>>(&self, input: &[u8], arguments: &[S]) -> Output {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // The command may end before it has read everything.
                let _ = stdin.write_all(input);
            });
            let output = child.wait_with_output().unwrap();
            self.record(arguments, &output);
            output
        })
    }

    /// Writes down what a command printed.
    pub(crate) fn record<S: AsRef<OsStr>>(&self, arguments: &[S], output: &Output) {
        let words = arguments.iter().map(|word| {
            let word = word.as_ref().to_string_lossy();
            match word.contains([' ', '"', '*', '?', '{', '&']) || word.is_empty() {
                true => format!("'{word}'"),
                false => word.into_owned(),
            }
        });
        let words: Vec<String> = words.collect();
        let mut transcript = self.transcript.borrow_mut();
        let _ = writeln!(transcript, "$ pyannote {}", words.join(" "));
        for (label, bytes) in [("", &output.stdout), ("[stderr]\n", &output.stderr)] {
            let text = String::from_utf8_lossy(bytes);
            if !text.is_empty() {
                *transcript += label;
                *transcript += &text;
                if !text.ends_with('\n') {
                    *transcript += "[no line break]\n";
                }
            }
        }
        let code = output.status.code();
        let code = code.map_or_else(|| "by a signal".to_owned(), |code| code.to_string());
        let _ = writeln!(transcript, "[exit {code}]\n");
    }

    /// Writes down the content of a file.
    pub(crate) fn show(&self, name: &str) {
        let content = self.read(name);
        let mut transcript = self.transcript.borrow_mut();
        let _ = writeln!(transcript, "$ cat {name}\n{content}");
    }

    /// Everything that happened, with ids in the order in which they occur, and without times, ports and folders.
    pub(crate) fn transcript(&self) -> String {
        let text = self.transcript.borrow();
        // Users do not write Rust.
        for word in ["client.", "::", "()"] {
            assert!(!text.contains(word), "{text}");
        }
        let text = text.replace(self.server().url(), "http://server");
        let text = text.replace(&*self.folder.path().to_string_lossy(), "/folder");
        let ids = Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap();
        let mut seen = Vec::new();
        let text = ids.replace_all(&text, |captures: &Captures<'_>| {
            let id = captures[0].to_owned();
            let index = seen.iter().position(|known| *known == id);
            let index = index.unwrap_or_else(|| {
                seen.push(id);
                seen.len() - 1
            });
            format!("id-{}", index + 1)
        });
        let times = Regex::new(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?").unwrap();
        let text = times.replace_all(&text, "(time)");
        // How far a job has come when nobody waits any longer is a matter of chance.
        let statuses = Regex::new("last status (pending|created|running)").unwrap();
        statuses
            .replace_all(&text, "last status (open)")
            .into_owned()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}
