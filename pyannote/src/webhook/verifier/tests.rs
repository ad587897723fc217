//! Known signatures, every rejection, and the replay guard.

use http::HeaderValue;
use proptest::prelude::*;

use super::super::{RETRY_NUMBER, RETRY_REASON, RetryReason, Signer};
use super::*;

const SECRET: &str = "whs_0123456789abcdef";
const BODY: &[u8] = br#"{"jobId":"3c8a89a5-dcc6-4edb-a75d-ffd64739674d","status":"succeeded"}"#;
const NOW: u64 = 1_700_000_000;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn verifier() -> Verifier {
    Verifier::new(SECRET).unwrap()
}

fn signed(timestamp: u64) -> HeaderMap {
    Signer::new(SECRET).sign(timestamp, BODY)
}

fn headers(timestamp: &[u8], signature: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(TIMESTAMP, HeaderValue::from_bytes(timestamp).unwrap());
    headers.insert(SIGNATURE, HeaderValue::from_bytes(signature).unwrap());
    headers
}

/// Computed independently, with Python: `hmac.new(secret, b"v0:" + timestamp + b":" + body, hashlib.sha256)`.
/// Secret, timestamp, body, hex digest, base64 digest.
const KNOWN_SIGNATURES: [(&str, &str, &[u8], &str, &str); 4] = [
    (
        SECRET,
        "1700000000",
        BODY,
        "fb53d69e02e85436c66eb302f1c60ee5eda6ac0a75938353b57d43f4868bf174",
        "+1PWngLoVDbGbrMC8cYO5e2mrAp1k4NTtX1D9IaL8XQ=",
    ),
    (
        SECRET,
        "1700000000",
        b"",
        "87c1588255acba532442a40b3db324224b2e6d22c1b491f79c37096d07555ed8",
        "h8FYglWsulMkQqQLPbMkIksubSLBtJH3nDcJbQdVXtg=",
    ),
    (
        "cl\u{e9} secr\u{e8}te",
        "0",
        b"\x00\xff\r\n",
        "0ad214057f761300aa9effefbaadfef95b3aa498624245a988645c377b0df1b6",
        "CtIUBX92EwCqnv/vuq3++Vs6pJhiQkWpiGRcN3sN8bY=",
    ),
    (
        // Longer than the block size of SHA-256.
        "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
        "1700000000",
        b"long key",
        "ec4fae29bfe240d3237dd90336b0054977471483e04cbaffdeaf487b6f4f3d0b",
        "7E+uKb/iQNMjfdkDNrAFSXdHFIPgTLr/3q9Ie29PPQs=",
    ),
];

#[test]
fn known_signatures() {
    for (secret, timestamp, body, hex, base64) in KNOWN_SIGNATURES {
        let verifier = Verifier::new(secret).unwrap();
        let seconds: u64 = timestamp.parse().unwrap();
        let url_safe = base64.replace('+', "-").replace('/', "_");
        for signature in [
            hex,
            &hex.to_uppercase(),
            &format!("v0={hex}"),
            &format!("sha256={hex}"),
            base64,
            base64.trim_end_matches('='),
            &url_safe,
            url_safe.trim_end_matches('='),
            &format!("v0={base64}"),
            &format!("sha256={url_safe}"),
        ] {
            let headers = headers(timestamp.as_bytes(), signature.as_bytes());
            let delivery = verifier.check_at(&headers, body, at(seconds)).unwrap();
            assert_eq!(delivery.timestamp, at(seconds));
            assert_eq!(delivery.retry, None);
        }
        let signed = Signer::new(secret).sign(seconds, body);
        assert_eq!(signed.get(SIGNATURE).unwrap(), hex);
        assert_eq!(signed.get(TIMESTAMP).unwrap(), timestamp);
        assert_eq!(
            Signer::new(secret)
                .base64()
                .sign(seconds, body)
                .get(SIGNATURE)
                .unwrap(),
            base64
        );
    }
}

#[test]
fn uses_the_system_clock_unless_a_time_is_given() {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(verifier().verify(&signed(now), BODY).is_ok());
    assert!(verifier().check(&signed(now), BODY).is_ok());
    let old = signed(now - 1_000);
    for error in [
        verifier().verify(&old, BODY).unwrap_err(),
        verifier().check(&old, BODY).unwrap_err(),
    ] {
        assert!(matches!(error, VerifyError::TooOld { .. }), "{error:?}");
    }
}

#[test]
fn current_and_previous_secret_are_accepted() {
    let both = verifier().previous_secret("whs_old").unwrap();
    for (secret, expected) in [
        (SECRET, true),
        ("whs_old", true),
        ("whs_older", false),
        ("", false),
    ] {
        let headers = Signer::new(secret).sign(NOW, BODY);
        assert_eq!(
            both.verify_at(&headers, BODY, at(NOW)).is_ok(),
            expected,
            "{secret:?}"
        );
    }
    let old = Signer::new("whs_old").sign(NOW, BODY);
    assert_eq!(
        verifier().verify_at(&old, BODY, at(NOW)),
        Err(VerifyError::BadSignature)
    );
}

#[test]
fn blank_secrets_are_rejected() {
    for blank in ["", " ", "\n", "\t \r\n"] {
        for (result, name) in [
            (Verifier::new(blank), "the webhook secret is blank"),
            (
                verifier().previous_secret(blank),
                "the previous webhook secret is blank",
            ),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{blank:?}");
            let text = error.to_string();
            assert!(text.contains(name) && text.contains("dashboard"), "{text}");
        }
        let forged = Signer::new(blank).sign(NOW, BODY);
        let both = verifier().previous_secret("whs_old").unwrap();
        assert_eq!(
            both.verify_at(&forged, BODY, at(NOW)),
            Err(VerifyError::BadSignature),
            "{blank:?}"
        );
    }
}

#[test]
fn invalid_event_is_rejected_and_not_remembered() {
    let verifier = verifier().replay_guard(100);
    for (body, expected) in [
        (&b"[]"[..], "it is not a JSON object"),
        (b"{}", "`jobId` is missing, empty or not a string"),
    ] {
        let headers = Signer::new(SECRET).sign(NOW, body);
        for _ in 0..2 {
            assert_eq!(
                verifier.verify_at(&headers, body, at(NOW)),
                Err(VerifyError::NotAnEvent { reason: expected })
            );
        }
        // It is authentic nevertheless.
        assert!(verifier.check_at(&headers, body, at(NOW)).is_ok());
    }
}

#[test]
fn error_names_the_missing_header() {
    for name in [SIGNATURE, TIMESTAMP] {
        let mut headers = signed(NOW);
        headers.remove(name);
        assert_eq!(
            verifier().verify_at(&headers, BODY, at(NOW)),
            Err(VerifyError::MissingHeader(name))
        );
    }
}

#[test]
fn timestamp_must_be_digits() {
    for text in [
        "",
        "-1",
        "+1700000000",
        "1700000000.0",
        "1.7e9",
        "0x6553f100",
        "now",
        "17000 00000",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999999999999",
        "Tue, 14 Nov 2023 22:13:20 GMT",
    ] {
        // The signature is valid; only the timestamp is not.
        let tag = signature::mac(SECRET.as_bytes(), text.as_bytes(), BODY)
            .finalize()
            .into_bytes();
        let result = verifier().verify_at(
            &headers(text.as_bytes(), hex::encode(tag).as_bytes()),
            BODY,
            at(NOW),
        );
        let value = text.chars().take(32).collect();
        assert_eq!(result, Err(VerifyError::BadTimestamp { value }), "{text:?}");
    }
    let binary = verifier().verify_at(&headers(b"\xff\xfe", b"00"), BODY, at(NOW));
    assert!(matches!(binary, Err(VerifyError::BadTimestamp { .. })));
}

#[test]
fn signature_covers_the_text_of_the_timestamp() {
    let tag = signature::mac(SECRET.as_bytes(), b"01700000000", BODY)
        .finalize()
        .into_bytes();
    let tag = hex::encode(tag);
    assert!(
        verifier()
            .verify_at(&headers(b"01700000000", tag.as_bytes()), BODY, at(NOW))
            .is_ok()
    );
    let plain = verifier().verify_at(&headers(b"1700000000", tag.as_bytes()), BODY, at(NOW));
    assert_eq!(plain, Err(VerifyError::BadSignature));
}

#[test]
fn tolerance_applies_to_past_and_future() {
    let s = Duration::from_secs;
    let too_old = |age, tolerance| {
        Err(VerifyError::TooOld {
            age: s(age),
            tolerance: s(tolerance),
        })
    };
    let too_new = |ahead, tolerance| {
        Err(VerifyError::TooNew {
            ahead: s(ahead),
            tolerance: s(tolerance),
        })
    };
    for (tolerance, now, expected) in [
        (300, NOW, Ok(())),
        (300, NOW + 300, Ok(())),
        (300, NOW + 301, too_old(301, 300)),
        (300, NOW - 300, Ok(())),
        (300, NOW - 301, too_new(301, 300)),
        (600, NOW + 600, Ok(())),
        (600, NOW + 601, too_old(601, 600)),
        (0, NOW, Ok(())),
        (0, NOW + 1, too_old(1, 0)),
        (0, NOW - 1, too_new(1, 0)),
        (u64::MAX, 0, Ok(())),
    ] {
        let verifier = if tolerance == 300 {
            verifier()
        } else {
            verifier().tolerance(s(tolerance))
        };
        let result = verifier.verify_at(&signed(NOW), BODY, at(now)).map(|_| ());
        assert_eq!(result, expected, "tolerance {tolerance}, now {now}");
    }
}

#[test]
fn signature_is_checked_before_age() {
    let mut headers = signed(NOW);
    headers.insert(SIGNATURE, HeaderValue::from_static("00"));
    assert_eq!(
        verifier().verify_at(&headers, BODY, at(NOW + 9_999)),
        Err(VerifyError::BadSignature)
    );
}

#[test]
fn retry_headers_are_parsed() {
    let mut headers = signed(NOW);
    headers.insert(RETRY_NUMBER, HeaderValue::from_static("3"));
    headers.insert(RETRY_REASON, HeaderValue::from_static("http_error"));
    let retry = verifier()
        .verify_at(&headers, BODY, at(NOW))
        .unwrap()
        .delivery()
        .retry
        .clone()
        .unwrap();
    assert_eq!((retry.number, retry.reason), (3, RetryReason::HttpError));
}

#[test]
fn replays_are_accepted_without_a_guard() {
    let verifier = verifier();
    for _ in 0..3 {
        assert!(verifier.verify_at(&signed(NOW), BODY, at(NOW)).is_ok());
    }
}

#[test]
fn guard_rejects_replays_in_any_encoding() {
    let verifier = verifier().replay_guard(100);
    assert!(verifier.verify_at(&signed(NOW), BODY, at(NOW)).is_ok());
    let base64 = Signer::new(SECRET).base64().sign(NOW, BODY);
    let mut retry = signed(NOW);
    retry.insert(RETRY_NUMBER, HeaderValue::from_static("1"));
    for (replay, now) in [
        (signed(NOW), NOW),
        (base64, NOW + 1),
        (retry, NOW + 2),
        (signed(NOW), NOW + 300),
    ] {
        let result = verifier.clone().verify_at(&replay, BODY, at(now));
        assert_eq!(result, Err(VerifyError::Replayed), "{replay:?}");
    }
    // After the tolerance it is rejected because of its age.
    let late = verifier.verify_at(&signed(NOW), BODY, at(NOW + 301));
    assert!(matches!(late, Err(VerifyError::TooOld { .. })));
}

#[test]
fn guard_accepts_other_deliveries() {
    let verifier = verifier().replay_guard(100);
    assert!(verifier.verify_at(&signed(NOW), BODY, at(NOW)).is_ok());
    // A retry that is signed again, and another event in the same second.
    assert!(
        verifier
            .verify_at(&signed(NOW + 60), BODY, at(NOW + 60))
            .is_ok()
    );
    let body = br#"{"jobId":"other","status":"succeeded"}"#;
    let other = Signer::new(SECRET).sign(NOW, body);
    assert!(verifier.verify_at(&other, body, at(NOW)).is_ok());
}

#[test]
fn rejected_deliveries_are_not_remembered() {
    let verifier = verifier().replay_guard(100);
    let forged = Signer::new("whs_wrong").sign(NOW, BODY);
    assert_eq!(
        verifier.verify_at(&forged, BODY, at(NOW)),
        Err(VerifyError::BadSignature)
    );
    assert_eq!(
        verifier.verify_at(&signed(NOW), b"tampered", at(NOW)),
        Err(VerifyError::BadSignature)
    );
    let early = verifier.verify_at(&signed(NOW), BODY, at(NOW - 301));
    assert!(matches!(early, Err(VerifyError::TooNew { .. })));
    assert!(
        verifier.verify_at(&signed(NOW), BODY, at(NOW)).is_ok(),
        "the authentic delivery is accepted"
    );
}

#[test]
fn guard_remembers_as_many_as_its_capacity() {
    for (capacity, expected) in [(1, Ok(())), (2, Err(VerifyError::Replayed))] {
        let verifier = verifier().replay_guard(capacity);
        assert!(verifier.verify_at(&signed(NOW), BODY, at(NOW)).is_ok());
        assert!(verifier.verify_at(&signed(NOW + 1), BODY, at(NOW)).is_ok());
        assert_eq!(
            verifier.verify_at(&signed(NOW), BODY, at(NOW)).map(|_| ()),
            expected,
            "{capacity}"
        );
    }
}

#[test]
fn forgotten_delivery_is_accepted_once_more() {
    let verifier = verifier().replay_guard(100);
    let event = verifier.verify_at(&signed(NOW), BODY, at(NOW)).unwrap();
    assert_eq!(
        verifier.verify_at(&signed(NOW), BODY, at(NOW)),
        Err(VerifyError::Replayed)
    );
    verifier.forget(event.delivery());
    assert!(verifier.verify_at(&signed(NOW), BODY, at(NOW)).is_ok());
    assert_eq!(
        verifier.verify_at(&signed(NOW), BODY, at(NOW)),
        Err(VerifyError::Replayed)
    );
}

#[test]
fn debug_omits_the_secrets() {
    let verifier = verifier()
        .previous_secret("whs_hidden")
        .unwrap()
        .replay_guard(1);
    assert_eq!(
        format!("{verifier:?}"),
        "Verifier { secrets: 2, tolerance: 300s, replay_guard: true }"
    );
}

#[test]
fn every_error_has_a_remedy() {
    let s = Duration::from_secs;
    for (error, problem, remedy) in [
        (
            VerifyError::NotJson { line: 2, column: 7 },
            "line 2, column 7",
            "update the crate",
        ),
        (
            VerifyError::NotAnEvent {
                reason: "it is odd",
            },
            "it is odd",
            "check()",
        ),
        (
            VerifyError::MissingHeader(SIGNATURE),
            "x-signature",
            "proxy",
        ),
        (
            VerifyError::BadTimestamp {
                value: "soon".into(),
            },
            "\"soon\"",
            "proxy",
        ),
        (
            VerifyError::BadSignature,
            "does not match any",
            "byte for byte",
        ),
        (
            VerifyError::TooOld {
                age: s(400),
                tolerance: s(300),
            },
            "400 s ago",
            "clock",
        ),
        (
            VerifyError::TooNew {
                ahead: s(500),
                tolerance: s(300),
            },
            "500 s in the future",
            "clock",
        ),
        (VerifyError::Replayed, "accepted before", "respond with 200"),
    ] {
        let text = error.to_string();
        assert!(text.contains(problem) && text.contains(remedy), "{text}");
        assert!(!text.contains("  "), "{text}");
    }
}

proptest! {
    #[test]
    fn signed_deliveries_are_accepted(secret in "[!-~]{1,100}", timestamp in 0_u64..4_000_000_000, body in any::<Vec<u8>>(), base64 in any::<bool>()) {
        let signer = Signer::new(secret.as_str());
        let signer = if base64 { signer.base64() } else { signer };
        let verifier = Verifier::new(secret).unwrap();
        prop_assert!(verifier.check_at(&signer.sign(timestamp, &body), &body, at(timestamp)).is_ok());
    }

    #[test]
    fn flipped_bit_of_the_body_is_rejected(mut body in proptest::collection::vec(any::<u8>(), 1..200), bit in any::<proptest::sample::Index>()) {
        let headers = Signer::new(SECRET).sign(NOW, &body);
        let bit = bit.index(body.len() * 8);
        body[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verifier().verify_at(&headers, &body, at(NOW)), Err(VerifyError::BadSignature));
    }

    #[test]
    fn flipped_bit_of_the_signature_is_rejected(bit in 0_usize..256, base64 in any::<bool>()) {
        use base64::Engine;
        let mut tag: Tag = signature::mac(SECRET.as_bytes(), b"1700000000", BODY).finalize().into_bytes().into();
        tag[bit / 8] ^= 1 << (bit % 8);
        let text = if base64 { base64::engine::general_purpose::STANDARD.encode(tag) } else { hex::encode(tag) };
        prop_assert_eq!(verifier().verify_at(&headers(b"1700000000", text.as_bytes()), BODY, at(NOW)), Err(VerifyError::BadSignature));
    }

    #[test]
    fn changed_timestamp_is_rejected(offset in 1_u64..300) {
        let mut headers = signed(NOW);
        headers.insert(TIMESTAMP, HeaderValue::from(NOW + offset));
        prop_assert_eq!(verifier().verify_at(&headers, BODY, at(NOW)), Err(VerifyError::BadSignature));
    }

    #[test]
    fn arbitrary_bytes_do_not_panic_and_are_rejected(timestamp in any::<Vec<u8>>(), signature in any::<Vec<u8>>(), body in any::<Vec<u8>>()) {
        let (Ok(timestamp), Ok(signature)) = (HeaderValue::from_bytes(&timestamp), HeaderValue::from_bytes(&signature)) else {
            return Ok(());
        };
        let mut forged = signed(NOW);
        forged.insert(SIGNATURE, signature);
        let guarded = verifier().replay_guard(10);
        prop_assert!(guarded.verify_at(&forged, &body, at(NOW)).is_err());
        forged.insert(TIMESTAMP, timestamp);
        prop_assert!(guarded.verify_at(&forged, &body, at(NOW)).is_err());
    }

    #[test]
    fn arbitrary_timestamps_do_not_panic(seconds in any::<u64>(), now in 0_u64..10_000_000_000, tolerance in any::<Duration>()) {
        let verifier = verifier().tolerance(tolerance).replay_guard(2);
        let _ = verifier.verify_at(&signed(seconds), BODY, at(now));
        let _ = verifier.verify_at(&signed(seconds), BODY, at(now));
    }
}
