//! Spans and counters.

use std::time::Duration;

use pyannote::{Diarization, RateLimit};
use pyannote_tests::http::{Response, TestServer};

use super::logs::Logs;
use super::{AUDIO, CREATED, builder};

const JOB: &str = r#"{"jobId":"1","status":"succeeded","output":{"diarization":[]}}"#;

#[tokio::test]
async fn spans_have_the_names_of_opentelemetry() {
    let server = TestServer::with_responses([
        Response::new(429, "{}").header("retry-after", 7),
        Response::ok(CREATED),
        Response::ok(JOB),
        Response::ok(r#"{"items":[],"total":0}"#),
    ])
    .await;
    let (builder, _) = builder(&server);
    let client = builder.build().unwrap();
    let logs = Logs::default();
    {
        let _recording = logs.record();
        let job = client.diarize(AUDIO).submit().await.unwrap();
        job.wait().await.unwrap();
        client.jobs().page(Some("secret-cursor")).await.unwrap();
    }
    let text = logs.text();
    let closed: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("request{") && line.contains("close"))
        .collect();
    let port = server.url().rsplit(':').next().unwrap();
    let [limited, accepted, job, list] = closed[..] else {
        panic!("{text}");
    };
    for (line, fields) in [
        (
            limited,
            &[
                r#"otel.kind="client""#,
                r#"otel.name="POST /v1/diarize""#,
                r#"otel.status_code="ERROR""#,
                r#"operation="diarize""#,
                r#"http.request.method="POST""#,
                "http.response.status_code=429",
                r#"error.type="429""#,
                r#"server.address="127.0.0.1""#,
                &format!("server.port={port}"),
                &format!(r#"url.full="{}/v1/diarize""#, server.url()),
                r#"url.template="/v1/diarize""#,
            ][..],
        ),
        (
            accepted,
            &[
                "http.request.resend_count=1",
                "http.response.status_code=200",
            ],
        ),
        (
            job,
            &[
                r#"otel.name="GET /v1/jobs/{jobId}""#,
                r#"operation="get_job_by_id""#,
            ],
        ),
        (
            list,
            &[&format!(r#"url.full="{}/v2/jobs?…""#, server.url())],
        ),
    ] {
        for field in fields {
            assert!(line.contains(field), "{field} in {line}");
        }
    }
    assert!(!limited.contains("resend_count") && !accepted.contains("error.type"));
    assert!(!text.contains("secret-cursor"), "{text}");
    let warning = text.lines().find(|line| line.contains("retrying")).unwrap();
    assert!(
        warning.contains("WARN") && warning.contains(r#"error.type="429""#),
        "{warning}"
    );
}

#[tokio::test]
async fn the_client_counts_what_it_does() {
    let mut submissions = 0;
    let server = TestServer::start(move |request| {
        if request.method == "GET" {
            return match request.path.as_str() {
                "/v2/jobs" => Response::ok(r#"{"items":[],"total":0}"#),
                _ => Response::ok(JOB),
            };
        }
        submissions += 1;
        match submissions {
            1 => Response::new(429, "{}").header("retry-after", 7),
            2 => Response::ok(CREATED),
            _ => Response::reset(),
        }
    })
    .await;
    let (builder, _) = builder(&server);
    let client = builder
        .rate_limit(RateLimit::per_minute(1))
        .total_timeout(Duration::from_secs(600))
        .build()
        .unwrap();
    let other = client.clone();
    let job = client.diarize(AUDIO).submit().await.unwrap();
    other
        .job::<Diarization>(job.id().clone())
        .wait()
        .await
        .unwrap();
    client.diarize(AUDIO).submit().await.unwrap_err();
    let metrics = client.metrics();
    let requests: Vec<_> = metrics
        .requests
        .iter()
        .map(|count| (count.operation, count.result, count.count))
        .collect();
    for expected in [
        ("diarize", "ok", 1),
        ("diarize", "429", 1),
        ("diarize", "connection_lost", 1),
        ("get_job_by_id", "ok", 1),
    ] {
        assert!(requests.contains(&expected), "{expected:?} in {requests:?}");
    }
    assert_eq!(metrics.retries, 1);
    assert!(metrics.polls > 0);
    assert_eq!(
        (metrics.submissions_accepted, metrics.submissions_unknown),
        (1, 1)
    );
    assert_eq!(metrics.waits_in_progress, 0);
    assert!(metrics.rate_limit_waits > 0 && metrics.rate_limit_wait_s > 1.0);
    let body = format!(r#"{{"url":"{AUDIO}"}}"#).len() as u64;
    assert_eq!(
        metrics.bytes_sent,
        2 * body,
        "the response to the third was lost"
    );
    let bodies = (2 + CREATED.len() + JOB.len()) as u64;
    assert!(metrics.bytes_received >= bodies, "{metrics:?}");
}
