//! `pyannote webhook listen`, with deliveries of a server and of this test.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::UNIX_EPOCH;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use pyannote::http::{HeaderMap, StatusCode};
use pyannote::reqwest::{self, Response};
use pyannote::webhook::Signer;
use serde_json::{Value, json};
use support::{Home, run_with_input};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::sync::mpsc;

const SECRET: &str = "whs_test_secret";
const BODY: &str = "{\"jobId\": \"job-1\",\n \"status\": \"succeeded\",\n \"output\": {\"diarization\": \
                    [{\"start\": 0.5, \"end\": 2.0, \"speaker\": \"SPEAKER_00\"}]}}";

/// The command, while it runs.
struct Listener {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Listener {
    async fn start(home: &Home, arguments: &[&str]) -> Self {
        let arguments = [&["webhook", "listen", "--json", "--port", "0"], arguments].concat();
        let mut command = home.command(&arguments);
        let mut child = command
            .env("PYANNOTEAI_WEBHOOK_SECRET", SECRET)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let first: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(first["event"], "listening");
        let url = first["url"].as_str().unwrap().to_owned();
        Self { child, lines, url }
    }

    async fn next(&mut self) -> Value {
        let line = self.lines.next_line().await.unwrap().unwrap();
        assert!(!line.contains(SECRET));
        serde_json::from_str(&line).unwrap()
    }

    async fn deliver(&self, headers: HeaderMap, body: &str) -> Response {
        let request = reqwest::Client::new().post(format!("{}any/path", self.url));
        let request = request.headers(headers).body(body.to_owned());
        request.send().await.unwrap()
    }

    /// Presses Ctrl-C.
    #[cfg(unix)]
    async fn interrupt(mut self) -> Vec<Value> {
        let pid = self.child.id().unwrap().to_string();
        let kill = std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status();
        assert!(kill.unwrap().success());
        let mut rest = Vec::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            rest.push(serde_json::from_str(&line).unwrap());
        }
        assert_eq!(self.child.wait().await.unwrap().code(), Some(0));
        rest
    }
}

fn signed(secret: &str, body: &str) -> HeaderMap {
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs();
    Signer::new(secret).sign(now, body)
}

/// A program that receives what is passed on.
async fn target(status: StatusCode) -> (String, mpsc::UnboundedReceiver<(HeaderMap, Bytes)>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let receive = move |State(sender): State<mpsc::UnboundedSender<_>>,
                        headers: HeaderMap,
                        body: Bytes| async move {
        sender.send((headers, body)).unwrap();
        status
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/hook?token=hidden",
        listener.local_addr().unwrap()
    );
    let app = Router::new()
        .route("/hook", post(receive))
        .with_state(sender);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, receiver)
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_verified_printed_and_passed_on_unchanged() {
    let home = Home::new();
    let (url, mut passed_on) = target(StatusCode::IM_A_TEAPOT).await;
    let mut listener = Listener::start(&home, &["--forward", &url]).await;
    let mut headers = signed(SECRET, BODY);
    headers.insert("x-retry-num", "2".parse().unwrap());
    headers.insert("x-retry-reason", "http_timeout".parse().unwrap());
    headers.insert("content-type", "application/json".parse().unwrap());
    assert_eq!(listener.deliver(headers.clone(), BODY).await.status(), 200);

    let event = listener.next().await;
    assert_eq!(event["event"], "delivery", "{event}");
    assert_eq!(event["jobId"], "job-1");
    assert_eq!(event["status"], "succeeded");
    assert_eq!(event["output"], "diarization, 1 turns");
    assert_eq!(event["retry"], 2);
    assert_eq!(event["retryReason"], "http_timeout");
    assert_eq!(event["bytes"], BODY.len());
    assert_eq!(event["body"], Value::Null);

    let (received, body) = passed_on.recv().await.unwrap();
    assert_eq!(body, BODY.as_bytes());
    for (name, value) in &headers {
        assert_eq!(received.get(name), Some(value), "{name}");
    }
    assert_eq!(
        received["host"],
        url["http://".len()..].split('/').next().unwrap()
    );
    let event = listener.next().await;
    assert_eq!(event["event"], "forwarded", "{event}");
    assert_eq!(
        (&event["jobId"], &event["status"]),
        (&json!("job-1"), &json!(418))
    );
    #[cfg(unix)]
    assert!(listener.interrupt().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_not_authentic_are_rejected_and_not_passed_on() {
    let home = Home::new();
    let (url, mut passed_on) = target(StatusCode::OK).await;
    let mut listener = Listener::start(&home, &["--forward", &url]).await;
    for (headers, body, status, reason) in [
        (signed("whs_other", BODY), BODY, 401, "signature"),
        (signed(SECRET, BODY), "{}", 401, "signature"),
        (HeaderMap::new(), BODY, 401, "x-signature"),
        (
            Signer::new(SECRET).sign(1_700_000_000, BODY),
            BODY,
            401,
            "old",
        ),
        (signed(SECRET, "[]"), "[]", 400, "not a job event"),
    ] {
        assert_eq!(
            listener.deliver(headers, body).await.status().as_u16(),
            status
        );
        let event = listener.next().await;
        assert_eq!(event["event"], "rejected", "{event}");
        assert_eq!(event["status"], status, "{event}");
        assert!(
            event["reason"].as_str().unwrap().contains(reason),
            "{event}"
        );
    }
    let answer = reqwest::get(&listener.url).await.unwrap();
    assert_eq!(answer.status(), 405);
    assert!(passed_on.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_printed_on_request_as_one_line() {
    let home = Home::new();
    let mut listener = Listener::start(&home, &["--print-bodies"]).await;
    listener.deliver(signed(SECRET, BODY), BODY).await;
    let event = listener.next().await;
    assert_eq!(event["body"], serde_json::from_str::<Value>(BODY).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_down_is_reported_and_the_sender_does_not_notice() {
    let home = Home::new();
    let url = format!("{}/hook?token=hidden", support::nowhere());
    let mut listener = Listener::start(&home, &["--forward", &url]).await;
    assert_eq!(
        listener.deliver(signed(SECRET, BODY), BODY).await.status(),
        200
    );
    assert_eq!(listener.next().await["event"], "delivery");
    let event = listener.next().await;
    assert_eq!(event["event"], "not_forwarded", "{event}");
    assert!(!event.to_string().contains("hidden"), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_arguments() {
    let home = Home::new();
    let listen = |arguments: &[&str]| {
        let mut command = home.command(&[&["webhook", "listen"], arguments].concat());
        command.env("PYANNOTEAI_WEBHOOK_SECRET", SECRET);
        command
    };
    home.run(&["webhook", "listen"])
        .await
        .assert(2, &["the webhook secret is missing", "--secret-file"]);
    let blank = home.path().join("blank");
    std::fs::write(&blank, " \n").unwrap();
    for (arguments, code, words) in [
        (&["--secret-file", blank.to_str().unwrap()][..], 2, "blank"),
        (&["--secret-file", "missing"], 1, "missing"),
        (&["--forward", "localhost:3000"], 2, "http or https URL"),
        (
            &["--port", "0", "--secret", "whs"],
            2,
            "unexpected argument",
        ),
    ] {
        run_with_input(listen(arguments), b"")
            .await
            .assert(code, &[words]);
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    run_with_input(listen(&["--port", &port]), b"")
        .await
        .assert(1, &["cannot listen on", "--port"]);
    drop(taken);
    let own = format!("http://localhost:{port}/");
    run_with_input(listen(&["--port", &port, "--forward", &own]), b"")
        .await
        .assert(2, &["this command itself"]);
}
