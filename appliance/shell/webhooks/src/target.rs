//! Where webhooks may go: exactly where the operator said.

use reqwest::Url;

/// Most receivers. Each keeps a connection and a place in the queue; a hospital has one or two.
pub const MAX_URLS: usize = 8;

/// Why webhooks could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureWebhooksError {
    /// No URL at all.
    #[error("no webhook URL is given: add one to `urls`, or remove `[webhook]`")]
    NoUrl,
    /// More than [`MAX_URLS`].
    #[error("{count} webhook URLs are given, at most {MAX_URLS} are served: remove some")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// One URL cannot be used. The message names its place, not its text: it may hold a secret.
    #[error("webhook URL {place} {reason}")]
    Url {
        /// Its place in the list, from 1.
        place: usize,
        /// What is wrong and what would be right.
        reason: &'static str,
    },
    /// The TLS set-up of the machine does not work.
    #[error("webhooks cannot be sent over TLS: is the package `ca-certificates` installed?")]
    Client(#[source] reqwest::Error),
}

/// Parses and checks the receivers' URLs.
pub(crate) fn parse(urls: &[String]) -> Result<Vec<Url>, ConfigureWebhooksError> {
    if urls.is_empty() {
        return Err(ConfigureWebhooksError::NoUrl);
    }
    if urls.len() > MAX_URLS {
        return Err(ConfigureWebhooksError::TooMany { count: urls.len() });
    }
    let parse = |(url, place): (&String, usize)| {
        check(url).map_err(|reason| ConfigureWebhooksError::Url { place, reason })
    };
    urls.iter().zip(1..).map(parse).collect()
}

fn check(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL: write https://host/path")?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("is neither http nor https: write https://host/path");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("carries a password, but webhooks are signed instead: remove it");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses_are_taken() {
        for (name, url, taken) in [
            ("http", "http://10.0.0.5:8080/hook", true),
            ("https with a query", "https://example.org/hook?a=b", true),
            ("a loopback the operator chose", "http://127.0.0.1/", true),
            ("a file", "file:///etc/passwd", false),
            ("another scheme", "gopher://host/", false),
            ("a socket", "unix:/run/x.sock", false),
            ("a path", "/hook", false),
            ("nothing", "", false),
            ("a password", "http://user:pass@host/", false),
        ] {
            assert_eq!(parse(&[url.to_owned()]).is_ok(), taken, "{name}");
        }
    }

    #[test]
    fn the_number_of_receivers_is_limited() {
        let urls = vec!["http://host/".to_owned(); MAX_URLS + 1];
        assert!(parse(&urls[..MAX_URLS]).is_ok());
        assert!(matches!(
            parse(&urls),
            Err(ConfigureWebhooksError::TooMany { count: 9 })
        ));
        assert!(matches!(parse(&[]), Err(ConfigureWebhooksError::NoUrl)));
    }

    #[test]
    fn a_wrong_url_is_named_by_its_place_and_not_shown() {
        let urls = [
            "http://host/".to_owned(),
            "ftp://host/?token=s3cret".to_owned(),
        ];
        let said = parse(&urls).map_err(|error| error.to_string());
        let said = said.err().unwrap_or_default();
        assert!(said.contains("URL 2") && !said.contains("s3cret"), "{said}");
    }
}
