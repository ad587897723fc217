//! Redaction of text from outside: of responses, headers and ids, for error messages and logs.
//!
//! Such text enters an error only through [`excerpt`] or [`Excerpt`]. In addition, [`Error`](crate::Error) removes the
//! secrets of the clients from everything that it is made of.

use std::fmt;

mod secrets;

pub(crate) use secrets::{MIN_SECRET_BYTES, Protected, protect, remove as remove_secrets};

/// Maximum length of an excerpt, in characters, without the ellipsis.
const MAX_EXCERPT_CHARS: usize = 300;
/// Number of bytes that are searched for secrets. More than the excerpt has, so that a secret at its end is recognized
/// by its full length.
const MAX_SCANNED_BYTES: usize = MAX_EXCERPT_CHARS * 8;
/// Runs of base64 or hex of at least this length are redacted: voiceprints, signatures and tokens. Job ids have 36.
const MIN_SECRET_CHARS: usize = 40;
/// Tokens of at least this length are redacted if a word before them says what they are.
const MIN_TOKEN_CHARS: usize = 8;
/// The name of the field with a voiceprint.
const VOICEPRINT: &str = "\"voiceprint\"";

/// Text from outside, of which only an excerpt without secrets is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Excerpt(String);

impl Excerpt {
    pub(crate) fn new(text: impl AsRef<[u8]>) -> Self {
        Self(excerpt(text.as_ref()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the start of `text` on one line, with secrets replaced by `…`.
///
/// Texts contain API keys, pre-signed URLs, tokens and voiceprints. So the secrets of the clients, the queries and
/// credentials of URLs, values that a word such as `Bearer` or `token=` announces, and long runs of base64 are removed,
/// and the excerpt ends where a voiceprint begins, whatever its form.
pub(crate) fn excerpt(text: &[u8]) -> String {
    let max_secret = secrets::max_bytes();
    let scanned = text.get(..MAX_SCANNED_BYTES + max_secret).unwrap_or(text);
    let is_cut = scanned.len() < text.len();
    // Control characters are removed first: UTF-16 has one before or after each ASCII character.
    let decoded: String = String::from_utf8_lossy(scanned)
        .chars()
        .map(|c| {
            if matches!(c, '\t' | '\n' | '\r') {
                ' '
            } else {
                c
            }
        })
        .filter(|c| !c.is_control())
        .collect();
    let known = remove_secrets(&decoded);
    let known = match is_cut {
        false => known.as_ref(),
        // The text may have been cut in the middle of a secret.
        true => {
            let mut end = known.len().saturating_sub(max_secret);
            while !known.is_char_boundary(end) {
                end -= 1;
            }
            known.get(..end).unwrap_or_default()
        }
    };
    let redacted = redact_patterns(known);
    let mut excerpt: String = redacted.chars().take(MAX_EXCERPT_CHARS).collect();
    if excerpt.len() < redacted.len() || is_cut {
        excerpt.push('…');
    }
    excerpt
}

/// Replaces what looks like a secret.
fn redact_patterns(text: &str) -> String {
    let mut redacted = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(value) = rest.strip_prefix(VOICEPRINT)
            && value.trim_start().starts_with(':')
        {
            redacted.push_str(VOICEPRINT);
            redacted.push_str(":…");
            break;
        }
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
        if let Some((announcement, after)) = after_announced_token(&redacted, rest) {
            redacted.push_str(announcement);
            redacted.push('…');
            rest = after;
            continue;
        }
        let run = run_len(rest);
        if run > 0 {
            let (word, after) = rest.split_at(run);
            redacted.push_str(if run >= MIN_SECRET_CHARS { "…" } else { word });
            rest = after;
            continue;
        }
        let mut chars = rest.chars();
        redacted.extend(chars.next());
        rest = chars.as_str();
    }
    redacted
}

/// The length of the run of encoded characters at the start of `text`. A URL may start within it, and a value may follow
/// its name.
fn run_len(text: &str) -> usize {
    let mut end = 0;
    loop {
        let rest = text.get(end..).unwrap_or_default();
        end += rest.find(|c: char| !is_encoded(c)).unwrap_or(rest.len());
        // JSON may escape the slashes of base64.
        match text.get(end..).unwrap_or_default().starts_with("\\/") {
            true => end += 2,
            false => break,
        }
    }
    let url = text.get(1..end).and_then(|run| run.find("//"));
    let end = url.map_or(end, |at| end.min(at + 1));
    // Elsewhere than at its end, base64 has no `=`.
    let run = text.get(..end).unwrap_or_default();
    run.trim_end_matches('=').find('=').unwrap_or(end)
}

/// Splits the token off `rest` that the end of `before` announces, as in `Bearer …` or `"token": "…"`. Returns what is
/// between the announcement and the token, and what follows the token.
fn after_announced_token<'a>(before: &str, rest: &'a str) -> Option<(&'a str, &'a str)> {
    const SCHEMES: [&str; 3] = ["bearer", "basic", "digest"];
    const NAMES: [&str; 7] = [
        "token",
        "secret",
        "signature",
        "password",
        "credential",
        "authorization",
        "apikey",
    ];
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let word = before
        .get(before.trim_end_matches(is_word).len()..)?
        .to_ascii_lowercase()
        .replace(['-', '_'], "");
    let separator_end = rest.find(|c: char| !matches!(c, ' ' | '"' | '\\' | ':' | '=' | '\''))?;
    let (separator, token) = rest.split_at(separator_end);
    let is_scheme = SCHEMES.contains(&word.as_str()) && separator == " ";
    // In prose, a colon or a space after such a word announces no secret.
    let is_assigned = separator.starts_with('=')
        || (separator.starts_with(['"', '\\', '\'']) && separator.contains([':', '=']));
    let is_named = is_assigned && NAMES.iter().any(|name| word.ends_with(name));
    if !is_scheme && !is_named {
        return None;
    }
    let end = token
        .find(|c: char| !is_encoded(c) && !matches!(c, '.' | '~' | ':' | '!' | '*'))
        .unwrap_or(token.len());
    (end >= MIN_TOKEN_CHARS).then(|| (separator, token.get(end..).unwrap_or_default()))
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
            (
                "Authorization: Bearer sk_0123456789, Basic YWRhOmFkYQ==",
                "Authorization: Bearer …, Basic …",
            ),
            (
                r#"{"token":"a.b.c.d.e","sessionToken": "abcdefgh","field":"token"}"#,
                r#"{"token":"…","sessionToken": "…","field":"token"}"#,
            ),
            (
                r#""{\"api_key\":\"abcdefgh\"}" X-Amz-Signature=0123abcd&x=1"#,
                r#""{\"api_key\":\"…\"}" X-Amz-Signature=…&x=1"#,
            ),
            (
                "the token is missing: token: authorization required; a bearer of news",
                "the token is missing: token: authorization required; a bearer of news",
            ),
        ] {
            assert_eq!(excerpt(body.as_bytes()), expected, "{body}");
        }
        let secret = "Ab+/".repeat(2_000);
        let escaped = r"Ab+\/Ab".repeat(40);
        for value in [
            format!("\"{secret}\""),
            format!("\"{escaped}\""),
            "[0.1,-0.2]".to_owned(),
            "5".to_owned(),
        ] {
            let body = format!(r#"{{"a":1,"voiceprint": {value},"b":2}}"#);
            let excerpt = excerpt(body.as_bytes());
            assert_eq!(excerpt.trim_end_matches('…'), r#"{"a":1,"voiceprint":"#);
        }
        assert_eq!(excerpt(secret.as_bytes()), "……");
        assert_eq!(excerpt(escaped.as_bytes()), "…");
        assert_eq!(
            excerpt(br#"{"field":"voiceprint","a":1}"#),
            r#"{"field":"voiceprint","a":1}"#
        );
        let long = "a ".repeat(400);
        assert_eq!(
            excerpt(long.as_bytes()).chars().count(),
            MAX_EXCERPT_CHARS + 1
        );
        assert_eq!(excerpt(b"\xff\x00"), "\u{fffd}");
    }

    #[test]
    fn the_secret_of_a_client_is_removed_wherever_the_text_is_cut() {
        let key = "cut-secret-key-1";
        let _protected = protect(key).unwrap();
        // The voiceprint is redacted, so that the excerpt reaches the end of what is scanned.
        for len in MAX_SCANNED_BYTES - 200..MAX_SCANNED_BYTES + 200 {
            let text = format!("{} {key} {}", "A".repeat(len), "more ".repeat(1_000));
            let excerpt = excerpt(text.as_bytes());
            assert!(!excerpt.contains("cut-"), "{len}: {excerpt}");
        }
        let utf_16: Vec<u8> = key.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(excerpt(&utf_16), "…");
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_never_exceeds_the_limit(body in proptest::collection::vec(proptest::num::u8::ANY, 0..4_000)) {
            assert!(excerpt(&body).chars().count() <= MAX_EXCERPT_CHARS + 1);
        }

        #[test]
        fn an_excerpt_is_its_own_excerpt(text in "[ -~]{0,400}") {
            let once = excerpt(text.as_bytes());
            let twice = excerpt(once.as_bytes());
            // The first ellipsis may be beyond the limit.
            assert_eq!(once.trim_end_matches('…'), twice.trim_end_matches('…'));
        }
    }
}
