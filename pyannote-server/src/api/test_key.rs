//! The check of a key: `GET /v1/test`.

use axum::Json;
use serde_json::{Value, json};

pub(super) async fn test() -> Json<Value> {
    Json(json!({ "status": "OK", "message": "API key is valid" }))
}
