//! The rooms that live now.

use crate::admin::operator::Operator;
use crate::problem::ApiError;
use crate::state::Api;
use crate::view;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use control::Control;
use wire::RoomView;
use wire::admin::Role;

/// `GET /admin/rooms`.
pub(crate) async fn rooms(State(api): State<Api>) -> Result<Json<Vec<RoomView>>, ApiError> {
    let rooms = api.control.run(Control::rooms).await?;
    Ok(Json(rooms.into_iter().map(view::room).collect()))
}

/// `GET /admin/rooms/{room}`.
pub(crate) async fn room(
    State(api): State<Api>,
    Path(room): Path<String>,
) -> Result<Json<RoomView>, ApiError> {
    let detail = api.control.run(move |c| c.room(&room)).await??;
    Ok(Json(view::room(detail)))
}

/// `DELETE /admin/rooms/{room}`: the room of that name is ended as an action of its sid.
pub(crate) async fn end_room(
    State(api): State<Api>,
    operator: Operator,
    Path(room): Path<String>,
) -> Result<StatusCode, ApiError> {
    operator.require(Role::Operator)?;
    super::actions::end_by_name(&api, operator, room).await?;
    Ok(StatusCode::NO_CONTENT)
}
