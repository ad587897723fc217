//! A recording of any size is uploaded in constant memory.
//!
//! The allocations of the whole process are counted, so this is the only test of its binary.
#![allow(clippy::unwrap_used)]

use peak_alloc::PeakAlloc;
use pyannote::Client;
use pyannote_tests::http::{Bodies, Response, TestServer};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The maximum size of an upload, in bytes.
const MAX_UPLOAD_BYTES: u64 = 1 << 30;
/// The maximum of additional memory during the upload, in bytes.
const MAX_GROWTH_BYTES: usize = 32 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_takes_the_memory_of_a_few_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.wav");
    let file = std::fs::File::create(&path).unwrap();
    // A sparse file: it takes no space on disk.
    file.set_len(MAX_UPLOAD_BYTES).unwrap();
    // The service and its storage in one.
    let server = TestServer::start_with(Bodies::Discard, |request| match request.method.as_str() {
        "PUT" => Response::ok(""),
        _ => {
            let host = request.header("host").unwrap();
            Response::ok(format!(r#"{{"url":"http://{host}/object?signature=1"}}"#))
        }
    })
    .await;
    let client = Client::builder()
        .api_key("key")
        .base_url(server.url())
        .build()
        .unwrap();

    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    // With a key, since the digest of a gigabyte is slow without optimization.
    client.upload(&path).key("large.wav").await.unwrap();
    let growth = ALLOCATOR.peak_usage() - before;

    let requests = server.requests();
    let put = requests
        .iter()
        .find(|request| request.method == "PUT")
        .unwrap();
    assert_eq!(put.body_len, MAX_UPLOAD_BYTES);
    println!("{growth} bytes");
    assert!(growth < MAX_GROWTH_BYTES, "{growth} bytes");
}
