//! Rule for URLs of recordings.

use reqwest::Url;

use super::RecordingError;
use crate::ssrf_guard::has_private_host;

/// Checks that a URL may be fetched: http or https, without credentials, and, unless `allow_private`, without a private
/// host.
pub(super) fn check(url: &Url, allow_private: bool) -> Result<(), RecordingError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(RecordingError::UnsupportedUrl(
            "it is neither http nor https",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(RecordingError::UnsupportedUrl(
            "it contains a user name or password",
        ));
    }
    match url.host_str() {
        None | Some("") => Err(RecordingError::UnsupportedUrl("it has no host")),
        Some(host) if !allow_private && has_private_host(url) => {
            Err(RecordingError::PrivateAddress(host.to_owned()))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_http_urls_without_credentials_only() {
        for (url, allowed) in [
            ("https://example.com/a.wav?x=1", true),
            ("http://1.1.1.1/a.wav", true),
            ("http://[2606:4700:4700::1111]/", true),
            ("file:///etc/passwd", false),
            ("ftp://example.com/a.wav", false),
            ("data:audio/wav,abc", false),
            ("https://ada@example.com/", false),
            ("https://ada:secret@example.com/", false),
        ] {
            assert_eq!(
                check(&Url::parse(url).unwrap(), false).is_ok(),
                allowed,
                "{url}"
            );
        }
    }

    #[test]
    fn private_hosts_need_permission_and_errors_do_not_contain_the_url() {
        for host in ["127.1", "[::1]", "169.254.169.254", "localhost"] {
            let url = Url::parse(&format!("http://{host}:8080/audio.wav?secret")).unwrap();
            let error = check(&url, false).unwrap_err();
            assert!(
                matches!(error, RecordingError::PrivateAddress(_)),
                "{host}: {error}"
            );
            assert!(!error.to_string().contains("secret"), "{error}");
            assert!(check(&url, true).is_ok(), "{host}");
        }
    }
}
