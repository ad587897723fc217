//! Known answers, every refusal, and what the replay guard does.

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
    Verifier::new(SECRET)
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

/// Computed apart, with Python: `hmac.new(secret, b"v0:" + timestamp + b":" + body, hashlib.sha256)`.
/// Secret, timestamp, body, hex digest, base64 digest.
const KNOWN: [(&str, &str, &[u8], &str, &str); 4] = [
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
        // Longer than a block of SHA-256.
        "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
        "1700000000",
        b"long key",
        "ec4fae29bfe240d3237dd90336b0054977471483e04cbaffdeaf487b6f4f3d0b",
        "7E+uKb/iQNMjfdkDNrAFSXdHFIPgTLr/3q9Ie29PPQs=",
    ),
];

#[test]
fn known_answers() {
    for (secret, timestamp, body, hex, base64) in KNOWN {
        let verifier = Verifier::new(secret);
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
fn the_system_clock_is_used_where_no_time_is_given() {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(verifier().verify(&signed(now), BODY).is_ok());
    assert!(verifier().verify_bytes(&signed(now), BODY).is_ok());
    assert!(verifier().check(&signed(now), BODY).is_ok());
    let old = signed(now - 1_000);
    for refused in [
        verifier().verify(&old, BODY).unwrap_err(),
        verifier().verify_bytes(&old, BODY).unwrap_err(),
        verifier().check(&old, BODY).unwrap_err(),
    ] {
        assert!(matches!(refused, VerifyError::TooOld { .. }), "{refused:?}");
    }
}

#[test]
fn either_secret_is_accepted_while_it_is_replaced_and_no_other() {
    let both = verifier().also("whs_old");
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
fn a_blank_secret_verifies_nothing() {
    for blank in ["", " ", "\n", "\t \r\n"] {
        let without = Verifier::new(blank).also(blank).replay_guard(10);
        assert!(!without.has_secret(), "{blank:?}");
        // Signed with the very secret that was handed over, with the right one, and not at all.
        for headers in [
            Signer::new(blank).sign(NOW, BODY),
            signed(NOW),
            HeaderMap::new(),
        ] {
            let refused = Err(VerifyError::NoSecret);
            assert_eq!(without.verify_at(&headers, BODY, at(NOW)), refused);
            assert_eq!(without.verify_bytes(&headers, BODY), refused);
            let refused = Err(VerifyError::NoSecret);
            assert_eq!(without.check_at(&headers, BODY, at(NOW)), refused);
        }
        for with in [verifier().also(blank), Verifier::new(blank).also(SECRET)] {
            assert!(with.has_secret());
            assert!(with.verify_at(&signed(NOW), BODY, at(NOW)).is_ok());
            let forged = Signer::new(blank).sign(NOW, BODY);
            assert_eq!(
                with.verify_at(&forged, BODY, at(NOW)),
                Err(VerifyError::BadSignature),
                "{blank:?}"
            );
        }
    }
}

#[test]
fn a_body_that_is_no_event_is_refused_and_not_remembered() {
    let verifier = verifier().replay_guard(100);
    for (body, expected) in [
        (&b"[]"[..], "it is not a JSON object"),
        (b"{}", "`jobId` is missing, empty or not a string"),
    ] {
        let headers = Signer::new(SECRET).sign(NOW, body);
        for _ in 0..2 {
            assert_eq!(
                verifier.verify_at(&headers, body, at(NOW)),
                Err(VerifyError::NotAnEvent { why: expected })
            );
        }
        // It is genuine nevertheless.
        assert!(verifier.check_at(&headers, body, at(NOW)).is_ok());
    }
}

#[test]
fn missing_headers_are_named() {
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
fn only_digits_are_a_timestamp() {
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
        // Signed as it should be: it is the timestamp that is wrong.
        let tag = signature::mac(SECRET.as_bytes(), text.as_bytes(), BODY)
            .finalize()
            .into_bytes();
        let answer = verifier().verify_at(
            &headers(text.as_bytes(), hex::encode(tag).as_bytes()),
            BODY,
            at(NOW),
        );
        let shown = text.chars().take(32).collect();
        assert_eq!(
            answer,
            Err(VerifyError::BadTimestamp { value: shown }),
            "{text:?}"
        );
    }
    let binary = verifier().verify_at(&headers(b"\xff\xfe", b"00"), BODY, at(NOW));
    assert!(matches!(binary, Err(VerifyError::BadTimestamp { .. })));
}

#[test]
fn the_timestamp_is_signed_as_it_is_written() {
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
fn the_tolerance_holds_both_ways() {
    let s = Duration::from_secs;
    let old = |age, tolerance| {
        Err(VerifyError::TooOld {
            age: s(age),
            tolerance: s(tolerance),
        })
    };
    let new = |ahead, tolerance| {
        Err(VerifyError::TooNew {
            ahead: s(ahead),
            tolerance: s(tolerance),
        })
    };
    for (tolerance, now, expected) in [
        (300, NOW, Ok(())),
        (300, NOW + 300, Ok(())),
        (300, NOW + 301, old(301, 300)),
        (300, NOW - 300, Ok(())),
        (300, NOW - 301, new(301, 300)),
        (600, NOW + 600, Ok(())),
        (600, NOW + 601, old(601, 600)),
        (0, NOW, Ok(())),
        (0, NOW + 1, old(1, 0)),
        (0, NOW - 1, new(1, 0)),
        (u64::MAX, 0, Ok(())),
    ] {
        let verifier = if tolerance == 300 {
            verifier()
        } else {
            verifier().tolerance(s(tolerance))
        };
        let answer = verifier.verify_at(&signed(NOW), BODY, at(now)).map(|_| ());
        assert_eq!(answer, expected, "tolerance {tolerance}, now {now}");
    }
}

#[test]
fn a_forged_delivery_is_called_forged_however_old() {
    let mut headers = signed(NOW);
    headers.insert(SIGNATURE, HeaderValue::from_static("00"));
    assert_eq!(
        verifier().verify_at(&headers, BODY, at(NOW + 9_999)),
        Err(VerifyError::BadSignature)
    );
}

#[test]
fn what_is_said_of_a_retry_is_handed_on() {
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
fn without_a_guard_a_delivery_may_come_again() {
    let verifier = verifier();
    for _ in 0..3 {
        assert!(verifier.verify_at(&signed(NOW), BODY, at(NOW)).is_ok());
    }
}

#[test]
fn the_guard_refuses_a_replay_in_any_disguise() {
    let verifier = verifier().replay_guard(100);
    assert!(verifier.verify_at(&signed(NOW), BODY, at(NOW)).is_ok());
    let base64 = Signer::new(SECRET).base64().sign(NOW, BODY);
    let mut retry = signed(NOW);
    retry.insert(RETRY_NUMBER, HeaderValue::from_static("1"));
    for (disguise, now) in [
        (signed(NOW), NOW),
        (base64, NOW + 1),
        (retry, NOW + 2),
        (signed(NOW), NOW + 300),
    ] {
        let answer = verifier.clone().verify_at(&disguise, BODY, at(now));
        assert_eq!(answer, Err(VerifyError::Replayed), "{disguise:?}");
    }
    // Afterwards it is too old to be a replay, and it is not accepted either.
    let late = verifier.verify_at(&signed(NOW), BODY, at(NOW + 301));
    assert!(matches!(late, Err(VerifyError::TooOld { .. })));
}

#[test]
fn the_guard_lets_other_deliveries_pass() {
    let verifier = verifier().replay_guard(100);
    assert!(verifier.verify_at(&signed(NOW), BODY, at(NOW)).is_ok());
    // A retry that is signed anew, and another event of the same second.
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
fn a_refused_delivery_does_not_poison_the_guard() {
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
        "the genuine one still passes"
    );
}

#[test]
fn the_guard_remembers_as_many_as_it_was_told() {
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
fn a_forgotten_delivery_may_come_again_once() {
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
fn no_secret_in_debug_or_in_errors() {
    let verifier = verifier().also("whs_hidden").replay_guard(1);
    let shown = format!("{verifier:?}");
    assert_eq!(
        shown,
        "Verifier { secrets: 2, tolerance: 300s, replay_guard: true }"
    );
}

#[test]
fn every_error_says_what_to_do() {
    let s = Duration::from_secs;
    for (error, what, remedy) in [
        (VerifyError::NoSecret, "blank", "dashboard"),
        (
            VerifyError::NotJson { line: 2, column: 7 },
            "line 2, column 7",
            "newer",
        ),
        (
            VerifyError::NotAnEvent { why: "it is odd" },
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
        (VerifyError::BadSignature, "fits none", "byte for byte"),
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
        (VerifyError::Replayed, "accepted before", "answer 200"),
    ] {
        let text = error.to_string();
        assert!(text.contains(what) && text.contains(remedy), "{text}");
        assert!(!text.contains("  "), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_signed_is_accepted(secret in "[!-~]{1,100}", timestamp in 0_u64..4_000_000_000, body in any::<Vec<u8>>(), base64 in any::<bool>()) {
        let signer = Signer::new(secret.as_str());
        let signer = if base64 { signer.base64() } else { signer };
        let verifier = Verifier::new(secret);
        prop_assert!(verifier.check_at(&signer.sign(timestamp, &body), &body, at(timestamp)).is_ok());
    }

    #[test]
    fn one_flipped_bit_of_the_body_is_refused(mut body in proptest::collection::vec(any::<u8>(), 1..200), bit in any::<proptest::sample::Index>()) {
        let headers = Signer::new(SECRET).sign(NOW, &body);
        let bit = bit.index(body.len() * 8);
        body[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verifier().verify_at(&headers, &body, at(NOW)), Err(VerifyError::BadSignature));
    }

    #[test]
    fn one_flipped_bit_of_the_signature_is_refused(bit in 0_usize..256, base64 in any::<bool>()) {
        use base64::Engine;
        let mut tag: Tag = signature::mac(SECRET.as_bytes(), b"1700000000", BODY).finalize().into_bytes().into();
        tag[bit / 8] ^= 1 << (bit % 8);
        let text = if base64 { base64::engine::general_purpose::STANDARD.encode(tag) } else { hex::encode(tag) };
        prop_assert_eq!(verifier().verify_at(&headers(b"1700000000", text.as_bytes()), BODY, at(NOW)), Err(VerifyError::BadSignature));
    }

    #[test]
    fn another_digit_of_the_timestamp_is_refused(moved in 1_u64..300) {
        let mut headers = signed(NOW);
        headers.insert(TIMESTAMP, HeaderValue::from(NOW + moved));
        prop_assert_eq!(verifier().verify_at(&headers, BODY, at(NOW)), Err(VerifyError::BadSignature));
    }

    #[test]
    fn no_bytes_panic_and_none_are_accepted(timestamp in any::<Vec<u8>>(), signature in any::<Vec<u8>>(), body in any::<Vec<u8>>()) {
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
    fn no_timestamp_panics(seconds in any::<u64>(), now in 0_u64..10_000_000_000, tolerance in any::<Duration>()) {
        let verifier = verifier().tolerance(tolerance).replay_guard(2);
        let _ = verifier.verify_at(&signed(seconds), BODY, at(now));
        let _ = verifier.verify_at(&signed(seconds), BODY, at(now));
    }
}
