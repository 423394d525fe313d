//! How the box is, and its technical alarms.

use crate::problem::ApiError;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use vocab::ErrorKind;
use wire::admin::{AlarmsView, BoxView};

/// `GET /admin/health`: as of the last second.
pub(crate) async fn health(State(api): State<Api>) -> Result<Json<BoxView>, ApiError> {
    let health = api.live.health().ok_or_else(|| {
        ApiError::new(
            ErrorKind::Unavailable,
            "the box has just started and has not looked at itself; ask again in a second",
        )
    })?;
    Ok(Json(health))
}

/// `GET /admin/alarms`: everything that is not normal, most urgent first.
pub(crate) async fn alarms(State(api): State<Api>) -> Json<AlarmsView> {
    Json(AlarmsView {
        alarms: api.live.standing(),
        score: api.live.alarms().score(),
    })
}
