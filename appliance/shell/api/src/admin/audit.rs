//! Who did what, newest first.

use crate::admin::operator::Operator;
use crate::events::{bad_query, limit};
use crate::problem::ApiError;
use crate::state::Api;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use control::action::{AuditPhase as Phase, AuditQuery, StoredAudit};
use serde::Deserialize;
use vocab::UnixMillis;
use wire::admin::{AuditEntry, AuditPage, AuditPhase, ChainView, Role};

/// `GET /admin/audit?…`. All are optional.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct AuditParameters {
    /// At or after, in milliseconds since 1970.
    since_ms: Option<u64>,
    /// By whom.
    actor: Option<String>,
    /// Of which act.
    act: Option<String>,
    /// To what.
    target: Option<String>,
    /// `next` of the page before.
    cursor: Option<u64>,
    /// Entries per page, 1 to 1,000.
    limit: Option<usize>,
}

/// `GET /admin/audit`.
pub(crate) async fn page(
    State(api): State<Api>,
    operator: Operator,
    query: Result<Query<AuditParameters>, QueryRejection>,
) -> Result<Json<AuditPage>, ApiError> {
    operator.require(Role::Viewer)?;
    let Query(asked) = query.map_err(bad_query)?;
    let query = AuditQuery {
        from: asked.since_ms.map(UnixMillis),
        actor: asked.actor,
        act: asked.act,
        target: asked.target,
        before: asked.cursor,
        limit: limit(asked.limit)?,
    };
    let (page, chain) = api.control.audit(query).await?;
    Ok(Json(AuditPage {
        items: page.items.into_iter().map(entry).collect(),
        next: page.next.map(|sequence| sequence.to_string()),
        chain: ChainView {
            verified: chain.verified,
            problem: chain.problem,
        },
    }))
}

fn entry(stored: StoredAudit) -> AuditEntry {
    let StoredAudit {
        sequence,
        at,
        record,
    } = stored;
    let detail = match record.of {
        Some(intent) => format!("#{intent}: {}", record.detail),
        None => record.detail,
    };
    AuditEntry {
        sequence,
        at_ms: at.0,
        actor: record.actor,
        act: record.act,
        target: record.target,
        phase: match record.phase {
            Phase::Intent => AuditPhase::Intent,
            Phase::Outcome => AuditPhase::Outcome,
            Phase::Fact => AuditPhase::Fact,
        },
        reason: record.reason,
        detail,
    }
}
