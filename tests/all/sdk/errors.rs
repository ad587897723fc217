//! What errors say.

use pyannote::{Diarization, Error, ErrorKind, Job};

use super::{AUDIO, client};
use pyannote_tests::http::{Response, TestServer};

async fn submission(response: Response) -> Error {
    let server = TestServer::with_responses([response]).await;
    let (client, _) = client(&server);
    client.diarize(AUDIO).submit().await.unwrap_err()
}

async fn read(response: Response) -> Error {
    let server = TestServer::with_responses([response]).await;
    let (client, _) = client(&server);
    let job: Job<Diarization> = client.job("1");
    job.wait().await.unwrap_err()
}

#[tokio::test]
async fn each_refusal_says_what_to_do() {
    let api = |status, message: &str| {
        Response::new(
            status,
            format!(r#"{{"requestId":"37a4c3a0","message":"{message}"}}"#),
        )
    };
    let mut shown = String::new();
    for (response, kind) in [
        (
            Response::new(400, pyannote_tests::body("error_400")),
            ErrorKind::Validation,
        ),
        (api(401, "Invalid API key"), ErrorKind::Unauthorized),
        (
            api(402, "Insufficient credits and no active subscription"),
            ErrorKind::PaymentRequired,
        ),
        (api(403, "Forbidden"), ErrorKind::Forbidden),
        (api(404, "Not found"), ErrorKind::NotFound),
        (api(413, "Payload too large"), ErrorKind::TooLarge),
        (api(408, "Timeout"), ErrorKind::OutcomeUnknown),
        (
            api(429, "Too many requests").header("retry-after", 3600),
            ErrorKind::RateLimited,
        ),
        (
            Response::new(418, "<html>I am a teapot</html>").header("content-type", "text/html"),
            ErrorKind::UnexpectedStatus,
        ),
        (
            Response::new(500, "<html>\n<h1>502 Bad Gateway</h1>\n</html>"),
            ErrorKind::OutcomeUnknown,
        ),
    ] {
        let error = submission(response).await;
        assert_eq!(error.kind(), kind);
        shown.push_str(&format!("{kind:?}: {error}\n"));
    }
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn the_services_400_is_like_our_own() {
    let error = submission(Response::new(400, pyannote_tests::body("error_400"))).await;
    assert_eq!(error.kind(), ErrorKind::Validation);
    assert_eq!(error.field_errors()[0].field, "url");
    assert_eq!(error.field_errors()[0].message, "Invalid URL");
}

#[tokio::test]
async fn each_end_of_a_wait_says_what_to_do() {
    let mut shown = String::new();
    for (response, kind) in [
        (
            Response::ok(r#"{"jobId":"1","status":"failed","output":{"error":"no speech found"}}"#),
            ErrorKind::JobFailed,
        ),
        (
            Response::ok(r#"{"jobId":"1","status":"failed"}"#),
            ErrorKind::JobFailed,
        ),
        (
            Response::ok(r#"{"jobId":"1","status":"canceled"}"#),
            ErrorKind::JobCanceled,
        ),
        (
            Response::ok(r#"{"jobId":"1","status":"succeeded"}"#),
            ErrorKind::OutputGone,
        ),
        (
            Response::ok(r#"{"jobId":"1","status":"succeeded","output":{"voiceprint":"AAAA"}}"#),
            ErrorKind::Decode,
        ),
        (
            Response::ok(
                r#"{"jobId":"1","status":"succeeded","output":{"diarization":[{"speaker":"A","start":"0","end":1}]}}"#,
            ),
            ErrorKind::Decode,
        ),
        (
            Response::ok("<html>Sign in to the hotel's network</html>"),
            ErrorKind::Decode,
        ),
        (
            Response::ok(r#"{"jobId":"1","status":"succ"#),
            ErrorKind::Decode,
        ),
        (
            Response::new(404, r#"{"message":"Not found"}"#),
            ErrorKind::NotFound,
        ),
        (Response::new(500, "{}"), ErrorKind::Server),
    ] {
        let error = read(response).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.job_id().unwrap().as_str(), "1", "{error}");
        shown.push_str(&format!("{kind:?}: {error}\n"));
    }
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn debug_output_has_the_parts() {
    let error = read(Response::ok(
        r#"{"jobId":"1","status":"failed","output":{"error":"no speech found"}}"#,
    ))
    .await;
    insta::assert_debug_snapshot!(error);
    let error = submission(Response::new(400, pyannote_tests::body("error_400"))).await;
    insta::assert_debug_snapshot!(error);
}
