//! The secrets of this process's clients, which are removed from every text that enters an error or a log.
//!
//! A gateway may echo the API key wherever it likes, and the code that reads a response often does not know the client
//! that sent the request. So the secrets of all clients are in one place, for as long as a client uses them.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Shorter values are not treated as secrets: they occur in ordinary words.
pub(crate) const MIN_SECRET_BYTES: usize = 6;
/// What a secret is replaced with.
const REPLACEMENT: &str = "…";

static SECRETS: RwLock<Vec<Weak<Forms>>> = RwLock::new(Vec::new());

/// A secret that is removed from texts until this and its clones are dropped.
#[derive(Clone)]
pub(crate) struct Protected(
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "it keeps the secret registered")
    )]
    Arc<Forms>,
);

impl fmt::Debug for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protected(…)")
    }
}

/// The forms in which a secret is recognized in text, in lower case.
#[derive(Eq, PartialEq)]
struct Forms(Vec<Form>);

#[derive(Eq, PartialEq)]
struct Form {
    text: String,
    /// Whether the characters around it may encode a part of the secret, too.
    is_base64: bool,
}

/// Removes `secret` from all texts, until the return value is dropped. Returns `None` if it is too short.
pub(crate) fn protect(secret: &str) -> Option<Protected> {
    if secret.len() < MIN_SECRET_BYTES {
        return None;
    }
    let forms = Forms::new(secret);
    let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    // Many clients may have the same key.
    let mut known = None;
    secrets.retain(|secret| {
        let secret = secret.upgrade();
        let is_alive = secret.is_some();
        known = known.take().or(secret.filter(|secret| **secret == forms));
        is_alive
    });
    Some(Protected(known.unwrap_or_else(|| {
        let secret = Arc::new(forms);
        secrets.push(Arc::downgrade(&secret));
        secret
    })))
}

/// `text` without any protected secret, in each of its [`Forms`].
pub(crate) fn remove(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for_each(|secret| {
        if let Some(without) = secret.remove(&text) {
            text = Cow::Owned(without);
        }
    });
    text
}

/// The length in bytes of the longest form of any secret: a text that ends in the middle of a secret has less of it.
pub(super) fn max_bytes() -> usize {
    let mut max = 0;
    for_each(|secret| {
        let longest = secret.0.iter().map(|form| form.text.len()).max();
        max = max.max(longest.unwrap_or(0));
    });
    max
}

fn for_each(mut f: impl FnMut(&Forms)) {
    let secrets = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    secrets
        .iter()
        .filter_map(Weak::upgrade)
        .for_each(|secret| f(&secret));
}

impl Forms {
    fn new(secret: &str) -> Self {
        let mut forms: Vec<Form> = Vec::new();
        let mut add = |text: &str, is_base64| {
            for text in escaped(text) {
                let text = text.to_ascii_lowercase();
                if forms.iter().all(|form| form.text != text) {
                    forms.push(Form { text, is_base64 });
                }
            }
        };
        add(secret, false);
        add(&hex::encode(secret), false);
        for core in base64_cores(secret.as_bytes()) {
            add(&core, true);
            add(&core.replace('+', "-").replace('/', "_"), true);
        }
        // An escaped form may contain a shorter one.
        forms.sort_by_key(|form| std::cmp::Reverse(form.text.len()));
        Self(forms)
    }

    /// `text` without the secret, or `None` if it does not contain it.
    fn remove(&self, text: &str) -> Option<String> {
        let mut result: Option<String> = None;
        for form in &self.0 {
            let text = result.as_deref().unwrap_or(text);
            if let Some(without) = form.remove(text) {
                result = Some(without);
            }
        }
        result
    }
}

impl Form {
    fn remove(&self, text: &str) -> Option<String> {
        // Has the same length in bytes.
        let lower = text.to_ascii_lowercase();
        let mut without = String::new();
        let mut end = 0;
        while let Some(at) = lower.get(end..)?.find(&self.text) {
            let (mut start, mut next) = (end + at, end + at + self.text.len());
            if self.is_base64 {
                let before = text.get(end..start)?;
                start -= before.len() - before.trim_end_matches(is_base64).len();
                let after = text.get(next..)?;
                next += after.len() - after.trim_start_matches(is_base64).len();
            }
            without.push_str(text.get(end..start)?);
            without.push_str(REPLACEMENT);
            end = next;
        }
        if end == 0 {
            return None;
        }
        without.push_str(text.get(end..)?);
        Some(without)
    }
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_')
}

/// The characters that the base64 of any text with `secret` in it has in common, for each of the three positions at
/// which the secret may start within a group of three bytes.
fn base64_cores(secret: &[u8]) -> impl Iterator<Item = String> {
    (0..3).map(move |offset| {
        let bytes = [&[0; 2][..offset], secret].concat();
        let encoded = STANDARD_NO_PAD.encode(&bytes);
        // Characters of which all six bits are those of the secret.
        let first = (8 * offset).div_ceil(6);
        let end = 8 * bytes.len() / 6;
        encoded.get(first..end).unwrap_or_default().to_owned()
    })
}

/// A text as it is, and with the usual escapes of URLs, JSON and HTML.
fn escaped(text: &str) -> [String; 11] {
    let json = replace(text, |c| matches!(c, '"' | '\\').then(|| format!("\\{c}")));
    let unicode = |special: &'static str| {
        replace(&json, move |c| {
            special
                .contains(c)
                .then(|| format!("\\u{:04x}", u32::from(c)))
        })
    };
    let percent = |unreserved: &'static str| {
        replace(text, move |c| {
            let is_unreserved = c.is_ascii_alphanumeric() || unreserved.contains(c);
            (!is_unreserved).then(|| format!("%{:02x}", u32::from(c)))
        })
    };
    let html = |quote: &'static str| {
        replace(text, move |c| {
            let entity = match c {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => quote,
                _ => return None,
            };
            Some(entity.to_owned())
        })
    };
    [
        text.to_owned(),
        json.replace('/', "\\/"),
        unicode("&<>"),
        unicode("&<>='"),
        percent("-_.~"),
        percent("-_.*"),
        percent("-_.!~*'()"),
        percent("-_.!~*'();,/?:@&=+$#"),
        html("&#39;"),
        html("&#x27;"),
        json,
    ]
}

fn replace(text: &str, escape: impl Fn(char) -> Option<String>) -> String {
    text.chars()
        .map(|c| escape(c).unwrap_or_else(|| c.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_is_removed_for_as_long_as_it_is_protected() {
        let text = "the key transient-key-1 is invalid";
        assert_eq!(remove(text), text);
        let protected = protect("transient-key-1").unwrap();
        let same = protect("transient-key-1").unwrap();
        assert!(Arc::ptr_eq(&protected.0, &same.0));
        assert_eq!(remove(text), "the key … is invalid");
        assert_eq!(remove("TRANSIENT-KEY-1"), "…");
        drop(protected);
        assert_eq!(remove(text), "the key … is invalid");
        drop(same);
        assert_eq!(remove(text), text);
        assert!(protect("short").is_none());
    }

    #[test]
    fn base64_of_more_than_the_secret_is_removed_completely() {
        let _protected = protect("base64-key-1").unwrap();
        for text in [
            "Bearer base64-key-1",
            "ada:base64-key-1",
            "base64-key-1 and more",
        ] {
            let text = format!("<{}>", STANDARD.encode(text));
            assert_eq!(remove(&text), "<…>", "{text}");
        }
    }

    /// Whether `text` contains `secret`, decoded by other means than those of this module.
    fn contains(text: &str, secret: &str) -> bool {
        let json: String = serde_json::from_str(&format!("\"{text}\"")).unwrap_or_default();
        let url = format!("http://host/?{text}");
        let url = reqwest::Url::parse(&url).unwrap();
        let decoded = url
            .query_pairs()
            .any(|(name, value)| name.contains(secret) || value.contains(secret));
        decoded || text.contains(secret) || json.contains(secret)
    }

    proptest! {
        #[test]
        fn every_form_of_any_key_is_removed_from_any_text(
            key in "[!-~]{6,60}",
            before in "\\PC{0,20}",
            after in "\\PC{0,20}",
            offset in "[a-z]{0,3}",
        ) {
            let _protected = protect(&key).unwrap();
            let whole = format!("{offset}{key}{offset}");
            let mut url = reqwest::Url::parse("http://host/").unwrap();
            url.query_pairs_mut().append_pair("", &whole);
            for form in [
                whole.clone(),
                whole.to_ascii_uppercase(),
                STANDARD.encode(&whole),
                URL_SAFE.encode(&whole),
                hex::encode(&whole),
                serde_json::to_string(&whole).unwrap(),
                format!("{whole:?}"),
                url.query().unwrap().to_owned(),
            ] {
                let text = format!("{before}{form}{after}");
                let removed = remove(&text);
                prop_assert!(!contains(&removed, &key), "{removed}");
                prop_assert!(!removed.contains(&form), "{removed}");
            }
        }
    }
}
