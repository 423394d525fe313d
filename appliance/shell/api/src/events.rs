//! Events: asked by administrators, reported by clients.

use crate::bearer::{Bearer, TokenRefused};
use crate::body::{self, ReadBodyError};
use crate::config::MAX_BODY_BYTES;
use crate::problem::ApiError;
use crate::state::Api;
use crate::view;
use auth::Claims;
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use control::event::{EventQuery, EventType, MAX_PAGE, MAX_REPORTED};
use serde::Deserialize;
use vocab::{ErrorKind, Identity, RoomName, RoomSid, UnixMillis};
use wire::{EventView, MAX_REPORTED_EVENTS, Page, ReportEvents};

/// Entries per page unless asked otherwise.
const DEFAULT_LIMIT: usize = 100;

const _: () = assert!(MAX_REPORTED == MAX_REPORTED_EVENTS);

/// `GET /v1/events?…`, and of the same on the admin socket. All are optional.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct EventsQuery {
    /// A room's name.
    pub(crate) room: Option<String>,
    /// A room's life.
    pub(crate) room_sid: Option<String>,
    /// An identity.
    pub(crate) actor: Option<String>,
    /// Types or their aliases, separated by commas.
    #[serde(rename = "type")]
    pub(crate) types: Option<String>,
    /// At or after, in milliseconds since 1970.
    pub(crate) from: Option<u64>,
    /// Before, in milliseconds since 1970.
    pub(crate) to: Option<u64>,
    /// `next` of the page before.
    pub(crate) cursor: Option<u64>,
    /// Entries per page, 1 to 1,000.
    pub(crate) limit: Option<usize>,
    /// `desc`: latest first.
    pub(crate) order: Option<String>,
    /// Admin socket only: `1` keeps the answer open, one event per line.
    pub(crate) follow: Option<String>,
}

/// `GET /v1/events`.
pub(crate) async fn list(
    State(api): State<Api>,
    bearer: Result<Bearer, TokenRefused>,
    query: Result<Query<EventsQuery>, QueryRejection>,
) -> Result<Json<Page<EventView>>, ApiError> {
    let claims = bearer?.0.ok_or_else(ApiError::unauthenticated)?;
    let Query(mut query) = query.map_err(bad_query)?;
    query.room = scope(&claims, query.room)?;
    let page = api.control.events(parse(&query)?).await?;
    Ok(Json(view::page(page, view::event)))
}

/// `POST /v1/rooms/{room}/events`: what only a participant's own client knows.
pub(crate) async fn report(
    State(api): State<Api>,
    Path(room): Path<String>,
    bearer: Result<Bearer, TokenRefused>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let claims = bearer?.0.ok_or_else(ApiError::unauthenticated)?;
    if !claims.room_join_for(&room) {
        return Err(ApiError::new(
            ErrorKind::Forbidden,
            "the token does not open this room",
        ));
    }
    let body = body::read(body, MAX_BODY_BYTES)
        .await
        .map_err(|error| match error {
            ReadBodyError::TooLarge => ApiError::new(
                ErrorKind::Invalid,
                format!("the report is larger than {MAX_BODY_BYTES} bytes"),
            ),
            ReadBodyError::Broken => {
                ApiError::new(ErrorKind::Invalid, "the report could not be read")
            }
        })?;
    // serde's own message would repeat the sender's text.
    let report: ReportEvents = serde_json::from_slice(&body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        ApiError::new(
            ErrorKind::Invalid,
            format!("the report is not as documented at {place}"),
        )
    })?;
    let reports = report
        .events
        .into_iter()
        .enumerate()
        .map(|(index, reported)| {
            view::report(reported).ok_or_else(|| {
                let message =
                    format!("event {index} is of no type that clients report, or lacks its sid");
                ApiError::new(ErrorKind::Invalid, message)
            })
        });
    let reports = reports.collect::<Result<Vec<_>, _>>()?;
    api.control.report_events(room, claims, reports).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// [`report`] for a room that happens to be called `sessions`, whose path another route owns.
pub(crate) async fn report_to_sessions(
    api: State<Api>,
    bearer: Result<Bearer, TokenRefused>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    report(api, Path("sessions".to_owned()), bearer, body).await
}

/// The room a caller may ask about: any with `roomList`, else the one it administers.
pub(crate) fn scope(claims: &Claims, room: Option<String>) -> Result<Option<String>, ApiError> {
    if claims.room_list() {
        return Ok(room);
    }
    let own = claims.video.room.clone();
    let asked = room.unwrap_or_else(|| own.clone());
    if claims.room_admin_for(&asked) {
        Ok(Some(asked))
    } else {
        let message = "the token needs roomList, or roomAdmin for this room";
        Err(ApiError::new(ErrorKind::Forbidden, message))
    }
}

pub(crate) fn bad_query(error: QueryRejection) -> ApiError {
    ApiError::new(ErrorKind::Invalid, error.body_text())
}

/// The store's question.
pub(crate) fn parse(query: &EventsQuery) -> Result<EventQuery, ApiError> {
    let kinds = query.types.as_deref().unwrap_or_default();
    let kinds = kinds
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(|word| {
            EventType::parse(word)
                .ok_or_else(|| ApiError::new(ErrorKind::Invalid, "type: no event has that name"))
        });
    Ok(EventQuery {
        room: query.room_sid.as_deref().map(RoomSid::from),
        room_name: query.room.as_deref().map(RoomName::from),
        actor: query.actor.as_deref().map(Identity::from),
        kinds: kinds.collect::<Result<_, _>>()?,
        from: query.from.map(UnixMillis),
        to: query.to.map(UnixMillis),
        after: query.cursor,
        limit: limit(query.limit)?,
        newest_first: newest_first(query.order.as_deref())?,
    })
}

pub(crate) fn limit(asked: Option<usize>) -> Result<usize, ApiError> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_PAGE => Ok(limit),
        _ => Err(ApiError::new(
            ErrorKind::Invalid,
            format!("limit: 1 to {MAX_PAGE}"),
        )),
    }
}

pub(crate) fn newest_first(order: Option<&str>) -> Result<bool, ApiError> {
    match order {
        None | Some("asc") => Ok(false),
        Some("desc") => Ok(true),
        Some(_) => Err(ApiError::new(ErrorKind::Invalid, "order: asc or desc")),
    }
}
