//! A receiver of webhooks on loopback, which answers as the test says and hands over what came.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::mpsc;

/// How the receiver answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Status(u16),
    Redirect(&'static str),
    Silence,
}

#[derive(Clone)]
struct Script {
    answers: Arc<Mutex<Vec<Answer>>>,
    came: mpsc::UnboundedSender<(HeaderMap, Bytes)>,
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    came: mpsc::UnboundedReceiver<(HeaderMap, Bytes)>,
}

impl Receiver {
    /// Answers these, one a request, and 200 from then on.
    pub(crate) async fn start(answers: &[Answer]) -> Self {
        let (sender, came) = mpsc::unbounded_channel();
        let script = Script {
            answers: Arc::new(Mutex::new(answers.iter().rev().copied().collect())),
            came: sender,
        };
        let router = Router::new().fallback(take).with_state(script);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, came }
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> (HeaderMap, Bytes) {
        let came = tokio::time::timeout(Duration::from_secs(30), self.came.recv()).await;
        came.expect("a webhook comes").unwrap()
    }

    pub(crate) fn has_more(&mut self) -> bool {
        self.came.try_recv().is_ok()
    }
}

async fn take(State(script): State<Script>, headers: HeaderMap, body: Bytes) -> Response {
    script.came.send((headers, body)).ok();
    let answer = script.answers.lock().unwrap().pop();
    match answer.unwrap_or(Answer::Status(200)) {
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Redirect(to) => (StatusCode::FOUND, [("location", to)]).into_response(),
        Answer::Silence => std::future::pending().await,
    }
}
