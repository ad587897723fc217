//! The SDK against a scripted server on loopback, with a clock that skips sleeps.

mod errors;
mod every_fault;
mod find_lost_job;
mod jobs;
mod limits;
mod live;
mod logs;
mod observability;
mod odd_bodies;
mod requests;
mod results;
mod secrets;
mod submissions;
mod submit_all;
mod tls;
mod transport;
mod wait;
mod wait_all;

use std::sync::Arc;

use pyannote::testing::ManualClock;
use pyannote::{Client, ClientBuilder};
use pyannote_tests::http::TestServer;

/// A client of `server`, with a clock that skips sleeps.
fn client(server: &TestServer) -> (Client, ManualClock) {
    let (builder, clock) = builder(server);
    (builder.build().unwrap(), clock)
}

fn builder(server: &TestServer) -> (ClientBuilder, ManualClock) {
    let clock = ManualClock::auto_advancing();
    let builder = Client::builder()
        .api_key("secret-key")
        .base_url(server.url())
        .clock(Arc::new(clock.clone()));
    (builder, clock)
}

/// The response to a submission.
const CREATED: &str = r#"{"jobId":"3c8a89a5-dcc6-4edb-a75d-ffd64739674d","status":"created"}"#;
const AUDIO: &str = "https://example.com/a.wav";
