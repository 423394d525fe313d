//! Cross-origin access as LiveKit grants it (`livekit.md` §1): any origin, also for WebSockets,
//! since the page that meets here is served from elsewhere.
//!
//! What a foreign page may not do (`reliability.md` §2, A28) is to use what the browser knows of
//! its user. So who asks is said by a token alone, in `Authorization` or in the query, which a
//! page has to hold; the box sets no cookie, reads none, and asks for no HTTP authentication that
//! a browser would repeat by itself. What needs no token is not for other origins at all:
//! [`same_origin`] guards the meeting page's tokens.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const METHODS: HeaderValue = HeaderValue::from_static("OPTIONS, HEAD, GET, POST, PATCH, DELETE");
const ANY: HeaderValue = HeaderValue::from_static("*");
/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");
/// RFC 9725 §4.2.
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// Answers preflights and opens every answer to other origins: to the one that asks by its name,
/// as `LiveKit` does, which without credentials says no more than `*`.
pub(crate) async fn allow(request: Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS;
    let asked = request
        .headers()
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .cloned();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let exchange = ["/whip/", "/whep/"]
        .iter()
        .any(|p| request.uri().path().starts_with(p));
    let mut response = if is_preflight {
        StatusCode::OK.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if origin.is_some() {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    let allowed = origin.unwrap_or(ANY);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANY);
    if is_preflight {
        answer_preflight(headers, asked);
        if exchange {
            headers.insert(ACCEPT_POST, HeaderValue::from_static("application/sdp"));
            let fragment = HeaderValue::from_static("application/trickle-ice-sdpfrag");
            headers.insert(ACCEPT_PATCH, fragment);
        }
    }
    response
}

/// 403 to a browser's request from a page of another origin. What is no browser, or asks from
/// the box's own page, passes.
pub(crate) async fn same_origin(request: Request, next: Next) -> Response {
    if is_foreign(request.headers(), request.uri().host()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

/// Whether a browser says that another origin asks. `Origin` is compared with the host that was
/// asked, as in RFC 6454 §4, except for the scheme: a proxy may have ended TLS before the box.
/// A page that has the box answer to its own name (DNS rebinding) passes: the tokens behind this
/// are signed with a pair that everybody knows, so nothing that is worth it is gained.
fn is_foreign(headers: &HeaderMap, asked: Option<&str>) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    let host = host.or(asked.map(str::as_bytes)).unwrap_or_default();
    let origin = origin.as_bytes();
    let authority = [&b"http://"[..], b"https://"]
        .iter()
        .find_map(|scheme| origin.strip_prefix(*scheme));
    authority != Some(host)
}

/// `*` would not cover `Authorization` (Fetch §4.9), so the headers asked for are named back.
fn answer_preflight(headers: &mut HeaderMap, asked: Option<HeaderValue>) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or(ANY));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    headers.append(
        header::VARY,
        HeaderValue::from_static("Access-Control-Request-Headers"),
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn another_origin_is_known_by_its_host() {
        for (name, origin, host, want) in [
            ("no browser", None, "192.0.2.7:7880", false),
            (
                "own page",
                Some("http://192.0.2.7:7880"),
                "192.0.2.7:7880",
                false,
            ),
            (
                "own page, TLS",
                Some("https://192.0.2.7"),
                "192.0.2.7",
                false,
            ),
            (
                "own page, IPv6",
                Some("http://[::1]:7880"),
                "[::1]:7880",
                false,
            ),
            (
                "localhost",
                Some("http://localhost:7880"),
                "localhost:7880",
                false,
            ),
            (
                "another page",
                Some("https://evil.example"),
                "192.0.2.7:7880",
                true,
            ),
            (
                "another port",
                Some("http://localhost:80"),
                "localhost:7880",
                true,
            ),
            ("a file", Some("null"), "localhost:7880", true),
            ("by name", Some("https://box.example"), "box.example", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(is_foreign(&headers, None), want, "{name}");
        }
    }
}
