//! The URL of the recording, and the content security policy that permits it.

use std::error::Error;
use std::fmt;

/// A URL that an `<audio>` element may load.
#[derive(Clone, PartialEq)]
pub(super) struct AudioUrl {
    pub(super) url: String,
    /// The sources of `media-src` in the content security policy.
    pub(super) csp_sources: String,
}

impl AudioUrl {
    /// Checks a URL, and determines the narrowest policy that permits it.
    pub(super) fn parse(url: &str) -> Result<Self, InvalidAudioUrl> {
        let url = url.trim();
        if url.is_empty() {
            return Err(InvalidAudioUrl::Empty);
        }
        // Browsers remove some of them, which could change the scheme.
        if url.contains(char::is_control) {
            return Err(InvalidAudioUrl::ControlCharacter);
        }
        // Browsers read `\` as `/`. On Windows, the host of a file URL would receive the user's credentials.
        let mut slashes = url.chars().map(|c| c == '/' || c == '\\');
        if slashes.next() == Some(true) && slashes.next() == Some(true) {
            return Err(InvalidAudioUrl::Host);
        }
        let csp_sources = match scheme(url) {
            // `'self'` does not cover files.
            None => "'self' file:".to_owned(),
            Some((scheme, rest)) => match scheme.as_str() {
                "http" | "https" => format!("{scheme}:{}", host(rest)?),
                "file" => "file:".to_owned(),
                "data" if is_media_type(rest) => "data:".to_owned(),
                "data" => return Err(InvalidAudioUrl::DataType),
                _ => return Err(InvalidAudioUrl::Scheme(scheme)),
            },
        };
        Ok(Self {
            url: url.to_owned(),
            csp_sources,
        })
    }
}

impl fmt::Debug for AudioUrl {
    /// Does not print the URL, which may be pre-signed or contain the recording.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AudioUrl(..)")
    }
}

/// The scheme in lower case, and what follows the colon. `None` if the URL is relative.
fn scheme(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

/// The host and port as `//host:port`, or nothing if the syntax of policies cannot express the host.
fn host(rest: &str) -> Result<String, InvalidAudioUrl> {
    let authority = rest
        .trim_start_matches(['/', '\\'])
        .split(['/', '\\', '?', '#'])
        .next()
        .unwrap_or_default();
    if authority.contains('@') {
        return Err(InvalidAudioUrl::Credentials);
    }
    if authority.is_empty() {
        return Err(InvalidAudioUrl::Host);
    }
    let is_expressible = authority
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':'));
    Ok(if is_expressible {
        format!("//{authority}")
    } else {
        String::new()
    })
}

/// Whether the rest of a data URL is audio or video.
fn is_media_type(rest: &str) -> bool {
    let rest = rest.as_bytes();
    let starts_with = |kind: &[u8]| {
        rest.get(..kind.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(kind))
    };
    starts_with(b"audio/") || starts_with(b"video/")
}

/// The reason why [`HtmlOptions::audio`](crate::HtmlOptions::audio) rejects a URL.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidAudioUrl {
    /// The URL is empty.
    Empty,
    /// The URL contains a control character.
    ControlCharacter,
    /// The URL contains a user name or password.
    Credentials,
    /// The URL has no host, or has one but no scheme.
    Host,
    /// The data URL is neither audio nor video.
    DataType,
    /// The URL has this scheme, which is not supported.
    Scheme(String),
}

impl fmt::Display for InvalidAudioUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("audio URL is empty"),
            Self::ControlCharacter => {
                f.write_str("audio URL contains a control character; percent-encode it")
            }
            Self::Credentials => f.write_str(
                "audio URL contains a user name or password, which everyone could read in the page; remove it",
            ),
            Self::Host => f.write_str(
                "audio URL must be relative, or have both a scheme and a host, as in `https://host/a.wav`",
            ),
            Self::DataType => f.write_str("audio URL must be `data:audio/…` or `data:video/…`"),
            Self::Scheme(scheme) => write!(
                f,
                "audio URL has the unsupported scheme `{scheme}`; use http, https, file or data, or a relative URL"
            ),
        }
    }
}

impl Error for InvalidAudioUrl {}

#[cfg(test)]
mod tests {
    use super::{AudioUrl, InvalidAudioUrl};

    #[test]
    fn policies_are_as_narrow_as_possible() {
        for (url, expected) in [
            ("meeting.wav", "'self' file:"),
            (" a b/ü.wav ", "'self' file:"),
            ("/audio/1?x=a:b", "'self' file:"),
            ("./a:b.wav", "'self' file:"),
            ("file:///tmp/a.wav", "file:"),
            (
                "https://host.example:8443/a.wav?b=https://x",
                "https://host.example:8443",
            ),
            ("HTTP://127.0.0.1/a", "http://127.0.0.1"),
            ("https:host/a", "https://host"),
            ("https://[::1]/a", "https:"),
            ("https://bücher.example/a", "https:"),
            ("https://a.example;script-src *", "https:"),
            ("data:Audio/wav;base64,AAAA", "data:"),
        ] {
            let audio = AudioUrl::parse(url).unwrap();
            assert_eq!(audio.csp_sources, expected, "{url}");
            assert_eq!(audio.url, url.trim());
        }
    }

    #[test]
    fn other_urls_are_errors() {
        use InvalidAudioUrl::{ControlCharacter, Credentials, DataType, Empty, Host, Scheme};
        for (url, expected) in [
            (" ", Empty),
            ("java\nscript:alert(1)", ControlCharacter),
            ("javascript:alert(1)", Scheme("javascript".to_owned())),
            ("C:\\meeting.wav", Scheme("c".to_owned())),
            ("blob:https://x/1", Scheme("blob".to_owned())),
            ("data:text/html,x", DataType),
            ("data:audi", DataType),
            ("//host/a.wav", Host),
            ("\\\\host\\a.wav", Host),
            ("https:///", Host),
            ("https://user:password@host/a", Credentials),
        ] {
            assert_eq!(AudioUrl::parse(url), Err(expected), "{url}");
        }
    }

    #[test]
    fn errors_and_debug_do_not_contain_the_url() {
        let audio = AudioUrl::parse("https://host/a.wav?signature=secret").unwrap();
        assert!(!format!("{audio:?}").contains("secret"));
        let error = AudioUrl::parse("https://user:secret@host/a").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
