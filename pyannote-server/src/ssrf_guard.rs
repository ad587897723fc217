//! Protection against server-side request forgery (SSRF): keeps untrusted URLs away from private networks.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

/// Returns whether an address is outside the public internet: loopback, private, link-local (which includes the
/// metadata services of clouds), shared, multicast, unspecified, reserved, or an IPv6 form of one of these.
///
/// ```
/// # #[cfg(feature = "engine")]
/// # fn main() -> Result<(), std::net::AddrParseError> {
/// use pyannote_server::audio::is_private_ip;
///
/// assert!(is_private_ip("169.254.169.254".parse()?));
/// assert!(is_private_ip("::ffff:10.0.0.1".parse()?));
/// assert!(!is_private_ip("1.1.1.1".parse()?));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "engine"))]
/// # fn main() {}
/// ```
#[must_use]
#[cfg_attr(
    not(feature = "engine"),
    expect(unreachable_pub, reason = "public in `audio`, which needs the feature")
)]
pub fn is_private_ip(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        // This network, private, loopback.
        [0 | 10 | 127, ..] => true,
        // Carrier-grade NAT.
        [100, 64..=127, ..] => true,
        [169, 254, ..] => true,
        [172, 16..=31, ..] => true,
        [192, 168, ..] => true,
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        [198, 18..=19, ..] => true,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => true,
        _ => false,
    }
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let embedded =
        |high: u16, low: u16| is_private_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        // IPv4 in IPv6: mapped, translated (SIIT, RFC 2765), NAT64 (RFC 6052), 6to4, and ISATAP (RFC 5214) below any
        // prefix. These are private if the embedded address is.
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low] => embedded(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        [0x2000..=0x3fff, _, _, _, 0 | 0x200, 0x5efe, high, low] if embedded(high, low) => true,
        // Protocol assignments (among them Teredo and ORCHID), and documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => true,
        // The public internet is 2000::/3. Others are, for example, local-use NAT64 (64:ff9b:1::/48), unique local,
        // link-local and multicast addresses, and the deprecated IPv4-compatible ones.
        [0x2000..=0x3fff, ..] => false,
        _ => true,
    }
}

/// Returns whether the host of a URL is a private IP address, or `localhost`. [`Resolver`] checks other host names, and is
/// not called for IP addresses.
pub(crate) fn has_private_host(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    // `Url` normalizes all spellings of an address, such as 0x7f.1 and 2130706433.
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    match literal.parse() {
        Ok(address) => is_private_ip(address),
        Err(_) => {
            let name = host.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

/// DNS resolver that drops private addresses.
///
/// The client connects to the returned addresses without resolving the name again, so that the address cannot change
/// between check and use (DNS rebinding).
#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) allow_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (private, public): (Vec<_>, Vec<_>) =
                found.partition(|found: &SocketAddr| !allow_private && is_private_ip(found.ip()));
            if public.is_empty() && !private.is_empty() {
                return Err(PrivateName(name.as_str().to_owned()).into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

/// A host name that has only private addresses.
#[derive(Debug, thiserror::Error)]
#[error("{0} has a private address")]
pub(crate) struct PrivateName(pub(crate) String);

/// Returns the host name with a private address that made a request fail, if that was the cause.
pub(crate) fn private_name<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(PrivateName(name)) = error.downcast_ref() {
            return Some(name);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_private_addresses() {
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:192.168.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1.1.1.1",
            "64:ff9b:1::10.0.0.1",
            "64:ff9b:0:1::1.1.1.1",
            "::ffff:0:127.0.0.1",
            "::ffff:0:169.254.169.254",
            "2002:7f00:1::",
            "2606:4700::5efe:10.0.0.1",
            "2606:4700::200:5efe:169.254.169.254",
            "fe80::5efe:1.1.1.1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "400::1",
            "5f00::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_private_ip(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn recognizes_public_addresses() {
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.0.1",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.0.1",
            "198.17.0.1",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "::ffff:0:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::",
            "2606:4700::5efe:1.1.1.1",
            "2606:4700::200:5efe:1.1.1.1",
            "2001:4860:4860::8888",
            "2001:200::1",
            "2606:4700:4700::1111",
            "2a00::1",
        ] {
            assert!(!is_private_ip(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn recognizes_all_spellings_of_private_hosts() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "017700000001",
            "2130706433",
            "0177.0.0.1",
            "127.0.0.1.",
            "0",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::a9fe:a9fe]",
            "[::ffff:0:7f00:1]",
            "[fe80::1]",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
        ] {
            let url = Url::parse(&format!("http://{host}:8080/audio.wav")).unwrap();
            assert!(has_private_host(&url), "{host}");
        }
        for host in [
            "1.1.1.1",
            "[2606:4700:4700::1111]",
            "example.com",
            "notlocalhost",
        ] {
            let url = Url::parse(&format!("https://{host}/")).unwrap();
            assert!(!has_private_host(&url), "{host}");
        }
    }

    #[tokio::test]
    async fn resolver_rejects_names_with_private_addresses() {
        let resolve =
            |allow_private| Resolver { allow_private }.resolve("localhost".parse().unwrap());
        let error = resolve(false).await.err().unwrap();
        assert!(error.is::<PrivateName>(), "{error}");
        assert!(
            resolve(true)
                .await
                .unwrap()
                .all(|found| found.ip().is_loopback())
        );
    }
}
