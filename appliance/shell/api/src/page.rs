//! The meeting page and `GET /`.

use crate::config::PageFile;
use crate::state::Api;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

mod files {
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/files.rs"));
}

/// The meeting page's files, carried in the binary.
pub const MEETING_PAGE: &[PageFile] = files::FILES;

const REFERRER_POLICY: HeaderName = HeaderName::from_static("referrer-policy");

/// Routes of the page's files; `/` is [`root`].
pub(crate) fn routes(files: &'static [PageFile]) -> Router<Api> {
    files
        .iter()
        .filter(|(path, ..)| *path != "/")
        .fold(Router::new(), |router, file| {
            router.route(file.0, get(move || async move { serve(file) }))
        })
}

/// `GET /` and `HEAD /`: the page for browsers where there is one, else LiveKit's `OK`.
pub(crate) async fn root(State(api): State<Api>, headers: HeaderMap) -> Response {
    let wants_html = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    match api.config.page.iter().find(|(path, ..)| *path == "/") {
        Some(file) if wants_html => serve(file),
        _ => "OK".into_response(),
    }
}

fn serve((_, content_type, bytes): &'static PageFile) -> Response {
    let policy = HeaderValue::from_static(files::CONTENT_SECURITY_POLICY);
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (header::CONTENT_SECURITY_POLICY, policy),
            (
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ],
        *bytes,
    )
        .into_response()
}
