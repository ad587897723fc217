//! Rule for webhook URLs.

use url::{Host, Url};

use crate::ssrf_guard::has_private_host;

/// Checks that webhooks may be sent to `url`: https, or http to a loopback address, since webhooks contain outputs, which
/// must not cross a network unencrypted; and, unless `allow_private`, not to a private or loopback address. Returns the
/// reason if not.
///
/// Names that have private addresses are found when the webhook is sent.
pub(crate) fn check(url: &Url, allow_private: bool) -> Result<(), &'static str> {
    let is_encrypted = match url.scheme() {
        "https" => url.has_host(),
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        },
        _ => false,
    };
    if !is_encrypted {
        return Err("must be an https URL (http is allowed for loopback addresses only)");
    }
    if !allow_private && has_private_host(url) {
        return Err(
            "must not lead to a private or loopback address, which this server does not allow",
        );
    }
    Ok(())
}
