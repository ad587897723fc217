//! TLS on loopback: certificates, a proxy, and HTTP/2.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pyannote::testing::ManualClock;
use pyannote::{Client, ClientBuilder, ErrorKind, RetryPolicy};
use pyannote_tests::http::{Response, TestServer};
use pyannote_tests::live_service::{LiveService, Script, Step, TOKEN};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::{AUDIO, CREATED};

const VALID: &str = r#"{"status":"OK","message":"valid"}"#;

fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap()
}

/// Accepts TLS connections with the protocol `alpn`.
fn acceptor(certificate: &CertifiedKey<KeyPair>, alpn: &[u8]) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![alpn.to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// Listens with TLS in front of the server at `url`. Returns the port.
async fn tls_in_front_of(url: &str, certificate: &CertifiedKey<KeyPair>) -> u16 {
    let acceptor = acceptor(certificate, b"http/1.1");
    let target = url.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, target) = (acceptor.clone(), target.clone());
            tokio::spawn(async move {
                // A client that does not trust the certificate ends the handshake.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut server = TcpStream::connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    port
}

/// A proxy that tunnels, and records what the client sends. Returns its address.
async fn tunnel(seen: Arc<Mutex<Vec<u8>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                seen.lock().unwrap().extend(&head);
                let head = String::from_utf8(head).unwrap();
                let target = head.split(' ').nth(1).unwrap();
                let server = TcpStream::connect(target).await.unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
                let mut buffer = [0; 4096];
                while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                    seen.lock().unwrap().extend(&buffer[..read]);
                    if to_server.write_all(&buffer[..read]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

fn builder(port: u16) -> ClientBuilder {
    Client::builder()
        .api_key("secret-key")
        .base_url(format!("https://localhost:{port}"))
        .clock(Arc::new(ManualClock::auto_advancing()))
}

#[tokio::test]
async fn trusts_root_certificates_in_pem_and_der() {
    let server = TestServer::with_responses([Response::ok(VALID)]).await;
    let certificate = certificate();
    let port = tls_in_front_of(server.url(), &certificate).await;
    let pem = certificate.cert.pem();
    let other = self::certificate().cert.pem();
    for trusted in [
        pem.clone().into_bytes(),
        certificate.cert.der().to_vec(),
        format!("# Two authorities\n{other}\n{pem}").into_bytes(),
    ] {
        let client = builder(port).no_proxy().root_certificate(trusted);
        client.build().unwrap().test_key().await.unwrap();
    }
    assert_eq!(server.request_count(), 3);
    let several = builder(port).no_proxy().root_certificate(other.clone());
    let several = several.root_certificate(pem).build().unwrap();
    several.test_key().await.unwrap();
    // Nothing is sent to a server whose certificate is not trusted.
    for builder in [builder(port), builder(port).root_certificate(other)] {
        let client = builder.no_proxy().build().unwrap();
        let error = client.diarize(AUDIO).submit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert!(format!("{error:#}").contains("certificate"), "{error:#}");
    }
    assert_eq!(server.request_count(), 4);
}

#[tokio::test]
async fn a_proxy_sees_neither_the_key_nor_the_request() {
    let server = TestServer::with_responses([Response::ok(CREATED)]).await;
    let certificate = certificate();
    let port = tls_in_front_of(server.url(), &certificate).await;
    let seen = Arc::default();
    let proxy = tunnel(Arc::clone(&seen)).await;
    let client = builder(port)
        .proxy(format!("http://user:pass-word@{proxy}"))
        .root_certificate(certificate.cert.pem())
        .build()
        .unwrap();
    client.diarize(AUDIO).submit().await.unwrap();
    assert_eq!(
        server.requests()[0].header("authorization"),
        Some("Bearer secret-key")
    );
    let seen = String::from_utf8_lossy(&seen.lock().unwrap()).into_owned();
    assert!(
        seen.starts_with(&format!("CONNECT localhost:{port} ")),
        "{seen}"
    );
    assert!(seen.len() > 500 && !seen.contains("secret-key") && !seen.contains(AUDIO));
}

#[test]
fn invalid_root_certificates_are_configuration_errors() {
    let key = certificate().signing_key.serialize_pem();
    let truncated = &certificate().cert.pem()[..200];
    let garbage = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        "MIIB".repeat(10)
    );
    for (bytes, expected) in [
        ("", "is invalid: it is empty; pass the content of a file"),
        (
            "not a certificate",
            "is invalid: it is neither in PEM nor in DER;",
        ),
        (&key, "is invalid: it has no section CERTIFICATE;"),
        (truncated, "is invalid: it "),
        (&garbage, "check the certificates of "),
        ("0", "check the certificates of "),
    ] {
        let error = builder(1).root_certificate(bytes).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{bytes}");
        let text = error.to_string();
        assert!(
            text.contains(expected) && text.contains("`.root_certificate(pem_or_der)`"),
            "{text}"
        );
        assert!(!format!("{error:#} {error:?}").contains("MII"), "{error:?}");
    }
    let own = builder(1)
        .root_certificate(certificate().cert.pem())
        .http_client(reqwest::Client::new());
    let error = own.build().unwrap_err();
    assert!(error.to_string().contains("`root_certificate`"), "{error}");
}

#[tokio::test]
async fn a_refused_http_2_stream_is_not_sent_again_within_an_attempt() {
    let certificate = certificate();
    let acceptor = acceptor(&certificate, b"h2");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let streams = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&streams);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let stream = acceptor.accept(stream).await.unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    count.fetch_add(1, Ordering::SeqCst);
                    respond.send_reset(h2::Reason::REFUSED_STREAM);
                }
            });
        }
    });
    let builder = || {
        builder(port)
            .no_proxy()
            .root_certificate(certificate.cert.pem())
    };
    let client = builder().retry(RetryPolicy::none()).build().unwrap();
    let error = client.test_key().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(streams.load(Ordering::SeqCst), 1);
    // Every repetition is one of the client's own retries.
    let client = builder()
        .retry(RetryPolicy::default().max_attempts(3))
        .build()
        .unwrap();
    client.test_key().await.unwrap_err();
    assert_eq!(streams.load(Ordering::SeqCst), 4);
    assert_eq!(client.metrics().retries, 2);
    let error = client.diarize(AUDIO).submit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(streams.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn live_audio_goes_through_the_proxy_with_tls() {
    let service = LiveService::start([Script::Open(vec![Step::End])]).await;
    let certificate = certificate();
    let port = tls_in_front_of(service.url(), &certificate).await;
    service.set_socket_url(format!("wss://localhost:{port}"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let proxy = tunnel(Arc::clone(&seen)).await;
    let client = builder(port)
        .proxy(format!("http://{proxy}"))
        .root_certificate(certificate.cert.pem())
        .build()
        .unwrap();
    let mut session = client.live().connect().await.unwrap();
    session.send(&[0.5; 1_600]).await.unwrap();
    session.finish().await.unwrap();
    assert_eq!(service.received()[0].samples, [0.5; 1_600]);
    let seen = String::from_utf8_lossy(&seen.lock().unwrap()).into_owned();
    assert_eq!(
        seen.matches(&format!("CONNECT localhost:{port} ")).count(),
        2
    );
    assert!(!seen.contains(TOKEN) && !seen.contains("secret-key"));
}
