//! Pre-signed URLs that the storage rejects.

use pyannote::testing::Clock;
use pyannote::{Client, ErrorKind, MediaUrl, RetryPolicy, UploadSource};
use pyannote_tests::http::{Response, TestServer};

use super::{assert_no_secrets, client, presigned, service};

const EXPIRED: [(u16, &str); 6] = [
    (
        403,
        "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
    ),
    (403, "<Error><Code>ExpiredToken</Code></Error>"),
    (403, "<Error><Code>RequestTimeTooSkewed</Code></Error>"),
    (403, ""),
    (400, "<Error><Code>ExpiredToken</Code></Error>"),
    (400, "<Error><Code>RequestTimeTooSkewed</Code></Error>"),
];

#[tokio::test]
async fn an_expired_url_is_replaced_once() {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaUrl::from_key("a").unwrap();
    for (status, body) in EXPIRED {
        let expired = Response::new(status, body);
        let responses = [expired.clone(), Response::ok("audio")];
        let storage = TestServer::with_responses([responses.clone(), responses].concat()).await;
        let urls = ["1", "2", "3", "4"].map(|object| presigned(storage.url(), object));
        let service = service(urls.to_vec()).await;
        let (client, clock) = client(&service);
        client.upload(b"audio".to_vec()).key("a").await.unwrap();
        let path = folder.path().join("a");
        client.download(&media, &path).await.unwrap();
        let paths: Vec<_> = storage.requests().into_iter().map(|it| it.path).collect();
        assert_eq!(paths, ["/1", "/2", "/3", "/4"], "{status} {body}");
        assert_eq!(storage.requests()[1].body, "audio");
        assert_eq!(clock.now().as_secs(), 0, "there is nothing to wait for");
    }
}

#[tokio::test]
async fn a_new_url_that_is_rejected_too_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaUrl::from_key("a").unwrap();
    for (status, body) in EXPIRED {
        let storage = TestServer::with_responses([Response::new(status, body)]).await;
        let service = service(vec![presigned(storage.url(), "a")]).await;
        let (client, _) = client(&service);
        let errors = [
            client.upload(b"audio".to_vec()).await.unwrap_err(),
            client
                .download(&media, folder.path().join("a"))
                .await
                .unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.status().unwrap().as_u16(), status);
            assert_eq!(error.kind() == ErrorKind::Forbidden, status == 403);
            assert_no_secrets(&error);
        }
        assert_eq!(storage.request_count(), 4, "{status} {body}");
        assert_eq!(service.request_count(), 4);
    }
}

#[tokio::test]
async fn an_idle_connection_is_retried_like_a_timeout() {
    let idle = Response::new(400, "<Error><Code>RequestTimeout</Code></Error>");
    let storage = TestServer::with_responses([idle.clone(), idle, Response::ok("")]).await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let (client, _) = client(&service);
    client.upload(b"audio".to_vec()).key("a").await.unwrap();
    assert_eq!(storage.request_count(), 3);
}

#[tokio::test]
async fn there_is_no_new_url_without_another_attempt() {
    let storage = TestServer::with_responses([Response::new(403, "Request has expired")]).await;
    let service = service(vec![presigned(storage.url(), "a")]).await;
    let once = Client::builder()
        .api_key("key")
        .base_url(service.url())
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    once.upload(b"audio".to_vec()).await.unwrap_err();
    assert_eq!(storage.request_count(), 1);

    let (client, _) = client(&service);
    let source = UploadSource::stream_once(5, std::io::Cursor::new(b"audio"));
    let error = client.upload(source).key("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("read only once"), "{error}");
    assert_eq!(storage.request_count(), 2);
}
