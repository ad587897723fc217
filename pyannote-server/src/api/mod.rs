//! The API over HTTP: routes, and what is done for each request.

mod check;
mod error;
mod gate;
mod health;
mod jobs;
mod live;
mod media;
mod query;
mod receive;
mod rules;
mod schema;
mod storage;
mod submit;
mod test_key;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};

use crate::engine::Engine;
use crate::faults::Faults;
use crate::key::Keys;
use crate::limits::Limiter;
use crate::media::{MediaFolder, Signer};
use crate::metrics::Metrics;
use crate::operation::Operation;
use crate::record::Record;
use crate::store::Store;

pub(crate) use schema::Schemas;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) keys: Keys,
    pub(crate) limiter: Limiter,
    pub(crate) faults: Faults,
    pub(crate) record: Record,
    pub(crate) metrics: Metrics,
    pub(crate) store: Store,
    pub(crate) media: MediaFolder,
    pub(crate) signer: Signer,
    pub(crate) schemas: Schemas,
    pub(crate) engine: Arc<dyn Engine>,
    /// The origin of pre-signed URLs, without a slash at its end.
    pub(crate) origin: String,
    /// The largest body of a request, in bytes.
    pub(crate) largest_body: usize,
    /// The largest medium, in bytes.
    pub(crate) largest_medium: u64,
    /// How long a pre-signed URL is valid.
    pub(crate) presigned_for: Duration,
}

/// The name of the team whose key a request has.
#[derive(Clone, Debug)]
struct Team(String);

/// The routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    let gated = |routes: MethodRouter<Arc<App>>, operation: Operation| {
        let app = Arc::clone(&app);
        routes.route_layer(from_fn(move |request, next| {
            gate::pass(Arc::clone(&app), operation, request, next)
        }))
    };
    Router::new()
        .route("/v1/test", gated(get(test_key::test), Operation::TestKey))
        .route(
            "/v1/diarize",
            gated(post(submit::diarize), Operation::Diarize),
        )
        .route(
            "/v1/identify",
            gated(post(submit::identify), Operation::Identify),
        )
        .route(
            "/v1/voiceprint",
            gated(post(submit::voiceprint), Operation::Voiceprint),
        )
        .route("/v1/jobs/{id}", gated(get(jobs::get), Operation::GetJob))
        .route("/v2/jobs", gated(get(jobs::list), Operation::ListJobs))
        .route(
            "/v1/media/input",
            gated(post(media::input), Operation::MediaInput),
        )
        .route(
            "/v1/media/output",
            gated(post(media::output), Operation::MediaOutput),
        )
        .route(
            "/v1/live",
            gated(post(live::refuse), Operation::CreateStream),
        )
        .route(
            "/v1/live/{id}",
            gated(get(live::refuse), Operation::GetStream),
        )
        .route(
            "/media/{team}/{*key}",
            gated(get(storage::download), Operation::StorageDownload).merge(gated(
                axum::routing::put(storage::upload),
                Operation::StorageUpload,
            )),
        )
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(health::metrics))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        // Bodies are limited where they are received, in the form of the API's errors.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&app), receive::receive))
        .with_state(app)
}
