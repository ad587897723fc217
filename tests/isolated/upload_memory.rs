//! A recording of any size is uploaded in constant memory.
//!
//! A test of memory counts what the whole process allocates, so it is alone in its process, and the only test here.
#![allow(clippy::unwrap_used)]

use peak_alloc::PeakAlloc;
use pyannote::Client;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The largest recording that the service takes, in bytes.
const LARGEST: u64 = 1 << 30;
/// How much more memory its upload may take at its peak, in bytes.
const GROWTH: usize = 32 << 20;

/// The service and its storage in one: hands out its own address, and throws away what is put there. Returns its URL,
/// and sends how many bytes came.
async fn discarding() -> (String, tokio::sync::mpsc::Receiver<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let own = url.clone();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let mut socket = BufReader::with_capacity(64 * 1024, socket);
            let (mut first, mut length) = (String::new(), 0);
            socket.read_line(&mut first).await.unwrap();
            loop {
                let mut line = String::new();
                socket.read_line(&mut line).await.unwrap();
                match line.trim().split_once(':') {
                    Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                        length = value.trim().parse().unwrap();
                    }
                    Some(_) => {}
                    None => break,
                }
            }
            let (mut object, mut nowhere) = ((&mut socket).take(length), tokio::io::sink());
            let copied = tokio::io::copy_buf(&mut object, &mut nowhere).await;
            let read = copied.unwrap();
            let body = match first.starts_with("PUT") {
                true => {
                    sender.send(read).await.unwrap();
                    String::new()
                }
                false => format!(r#"{{"url":"{own}/object?signature=1"}}"#),
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let socket = socket.get_mut();
            socket.write_all((head + &body).as_bytes()).await.unwrap();
        }
    });
    (url, receiver)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_takes_the_memory_of_a_few_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.wav");
    let file = std::fs::File::create(&path).unwrap();
    // All holes: it takes no room on the disk.
    file.set_len(LARGEST).unwrap();
    let (url, mut received) = discarding().await;
    let client = Client::builder()
        .api_key("key")
        .base_url(url)
        .build()
        .unwrap();

    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    // A key of its own: the digest of a gigabyte takes a build without optimisation long.
    client.upload(&path).key("large.wav").await.unwrap();
    let growth = ALLOCATOR.peak_usage() - before;

    assert_eq!(received.recv().await, Some(LARGEST));
    println!("{growth} bytes");
    assert!(growth < GROWTH, "{growth} bytes");
}
