//! The program ffmpeg, for tests that need it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pyannote_engine::audio::Ffmpeg;

/// The `ffmpeg` on the `PATH`.
pub(crate) struct Tool {
    program: PathBuf,
}

/// Returns the `ffmpeg` on the `PATH`, or says on standard error that a test is skipped.
pub(crate) fn ffmpeg(test: &str) -> Option<Tool> {
    let program = Ffmpeg::on_path().find();
    if program.is_none() {
        print(&format!(
            "{test} is skipped: there is no ffmpeg on the PATH"
        ));
    }
    program.map(|program| Tool { program })
}

/// Prints a line on standard error. With `eprintln!`, it would be hidden unless the test fails.
pub(crate) fn print(line: &str) {
    let line = format!("{line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

impl Tool {
    /// Creates a file from inputs, each of which is a list of arguments separated by spaces. Returns `false` if this
    /// ffmpeg does not have an encoder, for example.
    pub(crate) fn create(&self, inputs: &[&str], output: &str, path: &Path) -> bool {
        let mut command = Command::new(&self.program);
        command.args(["-nostdin", "-y", "-loglevel", "quiet"]);
        for arguments in inputs.iter().chain([&output]) {
            command.args(arguments.split_whitespace());
        }
        let status = command.arg(path).stdin(Stdio::null()).status().unwrap();
        status.success() && path.metadata().is_ok_and(|file| file.len() > 0)
    }

    /// Decodes a file as the reference: mono samples at 16 kHz, by their timestamps.
    pub(crate) fn decode(&self, path: &Path) -> Option<Vec<f32>> {
        let mut command = Command::new(&self.program);
        command
            .args(["-nostdin", "-loglevel", "quiet", "-i"])
            .arg(path);
        command.args([
            "-vn",
            "-af",
            "aresample=async=1:first_pts=0",
            "-ac",
            "1",
            "-ar",
            "16000",
        ]);
        command.args(["-f", "f32le", "pipe:1"]).stdin(Stdio::null());
        let bytes = command.output().unwrap().stdout;
        let (samples, _) = bytes.as_chunks::<4>();
        let samples = samples.iter().map(|sample| f32::from_le_bytes(*sample));
        (!bytes.is_empty()).then(|| samples.collect())
    }
}
