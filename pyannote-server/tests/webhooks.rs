//! Webhooks of the program `pyannote-server`.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// Listens on a port. Sends `name` when there is a connection.
fn listen(name: &'static str, connected: Sender<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        if listener.accept().is_ok() {
            let _ = connected.send(name);
        }
    });
    address
}

/// A proxy would see the output of the job.
#[test]
fn webhooks_are_not_sent_through_a_proxy() {
    let (connected, connection) = channel();
    let proxy = format!("http://{}", listen("proxy", connected.clone()));
    let receiver = format!("http://{}", listen("receiver", connected));
    let mut program = Command::new(env!("CARGO_BIN_EXE_pyannote-server"))
        .args(["serve", "--engine", "scripted", "--key", "test-key"])
        .args(["--listen", "127.0.0.1:0", "--allow-private-networks"])
        .args(["--webhook-secret", "whs"])
        .envs(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, &proxy)))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(program.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line.trim().rsplit("http://").next().unwrap();

    let body = format!(r#"{{"url":"https://example.com/a.wav","webhook":"{receiver}"}}"#);
    let head = "POST /v1/diarize HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json";
    let head = format!(
        "{head}\r\nauthorization: Bearer test-key\r\ncontent-length: {}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{head}\r\n\r\n{body}").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let connection = connection.recv_timeout(Duration::from_secs(60));
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert_eq!(connection, Ok("receiver"));
}
