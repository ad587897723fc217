//! The service and its storage in one process: it discards uploads, and answers everything else at once.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// A server in a subprocess, so that its time and memory are its own.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg("--serve")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        Self { process, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Prints the URL, and serves until the process is killed.
pub(crate) fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    println!("{url}");
    for stream in listener.incoming() {
        let url = url.clone();
        std::thread::spawn(move || serve_connection(stream?, &url));
    }
}

fn serve_connection(stream: TcpStream, url: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(16 * 1024, stream);
    let upload_url = format!(r#"{{"url":"{url}/object?signature=1"}}"#);
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let (is_put, is_post) = (line.starts_with("PUT "), line.starts_with("POST "));
        let (mut len, mut expects_continue) = (0, false);
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                len = value.trim().parse().unwrap();
            }
            expects_continue |= name.eq_ignore_ascii_case("expect");
        }
        if expects_continue {
            stream
                .get_mut()
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        discard(&mut stream, len)?;
        let body = match (is_put, is_post) {
            (true, _) => "",
            (_, true) => &upload_url,
            (false, false) => r#"{"status":"OK","message":"valid"}"#,
        };
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
        let response = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.get_mut().write_all(response.as_bytes())?;
    }
}

fn discard(stream: &mut BufReader<TcpStream>, mut len: u64) -> io::Result<()> {
    let mut buffer = vec![0; len.min(256 * 1024) as usize];
    while len > 0 {
        let part = len.min(buffer.len() as u64) as usize;
        // Reads larger than the buffer of the reader bypass it.
        let read = stream.read(&mut buffer[..part])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        len -= read as u64;
    }
    Ok(())
}
