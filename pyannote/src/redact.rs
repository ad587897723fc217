//! Redacted excerpts of bodies, for error messages and logs.

/// Maximum length of an excerpt, in characters, without the ellipsis.
const MAX_EXCERPT_CHARS: usize = 300;
/// Runs of base64 or hex of at least this length are redacted: voiceprints, signatures and tokens. Job ids have 36.
const MIN_SECRET_CHARS: usize = 40;

/// Returns the start of `body` on one line, with secrets replaced by `…`.
///
/// Bodies contain pre-signed URLs, tokens and voiceprints, so the queries and credentials of URLs and long runs of
/// base64 are removed.
pub(crate) fn excerpt(body: &[u8]) -> String {
    // Scan more bytes than the excerpt has, so that a secret at its end is recognized by its full length.
    let start = body.get(..MAX_EXCERPT_CHARS * 8).unwrap_or(body);
    let text = String::from_utf8_lossy(start);
    let mut redacted = String::new();
    let mut rest = text.as_ref();
    while !rest.is_empty() {
        if let Some(query) = rest.strip_prefix('?') {
            let end = query
                .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'))
                .unwrap_or(query.len());
            redacted.push_str(if end > 0 { "?…" } else { "?" });
            rest = query.get(end..).unwrap_or_default();
            continue;
        }
        if let Some(after) = rest.strip_prefix("//").and_then(after_credentials) {
            redacted.push_str("//…@");
            rest = after;
            continue;
        }
        let run = rest.find(|c: char| !is_encoded(c)).unwrap_or(rest.len());
        // A URL may start within a run of base64 characters.
        let run = rest
            .get(1..)
            .and_then(|rest| rest.find("//"))
            .map_or(run, |at| run.min(at + 1));
        if run > 0 {
            let (word, after) = rest.split_at(run);
            redacted.push_str(if run >= MIN_SECRET_CHARS { "…" } else { word });
            rest = after;
            continue;
        }
        let mut chars = rest.chars();
        if let Some(c) = chars.next() {
            redacted.push(if c.is_control() { ' ' } else { c });
        }
        rest = chars.as_str();
    }
    let mut excerpt: String = redacted.chars().take(MAX_EXCERPT_CHARS).collect();
    if excerpt.len() < redacted.len() || start.len() < body.len() {
        excerpt.push('…');
    }
    excerpt
}

/// Returns the text after the user name and password of a URL, or `None` if it has none. `rest` starts after the `//`.
fn after_credentials(rest: &str) -> Option<&str> {
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>'));
    let authority = rest.get(..end.unwrap_or(rest.len()))?;
    rest.get(authority.rfind('@')? + 1..)
}

/// Returns whether `c` is a character of base64 (either alphabet), hex or percent-encoding.
fn is_encoded(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_' | '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redacts_secrets_and_keeps_the_rest() {
        for (body, expected) in [
            ("", ""),
            (
                "<html>\n<h1>502 Bad Gateway</h1>",
                "<html> <h1>502 Bad Gateway</h1>",
            ),
            (
                r#"{"url":"https://host/a.wav?X-Amz-Signature=abc&x=1","a":1}"#,
                r#"{"url":"https://host/a.wav?…","a":1}"#,
            ),
            (
                r#"{"jobId":"3c8a89a5-dcc6-4edb-a75d-ffd64739674d"}"#,
                r#"{"jobId":"3c8a89a5-dcc6-4edb-a75d-ffd64739674d"}"#,
            ),
            ("who?", "who?"),
            (
                r#""https://user:pass@word@host/a""#,
                r#""https://…@host/a""#,
            ),
            ("https://host/@ada and //b", "https://host/@ada and //b"),
        ] {
            assert_eq!(excerpt(body.as_bytes()), expected, "{body}");
        }
        let voiceprint = format!(r#"{{"voiceprint":"{}"}}"#, "Ab+/".repeat(2_000));
        assert_eq!(excerpt(voiceprint.as_bytes()), r#"{"voiceprint":"……"#);
        let long = "a ".repeat(400);
        assert_eq!(
            excerpt(long.as_bytes()).chars().count(),
            MAX_EXCERPT_CHARS + 1
        );
        assert_eq!(excerpt(b"\xff\x00"), "\u{fffd} ");
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_never_exceeds_the_limit(body in proptest::collection::vec(proptest::num::u8::ANY, 0..4_000)) {
            assert!(excerpt(&body).chars().count() <= MAX_EXCERPT_CHARS + 1);
        }
    }
}
