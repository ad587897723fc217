//! `GET /`: a page that says what this is, and `GET /openapi.yaml`: the specification. Neither needs an API key.

use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use serde_json::{Value, json};

use super::AppState;
use super::schema::SPECIFICATION;

/// Has the commands that the page shows.
const README: &str = include_str!("../../README.md");
const PAGE: &str = include_str!("home.html");
/// Base URL in the README.
const README_URL: &str = "http://127.0.0.1:8000";
/// Base URL in the specification.
const SPECIFICATION_URL: &str = "https://api.pyannote.ai";
/// The page needs nothing but its own style sheet.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// The page, or what it says as JSON if the client prefers that.
pub(super) async fn home(State(state): State<Arc<AppState>>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let body = match prefers_json(accept.unwrap_or_default()) {
        true => Json(summary()).into_response(),
        false => (
            [(CONTENT_SECURITY_POLICY, POLICY)],
            Html(page(&state.origin)),
        )
            .into_response(),
    };
    ([(VARY, ACCEPT.as_str())], body).into_response()
}

/// The specification, with this server's base URL.
pub(super) async fn specification(State(state): State<Arc<AppState>>) -> Response {
    let text = SPECIFICATION.replace(SPECIFICATION_URL, &state.origin);
    ([(CONTENT_TYPE, "application/yaml")], text).into_response()
}

/// Whether an `Accept` header names JSON before HTML.
fn prefers_json(accept: &str) -> bool {
    match (accept.find("application/json"), accept.find("text/html")) {
        (Some(json), Some(html)) => json < html,
        (json, _) => json.is_some(),
    }
}

fn page(origin: &str) -> String {
    let mut rows = String::new();
    for [method, path, summary] in &*OPERATIONS {
        rows += &format!(
            "<tr><td>{method}</td><td><code>{}</code></td><td>{}</td></tr>\n",
            escape(path),
            escape(summary)
        );
    }
    let commands = commands().replace(README_URL, origin);
    PAGE.replace("{operations}", &rows)
        .replace("{commands}", &escape(&commands))
}

fn summary() -> Value {
    let operations = OPERATIONS.iter().map(
        |[method, path, summary]| json!({ "method": method, "path": path, "summary": summary }),
    );
    json!({
        "name": "pyannote-server",
        "description": "A server that implements the pyannoteAI API",
        "specification": "/openapi.yaml",
        "documentation": "https://docs.pyannote.ai",
        "health": "/healthz",
        "metrics": "/metrics",
        "operations": operations.collect::<Vec<_>>(),
    })
}

/// Method, path and summary of the operations in the specification.
static OPERATIONS: LazyLock<Vec<[String; 3]>> = LazyLock::new(|| {
    let specification: Value = yaml_serde::from_str(SPECIFICATION).unwrap_or_default();
    let paths = specification["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| {
            let summary = operation["summary"].as_str().unwrap_or_default();
            [method.to_uppercase(), path.clone(), summary.to_owned()]
        })
    });
    operations.collect()
});

/// The commands in the README that diarize a file with curl.
fn commands() -> &'static str {
    let section = README.split_once("## Diarize a file with curl");
    let start = section.and_then(|(_, rest)| rest.split_once("```sh\n"));
    let block = start.and_then(|(_, rest)| rest.split_once("\n```"));
    block.map_or("", |(block, _)| block)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_returned_to_clients_that_name_it_first() {
        for (accept, expected) in [
            ("", false),
            ("*/*", false),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                false,
            ),
            ("application/json", true),
            ("application/json, text/plain, */*", true),
            ("text/html, application/json;q=0.5", false),
            ("application/json, text/html;q=0.5", true),
        ] {
            assert_eq!(prefers_json(accept), expected, "{accept}");
        }
    }

    #[test]
    fn the_page_has_all_operations_and_the_commands_with_the_servers_url() {
        let page = page("https://diarization.example");
        assert_eq!(OPERATIONS.len(), 10);
        for [method, path, summary] in &*OPERATIONS {
            let row =
                format!("<tr><td>{method}</td><td><code>{path}</code></td><td>{summary}</td></tr>");
            assert!(page.contains(&row), "{row}");
            assert!(!summary.is_empty(), "{path}");
        }
        assert!(
            page.contains("PYANNOTEAI_BASE_URL=https://diarization.example PYANNOTEAI_API_KEY=")
        );
        assert!(
            page.contains("curl -sS --upload-file meeting.wav"),
            "{page}"
        );
        assert!(page.contains("/v1/jobs/$job_id\" &gt; job.json"), "{page}");
        for absent in [
            README_URL,
            "{operations}",
            "{commands}",
            "<script",
            "src=",
            "@import",
            "<link rel=\"stylesheet",
        ] {
            assert!(!page.contains(absent), "{absent}");
        }
    }

    #[test]
    fn the_specification_names_its_base_url_once() {
        assert_eq!(SPECIFICATION.matches(SPECIFICATION_URL).count(), 1);
    }
}
