//! Cross-origin access as LiveKit grants it (`livekit.md` §1): any origin, since a token, not a
//! cookie, says who asks. A hostile page has no token to send (`reliability.md` §2, A28).

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

/// Answers preflights and opens every answer to other origins.
pub(crate) async fn allow(request: Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS;
    let asked = request
        .headers()
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .cloned();
    let exchange = ["/whip/", "/whep/"]
        .iter()
        .any(|p| request.uri().path().starts_with(p));
    let mut response = if is_preflight {
        StatusCode::OK.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
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

/// `*` would not cover `Authorization` (Fetch §4.9), so the headers asked for are named back.
fn answer_preflight(headers: &mut HeaderMap, asked: Option<HeaderValue>) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or(ANY));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    headers.insert(
        header::VARY,
        HeaderValue::from_static("Access-Control-Request-Headers"),
    );
}
