//! The SDK against a server on loopback that does what the test says, on a clock that no test has to wait for.

mod batch;
mod decoders;
mod errors;
mod jobs;
mod requests;
mod results;

mod transport;
mod wait;

use std::sync::Arc;

use pyannote::testing::ManualClock;
use pyannote::{Client, ClientBuilder};
use pyannote_tests::http::TestServer;

/// A client of `server`, on a clock that jumps over every sleep.
fn client(server: &TestServer) -> (Client, ManualClock) {
    let (builder, clock) = builder(server);
    (builder.build().unwrap(), clock)
}

fn builder(server: &TestServer) -> (ClientBuilder, ManualClock) {
    let clock = ManualClock::jumping();
    let builder = Client::builder()
        .api_key("secret-key")
        .base_url(server.url())
        .clock(Arc::new(clock.clone()));
    (builder, clock)
}

/// An accepted job.
const CREATED: &str = r#"{"jobId":"3c8a89a5-dcc6-4edb-a75d-ffd64739674d","status":"created"}"#;
const AUDIO: &str = "https://example.com/a.wav";
