//! Who did what, and what became of it.

use serde::{Deserialize, Serialize};

/// One entry of the audit journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Its place; rises by one, never reused.
    pub sequence: u64,
    /// When, on the box's clock.
    pub at_ms: u64,
    /// Who: `uid:0`, an operator's account, or `system`.
    pub actor: String,
    /// `end`, `arm`, `shelve`, …
    pub act: String,
    /// The id of what it was done to.
    pub target: String,
    /// Before the effect or after it.
    pub phase: AuditPhase,
    /// The reason's code, or the outcome's word.
    pub reason: String,
    /// The note, or what was counted.
    pub detail: String,
}

/// Which half of an action an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuditPhase {
    /// Written before anything happened.
    Intent,
    /// Written after.
    Outcome,
    /// A fact without two halves: logged in, armed, alarm raised.
    Fact,
}

/// `GET /admin/audit?since_ms=&actor=&act=&cursor=&limit=`: newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// At most `limit` entries.
    pub items: Vec<AuditEntry>,
    /// Give it as `cursor` to go on; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How the chain is.
    pub chain: ChainView,
}

/// How the chain of the audit journal is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChainView {
    /// Verified up to here.
    pub verified: u64,
    /// What is wrong, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// `GET /admin/audit/heads?limit=`: where the audit journal ended, signed by the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeadsPage {
    /// Which key signs: the beginning of its SHA-256.
    pub box_id: String,
    /// Its public half, as PEM. Keep it on another machine.
    pub public_key: String,
    /// The newest of the last 1,000, newest first.
    pub items: Vec<HeadView>,
}

/// One signed head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeadView {
    /// The last entry then.
    pub sequence: u64,
    /// Its hash in hexadecimal, which every entry before it is in.
    pub hash: String,
    /// When it was signed, on the box's clock.
    pub at_ms: u64,
    /// All of it with the signature, as in the box's log: keep it on another machine.
    pub signed: String,
}
