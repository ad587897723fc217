//! The API key stays with the API, and pre-signed URLs stay out of errors.

use std::fs;

use pyannote::{ErrorKind, MediaUrl};
use pyannote_tests::http::{Request, Response, TestServer, unreachable_url};

use super::{
    SIGNATURE, assert_no_credentials, assert_no_secrets, client, granted, presigned, service,
};

#[tokio::test]
async fn storage_at_the_api_origin_gets_no_api_key() {
    let service = TestServer::start(|request| match request.method.as_str() {
        "POST" => {
            let origin = format!("http://{}", request.header("host").unwrap());
            granted(&presigned(&origin, "object"))
        }
        _ => Response::ok("audio"),
    })
    .await;
    let (client, _) = client(&service);
    let folder = tempfile::tempdir().unwrap();
    let media = client.upload(b"audio".to_vec()).key("a").await.unwrap();
    client
        .download(&media, folder.path().join("a"))
        .await
        .unwrap();
    let requests: Vec<Request> = service
        .requests()
        .into_iter()
        .filter(|request| request.path == "/object")
        .collect();
    assert_eq!(requests.len(), 2);
    requests.iter().for_each(assert_no_credentials);
}

#[tokio::test]
async fn no_error_contains_the_signature() {
    let echo = format!(
        "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>PUT /a?{SIGNATURE}</StringToSign>\
         <SignatureProvided>vjbyPxybdZaNmGa+yT272YEAiv4=</SignatureProvided></Error>"
    );
    let storage = TestServer::with_responses([Response::new(403, echo)]).await;
    let unreachable = unreachable_url();
    let folder = tempfile::tempdir().unwrap();
    for (url, kind) in [
        (presigned(storage.url(), "a"), ErrorKind::Forbidden),
        (presigned(&unreachable, "a"), ErrorKind::Connect),
        (presigned("http://192.0.2.1", "a"), ErrorKind::Config),
        (presigned("ftp://127.0.0.1", "a"), ErrorKind::Decode),
        (presigned("http://[", "a"), ErrorKind::Decode),
    ] {
        let service = service(vec![url]).await;
        let (client, _) = client(&service);
        let error = client.upload(b"audio".to_vec()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_no_secrets(&error);
        let media = MediaUrl::from_key("a").unwrap();
        let error = client
            .download(&media, folder.path().join("a"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_no_secrets(&error);
    }
    assert_eq!(storage.request_count(), 2, "403 is not retried");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
