//! The program `pyannote-server` as a process with the scripted engine.
#![allow(dead_code, reason = "each test binary uses some of it")]

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The program, without environment variables that affect it.
pub(crate) fn command() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pyannote-server"));
    for name in [
        "PYANNOTEAI_API_KEY",
        "PYANNOTEAI_WEBHOOK_SECRET",
        "PYANNOTE_COMMUNITY_1",
        "PYANNOTE_SERVER_DATABASE",
        "PYANNOTE_SERVER_OPERATOR_KEY",
        "RUST_LOG",
    ] {
        program.env_remove(name);
    }
    program.stdin(Stdio::null());
    program
}

/// A server process, killed when dropped.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) address: String,
    pub(crate) data: tempfile::TempDir,
}

impl Program {
    /// Starts a server with the key `test-key`. `log` is the value of `RUST_LOG`.
    pub(crate) fn start(log: &str, arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let listen: &[&str] = match arguments.contains(&"--listen") {
            true => &[],
            false => &["--listen", "127.0.0.1:0"],
        };
        let mut child = command()
            .args(["serve", "--engine", "scripted", "--key", "test-key"])
            .args(listen)
            .args(arguments)
            .arg("--data-dir")
            .arg(data.path())
            .env("RUST_LOG", log)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let line = read_line(&mut child.stdout);
        let address = line.trim().rsplit("http://").next().unwrap().to_owned();
        Self {
            child,
            address,
            data,
        }
    }

    /// Starts workers without a server on the same data directory, and waits until they are ready.
    pub(crate) fn start_workers(&self, arguments: &[&str]) -> Child {
        self.start_workers_logging("error", arguments)
    }

    /// As `start_workers`. `log` is the value of `RUST_LOG`.
    pub(crate) fn start_workers_logging(&self, log: &str, arguments: &[&str]) -> Child {
        let mut child = command()
            .args(["work", "--engine", "scripted"])
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data.path())
            .env("RUST_LOG", log)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(read_line(&mut child.stdout), "Waiting for jobs\n");
        child
    }

    /// Opens a connection and sends bytes.
    pub(crate) fn send(&self, bytes: &[u8]) -> TcpStream {
        send(&self.address, bytes)
    }

    /// Sends a complete request, and returns the response.
    pub(crate) fn request(&self, head: &str, body: &[u8]) -> String {
        request(&self.address, head, body)
    }

    /// Sends a POST request with the key.
    pub(crate) fn post(&self, path: &str, json: &str) -> String {
        let head = format!(
            "POST {path} HTTP/1.1\r\nauthorization: Bearer test-key\r\ncontent-type: application/json"
        );
        self.request(&head, json.as_bytes())
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for the next line of standard error.
    pub(crate) fn stderr_line(&mut self) -> String {
        read_line(&mut self.child.stderr)
    }

    /// Waits for the next line of standard output, after the first.
    pub(crate) fn stdout_line(&mut self) -> String {
        read_line(&mut self.child.stdout)
    }

    /// Waits for the end of the process, and returns its exit code.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        exit_code(&mut self.child)
    }
}

fn send(address: &str, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

/// Sends a complete request to a server, and returns the response.
pub(crate) fn request(address: &str, head: &str, body: &[u8]) -> String {
    let length = body.len();
    let head =
        format!("{head}\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    let mut stream = send(address, &[head.as_bytes(), body].concat());
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

pub(crate) fn signal(child: &Child, name: &str) {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(child.id().to_string());
    assert!(kill.status().unwrap().success());
}

/// Waits for the end of a process, and returns its exit code.
pub(crate) fn exit_code(child: &mut Child) -> Option<i32> {
    for _ in 0..6_000 {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a line, and nothing after it.
pub(crate) fn read_line<R: Read>(source: &mut Option<R>) -> String {
    let mut line = String::new();
    let mut reader = BufReader::with_capacity(1, source.take().unwrap());
    reader.read_line(&mut line).unwrap();
    *source = Some(reader.into_inner());
    line
}
