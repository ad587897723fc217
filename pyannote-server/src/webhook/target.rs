//! Where a webhook may go: https, or http on this machine.

use std::net::IpAddr;

use reqwest::Url;

/// Whether a webhook may be sent there. There are outputs in it, so never in the clear over a network.
pub(super) fn is_allowed(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => url.host_str().is_some_and(is_loopback),
        _ => false,
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
