//! The generated client against a server on loopback.

use std::sync::{Arc, Mutex};

use pyannote_api_sys::hooks::{Executor, Inner, ResponseFuture, SetupError};
use pyannote_api_sys::types::{DiarizeRequest, ErrorBody, JobBody};
use pyannote_api_sys::{Client, ClientInfo, Error};
use pyannote_tests::body;
use pyannote_tests::http::{Response, TestServer};

/// A server that sends the same response to every request.
pub(crate) async fn server(status: u16, body: impl Into<bytes::Bytes>) -> TestServer {
    TestServer::with_responses([Response::new(status, body)]).await
}

pub(crate) fn client(server: &TestServer) -> Client {
    Client::bearer(&format!("{}/", server.url()), "secret-key").unwrap()
}

fn request() -> DiarizeRequest {
    DiarizeRequest::builder()
        .url("https://example.com/a.wav")
        .try_into()
        .unwrap()
}

#[tokio::test]
async fn requests_of_all_operations() {
    let server = server(500, "{}").await;
    let client = client(&server);
    client.test_key().send().await.unwrap_err();
    client.diarize().body(request()).send().await.unwrap_err();
    let identify: Result<pyannote_api_sys::types::IdentifyRequest, _> =
        serde_json::from_str(&body("identify_request"));
    client
        .identify()
        .body(identify.unwrap())
        .send()
        .await
        .unwrap_err();
    client
        .voiceprint()
        .body_map(|body| body.url("https://example.com/a.wav"))
        .send()
        .await
        .unwrap_err();
    client
        .get_job_by_id()
        .job_id("a/../b?c")
        .send()
        .await
        .unwrap_err();
    client
        .get_jobs_by_team_v2()
        .limit(100)
        .status("succeeded")
        .cursor(
            "3c8a89a5-dcc6-4edb-a75d-ffd64739674d"
                .parse::<uuid::Uuid>()
                .unwrap(),
        )
        .send()
        .await
        .unwrap_err();
    client
        .get_media_upload_url()
        .body_map(|body| body.url("media://a.wav"))
        .send()
        .await
        .unwrap_err();
    client
        .get_media_download_url()
        .body_map(|body| body.url("media://a.wav"))
        .send()
        .await
        .unwrap_err();
    client
        .create_stream()
        .body(serde_json::Map::new())
        .send()
        .await
        .unwrap_err();
    client.get_stream().id("1").send().await.unwrap_err();
    let lines: Vec<String> = server
        .requests()
        .iter()
        .map(|request| {
            format!("{} {}", request.line(), request.text())
                .trim()
                .to_owned()
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn sends_the_key_and_a_user_agent() {
    let server = server(200, r#"{"status":"OK","message":"valid"}"#).await;
    let response = client(&server).test_key().send().await.unwrap();
    assert_eq!(response.message, "valid");
    let headers = &server.requests()[0].headers;
    assert_eq!(headers["authorization"], "Bearer secret-key");
    assert!(
        headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("pyannote-api-sys/")
    );
}

#[tokio::test]
async fn does_not_follow_redirects() {
    let other = server(200, "{}").await;
    let server =
        TestServer::with_responses([Response::new(307, "").header("location", other.url())]).await;
    let error = client(&server)
        .diarize()
        .body(request())
        .send()
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::UnexpectedResponse(response) if response.status() == 307),
        "{error:?}"
    );
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn deserializes_declared_errors() {
    for (status, name) in [(400, "error_400"), (402, "error_402"), (429, "error_429")] {
        let server = server(status, body(name)).await;
        let error = client(&server)
            .diarize()
            .body(request())
            .send()
            .await
            .unwrap_err();
        let Error::ErrorResponse(response) = error else {
            panic!("{error:?}");
        };
        assert_eq!(response.status(), status);
        match (status, response.into_inner()) {
            (400, ErrorBody::ValidationErrorResponse(body)) => {
                assert_eq!(body.errors[0].field, "url")
            }
            (402 | 429, ErrorBody::ApiError(body)) => {
                assert_eq!(body.request_id, "37a4c3a0-b034-4e8c-9ed9-76da6645544a");
            }
            (_, other) => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn detects_the_kind_of_a_job() {
    let server = server(200, body("identify_succeeded")).await;
    let job = client(&server)
        .get_job_by_id()
        .job_id("1")
        .send()
        .await
        .unwrap();
    assert!(matches!(job.into_inner(), JobBody::Identification(_)));
}

#[tokio::test]
async fn custom_executor_is_given_the_operation() {
    struct Recording {
        http: reqwest::Client,
        operations: Mutex<Vec<&'static str>>,
    }
    impl Executor for Recording {
        fn execute<'a>(
            &'a self,
            request: reqwest::Request,
            operation: &'static str,
        ) -> ResponseFuture<'a> {
            self.operations.lock().unwrap().push(operation);
            Box::pin(self.http.execute(request))
        }
    }
    let server = server(200, r#"{"status":"OK","message":"valid"}"#).await;
    let http = reqwest::Client::new();
    let executor = Arc::new(Recording {
        http: http.clone(),
        operations: Mutex::default(),
    });
    let client = Client::new_with_client(server.url(), http, Inner::new(executor.clone()));
    client.test_key().send().await.unwrap();
    assert_eq!(*executor.operations.lock().unwrap(), ["test_key"]);
    assert!(server.requests()[0].headers.get("authorization").is_none());
}

#[test]
fn debug_output_hides_the_key() {
    let client = Client::bearer("https://api.pyannote.ai", "secret-key").unwrap();
    assert!(!format!("{client:?}").contains("secret-key"));
    assert_eq!(client.baseurl(), "https://api.pyannote.ai");
}

#[test]
fn rejects_invalid_base_urls_and_keys() {
    let error = |url: &str, key: &str| Client::bearer(url, key).unwrap_err();
    assert!(matches!(
        error("api.pyannote.ai", "key"),
        SetupError::BaseUrl(_)
    ));
    assert!(matches!(
        error("ftp://api.pyannote.ai", "key"),
        SetupError::BaseUrl(_)
    ));
    assert!(matches!(
        error("http://api.pyannote.ai", "key"),
        SetupError::PlainHttp
    ));
    assert!(matches!(
        error("http://127.0.0.1.example.com", "key"),
        SetupError::PlainHttp
    ));
    assert!(matches!(
        error("https://api.pyannote.ai", "  "),
        SetupError::ApiKey
    ));
    assert!(matches!(
        error("https://api.pyannote.ai", "a\nb"),
        SetupError::ApiKey
    ));
    for url in ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"] {
        Client::bearer(url, "key").unwrap();
    }
}
