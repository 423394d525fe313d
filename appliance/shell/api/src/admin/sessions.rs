//! Lives of rooms, past and present.

use crate::events::bad_query;
use crate::problem::ApiError;
use crate::sessions::{self, SessionsQuery};
use crate::state::Api;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use wire::{Page, SessionView};

/// `GET /admin/sessions`.
pub(crate) async fn sessions(
    State(api): State<Api>,
    query: Result<Query<SessionsQuery>, QueryRejection>,
) -> Result<Json<Page<SessionView>>, ApiError> {
    let Query(query) = query.map_err(bad_query)?;
    sessions::ask(&api, &query).await
}

/// `GET /admin/sessions/{sid}`.
pub(crate) async fn session(
    State(api): State<Api>,
    Path(sid): Path<String>,
) -> Result<Json<SessionView>, ApiError> {
    sessions::find(&api, sid).await.map(Json)
}
