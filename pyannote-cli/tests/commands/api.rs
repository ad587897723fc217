//! `pyannote test` and `pyannote api`.

use http::StatusCode;
use pyannote_server::{Fault, Operation};

use crate::sandbox::Sandbox;

#[test]
fn the_key_is_tested() {
    let sandbox = Sandbox::new();
    sandbox.run(&["test"]);
    sandbox.run(&["test", "--quiet"]);
    sandbox.run(&["test", "--json"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn any_request() {
    let sandbox = Sandbox::new();
    sandbox.run(&["api", "GET", "/v1/test"]);
    sandbox.run(&["api", "get", "/v2/jobs?limit=5"]);
    sandbox.run(&[
        "api",
        "POST",
        "/v1/diarize",
        "--data",
        r#"{"url": "https://example.com/a.wav"}"#,
    ]);
    sandbox.pipe(
        br#"{"url": 5}"#,
        &["api", "POST", "/v1/diarize", "--data-file", "-"],
    );
    sandbox.run(&["api", "POST", "/v1/diarize", "--data", "{"]);
    sandbox.run(&["api", "GET", "/v1/nothing"]);
    sandbox.run(&["api", "GET", "https://example.com/"]);
    sandbox.run(&["api", "G T", "/v1/test"]);
    sandbox.run_with(&["api", "GET", "/v1/test"], |command| {
        command.env("PYANNOTEAI_API_KEY", "another-key");
    });
    insta::assert_snapshot!(sandbox.transcript());
}

/// A job may have been submitted, and billed.
#[test]
fn requests_without_an_answer() {
    let sandbox = Sandbox::new();
    let faults = sandbox.server().faults();
    let unavailable = || Fault::Status {
        status: StatusCode::SERVICE_UNAVAILABLE,
        retry_after: None,
        body: None,
    };
    let lost = || Fault::TruncateBody { after_bytes: 0 };
    let body = r#"{"url":"https://example.com/a.wav"}"#;
    for fault in [lost(), unavailable()] {
        faults.inject(Operation::Diarize, 1, fault);
        sandbox.run(&["api", "POST", "/v1/diarize", "--data", body]);
    }
    for fault in [lost(), unavailable()] {
        faults.inject(Operation::ListJobs, 1, fault);
        sandbox.run(&["api", "GET", "/v2/jobs"]);
    }
    insta::assert_snapshot!(sandbox.transcript());
}
