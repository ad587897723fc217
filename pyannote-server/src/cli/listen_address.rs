//! The option `--listen`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Port of an address that has none.
const DEFAULT_PORT: u16 = 8000;

const EXPECTED: &str =
    "use an IP address or localhost, a port, or both, such as 127.0.0.1:8000 or localhost:8000";

/// Parses the address to listen on: an IP address or `localhost`, a port, or both. Without an IP address, it is
/// 127.0.0.1.
///
/// No other name is accepted: which address a name has depends on the network, and the server listens on one address.
pub(super) fn parse(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(ip) = text
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
    {
        return Ok((ip, DEFAULT_PORT).into());
    }
    let port = match text.strip_prefix("localhost") {
        Some("") => Some(DEFAULT_PORT),
        Some(rest) => rest.strip_prefix(':').and_then(|port| port.parse().ok()),
        None => text.strip_prefix(':').unwrap_or(text).parse().ok(),
    };
    port.map(|port| (Ipv4Addr::LOCALHOST, port).into())
        .ok_or_else(|| EXPECTED.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_a_port_or_both() {
        for (text, expected) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("localhost:9000", "127.0.0.1:9000"),
            ("localhost:0", "127.0.0.1:0"),
            ("localhost", "127.0.0.1:8000"),
            ("9000", "127.0.0.1:9000"),
            (":9000", "127.0.0.1:9000"),
            ("0.0.0.0", "0.0.0.0:8000"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("::1", "[::1]:8000"),
            ("[::1]", "[::1]:8000"),
            ("[::]:9000", "[::]:9000"),
        ] {
            assert_eq!(parse(text), Ok(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn other_names_and_invalid_ports_are_rejected() {
        for text in [
            "",
            ":",
            "nowhere",
            "nowhere:8000",
            "localhost:",
            "localhost9000",
            "localhost:http",
            "localhost:65536",
            "65536",
            "http://localhost:8000",
            "127.0.0.1:",
            "127.0.0.1:65536",
            "*:8000",
        ] {
            assert_eq!(parse(text), Err(EXPECTED.to_owned()), "{text}");
        }
    }
}
