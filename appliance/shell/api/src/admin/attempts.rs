//! Why somebody cannot connect.

use crate::events::bad_query;
use crate::problem::ApiError;
use crate::state::Api;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use control::event::{EventQuery, EventType};
use logbook::{Question, Told, Wanted};
use serde::Deserialize;
use vocab::{ErrorKind, UnixMillis};
use wire::admin::{AttemptView, Finding, Grade, Group, Stage, StageView, WhyView};

/// Which attempts are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttemptsQuery {
    /// Milliseconds since 1970; the last hour when absent.
    since: Option<u64>,
    /// `10.30.0.0/24`.
    subnet: Option<String>,
    /// `UDP-BLOCKED`, ….
    code: Option<String>,
}

/// What is told when nobody says since when.
const HOUR_MS: u64 = 3_600_000;

/// `GET /admin/why/{whom}`: an identity, a sid, an attempt's id, an address or a subnet.
pub(crate) async fn why(
    State(api): State<Api>,
    Path(whom): Path<String>,
) -> Result<Json<WhyView>, ApiError> {
    let logbook = api.control.logbook().clone();
    let wanted = Wanted::parse(&whom);
    let found = match logbook.why(&wanted) {
        Some(told) => Some(told),
        None => off_thread(move || logbook.why_of_old(&wanted)).await?,
    };
    let Some(told) = found else {
        return Err(unknown(&api, &whom).await);
    };
    let code = told.diagnosis.finding.as_ref().map(|finding| finding.code);
    let groups = code.map_or_else(Vec::new, |code| api.control.logbook().groups(code));
    Ok(Json(view(told, groups)))
}

/// Nothing is there: because it was erased, or because nobody came.
async fn unknown(api: &Api, whom: &str) -> ApiError {
    let purged = EventQuery {
        room: Some(whom.into()),
        kinds: vec![EventType::RoomPurged],
        limit: 1,
        ..EventQuery::default()
    };
    let is_purged = whom.starts_with("RM_")
        && matches!(api.control.events(purged).await, Ok(page) if !page.items.is_empty());
    let message = if is_purged {
        "this session was purged: its connection records are erased; `ringward audit` has by whom"
    } else {
        "nobody by that name, sid, address or subnet tried to connect in 30 days, or their session \
         was purged: they never reached this box"
    };
    ApiError::new(ErrorKind::NotFound, message)
}

/// `GET /admin/attempts`: newest first.
pub(crate) async fn attempts(
    State(api): State<Api>,
    query: Result<Query<AttemptsQuery>, QueryRejection>,
) -> Result<Json<Vec<WhyView>>, ApiError> {
    let Query(query) = query.map_err(bad_query)?;
    let question = question(&query)?;
    let logbook = api.control.logbook().clone();
    let found = off_thread(move || logbook.attempts(&question)).await?;
    let views = found.into_iter().map(|told| view(told, Vec::new()));
    Ok(Json(views.collect()))
}

fn question(query: &AttemptsQuery) -> Result<Question, ApiError> {
    let invalid = |message: &str| ApiError::new(ErrorKind::Invalid, message.to_owned());
    let subnet = query.subnet.as_deref().map(str::parse).transpose();
    let code = query.code.as_deref().map(|text| {
        let found = attempt::Code::parse(text);
        found.ok_or_else(|| invalid("code: no cause has that name; the runbook lists them"))
    });
    let since = query.since.map(UnixMillis);
    Ok(Question {
        since: since.unwrap_or_else(hour_ago),
        subnet: subnet
            .map_err(|_| invalid("subnet: an address, or a network like 10.30.0.0/24"))?,
        code: code.transpose()?,
    })
}

fn hour_ago() -> UnixMillis {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    UnixMillis(now.saturating_sub(HOUR_MS))
}

/// Reads files where nobody waits for the thread.
async fn off_thread<T: Send + 'static>(
    read: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(std::io::Error::other)
        .flatten()
        .map_err(|error| {
            tracing::warn!(%error, "the files of attempts cannot be read");
            let message = "the files of attempts cannot be read; look at the disk and the log";
            ApiError::new(ErrorKind::Unavailable, message)
        })
}

fn view(told: Told, groups: Vec<attempt::Group>) -> WhyView {
    let Told { record, diagnosis } = told;
    let subnet = record.subnet().map(|subnet| subnet.to_string());
    let remote = record.remote.map(|remote| remote.to_string());
    WhyView {
        attempt: AttemptView {
            id: record.id,
            at_ms: record.at.0,
            identity: record.identity,
            room: record.room,
            sid: record.sid,
            remote: remote.unwrap_or_default(),
            subnet: subnet.unwrap_or_default(),
            client: record.client,
            device: record.device,
            stages: diagnosis.stages.into_iter().map(stage_view).collect(),
        },
        finding: diagnosis.finding.map(|finding| Finding {
            code: finding.code.as_str().to_owned(),
            stage: stage(finding.stage),
            evidence: finding.evidence,
            say: finding.say.to_owned(),
            network: finding.network,
        }),
        groups: groups.into_iter().map(group).collect(),
    }
}

fn group(group: attempt::Group) -> Group {
    Group {
        by: group.by.to_owned(),
        value: group.value,
        failed: group.failed,
        of: group.of,
    }
}

/// A warning's code stands before its evidence: a finding is only what blocks.
fn stage_view(line: attempt::StageLine) -> StageView {
    let evidence = match line.code {
        Some(code) if line.grade == attempt::Grade::Warn => {
            format!("{}: {}", code.as_str(), line.evidence)
        }
        _ => line.evidence,
    };
    StageView {
        stage: stage(line.stage),
        grade: match line.grade {
            attempt::Grade::Pass => Grade::Pass,
            attempt::Grade::Warn => Grade::Warn,
            attempt::Grade::Fail => Grade::Fail,
            attempt::Grade::Skip => Grade::Skip,
        },
        evidence,
    }
}

fn stage(stage: attempt::Stage) -> Stage {
    match stage {
        attempt::Stage::Reach => Stage::Reach,
        attempt::Stage::Tls => Stage::Tls,
        attempt::Stage::Signal => Stage::Signal,
        attempt::Stage::Token => Stage::Token,
        attempt::Stage::Admission => Stage::Admission,
        attempt::Stage::Codec => Stage::Codec,
        attempt::Stage::Udp => Stage::Udp,
        attempt::Stage::Tcp => Stage::Tcp,
        attempt::Stage::Turn => Stage::Turn,
        attempt::Stage::Dtls => Stage::Dtls,
        attempt::Stage::Up => Stage::Up,
        attempt::Stage::Down => Stage::Down,
        attempt::Stage::Client => Stage::Client,
    }
}
