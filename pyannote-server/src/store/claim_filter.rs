//! Which jobs a claim may return.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

/// Which jobs a claim may return. By default any.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ClaimFilter {
    /// Those whose recording is not known to be longer.
    pub(crate) max_audio: Duration,
    pub(crate) sources: Sources,
}

impl Default for ClaimFilter {
    fn default() -> Self {
        Self {
            max_audio: Duration::MAX,
            sources: Sources::Any,
        }
    }
}

/// Where the recordings come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Sources {
    Any,
    /// Those that were uploaded.
    Stored,
    /// Those that are fetched from another host, except for some.
    Remote(Busy),
}

/// Teams, and hosts of teams, that have their share of the fetches or webhooks for now.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Busy {
    pub(crate) teams: BTreeSet<String>,
    /// With the team.
    pub(crate) hosts: BTreeSet<(String, String)>,
}

impl Busy {
    pub(crate) fn is_empty(&self) -> bool {
        self.teams.is_empty() && self.hosts.is_empty()
    }

    /// Returns the text in which SQL searches for `/team/` and `/team:host/`. Neither names of teams nor hosts contain
    /// a slash.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::from("/");
        for team in &self.teams {
            text += team;
            text += "/";
        }
        for (team, host) in &self.hosts {
            text += team;
            text += ":";
            text += host;
            text += "/";
        }
        text
    }
}

/// Returns the host that the recording of a request is fetched from, unless it was uploaded.
pub(crate) fn remote_host(request: &Map<String, Value>) -> Option<String> {
    http_host(request.get("url")?.as_str()?)
}

/// Returns the host of an http or https URL.
pub(super) fn http_host(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let is_http = matches!(url.scheme(), "http" | "https");
    let host = url.host_str().filter(|_| is_http)?;
    Some(host.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_host_is_that_of_http_urls_only() {
        for (url, expected) in [
            (json!("https://example.com/a.wav?x=1"), Some("example.com")),
            (json!("http://EXAMPLE.com.:8080"), Some("example.com")),
            (json!("http://0x7f.1/"), Some("127.0.0.1")),
            (json!("https://[::1]:80/a"), Some("[::1]")),
            (json!("media://calls/1"), None),
            (json!("ftp://example.com/a"), None),
            (json!("http://"), None),
            (json!("meeting.wav"), None),
            (json!(7), None),
        ] {
            let request = json!({ "url": url });
            let host = remote_host(request.as_object().unwrap());
            assert_eq!(host.as_deref(), expected, "{url}");
        }
        assert_eq!(remote_host(&Map::new()), None);
    }
}
