//! The engine with the open models, on the sample recording, through the server and the SDK.
//!
//! The models are not in the repository, so these tests run where they were fetched:
//!
//! ```text
//! cargo xtask assets
//! cargo test -p pyannote-tests --test engine -- --ignored
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod audio;
mod voices;

use std::sync::{Arc, LazyLock};

use pyannote::{Client, MediaUrl};
use pyannote_local::LocalServer;
use pyannote_local::assets::Assets;
use pyannote_local::engine::{
    Diarization, DiarizeError, Diarizer, DiarizingEngine, OpenModels, Speakers, Stop,
};

fn assets() -> Assets {
    let assets = Assets::locate().unwrap();
    assert!(assets.ready(), "run `cargo xtask assets` first");
    assets
}

/// The models, loaded once for all tests.
#[derive(Clone)]
struct Models(Arc<OpenModels>);

static MODELS: LazyLock<Models> =
    LazyLock::new(|| Models(Arc::new(OpenModels::load(&assets()).unwrap())));

impl Diarizer for Models {
    fn models(&self) -> &str {
        self.0.models()
    }

    fn embedding_model(&self) -> &str {
        self.0.embedding_model()
    }

    fn diarize(
        &self,
        samples: &[f32],
        speakers: Speakers,
        stop: &Stop,
    ) -> Result<Diarization, DiarizeError> {
        self.0.diarize(samples, speakers, stop)
    }

    fn same_voice(&self, cosine: f32) -> f32 {
        self.0.same_voice(cosine)
    }
}

/// The samples of the sample recording.
fn sample() -> Vec<f32> {
    pyannote_local::audio::decode(assets().sample().wav)
        .unwrap()
        .samples
}

/// A server with the models, a client of it, and the sample recording, uploaded.
async fn server() -> (LocalServer, Client, MediaUrl) {
    let engine = DiarizingEngine::new(MODELS.clone());
    let builder = LocalServer::builder().engine(engine).key("test-key");
    let server = builder.start().await.unwrap();
    let client = Client::builder()
        .api_key("test-key")
        .base_url(server.url())
        .build()
        .unwrap();
    let media = client.upload(assets().sample().wav).await.unwrap();
    (server, client, media)
}
