//! Where the audit journal ended, signed.

use crate::admin::operator::Operator;
use crate::events::{bad_query, limit};
use crate::problem::ApiError;
use crate::state::Api;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use heads::SignedHead;
use serde::Deserialize;
use vocab::ErrorKind;
use wire::admin::{HeadView, HeadsPage, Role};

/// `GET /admin/audit/heads?…`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct HeadsParameters {
    /// Heads, 1 to 1,000.
    limit: Option<usize>,
}

/// `GET /admin/audit/heads`.
pub(crate) async fn heads(
    State(api): State<Api>,
    operator: Operator,
    query: Result<Query<HeadsParameters>, QueryRejection>,
) -> Result<Json<HeadsPage>, ApiError> {
    operator.require(Role::Viewer)?;
    let Query(asked) = query.map_err(bad_query)?;
    let limit = limit(asked.limit)?;
    let unsigned = "this box signs no heads: its log says why, at its start";
    let heads = api
        .heads
        .ok_or_else(|| ApiError::new(ErrorKind::Unavailable, unsigned))?;
    let public = heads.public();
    Ok(Json(HeadsPage {
        box_id: public.box_id(),
        public_key: public.pem(),
        items: heads.newest(limit).iter().map(view).collect(),
    }))
}

fn view(signed: &SignedHead) -> HeadView {
    HeadView {
        sequence: signed.sequence,
        hash: signed.hash_text(),
        at_ms: signed.at.0,
        signed: signed.to_string(),
    }
}
