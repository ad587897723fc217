//! Keeps fetches away from private networks: a URL is a stranger's, and this machine can reach what the stranger cannot.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::LoadError;

/// Whether an address is not one of the public internet: loopback, private, link-local (where clouds keep their
/// credentials), shared, multicast, unspecified, reserved, or an IPv6 form of one of these.
///
/// ```
/// use pyannote_server::audio::is_private;
///
/// assert!(is_private("169.254.169.254".parse()?));
/// assert!(is_private("::ffff:10.0.0.1".parse()?));
/// assert!(!is_private("1.1.1.1".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        // This network, private, loopback.
        [0 | 10 | 127, ..] => true,
        // Shared by a carrier's customers.
        [100, 64..=127, ..] => true,
        [169, 254, ..] => true,
        [172, 16..=31, ..] => true,
        [192, 168, ..] => true,
        // Protocol assignments, documentation, the old 6to4 relays, benchmarks.
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
        // Unspecified, loopback, and the long withdrawn "compatible" form of IPv4.
        [0, 0, 0, 0, 0, 0, _, _] => true,
        // IPv4 in IPv6: mapped, NAT64, 6to4. These are as private as what they hold.
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // A NAT64 of one's own, Teredo, documentation, discard.
        [0x64, 0xff9b, ..] | [0x2001, 0 | 0xdb8, ..] | [0x100, 0, 0, 0, ..] => true,
        // Unique local, link-local, site-local, multicast.
        [0xfc00..=0xfdff | 0xfe80..=0xfeff | 0xff00..=0xffff, ..] => true,
        _ => false,
    }
}

/// Whether a URL can be fetched: http or https, without a password, and, unless `allow_private`, with a host that is no
/// private address. The resolver never sees the hosts that are addresses already.
pub(super) fn check(url: &Url, allow_private: bool) -> Result<(), LoadError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(LoadError::UnsupportedUrl("it is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(LoadError::UnsupportedUrl(
            "it holds a user name or password",
        ));
    }
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() {
        return Err(LoadError::UnsupportedUrl("it has no host"));
    }
    // `Url` has brought every spelling of an address, such as 0x7f.1 or 2130706433, to this one.
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    match literal.parse() {
        Ok(address) if !allow_private && is_private(address) => {
            Err(LoadError::PrivateAddress(host.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Resolves names with the system's resolver, and drops private addresses.
///
/// The connection is made to what this returns, and nothing resolves the name again: a name that is public when it is
/// checked and private when it is used gets nowhere.
#[derive(Debug)]
pub(super) struct Resolver {
    pub(super) allow_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (private, public): (Vec<_>, Vec<_>) =
                found.partition(|found: &SocketAddr| !allow_private && is_private(found.ip()));
            if public.is_empty() && !private.is_empty() {
                return Err(PrivateName(name.as_str().to_owned()).into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

/// A name with nothing but private addresses.
#[derive(Debug)]
pub(super) struct PrivateName(pub(super) String);

impl fmt::Display for PrivateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has a private address", self.0)
    }
}

impl std::error::Error for PrivateName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_as_such() {
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
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn public_addresses_are_let_through() {
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
            "64:ff9b::1.1.1.1",
            "2002:101:101::",
            "2606:4700:4700::1111",
            "2a00::1",
        ] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn no_spelling_of_an_address_slips_through() {
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
            "[fe80::1]",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
        ] {
            let url = Url::parse(&format!("http://{host}:8080/audio.wav?secret")).unwrap();
            let error = check(&url, false).unwrap_err();
            assert!(
                matches!(error, LoadError::PrivateAddress(_)),
                "{host}: {error}"
            );
            assert!(!error.to_string().contains("secret"), "{error}");
            assert!(check(&url, true).is_ok(), "{host}");
        }
    }

    #[test]
    fn only_plain_web_addresses_are_fetched() {
        for (url, fits) in [
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
                fits,
                "{url}"
            );
        }
    }

    #[tokio::test]
    async fn names_of_private_addresses_are_not_resolved() {
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
