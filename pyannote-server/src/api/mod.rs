//! HTTP API: routes, middleware and handlers.

mod authorize;
mod body;
mod error;
mod health;
mod home;
mod jobs;
mod list_query;
mod live;
mod media;
mod operation_layer;
mod operator;
mod parse_request;
mod request_layer;
mod rules;
mod schema;
mod storage;
mod submit;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::api_key::ApiKeys;
use crate::connections::ConnectionLimits;
use crate::engine::Engine;
use crate::faults::Faults;
use crate::live::Live;
use crate::media::{MediaStore, UrlSigner};
use crate::metrics::Metrics;
use crate::operation::Operation;
use crate::rate_limit::RateLimiter;
use crate::request_log::RequestLog;
use crate::store::Store;
use crate::worker::Lanes;

pub(crate) use health::worker_router;
pub(crate) use schema::Schemas;

/// State that the handlers share.
pub(crate) struct AppState {
    pub(crate) keys: ApiKeys,
    /// The operator's key, or none.
    pub(crate) operator_keys: ApiKeys,
    pub(crate) rate_limiter: RateLimiter,
    pub(crate) faults: Faults,
    pub(crate) request_log: RequestLog,
    pub(crate) metrics: Arc<Metrics>,
    /// What the workers are doing.
    pub(crate) lanes: Lanes,
    pub(crate) live: Arc<Live>,
    pub(crate) store: Store,
    pub(crate) media: MediaStore,
    pub(crate) url_signer: UrlSigner,
    pub(crate) schemas: Schemas,
    /// Permits to parse large request bodies: one per processor.
    pub(crate) large_bodies: Arc<Semaphore>,
    pub(crate) engine: Arc<dyn Engine>,
    /// Origin of pre-signed URLs and those of streams, without a trailing slash.
    pub(crate) origin: String,
    pub(crate) connection_limits: ConnectionLimits,
    /// Whether webhooks may be sent to private and loopback addresses.
    pub(crate) allow_private_networks: bool,
    /// Maximum size of a request body, in bytes.
    pub(crate) max_body_bytes: usize,
    /// Maximum size of an upload, in bytes.
    pub(crate) max_media_bytes: u64,
    pub(crate) presigned_url_lifetime: Duration,
    /// Whether no webhook is sent, because there is no secret to sign them with.
    pub(crate) drops_webhooks: bool,
}

/// Team of the API key that a request was sent with.
#[derive(Clone, Debug)]
struct Team(String);

/// Creates the router.
pub(crate) fn router(state: Arc<AppState>) -> Router {
    let operation = |operation: Operation, routes: MethodRouter<Arc<AppState>>| {
        let state = Arc::clone(&state);
        routes.route_layer(from_fn(move |request, next| {
            operation_layer::handle(Arc::clone(&state), operation, request, next)
        }))
    };
    let upload = operation(Operation::StorageUpload, put(storage::upload));
    let download = operation(Operation::StorageDownload, get(storage::download));
    let operations = [
        ("/v1/test", Operation::TestKey, get(test_key)),
        ("/v1/diarize", Operation::Diarize, post(submit::diarize)),
        ("/v1/identify", Operation::Identify, post(submit::identify)),
        (
            "/v1/voiceprint",
            Operation::Voiceprint,
            post(submit::voiceprint),
        ),
        ("/v1/jobs/{id}", Operation::GetJob, get(jobs::get)),
        ("/v2/jobs", Operation::ListJobs, get(jobs::list)),
        ("/v1/media/input", Operation::MediaInput, post(media::input)),
        (
            "/v1/media/output",
            Operation::MediaOutput,
            post(media::output),
        ),
        ("/v1/live", Operation::CreateStream, post(live::create)),
        ("/v1/live/{id}", Operation::GetStream, get(live::get)),
        ("/live/{id}", Operation::ConnectStream, get(live::connect)),
    ];
    let operator = match state.operator_keys.is_empty() {
        true => Router::new(),
        false => Router::new().route("/operator/jobs/{id}/cancel", post(operator::cancel)),
    };
    operations
        .into_iter()
        .fold(Router::new(), |router, (path, name, routes)| {
            router.route(path, operation(name, routes))
        })
        .route("/media/{team}/{*key}", download.merge(upload))
        .merge(operator)
        .route("/", get(home::home))
        .route("/openapi.yaml", get(home::specification))
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(health::metrics))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        // The request layer limits bodies itself, to respond with the API's own error.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(
            Arc::clone(&state),
            request_layer::handle,
        ))
        .with_state(state)
}

/// `GET /v1/test`: tests an API key, which the operation layer has already done.
async fn test_key() -> Json<Value> {
    Json(json!({ "status": "OK", "message": "API key is valid" }))
}
