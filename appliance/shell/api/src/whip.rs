//! WHIP (RFC 9725) and WHEP: publish or watch with one POST (`livekit.md` §11).

mod tag;

use crate::attempts::Attempt;
use crate::bearer::Bearer;
use crate::body::{self, ReadBodyError};
use crate::problem;
use crate::state::Api;
use attempt::Door;
use auth::Claims;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete};
use control::CallError;
use control::exchange::{ExchangeKind, ExchangeNotFound, OpenExchangeError, PatchError};
use control::session::OpenSessionError;
use logbook::Origin;
use serde::Deserialize;
use signal::TrickleFragment;
use signal::fragment::Fragment;
use signal::limits::{MAX_FRAGMENT_BYTES, MAX_SDP_BYTES};
use vocab::ErrorKind;

/// Content type of offers and answers.
const SDP: &str = "application/sdp";

/// Content type of a PATCH.
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// Seconds until a client should try again: a consult's camera is switched on within that.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// A refusal: status and plain text.
#[derive(Debug)]
pub(crate) struct Refused(StatusCode, String);

/// `POST /whep/{room}?identity=…`: whose tracks to watch.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WatchQuery {
    identity: Option<String>,
}

/// `POST /whip/{room}`: publish.
pub(crate) async fn publish(
    State(api): State<Api>,
    origin: Option<Extension<Origin>>,
    Path(room): Path<String>,
    Bearer(claims): Bearer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let attempt = Attempt::begin(&api, Door::Whip, origin.map(|origin| origin.0));
    let kind = ExchangeKind::Publish;
    open(&api, kind, room, claims, &headers, body, attempt).await
}

/// `POST /whep/{room}`: watch.
pub(crate) async fn watch(
    State(api): State<Api>,
    origin: Option<Extension<Origin>>,
    Path(room): Path<String>,
    query: Result<Query<WatchQuery>, axum::extract::rejection::QueryRejection>,
    Bearer(claims): Bearer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let Query(query) = query.map_err(|e| Refused(StatusCode::BAD_REQUEST, e.body_text()))?;
    let kind = ExchangeKind::Watch {
        source: query.identity,
    };
    let attempt = Attempt::begin(&api, Door::Whep, origin.map(|origin| origin.0));
    open(&api, kind, room, claims, &headers, body, attempt).await
}

/// `GET /whep/{room}`: 204 for whoever may watch.
pub(crate) async fn idle(
    Path(room): Path<String>,
    Bearer(claims): Bearer,
) -> Result<StatusCode, Refused> {
    allowed(claims, &room).map(|_| StatusCode::NO_CONTENT)
}

/// `HEAD /whep/{room}`: what is served here (WHEP draft §4.2).
pub(crate) async fn watchable(
    Path(room): Path<String>,
    Bearer(claims): Bearer,
) -> Result<Response, Refused> {
    allowed(claims, &room)?;
    Ok([(header::CONTENT_TYPE, SDP)].into_response())
}

/// What can be done with an opened session.
pub(crate) fn resource() -> MethodRouter<Api> {
    delete(end).patch(trickle).get(exists)
}

async fn open(
    api: &Api,
    kind: ExchangeKind,
    room: String,
    claims: Option<Claims>,
    headers: &HeaderMap,
    body: Body,
    attempt: Attempt,
) -> Result<Response, Refused> {
    let agent = headers.get(header::USER_AGENT);
    attempt.agent(
        agent
            .and_then(|agent| agent.to_str().ok())
            .unwrap_or_default(),
    );
    if let Some(claims) = &claims {
        attempt.bearer(claims);
    }
    let claims = match allowed(claims.clone(), &room) {
        Ok(allowed) => allowed,
        Err(refused) => {
            match claims {
                Some(_) => attempt.forbidden(),
                None => attempt.unauthenticated(api, None),
            }
            return Err(refused);
        }
    };
    let offer = match require_type(headers, SDP) {
        Ok(()) => text(body, MAX_SDP_BYTES).await,
        Err(refused) => Err(refused),
    };
    let offer = match offer {
        Ok(offer) => offer,
        Err(refused) => {
            attempt.unreadable();
            return Err(refused);
        }
    };
    let face = if kind == ExchangeKind::Publish {
        "whip"
    } else {
        "whep"
    };
    let location = format!("/{face}/{}/", tag::encode_segment(&room));
    let key = attempt.key();
    let opened = api.control.open_exchange(kind, room, claims, offer, key);
    let opened = match opened.await {
        Ok(opened) => opened,
        Err(error) => {
            attempt.refused_exchange(api, &error);
            return Err(error.into());
        }
    };
    attempt.answered();
    let location = location + &opened.id;
    Ok((
        StatusCode::CREATED,
        [
            (header::CONTENT_TYPE, SDP.to_owned()),
            (header::LOCATION, location),
            (header::ETAG, tag::quote(&opened.answer.etag)),
        ],
        opened.answer.sdp,
    )
        .into_response())
}

async fn exists(
    State(api): State<Api>,
    Path((room, id)): Path<(String, String)>,
    Bearer(claims): Bearer,
) -> Result<Response, Refused> {
    let claims = allowed(claims, &room)?;
    let tag = api
        .control
        .run(move |c| c.exchange_tag(&id, &room, &claims))
        .await??;
    Ok((StatusCode::NO_CONTENT, [(header::ETAG, tag::quote(&tag))]).into_response())
}

async fn trickle(
    State(api): State<Api>,
    Path((room, id)): Path<(String, String)>,
    Bearer(claims): Bearer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let claims = allowed(claims, &room)?;
    require_type(&headers, FRAGMENT)?;
    let body = text(body, MAX_FRAGMENT_BYTES).await?;
    let fragment = Fragment::parse(&body).map_err(bad_request)?;
    let fragment = TrickleFragment {
        credentials: fragment.ufrag.zip(fragment.pwd),
        candidates: fragment.candidates,
    };
    let if_match = headers
        .get(header::IF_MATCH)
        .and_then(|value| value.to_str().ok());
    let if_match = if_match.map(tag::unquote).ok_or_else(|| {
        Refused(
            StatusCode::PRECONDITION_REQUIRED,
            "If-Match is needed".to_owned(),
        )
    })?;
    let patched = api
        .control
        .patch_exchange(id, room, claims, if_match, fragment);
    Ok(match patched.await? {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(restart) => (
            [
                (header::CONTENT_TYPE, FRAGMENT.to_owned()),
                (header::ETAG, tag::quote(&restart.etag)),
            ],
            restart.fragment,
        )
            .into_response(),
    })
}

async fn end(
    State(api): State<Api>,
    Path((room, id)): Path<(String, String)>,
    Bearer(claims): Bearer,
) -> Result<StatusCode, Refused> {
    let claims = allowed(claims, &room)?;
    api.control
        .run(move |c| c.delete_exchange(&id, &room, &claims))
        .await??;
    Ok(StatusCode::OK)
}

/// The claims, when they open this room. A foreign token is told nothing about what exists.
fn allowed(claims: Option<Claims>, room: &str) -> Result<Claims, Refused> {
    let claims = claims.ok_or_else(|| {
        Refused(
            StatusCode::UNAUTHORIZED,
            "an access token is needed".to_owned(),
        )
    })?;
    if claims.room_join_for(room) {
        Ok(claims)
    } else {
        Err(Refused(
            StatusCode::FORBIDDEN,
            "the token does not open this room".to_owned(),
        ))
    }
}

fn require_type(headers: &HeaderMap, wanted: &str) -> Result<(), Refused> {
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = given
        .and_then(|text| text.split(';').next())
        .unwrap_or_default()
        .trim();
    if media_type.eq_ignore_ascii_case(wanted) {
        Ok(())
    } else {
        let message = format!("the body must be {wanted}");
        Err(Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
    }
}

async fn text(body: Body, limit: usize) -> Result<String, Refused> {
    let bytes = body::read(body, limit).await.map_err(|error| match error {
        ReadBodyError::TooLarge => {
            let message = format!("the body is larger than {limit} bytes");
            Refused(StatusCode::PAYLOAD_TOO_LARGE, message)
        }
        ReadBodyError::Broken => bad_request("the body could not be read"),
    })?;
    String::from_utf8(bytes.into()).map_err(|_| bad_request("the body is not UTF-8"))
}

fn bad_request(message: impl ToString) -> Refused {
    Refused(StatusCode::BAD_REQUEST, message.to_string())
}

/// As elsewhere, but a refused state is 422 here, and so is what the room cannot do.
fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Precondition => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Exhausted => StatusCode::SERVICE_UNAVAILABLE,
        kind => problem::status(kind),
    }
}

impl From<OpenExchangeError> for Refused {
    fn from(error: OpenExchangeError) -> Self {
        let status = match &error {
            // The token is known here; it is the room that it does not open.
            OpenExchangeError::Session(OpenSessionError::NotGranted) => StatusCode::FORBIDDEN,
            error => status(error.kind()),
        };
        Self(status, error.to_string())
    }
}

impl From<ExchangeNotFound> for Refused {
    fn from(error: ExchangeNotFound) -> Self {
        Self(StatusCode::NOT_FOUND, error.to_string())
    }
}

impl From<PatchError> for Refused {
    fn from(error: PatchError) -> Self {
        let status = match &error {
            PatchError::NotFound(_) => StatusCode::NOT_FOUND,
            PatchError::TagMismatch => StatusCode::PRECONDITION_FAILED,
            PatchError::Refused(refusal) => status(refusal.kind()),
            PatchError::Restart(refusal) => status(refusal.kind()),
            PatchError::Call(unanswered) => status(unanswered.kind()),
        };
        Self(status, error.to_string())
    }
}

impl From<CallError> for Refused {
    fn from(error: CallError) -> Self {
        Self(status(error.kind()), error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let retry = matches!(
            self.0,
            StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE
        );
        let mut response = (self.0, self.1).into_response();
        if retry {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if self.0 == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
