//! Rule for webhook URLs.

use url::{Host, Url};

/// Returns whether webhooks may be sent to `url`: https, or http to a loopback address. Webhooks contain outputs, which
/// must not cross a network unencrypted.
pub(crate) fn is_allowed(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        },
        _ => false,
    }
}
