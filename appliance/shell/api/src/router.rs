//! All routes, and what lies around them.

use crate::state::Api;
use crate::{admin, cors, count, dev, events, health, page, rtc, sessions, trouble, twirp, whip};
use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::middleware::from_fn;
use axum::routing::{any, get, post, put};
use tower_http::catch_panic::CatchPanicLayer;

/// What is served on the network.
pub fn router(api: Api) -> Router {
    wrapped(routes(&api), api)
}

/// What is served over TLS: the same, and the operators' face behind a session.
pub fn https_router(api: Api) -> Router {
    wrapped(routes(&api).merge(admin::session_routes(&api)), api)
}

fn routes(api: &Api) -> Router<Api> {
    let public = Router::new()
        .route("/", get(page::root))
        .merge(page::routes(api.config.page))
        .route(
            "/dev/token",
            post(dev::token).layer(from_fn(cors::same_origin)),
        )
        .route("/rtc", get(rtc::join_v0))
        .route("/rtc/v1", get(rtc::join_v1))
        .route("/rtc/validate", get(rtc::validate_v0))
        .route("/rtc/v1/validate", get(rtc::validate_v1))
        .route("/twirp/{*method}", any(twirp::call))
        .route("/whip/{room}", post(whip::publish))
        .route("/whip/{room}/{id}", whip::resource())
        .route(
            "/whep/{room}",
            post(whip::watch).get(whip::idle).head(whip::watchable),
        )
        .route("/whep/{room}/{id}", whip::resource())
        .route("/v1/events", get(events::list))
        .route("/v1/rooms/sessions", get(sessions::list))
        .route("/v1/rooms/sessions/{sid}", get(sessions::one))
        .route(
            "/v1/rooms/sessions/events",
            post(events::report_to_sessions),
        )
        .route("/v1/rooms/{room}/events", post(events::report))
        .route("/v1/rooms/{room}/trouble", post(trouble::report))
        .route(
            "/v1/rooms/{room}/lock",
            put(sessions::lock).delete(sessions::unlock),
        )
        .layer(from_fn(cors::allow));
    let private = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(health::openapi));
    public.merge(private)
}

/// What is served on the admin socket, to whom the listener names by [`crate::OperatorIdentity`].
pub fn admin_router(api: Api) -> Router {
    let routes = admin::routes()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(health::openapi));
    wrapped(routes, api)
}

fn wrapped(routes: Router<Api>, api: Api) -> Router {
    let inner = routes
        .layer(from_fn(count::request))
        .layer(CatchPanicLayer::custom(count::panicked))
        .with_state(api);
    // Outside the routes: a layer inside runs when the path has already chosen its route.
    let collapsed = tower::util::MapRequest::new(inner, collapse_slashes as fn(Request) -> Request);
    Router::new().fallback_service(collapsed)
}

/// SDKs join a base URL that ends in `/` with `/rtc`; LiveKit reads `//rtc` as `/rtc`.
fn collapse_slashes(mut request: Request) -> Request {
    let path = request.uri().path();
    if path.starts_with("//") {
        let tail = path.trim_start_matches('/');
        let query = request
            .uri()
            .query()
            .map(|q| format!("?{q}"))
            .unwrap_or_default();
        if let Ok(collapsed) = PathAndQuery::try_from(format!("/{tail}{query}")) {
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = Some(collapsed);
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
    }
    request
}
