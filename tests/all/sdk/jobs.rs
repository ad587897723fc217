//! Listing jobs.

use futures_util::{StreamExt, TryStreamExt};
use pyannote::{ErrorKind, JobStatus, JobSummary, RetryPolicy};
use pyannote_tests::http::{Response, TestServer};

use super::{builder, client};

fn page(ids: std::ops::Range<u32>, next: Option<&str>) -> Response {
    let items: Vec<_> = ids
        .map(|id| {
            serde_json::json!({
                "id": format!("job-{id}"),
                "status": "succeeded",
                "createdAt": "2025-11-06T09:07:49.932Z",
                "model": "precision-3",
            })
        })
        .collect();
    Response::ok(serde_json::json!({ "items": items, "nextCursor": next }).to_string())
}

#[tokio::test]
async fn pages_are_fetched_on_demand() {
    let server = TestServer::with_responses([
        page(0..100, Some("c-1")),
        page(100..200, Some("c-2")),
        page(200..203, None),
    ])
    .await;
    let (client, _) = client(&server);
    let mut jobs = std::pin::pin!(client.jobs().status(JobStatus::Succeeded).stream());
    let first = jobs.next().await.unwrap().unwrap();
    assert_eq!(first.id.as_str(), "job-0");
    assert_eq!(first.extra["model"], "precision-3");
    assert_eq!(server.request_count(), 1);
    let rest: Vec<JobSummary> = jobs.try_collect().await.unwrap();
    assert_eq!(rest.len(), 202);
    assert_eq!(
        server.request_lines(),
        [
            "GET /v2/jobs?limit=100&status=succeeded",
            "GET /v2/jobs?limit=100&cursor=c-1&status=succeeded",
            "GET /v2/jobs?limit=100&cursor=c-2&status=succeeded",
        ]
    );
}

#[tokio::test]
async fn observed_page() {
    let server = TestServer::with_responses([Response::ok(pyannote_tests::body("job_list"))]).await;
    let (client, _) = client(&server);
    let page = client.jobs().page_size(10).page(Some("a b")).await.unwrap();
    insta::assert_debug_snapshot!(page);
    assert_eq!(server.request_lines(), ["GET /v2/jobs?limit=10&cursor=a+b"]);
}

#[tokio::test]
async fn a_repeated_cursor_ends_the_listing() {
    let server = TestServer::with_responses([page(0..1, Some("same"))]).await;
    let (client, _) = client(&server);
    let jobs: Vec<JobSummary> = client.jobs().stream().try_collect().await.unwrap();
    assert_eq!(jobs.len(), 1, "the repeated job is not listed again");
    assert_eq!(server.request_count(), 2);
}

#[tokio::test]
async fn a_cycle_of_cursors_ends_the_listing() {
    let mut number = 0;
    let server = TestServer::start(move |_| {
        number += 1;
        page(number..number + 1, Some(&format!("c-{}", number % 3)))
    })
    .await;
    let (client, _) = client(&server);
    let jobs: Vec<JobSummary> = client.jobs().stream().try_collect().await.unwrap();
    assert_eq!(jobs.len(), 4);
}

#[tokio::test]
async fn endless_empty_pages_end_the_listing() {
    let mut number = 0;
    let server = TestServer::start(move |_| {
        number += 1;
        page(0..u32::from(number == 1), Some(&format!("c-{number}")))
    })
    .await;
    let (client, _) = client(&server);
    let jobs: Vec<JobSummary> = client.jobs().stream().try_collect().await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(server.request_count(), 101);
}

#[tokio::test]
async fn odd_items_do_not_end_the_listing() {
    let body = r#"{"items":[
        {"id":"a","status":"running","createdAt":null},
        null, "b", {"status":"running"},
        {"id":"c","status":null,"createdAt":"2026-01-01 00:00:00"},
        {"id":"d","status":"succeeded","createdAt":"2025-11-06T09:07:49.932Z"}
    ]}"#;
    let server = TestServer::with_responses([Response::ok(body)]).await;
    let (client, _) = client(&server);
    assert_eq!(client.jobs().page(None).await.unwrap().skipped, 3);
    let jobs: Vec<JobSummary> = client.jobs().stream().try_collect().await.unwrap();
    let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    assert_eq!(ids, ["a", "c", "d"]);
    assert_eq!(jobs[1].status, JobStatus::Other("null".to_owned()));
    assert_eq!(jobs[1].extra["createdAt"], "2026-01-01 00:00:00");
    assert!(jobs[2].created_at.is_some());
}

#[tokio::test]
async fn an_error_ends_the_stream() {
    let server =
        TestServer::with_responses([page(0..2, Some("c-1")), Response::new(401, "{}")]).await;
    let (client, _) = client(&server);
    let results: Vec<_> = client.jobs().stream().collect().await;
    assert_eq!(results.len(), 3);
    assert_eq!(
        results[2].as_ref().unwrap_err().kind(),
        ErrorKind::Unauthorized
    );
}

#[tokio::test]
async fn a_listing_starts_at_a_cursor() {
    let server = TestServer::with_responses([
        page(0..1, Some("c-2")),
        page(1..2, None),
        page(0..1, Some("c-2")),
    ])
    .await;
    let (client, _) = client(&server);
    let jobs = client.jobs().cursor("c-1");
    let listed: Vec<JobSummary> = jobs.clone().stream().try_collect().await.unwrap();
    assert_eq!(listed.len(), 2);
    jobs.page(None).await.unwrap();
    assert_eq!(
        server.request_lines(),
        [
            "GET /v2/jobs?limit=100&cursor=c-1",
            "GET /v2/jobs?limit=100&cursor=c-2",
            "GET /v2/jobs?limit=100&cursor=c-1",
        ]
    );
}

/// Items that were created at these minutes after 09:00.
fn page_at(minutes: &[u32], next: Option<&str>) -> Response {
    let items: Vec<_> = minutes
        .iter()
        .map(|minute| {
            serde_json::json!({
                "id": format!("job-{minute}"),
                "status": "succeeded",
                "createdAt": format!("2025-11-06T09:{minute:02}:00Z"),
            })
        })
        .collect();
    Response::ok(serde_json::json!({ "items": items, "nextCursor": next }).to_string())
}

#[tokio::test]
async fn a_listing_is_restricted_to_a_time_of_creation() {
    let server = TestServer::with_responses([
        page_at(&[50, 40], Some("c-1")),
        page_at(&[30, 20], Some("c-2")),
        page_at(&[10, 5], Some("c-3")),
        page_at(&[10, 5], Some("c-3")),
    ])
    .await;
    let (client, _) = client(&server);
    let at = |minute: u32| format!("2025-11-06T09:{minute:02}:00Z").parse().unwrap();
    let jobs = client.jobs().created_after(at(10)).created_before(at(40));
    let listed: Vec<JobSummary> = jobs.clone().stream().try_collect().await.unwrap();
    let ids: Vec<&str> = listed.iter().map(|job| job.id.as_str()).collect();
    assert_eq!(ids, ["job-30", "job-20", "job-10"]);
    assert_eq!(server.request_count(), 3, "older pages are not fetched");
    let page = jobs.page(Some("c-2")).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.next_cursor, None);
}

/// Responses with status 200 that are not a page of the listing.
const INVALID_PAGES: [&str; 6] = [
    "<html>Bad gateway</html>",
    "",
    r#"{"items":[{"id":"#,
    "{}",
    r#"{"items":null}"#,
    r#"{"items":[],"nextCursor":[]}"#,
];

#[tokio::test]
async fn one_invalid_page_does_not_affect_the_others() {
    for odd in INVALID_PAGES {
        let server = TestServer::with_responses([
            page(0..2, Some("c-1")),
            Response::ok(odd),
            page(2..4, Some("c-2")),
            Response::ok(odd),
            page(4..5, None),
        ])
        .await;
        let (client, _) = client(&server);
        let jobs: Vec<JobSummary> = client.jobs().stream().try_collect().await.unwrap();
        assert_eq!(jobs.len(), 5, "{odd}");
        let [c1, c2] = [1, 2].map(|page| format!("GET /v2/jobs?limit=100&cursor=c-{page}"));
        assert_eq!(
            server.request_lines()[1..],
            [c1.clone(), c1, c2.clone(), c2]
        );
        let counts = client.metrics().requests;
        let undecodable = counts.iter().find(|count| count.result == "undecodable");
        assert_eq!(undecodable.unwrap().count, 2, "{odd}");
        assert_eq!(client.metrics().retries, 2, "{odd}");
    }
}

#[tokio::test]
async fn a_page_that_stays_invalid_is_a_decode_error() {
    for odd in INVALID_PAGES {
        let server = TestServer::with_responses([Response::ok(odd)]).await;
        let (client, _) = client(&server);
        let error = client.jobs().page(None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{odd}");
        assert_eq!(error.status().unwrap(), 200);
        let text = error.to_string();
        assert!(text.ends_with("gave up after 5 attempts"), "{text}");
        assert_eq!(server.request_count(), 5, "{odd}");
    }
}

#[tokio::test]
async fn a_stream_continues_after_an_error_at_the_same_page() {
    let failed = || Response::new(502, "{}");
    let server = TestServer::with_responses([
        page(0..1, Some("c-1")),
        failed(),
        Response::ok("<html>"),
        page(1..2, Some("c-2")),
        failed(),
        page(2..3, Some("c-3")),
        Response::new(401, "{}"),
    ])
    .await;
    let (builder, _) = builder(&server);
    let client = builder.retry(RetryPolicy::none()).build().unwrap();
    let results: Vec<_> = client.jobs().stream().collect().await;
    let outcomes: Vec<_> = results
        .iter()
        .map(|result| {
            result
                .as_ref()
                .map(|job| job.id.as_str())
                .map_err(|error| error.kind())
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            Ok("job-0"),
            Err(ErrorKind::Server),
            Err(ErrorKind::Decode),
            Ok("job-1"),
            Err(ErrorKind::Server),
            Ok("job-2"),
            Err(ErrorKind::Unauthorized),
        ]
    );
}

#[tokio::test]
async fn a_stream_ends_after_three_errors_in_a_row() {
    let server = TestServer::with_responses([Response::new(502, "{}")]).await;
    let (builder, _) = builder(&server);
    let client = builder.retry(RetryPolicy::none()).build().unwrap();
    let results: Vec<_> = client.jobs().stream().collect().await;
    assert_eq!((results.len(), server.request_count()), (3, 3));
}
