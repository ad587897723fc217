//! The engine with the open models on the sample recording, partly through the server and the SDK.
//!
//! The models are not in the repository, so these tests are ignored by default. To run them:
//!
//! ```text
//! cargo xtask assets
//! cargo test -p pyannote-tests --test all engine -- --ignored
//! ```

mod channels;
mod identification;
mod live;
mod robustness;
mod sample;
mod transcription;

use std::sync::{Arc, LazyLock};

use pyannote::output::{Turns, rttm};
use pyannote::{Client, MediaUrl};
use pyannote_engine::OpenModels;
use pyannote_engine::assets::Assets;
use pyannote_server::Server;
use pyannote_server::engine::DiarizerEngine;

fn assets() -> Assets {
    let assets = Assets::locate().unwrap();
    assert!(assets.ready(), "run `cargo xtask assets` first");
    assets
}

/// The models, loaded once.
static MODELS: LazyLock<Arc<OpenModels>> =
    LazyLock::new(|| Arc::new(OpenModels::load(&assets()).unwrap()));

/// The samples of the sample recording.
fn sample() -> Vec<f32> {
    pyannote_engine::audio::decode(assets().sample().wav)
        .unwrap()
        .samples(..)
        .unwrap()
}

/// The reference turns of the sample recording.
fn reference() -> Turns {
    let text = std::fs::read_to_string(assets().sample().rttm).unwrap();
    rttm::parse(&text).unwrap().remove(0).1
}

/// A server with the models, a client, and the uploaded sample recording.
async fn server() -> (Server, Client, MediaUrl) {
    let engine = DiarizerEngine::new(MODELS.clone());
    let builder = Server::builder().engine(engine).key("test-key");
    let server = builder.start().await.unwrap();
    let client = Client::builder()
        .api_key("test-key")
        .base_url(server.url())
        .build()
        .unwrap();
    let media = client.upload(assets().sample().wav).await.unwrap();
    (server, client, media)
}
