//! Recordings fetched over HTTP.

use std::time::Duration;

use pyannote_engine::audio::AudioError;
use pyannote_server::audio::{FetchConfig, Fetcher, RecordingError};
use pyannote_tests::http::{Response, TestServer, unreachable_url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A configuration that allows private addresses, such as those of the test servers.
pub(crate) fn private() -> FetchConfig {
    let mut config = FetchConfig::default();
    config.allow_private_networks = true;
    config
}

/// The error of a fetch, which must not contain `secret`.
async fn error(config: FetchConfig, url: &str) -> RecordingError {
    let error = Fetcher::new(config).unwrap().fetch(url).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(!text.contains("secret"), "{text}");
    error
}

#[tokio::test]
async fn a_file_is_stored_unchanged_and_deleted_on_drop() {
    let server = TestServer::with_responses([
        Response::redirect("/audio?secret=1"),
        Response::ok(vec![7; 300_000]),
    ])
    .await;
    let fetcher = Fetcher::new(private()).unwrap();
    let file = fetcher
        .fetch(&format!("{}/start?secret=1", server.url()))
        .await
        .unwrap();
    assert_eq!(file.bytes(), 300_000);
    assert_eq!(std::fs::read(file.path()).unwrap(), vec![7; 300_000]);
    let path = file.path().to_owned();
    drop(file);
    assert!(!path.exists());

    let lines = server.request_lines();
    assert_eq!(lines, ["GET /start?secret=1", "GET /audio?secret=1"]);
    let request = &server.requests()[1];
    for name in ["authorization", "cookie", "referer"] {
        assert_eq!(request.header(name), None, "{name}");
    }
    let agent = request.header("user-agent").unwrap();
    assert!(agent.starts_with("pyannote-server/"), "{agent}");
}

#[tokio::test]
async fn private_addresses_are_refused_in_every_notation() {
    let server = TestServer::with_responses([Response::ok("audio")]).await;
    let port = server.url().rsplit(':').next().unwrap();
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
            matches!(error, RecordingError::PrivateAddress(_)),
            "{host}: {error}"
        );
    }
    assert_eq!(server.request_count(), 0);
    // They are fetched if the configuration allows it.
    for host in ["127.0.0.1", "0x7f.1", "localhost"] {
        let url = format!("http://{host}:{port}/");
        let fetched = Fetcher::new(private()).unwrap().fetch(&url).await;
        assert_eq!(fetched.unwrap().bytes(), 5, "{host}");
    }
}

#[tokio::test]
async fn redirects_are_checked_and_limited() {
    let server = TestServer::start(|request| match &*request.path {
        "/hop/0" => Response::ok("audio"),
        "/loop" => Response::redirect("/loop?secret=1"),
        "/file" => Response::redirect("file:///etc/passwd"),
        "/login" => Response::redirect("http://ada:secret@example.com/"),
        path => {
            let left: u32 = path.strip_prefix("/hop/").unwrap().parse().unwrap();
            Response::redirect(&format!("/hop/{}?secret=1", left - 1))
        }
    })
    .await;
    let url = server.url();

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
            matches!(error, RecordingError::TooManyRedirects),
            "{path}: {error}"
        );
    }
    let login = error(private(), &format!("{url}/login")).await;
    assert!(
        matches!(login, RecordingError::UnsupportedUrl(_)),
        "{login}"
    );
    // A redirect to another scheme is not followed.
    let file = error(private(), &format!("{url}/file")).await;
    assert!(matches!(file, RecordingError::Status(302)), "{file}");
}

#[tokio::test]
async fn error_statuses_are_reported() {
    let server = TestServer::start(|request| match &*request.path {
        "/gone" => Response::new(404, ""),
        _ => Response::new(500, ""),
    })
    .await;
    let url = server.url();
    let gone = error(private(), &format!("{url}/gone?secret=1")).await;
    assert_eq!(
        gone.to_string(),
        "cannot fetch the recording: the server responded with status 404"
    );
    let broken = error(private(), &format!("{url}/broken")).await;
    assert!(matches!(broken, RecordingError::Status(500)), "{broken}");
}

#[tokio::test]
async fn the_size_limit_applies_to_the_announced_and_to_the_received_length() {
    let server = TestServer::start(|request| match &*request.path {
        "/endless" => Response::endless(&[0; 10_000]),
        "/announced" => Response::ok(vec![0; 100_001]),
        _ => Response::ok(vec![0; 100_000]),
    })
    .await;
    let url = server.url();
    let folder = tempfile::tempdir().unwrap();
    let mut config = private();
    config.max_bytes = 100_000;
    config.temp_dir = Some(folder.path().to_owned());
    for path in ["endless", "announced"] {
        let error = error(config.clone(), &format!("{url}/{path}?secret=1")).await;
        assert!(
            matches!(
                error,
                RecordingError::Audio(AudioError::TooLarge { limit: 100_000 })
            ),
            "{path}: {error}"
        );
    }
    // No partial files remain.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let fetched = Fetcher::new(config)
        .unwrap()
        .fetch(&format!("{url}/exact"))
        .await;
    assert_eq!(fetched.unwrap().bytes(), 100_000);
}

#[tokio::test]
async fn a_slow_server_times_out() {
    let server = TestServer::start(|request| match &*request.path {
        "/response" => Response::none(),
        _ => Response::stalled("RIFF....", 4),
    })
    .await;
    let url = server.url();
    let short = Duration::from_millis(200);
    let (mut total, mut idle) = (private(), private());
    total.timeout = short;
    idle.idle_timeout = short;
    for config in [total, idle] {
        for path in ["response", "body"] {
            let error = error(config.clone(), &format!("{url}/{path}?secret=1")).await;
            assert!(matches!(error, RecordingError::TimedOut), "{path}: {error}");
        }
    }
}

/// It would hold the place of another recording for half an hour.
#[tokio::test]
async fn a_server_that_sends_a_byte_at_a_time_is_too_slow() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a.wav?secret", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let _ = connection.read(&mut [0; 1_000]).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 900000\r\n\r\n";
        connection.write_all(head).await.unwrap();
        while connection.write_all(b"R").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut config = private();
    config.idle_timeout = Duration::from_millis(500);
    config.timeout = Duration::from_secs(20);
    let error = error(config, &url).await;
    assert_eq!(
        error.to_string(),
        "cannot fetch the recording: the server sends it too slowly, less than 4096 bytes in 500ms"
    );
}

#[tokio::test]
async fn invalid_and_unreachable_urls_are_refused() {
    for url in [
        "",
        "meeting.wav",
        "file:///etc/passwd",
        "ftp://example.com/a.wav?secret",
        "http://",
    ] {
        let error = error(FetchConfig::default(), url).await;
        assert!(
            matches!(error, RecordingError::UnsupportedUrl(_)),
            "{url}: {error}"
        );
    }
    let url = format!("{}/?secret=1", unreachable_url());
    let error = error(private(), &url).await;
    assert!(matches!(error, RecordingError::Fetch(_)), "{error}");
}
