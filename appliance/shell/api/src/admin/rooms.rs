//! The rooms that live now.

use crate::admin::operator::Operator;
use crate::problem::ApiError;
use crate::state::Api;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use control::room::RoomNotFound;
use wire::admin::{LiveRoom, Role, RoomDetail};

/// `GET /admin/rooms`: every room that lives, as of now.
pub(crate) async fn rooms(State(api): State<Api>) -> Result<Json<Vec<LiveRoom>>, ApiError> {
    Ok(Json(api.live.rooms(&api.control).await?))
}

/// `GET /admin/rooms/{room}`: by sid or name, with everybody in it.
pub(crate) async fn room(
    State(api): State<Api>,
    Path(room): Path<String>,
) -> Result<Json<RoomDetail>, ApiError> {
    let detail = api.live.room(&api.control, room).await?;
    Ok(Json(detail.ok_or(RoomNotFound)?))
}

/// `DELETE /admin/rooms/{room}`: the room of that name is ended as an action of its sid.
pub(crate) async fn end_room(
    State(api): State<Api>,
    operator: Operator,
    Path(room): Path<String>,
) -> Result<Response, ApiError> {
    operator.require(Role::Operator)?;
    super::actions::end_by_name(&api, operator, room).await
}

/// `PUT /admin/rooms/{sid}/card`: a console has a card of that room open; said anew every two seconds
/// while it has. Others see who, and nothing else follows.
pub(crate) async fn hold_card(
    State(api): State<Api>,
    operator: Operator,
    Path(room): Path<String>,
) -> Result<StatusCode, ApiError> {
    operator.require(Role::Operator)?;
    let held = api.live.hold_card(&room, &operator.actor);
    held.map_err(|e| ApiError::new(e.kind(), e.to_string()))?;
    Ok(StatusCode::NO_CONTENT)
}
