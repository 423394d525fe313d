//! HTTP without TLS beside HTTPS: it leads there and serves nothing.

use crate::problem;
use axum::Router;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// Answers every `GET` and `HEAD` with the same address over HTTPS on `port`. Anything else brings
/// a token or a body that has already crossed the network unprotected: it is refused, so that
/// whoever wrote the program notices.
pub fn redirect_router(port: u16) -> Router {
    Router::new().fallback(move |request: Request| async move { lead(&request, port) })
}

fn lead(request: &Request, port: u16) -> Response {
    let follows = matches!(*request.method(), Method::GET | Method::HEAD);
    if !follows || request.headers().contains_key(header::UPGRADE) {
        return problem::answer(
            StatusCode::FORBIDDEN,
            "forbidden",
            "this port only leads to HTTPS: use https:// or wss://".to_owned(),
        );
    }
    let Some(location) = location(request, port) else {
        return problem::answer(
            StatusCode::BAD_REQUEST,
            "invalid",
            "the request names no host".to_owned(),
        );
    };
    // 307 and not 308, which browsers remember: settings may change again.
    (
        StatusCode::TEMPORARY_REDIRECT,
        [
            (header::LOCATION, location),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
    )
        .into_response()
}

/// The same path and query; the host as the client wrote it, without its port.
fn location(request: &Request, port: u16) -> Option<HeaderValue> {
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    let authority: Authority = host.parse().ok()?;
    // `user@host` would lead elsewhere than it looks.
    if authority.as_str().contains('@') {
        return None;
    }
    let authority = match port {
        443 => authority.host().to_owned(),
        port => format!("{}:{port}", authority.host()),
    };
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let uri = Uri::builder()
        .scheme("https")
        .authority(authority)
        .path_and_query(path)
        .build()
        .ok()?;
    HeaderValue::from_str(&uri.to_string()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use axum::body::Body;

    #[test]
    fn the_same_address_over_https_and_nowhere_else() {
        for (host, path, port, want) in [
            ("box", "/", 443, Some("https://box/")),
            ("box:80", "/a?b=c", 443, Some("https://box/a?b=c")),
            ("192.0.2.7:7880", "/", 8443, Some("https://192.0.2.7:8443/")),
            ("[fd00::1]:80", "/x", 443, Some("https://[fd00::1]/x")),
            (
                "box",
                "//evil.example/",
                443,
                Some("https://box//evil.example/"),
            ),
            ("box@evil.example", "/", 443, None),
            ("box/evil", "/", 443, None),
            ("", "/", 443, None),
        ] {
            let request = Request::builder()
                .uri(path)
                .header("host", host)
                .body(Body::empty())
                .unwrap();
            let found = location(&request, port);
            let found = found.as_ref().map(|value| value.to_str().unwrap());
            assert_eq!(found, want, "{host} {path}");
        }
    }
}
