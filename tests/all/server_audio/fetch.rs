//! Fetching recordings, from servers on loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use pyannote_engine::audio::AudioError;
use pyannote_server::audio::{FetchConfig, Fetcher, LoadError};
use tokio::net::TcpListener;

/// A server on loopback for as long as the test runs. Returns its URL.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

pub(crate) fn private() -> FetchConfig {
    let mut config = FetchConfig::default();
    config.allow_private = true;
    config
}

async fn error(config: FetchConfig, url: &str) -> LoadError {
    let error = Fetcher::new(config).unwrap().fetch(url).await.unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(!said.contains("secret"), "{said}");
    error
}

fn redirect(to: String) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
}

#[tokio::test]
async fn a_file_comes_as_it_is_and_is_gone_afterwards() {
    let (sender, mut received) = tokio::sync::mpsc::unbounded_channel();
    let router = Router::new()
        .route(
            "/start",
            get(|| async { redirect("/audio?secret=1".to_owned()) }),
        )
        .route(
            "/audio",
            get(move |headers: HeaderMap| async move {
                sender.send(headers).unwrap();
                vec![7_u8; 300_000]
            }),
        );
    let url = serve(router).await;
    let fetcher = Fetcher::new(private()).unwrap();
    let file = fetcher
        .fetch(&format!("{url}/start?secret=1"))
        .await
        .unwrap();
    assert_eq!(file.bytes(), 300_000);
    assert_eq!(std::fs::read(file.path()).unwrap(), vec![7; 300_000]);
    let path = file.path().to_owned();
    drop(file);
    assert!(!path.exists());

    let headers = received.recv().await.unwrap();
    for name in ["authorization", "cookie", "referer"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert!(
        headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("pyannote-server/")
    );
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_written() {
    let url = serve(Router::new().route("/", get(|| async { "never" }))).await;
    let port = url.rsplit(':').next().unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
    ] {
        let url = format!("http://{host}:{port}/?secret=1");
        let error = error(FetchConfig::default(), &url).await;
        assert!(
            matches!(error, LoadError::PrivateAddress(_)),
            "{host}: {error}"
        );
    }
    // With leave, they are fetched.
    for host in ["127.0.0.1", "0x7f.1", "localhost"] {
        let url = format!("http://{host}:{port}/");
        let fetched = Fetcher::new(private()).unwrap().fetch(&url).await;
        assert_eq!(fetched.unwrap().bytes(), 5, "{host}");
    }
}

#[tokio::test]
async fn redirects_are_checked_and_counted() {
    let hop = |Path(left): Path<u32>| async move {
        match left {
            0 => "there".into_response(),
            _ => redirect(format!("/hop/{}?secret=1", left - 1)),
        }
    };
    let router = Router::new()
        .route("/hop/{left}", get(hop))
        .route(
            "/loop",
            get(|| async { redirect("/loop?secret=1".to_owned()) }),
        )
        .route(
            "/file",
            get(|| async { redirect("file:///etc/passwd".to_owned()) }),
        )
        .route(
            "/login",
            get(|| async { redirect("http://ada:secret@example.com/".to_owned()) }),
        );
    let url = serve(router).await;

    let fetcher = Fetcher::new(private()).unwrap();
    assert_eq!(
        fetcher
            .fetch(&format!("{url}/hop/5"))
            .await
            .unwrap()
            .bytes(),
        5
    );
    for path in ["hop/6", "loop"] {
        let error = error(private(), &format!("{url}/{path}")).await;
        assert!(
            matches!(error, LoadError::TooManyRedirects),
            "{path}: {error}"
        );
    }
    let error_of_login = error(private(), &format!("{url}/login")).await;
    assert!(
        matches!(error_of_login, LoadError::UnsupportedUrl(_)),
        "{error_of_login}"
    );
    // What is not on the web is not followed to at all.
    let error_of_file = error(private(), &format!("{url}/file")).await;
    assert!(
        matches!(error_of_file, LoadError::Status(302)),
        "{error_of_file}"
    );
}

#[tokio::test]
async fn statuses_are_told() {
    let router = Router::new()
        .route("/gone", get(|| async { StatusCode::NOT_FOUND }))
        .route(
            "/broken",
            get(|| async { StatusCode::INTERNAL_SERVER_ERROR }),
        );
    let url = serve(router).await;
    let gone = error(private(), &format!("{url}/gone?secret=1")).await;
    assert_eq!(
        gone.to_string(),
        "the recording cannot be fetched: the server answered 404"
    );
    let broken = error(private(), &format!("{url}/broken")).await;
    assert!(matches!(broken, LoadError::Status(500)), "{broken}");
}

#[tokio::test]
async fn what_is_too_large_is_refused_as_announced_and_as_it_comes() {
    let chunk = Bytes::from(vec![0_u8; 10_000]);
    let endless = move || {
        let chunk = chunk.clone();
        async move {
            let chunks =
                futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
            Body::from_stream(chunks)
        }
    };
    let announced = || async { vec![0_u8; 100_001] };
    let exact = || async { vec![0_u8; 100_000] };
    let router = Router::new()
        .route("/endless", get(endless))
        .route("/announced", get(announced))
        .route("/exact", get(exact));
    let url = serve(router).await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = private();
    config.max_bytes = 100_000;
    config.folder = Some(folder.path().to_owned());
    for path in ["endless", "announced"] {
        let error = error(config.clone(), &format!("{url}/{path}?secret=1")).await;
        assert!(
            matches!(
                error,
                LoadError::Audio(AudioError::TooLarge { limit: 100_000 })
            ),
            "{path}: {error}"
        );
    }
    // Nothing is left behind.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let fetched = Fetcher::new(config)
        .unwrap()
        .fetch(&format!("{url}/exact"))
        .await;
    assert_eq!(fetched.unwrap().bytes(), 100_000);
}

#[tokio::test]
async fn a_slow_server_is_left() {
    let never = Arc::new(tokio::sync::Notify::new());
    let waits = Arc::clone(&never);
    let router = Router::new()
        .route(
            "/answer",
            get(move || async move { waits.notified().await }),
        )
        .route(
            "/body",
            get(|| async {
                let first =
                    futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from("RIFF"))]);
                let rest = futures_util::stream::pending();
                Body::from_stream(futures_util::StreamExt::chain(first, rest))
            }),
        );
    let url = serve(router).await;
    let short = Duration::from_millis(200);
    let (mut whole, mut idle) = (private(), private());
    whole.timeout = short;
    idle.idle_timeout = short;
    for config in [whole, idle] {
        for path in ["answer", "body"] {
            let error = error(config.clone(), &format!("{url}/{path}?secret=1")).await;
            assert!(matches!(error, LoadError::TimedOut), "{path}: {error}");
        }
    }
    drop(never);
}

#[tokio::test]
async fn what_is_no_web_address_is_refused() {
    for url in [
        "",
        "meeting.wav",
        "file:///etc/passwd",
        "ftp://example.com/a.wav?secret",
        "http://",
    ] {
        let error = error(FetchConfig::default(), url).await;
        assert!(
            matches!(error, LoadError::UnsupportedUrl(_)),
            "{url}: {error}"
        );
    }
    // A port where nobody listens.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/?secret=1", listener.local_addr().unwrap());
    drop(listener);
    let error = error(private(), &url).await;
    assert!(matches!(error, LoadError::Fetch(_)), "{error}");
}
