//! Why somebody can or cannot connect: one record per attempt.

use serde::{Deserialize, Serialize};

/// One attempt to connect, kept 30 days. Ids and addresses only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttemptView {
    /// Its id (`CA_…`).
    pub id: String,
    /// When it began.
    pub at_ms: u64,
    /// Who, if the token said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The room it wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// The presence it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Where it came from.
    pub remote: String,
    /// `/24` or `/64` of that.
    pub subnet: String,
    /// `chromium 156`, `python 1.2.0`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Device model where the client says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Every stage, in order; those never reached are [`Grade::Skip`].
    pub stages: Vec<StageView>,
}

/// A stage of connecting, in the order in which they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A TCP connection reached the box.
    Reach,
    /// TLS.
    Tls,
    /// The WebSocket (or WHIP request) was understood.
    Signal,
    /// The token is valid, clocks agree.
    Token,
    /// The room lets it in.
    Admission,
    /// Both sides know a common codec.
    Codec,
    /// A pair over UDP works.
    Udp,
    /// A pair over ICE-TCP works.
    Tcp,
    /// TURN over TLS works.
    Turn,
    /// DTLS.
    Dtls,
    /// Packets come from it.
    Up,
    /// Packets reach it.
    Down,
    /// What the browser reports: permission, decoding.
    Client,
}

/// How a stage went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// It works.
    Pass,
    /// It does not, and something else does instead.
    Warn,
    /// It does not, and nothing replaces it.
    Fail,
    /// Not reached, or not known yet.
    Skip,
}

/// One stage of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StageView {
    /// Which.
    pub stage: Stage,
    /// How it went.
    pub grade: Grade,
    /// What was seen: counts, addresses, differences.
    pub evidence: String,
}

/// `GET /admin/why/{identity or sid}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WhyView {
    /// The newest attempt that matches.
    pub attempt: AttemptView,
    /// The first blocking cause; absent when it is connected, or when nothing is known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// What other attempts of the last hour share that cause, largest first.
    pub groups: Vec<Group>,
}

/// A cause with its evidence and what to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// `UDP-BLOCKED`, `TOKEN-EXPIRED`, `CLOCK-AHEAD`, …; a page each in the runbook.
    pub code: String,
    /// Where it stopped.
    pub stage: Stage,
    /// What was seen.
    pub evidence: String,
    /// For the patient, in words that need no training.
    pub say: String,
    /// For the network team: a line that can be forwarded as it is.
    pub network: String,
}

/// Attempts that share a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Group {
    /// `subnet`, `client` or `device`.
    pub by: String,
    /// `10.30.0.0/24`, `chromium 156`, …
    pub value: String,
    /// Attempts with the cause.
    pub failed: u32,
    /// All attempts of the group.
    pub of: u32,
}
