//! The start of a body, fit for an error message or a log.

/// How much of a body is shown, in characters.
const SHOWN: usize = 300;
/// A run of this many characters of base64 or hex is a voiceprint, a signature or a token. A job's id has 36.
const SECRET: usize = 40;

/// The start of `body`, on one line, without queries, users and passwords of URLs, and without long runs of base64: there
/// are pre-signed URLs, tokens and voiceprints in bodies.
pub(crate) fn excerpt(body: &[u8]) -> String {
    // More bytes than are shown, so that a secret is seen whole and not cut into a short, harmless-looking run.
    let start = body.get(..SHOWN * 8).unwrap_or(body);
    let text = String::from_utf8_lossy(start);
    let mut shown = String::new();
    let mut rest = text.as_ref();
    while !rest.is_empty() {
        if let Some(query) = rest.strip_prefix('?') {
            let end = query
                .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'))
                .unwrap_or(query.len());
            shown.push_str(if end > 0 { "?…" } else { "?" });
            rest = query.get(end..).unwrap_or_default();
            continue;
        }
        if let Some(after) = rest.strip_prefix("//").and_then(behind_user) {
            shown.push_str("//…@");
            rest = after;
            continue;
        }
        let run = rest.find(|c: char| !is_encoded(c)).unwrap_or(rest.len());
        // A URL may begin in the middle of what could be base64.
        let run = rest
            .get(1..)
            .and_then(|rest| rest.find("//"))
            .map_or(run, |at| run.min(at + 1));
        if run > 0 {
            let (word, after) = rest.split_at(run);
            shown.push_str(if run >= SECRET { "…" } else { word });
            rest = after;
            continue;
        }
        let mut chars = rest.chars();
        if let Some(c) = chars.next() {
            shown.push(if c.is_control() { ' ' } else { c });
        }
        rest = chars.as_str();
    }
    let mut cut: String = shown.chars().take(SHOWN).collect();
    if cut.len() < shown.len() || start.len() < body.len() {
        cut.push('…');
    }
    cut
}

/// What stands behind the user and password of a URL, if it has them. `rest` begins behind the two slashes.
fn behind_user(rest: &str) -> Option<&str> {
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>'));
    let authority = rest.get(..end.unwrap_or(rest.len()))?;
    rest.get(authority.rfind('@')? + 1..)
}

/// Whether base64, in either alphabet, or hex has this character.
fn is_encoded(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_' | '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_and_what_is_not() {
        for (body, shown) in [
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
            assert_eq!(excerpt(body.as_bytes()), shown, "{body}");
        }
        let voiceprint = format!(r#"{{"voiceprint":"{}"}}"#, "Ab+/".repeat(2_000));
        assert_eq!(excerpt(voiceprint.as_bytes()), r#"{"voiceprint":"……"#);
        let long = "a ".repeat(400);
        assert_eq!(excerpt(long.as_bytes()).chars().count(), SHOWN + 1);
        assert_eq!(excerpt(b"\xff\x00"), "\u{fffd} ");
    }

    proptest::proptest! {
        #[test]
        fn no_body_panics_and_none_is_long(body in proptest::collection::vec(proptest::num::u8::ANY, 0..4_000)) {
            assert!(excerpt(&body).chars().count() <= SHOWN + 1);
        }
    }
}
