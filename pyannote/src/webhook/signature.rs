//! The signature scheme: an HMAC-SHA256 over `v0:{timestamp}:{body}`, in hex or base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// An HMAC-SHA256 tag.
pub(super) type Tag = [u8; 32];

/// Scheme names that some senders put in front of the signature.
const PREFIXES: [&[u8]; 2] = [b"v0=", b"sha256="];

/// The HMAC over `v0:{timestamp}:{body}`, to finalize or verify.
#[expect(
    clippy::expect_used,
    reason = "HMAC accepts keys of any length, so `new_from_slice` never fails"
)]
pub(super) fn mac(secret: &[u8], timestamp: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC accepts keys of any length");
    mac.update(b"v0:");
    mac.update(timestamp);
    mac.update(b":");
    mac.update(body);
    mac
}

/// Decodes the signature header; yields every reading of the right length.
///
/// The documentation says base64 and its sample code uses hex, so both are accepted, and text that is valid in both is
/// tried as both.
pub(super) fn decode(header: &[u8]) -> impl Iterator<Item = Tag> {
    let text = strip_prefix(header.trim_ascii());
    [decode_hex(text), decode_base64(text)]
        .into_iter()
        .flatten()
}

fn strip_prefix(text: &[u8]) -> &[u8] {
    PREFIXES
        .iter()
        .find_map(|prefix| {
            let (start, rest) = text.split_at_checked(prefix.len())?;
            start.eq_ignore_ascii_case(prefix).then_some(rest)
        })
        .unwrap_or(text)
}

fn decode_hex(text: &[u8]) -> Option<Tag> {
    let mut tag = Tag::default();
    hex::decode_to_slice(text, &mut tag).ok()?;
    Some(tag)
}

/// Decodes the standard or URL-safe alphabet, padded or not.
fn decode_base64(text: &[u8]) -> Option<Tag> {
    let digits = text.strip_suffix(b"=").unwrap_or(text);
    let standard: Vec<u8> = digits
        .iter()
        .map(|digit| match digit {
            b'-' => b'+',
            b'_' => b'/',
            digit => *digit,
        })
        .collect();
    STANDARD_NO_PAD.decode(standard).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_accepts_secrets_of_any_length() {
        for length in [0, 1, 31, 32, 63, 64, 65, 128, 1_000] {
            let secret: Vec<u8> = (0..=255).cycle().take(length).collect();
            let mut reference = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
            reference.update(b"v0:1:body");
            let mac = mac(&secret, b"1", b"body");
            assert_eq!(
                mac.finalize().into_bytes(),
                reference.finalize().into_bytes(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn decodes_every_encoding_and_prefix() {
        // 0xfb 0xff … encodes to both digits in which the base64 alphabets differ.
        let mut tag = [0xfb_u8; 32];
        tag[1] = 0xff;
        let hex = "fbfffbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfb";
        let standard = "+//7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s";
        let url_safe = "-__7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s";
        let encodings = [
            hex.to_owned(),
            hex.to_uppercase(),
            format!("{}{}", &hex[..32], hex[32..].to_uppercase()),
            standard.to_owned(),
            format!("{standard}="),
            url_safe.to_owned(),
            format!("{url_safe}="),
        ];
        for encoded in encodings {
            for text in [
                encoded.clone(),
                format!("  {encoded}\t"),
                format!("v0={encoded}"),
                format!("V0={encoded}"),
                format!("sha256={encoded}"),
                format!("SHA256={encoded}"),
            ] {
                assert_eq!(
                    decode(text.as_bytes()).collect::<Vec<_>>(),
                    [tag],
                    "{text:?}"
                );
            }
        }
        for text in [
            "",
            "=",
            "v0=",
            "v1=",
            &hex[1..],
            &hex[2..],
            &format!("{hex}00"),
            &standard[1..],
            &format!("{standard}=="),
            &format!("v0=v0={hex}"),
            &format!("sha512={hex}"),
            // Unused bits of its last digit are set: every signature must have a single encoding per alphabet.
            "+//7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/t",
            "not a signature",
            "\u{fffd}",
        ] {
            assert_eq!(decode(text.as_bytes()).count(), 0, "{text:?}");
        }
    }
}
