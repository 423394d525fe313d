//! Sessions over HTTPS: logging in, and whose request it is.

use crate::admin::operator::{OperatorIdentity, SessionToken};
use crate::bearer::header_token;
use crate::body;
use crate::listen::Remote;
use crate::problem::ApiError;
use crate::state::Api;
use accounts::{LoginRefused, Session};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use control::note::NoteFactError;
use domain::audit::AuditRecord;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use telemetry::names;
use vocab::{ErrorKind, Redacted, UnixMillis};
use wire::admin::{LoggedIn, Login};

/// Largest body: a name and a password of the longest kind.
pub(super) const MAX_BODY_BYTES: usize = 4 * 1024;

/// `POST /admin/login`. The session is in the audit journal before its token leaves the box.
pub(crate) async fn login(
    State(api): State<Api>,
    Extension(Remote(from)): Extension<Remote>,
    body: Body,
) -> Result<Json<LoggedIn>, Response> {
    let Login { name, password } = body::json(body, MAX_BODY_BYTES)
        .await
        .map_err(IntoResponse::into_response)?;
    let answer = api
        .accounts
        .login(&name, &password, from, unix_now(), Instant::now())
        .await;
    match answer {
        Ok((session, logged_in)) => {
            metrics::counter!(names::LOGINS, "outcome" => "ok").increment(1);
            let noted = note(&api, session.name.as_str(), "login", "ok", from).await;
            if let Err(error) = noted {
                // No record, no access.
                api.accounts.logout(&logged_in.token);
                return Err(ApiError::new(error.kind(), error.to_string()).into_response());
            }
            Ok(Json(logged_in))
        }
        Err(refused) => Err(refuse(&api, &name, refused, from).await),
    }
}

/// `POST /admin/logout`: the session of the request's token is over, if it was one.
pub(crate) async fn logout(State(api): State<Api>, headers: HeaderMap) -> StatusCode {
    if let Ok(Some(token)) = header_token(&headers) {
        let session = api.accounts.session(token, Instant::now());
        api.accounts.logout(token);
        if let Some(Session { name, .. }) = session {
            let fact = fact(name.as_str(), "logout", "box", "ok", "");
            // It is over whether or not that can be written.
            let _ = api.control.note_fact(fact).await;
        }
    }
    StatusCode::NO_CONTENT
}

/// Says whose request it is, by its session. One without a session, or with one that is over, goes
/// on as nobody's, whom [`super::operator::known`] stops.
pub(crate) async fn identify(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let token = header_token(request.headers()).ok().flatten();
    let session = token.and_then(|token| {
        let session = api.accounts.session(token, Instant::now())?;
        Some((session, SessionToken(Redacted::new(token.to_owned()))))
    });
    if let Some((Session { name, role }, token)) = session {
        let identity = OperatorIdentity {
            actor: name.to_string(),
            role,
        };
        request.extensions_mut().insert(identity);
        request.extensions_mut().insert(token);
    }
    next.run(request).await
}

async fn refuse(api: &Api, name: &str, refused: LoginRefused, from: std::net::IpAddr) -> Response {
    let (outcome, kind) = match refused {
        LoginRefused::Wrong { locked: false } => ("wrong", ErrorKind::Unauthenticated),
        LoginRefused::Wrong { locked: true } => ("locked", ErrorKind::Unauthenticated),
        LoginRefused::Wait(_) => ("wait", ErrorKind::Exhausted),
        LoginRefused::Busy => ("busy", ErrorKind::Exhausted),
        LoginRefused::Random(_) => ("random", ErrorKind::Unavailable),
    };
    metrics::counter!(names::LOGINS, "outcome" => outcome).increment(1);
    if let LoginRefused::Wrong { locked } = refused {
        let act = if locked { "lock_out" } else { "login" };
        // What a stranger calls himself is not written down unless it is somebody's name.
        let known = api
            .accounts
            .list(Instant::now())
            .into_iter()
            .map(|view| view.name);
        let actor = known
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(name))
            .unwrap_or_else(|| "unknown".to_owned());
        // He is refused whether or not that can be written.
        let _ = note(api, &actor, act, "refused", from).await;
    }
    let mut response = ApiError::new(kind, refused.to_string()).into_response();
    if let LoginRefused::Wait(wait) = refused {
        // Rounded up: who comes when he was told is not too early.
        let seconds = HeaderValue::from(wait.as_secs().saturating_add(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

async fn note(
    api: &Api,
    actor: &str,
    act: &str,
    reason: &str,
    from: std::net::IpAddr,
) -> Result<u64, NoteFactError> {
    let fact = fact(actor, act, "box", reason, &format!("from {from}"));
    api.control.note_fact(fact).await
}

pub(super) fn fact(
    actor: &str,
    act: &str,
    target: &str,
    reason: &str,
    detail: &str,
) -> AuditRecord {
    AuditRecord {
        reason: reason.to_owned(),
        ..AuditRecord::fact(actor, act, target, detail)
    }
}

pub(super) fn unix_now() -> UnixMillis {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMillis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}
