//! `skip_existing`: recordings that are already stored are not sent again.

use pyannote_tests::http::{Response, TestServer};

use super::{assert_no_credentials, client, granted, presigned, recorder};

/// Uploads 5 bytes with `skip_existing` and returns whether they were sent.
///
/// `output` is the status of the API's `/v1/media/output`, `get` the status, the body and the `content-range` of the
/// storage.
async fn is_sent(output: u16, get: (u16, &'static str, Option<&'static str>)) -> bool {
    let storage = TestServer::start(move |request| match request.method.as_str() {
        "GET" => {
            let response = Response::new(get.0, get.1);
            match get.2 {
                Some(range) => response.header("content-range", range),
                None => response,
            }
        }
        _ => Response::ok(""),
    })
    .await;
    let url = presigned(storage.url(), "a");
    let service = TestServer::start(move |request| match &*request.path {
        "/v1/media/output" if output != 201 => Response::new(output, r#"{"message":"no"}"#),
        _ => granted(&url),
    })
    .await;
    let (client, _) = client(&service);
    let (calls, on_progress) = recorder();
    let upload = client.upload(b"audio".to_vec()).skip_existing(true);
    let media = upload.on_progress(on_progress).await.unwrap();
    assert!(media.key().starts_with("sha256/"));
    assert_eq!(calls.lock().unwrap().last(), Some(&(5, 5)));
    let requests = storage.requests();
    for get in requests.iter().filter(|request| request.method == "GET") {
        assert_eq!(get.header("range"), Some("bytes=0-0"));
        assert_no_credentials(get);
    }
    requests.iter().any(|request| request.method == "PUT")
}

#[tokio::test]
async fn skip_existing_skips_only_what_is_stored_with_the_same_size() {
    for (output, get, sent) in [
        (201, (206, "x", Some("bytes 0-0/5")), false),
        (201, (206, "x", Some("bytes 0-0/6")), true),
        // Without the length of the object, it may be another one.
        (201, (206, "x", Some("bytes 0-0/*")), true),
        (201, (206, "x", None), true),
        // A storage without ranges sends the whole object.
        (201, (200, "other", None), false),
        (201, (200, "longer", None), true),
        (201, (200, "x", Some("bytes 0-0/5")), true),
        (201, (404, "", None), true),
        (201, (403, "", None), true),
        (201, (416, "", None), true),
        (201, (500, "", None), true),
        (404, (200, "other", None), true),
        (503, (200, "other", None), true),
    ] {
        assert_eq!(is_sent(output, get).await, sent, "{output} {get:?}");
    }
}
