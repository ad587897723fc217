//! Stops the program `pyannote-server` while clients have requests in progress.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use std::fs::Permissions;
use std::io::Read as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use support::Program;

/// A server that logs only errors.
fn start(grace_period: &str) -> Program {
    Program::start("error", &["--grace-period", grace_period])
}

/// Path and query of a pre-signed URL.
fn presigned(program: &Program, direction: &str) -> String {
    let response = program.post(&format!("/v1/media/{direction}"), r#"{"url":"media://a"}"#);
    let (_, url) = response.split_once(&*program.address).unwrap();
    url.split('"').next().unwrap().to_owned()
}

/// Opens connections whose requests or responses are unfinished.
fn unfinished(program: &Program) -> Vec<TcpStream> {
    let put = presigned(program, "input");
    let response = program.request(&format!("PUT {put} HTTP/1.1"), &vec![7; 30_000_000]);
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    let get = presigned(program, "output");
    let mut download = program.send(format!("GET {get} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes());
    download.read_exact(&mut [0; 1_000]).unwrap();
    let head =
        "authorization: Bearer test-key\r\ncontent-type: application/json\r\ncontent-length: 90";
    let half_body = format!("POST /v1/diarize HTTP/1.1\r\nhost: a\r\n{head}\r\n\r\n{{\"url\":");
    let half_upload = format!("PUT {put} HTTP/1.1\r\nhost: a\r\ncontent-length: 90\r\n\r\nstart");
    let connections = vec![
        download,
        program.send(b"GET /v1/test HTTP/1.1\r\nhos"),
        program.send(half_body.as_bytes()),
        program.send(half_upload.as_bytes()),
    ];
    // The server accepts connections in order, so that it has accepted those above after this response.
    program.request("GET /healthz HTTP/1.1", b"");
    connections
}

#[test]
fn unfinished_requests_do_not_keep_the_program_from_stopping() {
    for signal in ["INT", "TERM"] {
        let mut program = start("300ms");
        let connections = unfinished(&program);
        program.signal(signal);
        let line = program.stderr_line();
        assert!(line.starts_with("closing "), "{line}");
        assert!(line.ends_with("press Ctrl-C again to stop now\n"), "{line}");
        assert_eq!(program.exit_code(), Some(0));
        drop(connections);
    }
}

#[test]
fn a_second_signal_stops_the_program_now() {
    let mut program = start("1h");
    let connections = unfinished(&program);
    program.signal("INT");
    program.stderr_line();
    program.signal("INT");
    assert_eq!(program.exit_code(), Some(130));
    drop(connections);
}

/// Opens a live stream.
fn live_stream(program: &Program) -> TcpStream {
    let response = program.post("/v1/live", "{}");
    let (_, url) = response.split_once(&*program.address).unwrap();
    let path = url.split('"').next().unwrap();
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13";
    let key = "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==";
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n{upgrade}\r\n{key}\r\n\r\n");
    let mut stream = program.send(request.as_bytes());
    let mut response = [0; 12];
    stream.read_exact(&mut response).unwrap();
    assert_eq!(&response, b"HTTP/1.1 101");
    stream
}

/// The close frame is sent immediately, and the client does not have to answer.
#[test]
fn a_live_stream_is_closed_without_waiting_for_the_client() {
    let mut program = start("300ms");
    let mut stream = live_stream(&program);
    program.signal("TERM");
    let line = program.stderr_line();
    assert!(line.starts_with("closing 1 connection"), "{line}");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    // The payload of the close frame: 1001, and the reason.
    let close = [&1001u16.to_be_bytes()[..], b"The server is stopping"].concat();
    assert!(rest.ends_with(&close), "{}", rest.escape_ascii());
    assert_eq!(program.exit_code(), Some(0));
}

/// Names of the files in a folder and its subfolders, without locks.
fn files(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files = Vec::new();
    for entry in entries.map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => files.extend(self::files(&path)),
            _ => files.push(entry.file_name().into_string().unwrap()),
        }
    }
    files.retain(|name| name != "lock");
    files
}

/// All jobs are in the database itself, so that a copy of the file has them.
#[test]
fn a_clean_stop_leaves_only_the_database() {
    let mut program = start("1h");
    let response = program.post("/v1/diarize", r#"{"url":"https://example.com/a.wav"}"#);
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(files(program.data.path()).contains(&"jobs.sqlite-wal".to_owned()));
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
    assert_eq!(files(program.data.path()), ["jobs.sqlite"]);
}

#[test]
fn an_idle_connection_is_closed_without_waiting() {
    let mut program = start("1h");
    let mut idle = program.send(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n");
    idle.read_exact(&mut [0; 10]).unwrap();
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
}

/// A process without a handler is killed by the signal, or ignores it if it is the first one of a container.
#[test]
fn a_signal_while_the_models_load_stops_the_program_at_once() {
    let server = start("1h");
    for (command, signal) in [("serve", "TERM"), ("serve", "INT"), ("work", "TERM")] {
        let folder = tempfile::tempdir().unwrap();
        // Stands for a slow download, until the folder is deleted.
        let python = folder.path().join("python");
        let begun = folder.path().join("begun");
        std::fs::write(
            &python,
            "#!/bin/sh\ntouch \"$(dirname \"$0\")/begun\"\nwhile [ -e \"$0\" ]; do sleep 0.1; done\n",
        )
        .unwrap();
        std::fs::set_permissions(&python, Permissions::from_mode(0o755)).unwrap();
        let options = match command {
            "serve" => ["--key", "test-key", "--listen", "127.0.0.1:0"],
            _ => [
                "--data-dir",
                server.data.path().to_str().unwrap(),
                "--retention",
                "1d",
            ],
        };
        let mut child = support::command()
            .arg(command)
            .args(options)
            .env("PYANNOTE_ASSETS_DIR", folder.path().join("models"))
            .env("PYANNOTE_PYTHON", &python)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !begun.exists() {
            assert_eq!(child.try_wait().unwrap(), None);
            std::thread::sleep(Duration::from_millis(10));
        }
        support::signal(&child, signal);
        assert_eq!(
            support::exit_code(&mut child),
            Some(0),
            "{command} {signal}"
        );
    }
}
