//! Transfers without progress end after the stall timeout.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use pyannote::testing::{Clock, ManualClock};
use pyannote::{Client, Error, ErrorKind, MediaUrl, RetryPolicy, UploadSource};
use pyannote_tests::http::{Bodies, Response, TestServer};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::sync::Notify;

use super::{MIB, assert_no_secrets, audio, presigned, service, storage};

const STALL_TIMEOUT: Duration = Duration::from_secs(20);
/// The allowance for the size of a transfer, which no test waits for.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10_000);
/// How long a test waits in real time. Only a missing time limit reaches it.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A client whose clock the test advances.
fn stalling_client(server: &TestServer) -> (Client, ManualClock) {
    let clock = ManualClock::auto_advancing();
    let client = Client::builder()
        .api_key("sk-secret")
        .base_url(server.url())
        .attempt_timeout(ATTEMPT_TIMEOUT)
        .stall_timeout(STALL_TIMEOUT)
        .retry(RetryPolicy::default().max_attempts(2))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    (client, clock)
}

/// How many requests stalled. The system, too, closes a connection that nothing is read from, but later and in real time.
fn stalled_requests(client: &Client) -> u64 {
    let requests = client.metrics().requests;
    let stalled = requests.iter().filter(|count| count.result == "stalled");
    stalled.map(|count| count.count).sum()
}

/// Advances the clock until the transfer ends, at times when it `waits`, and not while it requests a pre-signed URL.
async fn advance_until_end<T>(
    clock: &ManualClock,
    waits: impl Fn() -> bool,
    transfer: impl IntoFuture<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let advance = async {
        loop {
            if waits() {
                clock.advance(STALL_TIMEOUT);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let transfer = async {
        tokio::select! {
            result = transfer.into_future() => result,
            () = advance => unreachable!(),
        }
    };
    tokio::time::timeout(TEST_TIMEOUT, transfer).await.unwrap()
}

#[tokio::test]
async fn an_upload_whose_storage_stops_reading_ends() {
    let stopped = Bodies::Truncate(MIB as u64);
    let storage = TestServer::start_with(stopped, |_| Response::none()).await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, clock) = stalling_client(&service);
    let upload = client.upload(audio(16 * MIB)).key("a");
    let waits = || storage.request_count() == service.request_count();
    let error = advance_until_end(&clock, waits, upload).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.to_string().contains(".stall_timeout("), "{error}");
    assert!(error.to_string().contains("after 2 attempts"), "{error}");
    assert_no_secrets(&error);
    assert_eq!(storage.request_count(), 2);
    assert!(storage.requests().iter().all(|put| !put.complete));
    assert_eq!(stalled_requests(&client), 2);
    let sent = client.metrics().bytes_sent;
    assert!(sent > 2 * MIB as u64, "{sent}");
}

#[tokio::test]
async fn an_upload_that_is_never_answered_ends() {
    for len in [20, 4 * MIB] {
        let storage = TestServer::with_responses([Response::none()]).await;
        let service = service(vec![presigned(storage.url(), "a")]).await;
        let (client, clock) = stalling_client(&service);
        let upload = client.upload(audio(len)).key("a");
        let waits = || storage.request_count() == service.request_count();
        let error = advance_until_end(&clock, waits, upload).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(error.to_string().contains(".stall_timeout("), "{error}");
        assert!(storage.requests().iter().all(|put| put.complete));
    }
}

#[tokio::test]
async fn a_stalled_upload_is_retried_from_the_start() {
    let (bytes, good) = (audio(16 * MIB), storage().await);
    let stopped = Bodies::Truncate(MIB as u64);
    let stalling = TestServer::start_with(stopped, |_| Response::none()).await;
    let urls = [stalling.url(), good.url()].map(|url| presigned(url, "a"));
    let service = service(urls.to_vec()).await;
    let (client, clock) = stalling_client(&service);
    let upload = client.upload(bytes.clone()).key("a");
    let waits = || stalling.request_count() == service.request_count();
    advance_until_end(&clock, waits, upload).await.unwrap();
    assert_eq!(stalled_requests(&client), 1);
    let put = good.requests().remove(0);
    assert!(put.complete && put.body == bytes);
}

#[tokio::test]
async fn a_slow_upload_that_makes_progress_does_not_end() {
    let storage = storage().await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, clock) = stalling_client(&service);
    let bytes = audio(4 * MIB);
    let (mut writer, reader) = tokio::io::duplex(64 * 1024);
    let progressed = Arc::new(Notify::new());
    let signal = Arc::clone(&progressed);
    let upload = client
        .upload(UploadSource::stream_once(4 * MIB as u64, reader))
        .key("a")
        .on_progress(move |_, _| signal.notify_one());
    let upload = tokio::spawn(upload.into_future());
    let start = clock.now();
    progressed.notified().await;
    for part in bytes.chunks(256 * 1024) {
        writer.write_all(part).await.unwrap();
        if part.as_ptr_range().end == bytes.as_ptr_range().end {
            drop(writer);
            break;
        }
        progressed.notified().await;
        clock.advance(STALL_TIMEOUT - Duration::from_secs(1));
    }
    upload.await.unwrap().unwrap();
    assert!(clock.now() - start > 10 * STALL_TIMEOUT);
    assert_eq!(storage.requests().remove(0).body, bytes);
}

/// A reader that never returns anything, and counts how often it was asked.
struct Silent(Arc<AtomicUsize>);

impl AsyncRead for Silent {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Poll::Pending
    }
}

#[tokio::test]
async fn a_silent_source_is_named_in_the_error() {
    let storage = storage().await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, clock) = stalling_client(&service);
    let asked = Arc::new(AtomicUsize::new(0));
    let silent = || Silent(Arc::clone(&asked));
    let reopened = Arc::clone(&asked);
    for source in [
        UploadSource::stream_once(5, silent()),
        UploadSource::reader(5, move || {
            std::future::ready(Ok(Silent(Arc::clone(&reopened))))
        }),
        UploadSource::reader(5, std::future::pending::<io::Result<Silent>>),
    ] {
        let upload = client.upload(source).key("a");
        let waits = || asked.load(Ordering::SeqCst) >= service.request_count();
        let error = advance_until_end(&clock, waits, upload).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let expected = "the reader returned no data for 20 s; check what it waits for";
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    assert_eq!(
        service.request_count(),
        3,
        "a reader that does not open needs no URL"
    );
}

#[tokio::test]
async fn a_stalled_download_is_retried_and_leaves_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.wav");
    let stalled = Response::stalled(&"a".repeat(1000), 9);
    let storage = TestServer::with_responses([stalled, Response::ok("audio")]).await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, clock) = stalling_client(&service);
    let media = MediaUrl::from_key("a").unwrap();
    // Only the first response stalls.
    let waits = || storage.request_count() == 1 && service.request_count() == 1;
    let download = client.download(&media, &path);
    let received = advance_until_end(&clock, waits, download).await;
    assert_eq!(received.unwrap(), 5);
    assert_eq!(std::fs::read(&path).unwrap(), b"audio");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_stalled_error_response_still_has_its_status() {
    let head = "HTTP/1.1 404 Not Found\r\ncontent-length: 1000\r\n\r\n<Code>NoSuch";
    let storage = TestServer::with_responses([Response::raw_stalled(head)]).await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, clock) = stalling_client(&service);
    let folder = tempfile::tempdir().unwrap();
    let media = MediaUrl::from_key("a").unwrap();
    let download = client.download(&media, folder.path().join("a"));
    let waits = || storage.request_count() == 1;
    let error = advance_until_end(&clock, waits, download)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("NoSuch"), "{error}");
}
