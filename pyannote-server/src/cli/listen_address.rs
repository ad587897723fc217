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
    let text = text.trim_start_matches(':');
    if let Ok(port) = text.parse() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let (host, port) = match text.strip_prefix("localhost:") {
        Some(port) => ("localhost", port.parse().map_err(|_| EXPECTED)?),
        None => (text, DEFAULT_PORT),
    };
    if host == "localhost" {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = host.parse().map_err(|_| EXPECTED)?;
    Ok((ip, port).into())
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
