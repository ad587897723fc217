//! The example that finds a job whose response was lost.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use pyannote::{Client, Diarization, Job};
use pyannote_tests::http::{Response, TestServer};
use serde_json::json;

use super::{AUDIO, CREATED};

#[allow(dead_code, reason = "the program itself does not run here")]
#[path = "../../../pyannote/examples/find_lost_job.rs"]
mod example;

/// Submits two recordings to a server that cuts the response to the second one, before the id. `listed` are the jobs in
/// the listing, with their age in minutes.
async fn submit_two(
    listed: &'static [(&'static str, i64)],
) -> (TestServer, Vec<String>, Result<Job<Diarization>, String>) {
    let mut submissions = 0;
    let server = TestServer::start(move |request| match request.method.as_str() {
        "GET" => {
            let items = listed.iter().map(|(id, age_min)| {
                let created_at = Utc::now() - TimeDelta::minutes(*age_min);
                json!({"id": id, "status": "created", "createdAt": created_at.to_rfc3339()})
            });
            let items: Vec<_> = items.collect();
            Response::ok(json!({"items": items, "nextCursor": null}).to_string())
        }
        _ => {
            submissions += 1;
            match submissions {
                1 => Response::ok(r#"{"jobId":"known"}"#),
                _ => Response::truncated(CREATED, 12),
            }
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let ids = folder.path().join("jobs.txt");
    let builder = Client::builder().api_key("key").base_url(server.url());
    let client = example::client(builder, ids.clone()).unwrap();
    let submit = || example::submit_or_find(&client, AUDIO, &ids, Duration::ZERO);
    assert_eq!(submit().await.unwrap().id().as_str(), "known");
    let second = submit().await.map_err(|error| error.to_string());
    let ids = std::fs::read_to_string(ids).unwrap();
    (server, ids.lines().map(str::to_owned).collect(), second)
}

#[tokio::test]
async fn finds_the_job_whose_id_is_not_known() {
    let (server, ids, job) = submit_two(&[("lost", 0), ("known", 0), ("old", 60)]).await;
    assert_eq!(job.unwrap().id().as_str(), "lost");
    assert_eq!(ids, ["known", "lost"]);
    assert_eq!(
        server.request_lines(),
        [
            "POST /v1/diarize",
            "POST /v1/diarize",
            "GET /v2/jobs?limit=100"
        ]
    );
}

#[tokio::test]
async fn says_which_jobs_may_be_the_lost_one() {
    let (_, ids, job) = submit_two(&[("a", 0), ("b", 1), ("known", 1)]).await;
    assert_eq!(
        job.unwrap_err(),
        "one of these jobs may be the lost one: a, b"
    );
    assert_eq!(ids, ["known"]);
}

#[tokio::test]
async fn looks_again_before_it_says_that_there_is_no_job() {
    let (server, _, job) = submit_two(&[("known", 0), ("old", 60)]).await;
    assert!(
        job.unwrap_err()
            .contains("check the dashboard before you submit it again")
    );
    assert_eq!(server.request_count(), 12);
}
