//! The proxies of the environment.

use pyannote::reqwest::Url;

use super::report::Check;

/// The variables from which HTTP clients take proxies.
const PROXY_VARS: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
const NO_PROXY_VAR: &str = "NO_PROXY";

/// The proxies of the environment, without user names and passwords.
pub(super) fn check(read: impl Fn(&str) -> Option<String>) -> Vec<Check> {
    const NAME: &str = "proxy";
    let value = |name: &str| {
        let lower = name.to_ascii_lowercase();
        [name.to_owned(), lower].into_iter().find_map(|name| {
            let value = read(&name).filter(|value| !value.trim().is_empty())?;
            Some((name, value))
        })
    };
    let mut checks = Vec::new();
    for (name, value) in PROXY_VARS.into_iter().filter_map(value) {
        checks.push(match without_credentials(value.trim()) {
            Some(proxy) => Check::ok(NAME, format!("{name} is {proxy}")),
            None => Check::warn(
                NAME,
                format!("{name} is not a URL"),
                format!("set {name} to a URL such as http://proxy.example:3128"),
            ),
        });
    }
    if let (Some((name, value)), false) = (value(NO_PROXY_VAR), checks.is_empty()) {
        checks.push(Check::ok(NAME, format!("{name} is {value}")));
    }
    checks
}

/// Scheme, host and port of a URL, whose scheme may be missing.
fn without_credentials(url: &str) -> Option<String> {
    let url = match url.contains("://") {
        true => Url::parse(url),
        false => Url::parse(&format!("http://{url}")),
    };
    let url = url.ok()?;
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let port = url.port().map(|port| format!(":{port}"));
    Some(format!(
        "{}://{host}{}",
        url.scheme(),
        port.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_shown_without_credentials() {
        let variables = |name: &str| {
            let value = match name {
                "HTTPS_PROXY" => "http://ada:hunter2@proxy.example:3128/?token=hunter2",
                "http_proxy" => "ada:hunter2@other.example:80",
                "ALL_PROXY" => "http://hunter2@:x",
                "NO_PROXY" => "localhost,.internal",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let checks = check(variables);
        let text = format!("{checks:?}");
        assert!(!text.contains("hunter2") && !text.contains("ada"), "{text}");
        let messages: Vec<_> = checks.iter().map(|check| check.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "http_proxy is http://other.example",
                "HTTPS_PROXY is http://proxy.example:3128",
                "ALL_PROXY is not a URL",
                "NO_PROXY is localhost,.internal",
            ]
        );
        assert!(check(|name| (name == "NO_PROXY").then(|| "*".to_owned())).is_empty());
    }
}
