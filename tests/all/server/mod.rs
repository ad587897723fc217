//! The server, through the SDK and with plain HTTP requests.

mod audio;
mod channels;
mod community;
mod diarizer_engine;
mod errors;
mod fake_diarizer;
mod faults;
mod first_steps;
mod hostile;
mod keys;
mod limits;
mod live;
mod media;
mod operations;
mod operator;
mod outputs;
mod sdk;
mod slow_clients;
mod startup;
mod storage;
mod transcription;
mod validation;
mod wav;

use std::sync::LazyLock;

use pyannote::Client;
use pyannote_server::{Engine, ScriptedEngine, Server, ServerBuilder};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

const KEY: &str = "test-key";
const AUDIO: &str = "https://example.com/a.wav";

fn builder() -> ServerBuilder {
    Server::builder().engine(ScriptedEngine::new()).key(KEY)
}

async fn server() -> Server {
    server_with(ScriptedEngine::new()).await
}

/// A server with this engine.
async fn server_with(engine: impl Engine) -> Server {
    let builder = Server::builder().engine(engine).key(KEY);
    builder.start().await.unwrap()
}

fn client(server: &Server) -> Client {
    Client::builder()
        .api_key(server.api_key())
        .base_url(server.url())
        .build()
        .unwrap()
}

/// A request with the server's API key.
fn request(server: &Server, method: Method, path: &str) -> RequestBuilder {
    anonymous(server, method, path).bearer_auth(KEY)
}

/// A client that keeps no idle connections, since they would end with the runtime of the test that opened them.
fn http() -> &'static reqwest::Client {
    static HTTP: LazyLock<reqwest::Client> = LazyLock::new(|| {
        let builder = reqwest::Client::builder().pool_max_idle_per_host(0);
        builder.build().unwrap()
    });
    &HTTP
}

/// A request without an API key.
fn anonymous(server: &Server, method: Method, path: &str) -> RequestBuilder {
    http().request(method, format!("{}{path}", server.url()))
}

async fn get(server: &Server, path: &str) -> Response {
    request(server, Method::GET, path).send().await.unwrap()
}

async fn post(server: &Server, path: &str, body: &Value) -> Response {
    let request = request(server, Method::POST, path).json(body);
    request.send().await.unwrap()
}

/// Status and body, with the request id redacted.
async fn status_and_body(response: Response) -> Value {
    let status = response.status().as_u16();
    let mut body: Value = response.json().await.unwrap();
    if let Some(id) = body.get_mut("requestId") {
        let _: uuid::Uuid = id.as_str().unwrap().parse().unwrap();
        *id = json!("…");
    }
    json!({ "status": status, "body": body })
}

/// Number of files in a folder and its subfolders, without locks.
fn files(folder: &std::path::Path) -> usize {
    let entries = fs_err::read_dir(folder).unwrap();
    let count = entries.map(|entry| match entry.unwrap().path() {
        path if path.is_dir() => files(&path),
        path => usize::from(!path.ends_with("lock")),
    });
    count.sum()
}

/// A pre-signed URL for an uploaded recording.
async fn presigned(server: &Server, path: &str, media: &str) -> String {
    let response = post(server, path, &json!({ "url": media })).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let body: Value = response.json().await.unwrap();
    body["url"].as_str().unwrap().to_owned()
}
