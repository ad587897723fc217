//! The signature itself: what is signed, with what, and how it is written down.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// An HMAC-SHA256.
pub(super) type Tag = [u8; 32];

/// Names of the scheme that some senders put in front. They are no part of the signature.
const PREFIXES: [&[u8]; 2] = [b"v0=", b"sha256="];

/// The HMAC over `v0:{timestamp}:{body}`, ready to be finished or compared.
pub(super) fn mac(secret: &[u8], timestamp: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new(&block(secret));
    mac.update(b"v0:");
    mac.update(timestamp);
    mac.update(b":");
    mac.update(body);
    mac
}

/// A key as HMAC takes it: filled up with zeros to one block, and hashed first if it is longer than that (RFC 2104).
/// The same as `new_from_slice` does, without an error that never comes.
fn block(secret: &[u8]) -> Key<Hmac<Sha256>> {
    let mut block = Key::<Hmac<Sha256>>::default();
    let fill =
        |block: &mut [u8], key: &[u8]| block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    if secret.len() > block.len() {
        fill(&mut block, &Sha256::digest(secret));
    } else {
        fill(&mut block, secret);
    }
    block
}

/// The signatures that a header may mean, of the right length. The documentation says base64 and its sample code says
/// hex, so both are read; a text that is both at once is tried as both.
pub(super) fn decode(header: &[u8]) -> impl Iterator<Item = Tag> {
    let text = without_prefix(header.trim_ascii());
    [from_hex(text), from_base64(text)].into_iter().flatten()
}

fn without_prefix(text: &[u8]) -> &[u8] {
    PREFIXES
        .iter()
        .find_map(|prefix| {
            let (start, rest) = text.split_at_checked(prefix.len())?;
            start.eq_ignore_ascii_case(prefix).then_some(rest)
        })
        .unwrap_or(text)
}

fn from_hex(text: &[u8]) -> Option<Tag> {
    let mut tag = Tag::default();
    hex::decode_to_slice(text, &mut tag).ok()?;
    Some(tag)
}

/// Standard or URL-safe, padded or not.
fn from_base64(text: &[u8]) -> Option<Tag> {
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
    fn a_key_of_any_length_is_taken_as_hmac_takes_it() {
        for length in [0, 1, 31, 32, 63, 64, 65, 128, 1_000] {
            let secret: Vec<u8> = (0..=255).cycle().take(length).collect();
            let mut theirs = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
            theirs.update(b"v0:1:body");
            let ours = mac(&secret, b"1", b"body");
            assert_eq!(
                ours.finalize().into_bytes(),
                theirs.finalize().into_bytes(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn every_way_to_write_a_signature() {
        // 0xfb 0xff .. makes both digits that the two base64 alphabets write differently.
        let mut tag = [0xfb_u8; 32];
        tag[1] = 0xff;
        let hex = "fbfffbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfb";
        let standard = "+//7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s";
        let url_safe = "-__7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s";
        let forms = [
            hex.to_owned(),
            hex.to_uppercase(),
            format!("{}{}", &hex[..32], hex[32..].to_uppercase()),
            standard.to_owned(),
            format!("{standard}="),
            url_safe.to_owned(),
            format!("{url_safe}="),
        ];
        for form in forms {
            for text in [
                form.clone(),
                format!("  {form}\t"),
                format!("v0={form}"),
                format!("V0={form}"),
                format!("sha256={form}"),
                format!("SHA256={form}"),
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
            // Its last digit carries bits that mean nothing: one signature is not to have several spellings.
            "+//7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/t",
            "not a signature",
            "\u{fffd}",
        ] {
            assert_eq!(decode(text.as_bytes()).count(), 0, "{text:?}");
        }
    }
}
