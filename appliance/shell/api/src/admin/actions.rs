//! What operators do, as the wire has it.

use crate::admin::operator::Operator;
use crate::body::{self, ReadBodyError};
use crate::problem::ApiError;
use crate::state::Api;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use control::action::{self, ActError, Answer, DEFAULT_DEADLINE};
use control::room::RoomNotFound;
use std::time::Duration;
use vocab::ErrorKind;
use wire::admin::{ActionAnswer, ActionRequest, Outcome, Reason, Role, Target, Verb};
use wire::{PROBLEM_JSON, Problem};

/// Largest request: a note of 200 characters and a few ids. Beyond it: 400.
const MAX_ACTION_BYTES: usize = 8 * 1024;

/// `POST /admin/actions`. 200 when it is so now; 202 when a second person has to ask for it; 409 when it was refused and 503 when it could not
/// be done, both with the answer's fields beside the problem's.
pub(crate) async fn act(
    State(api): State<Api>,
    operator: Operator,
    body: Body,
) -> Result<Response, ApiError> {
    let request = read(body).await?;
    let by = action::Operator {
        name: operator.actor,
        role: role(operator.role),
    };
    let answer = api.control.act(parse(request), by).await?;
    Ok(shape(answer))
}

/// Ends the room that lives under a name now; the action names its sid. 204 when it has ended,
/// otherwise as [`act`] answers.
pub(super) async fn end_by_name(
    api: &Api,
    operator: Operator,
    name: String,
) -> Result<Response, ApiError> {
    let found = api.control.run(move |c| c.list_rooms(&[name])).await?;
    let room = found.into_iter().next().ok_or(RoomNotFound)?;
    let action = action::Action {
        verb: action::Verb::End,
        target: action::Target::Room(room.sid.into()),
        reason: action::Reason::Requested,
        note: "by its name".to_owned(),
        deadline: DEFAULT_DEADLINE,
        key: None,
        minutes: None,
    };
    let by = action::Operator {
        name: operator.actor,
        role: role(operator.role),
    };
    let answer = api.control.act(action, by).await?;
    Ok(match answer.outcome {
        action::Outcome::Done | action::Outcome::Forced | action::Outcome::Already => {
            StatusCode::NO_CONTENT.into_response()
        }
        _ => shape(answer),
    })
}

async fn read(body: Body) -> Result<ActionRequest, ApiError> {
    let invalid = |message: String| ApiError::new(ErrorKind::Invalid, message);
    let body = body::read(body, MAX_ACTION_BYTES)
        .await
        .map_err(|error| match error {
            ReadBodyError::TooLarge => invalid(format!(
                "the action is larger than {MAX_ACTION_BYTES} bytes"
            )),
            ReadBodyError::Broken => invalid("the action could not be read".to_owned()),
        })?;
    // serde's own message would repeat the sender's text.
    serde_json::from_slice(&body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        invalid(format!("the action is not as documented at {place}"))
    })
}

fn parse(request: ActionRequest) -> action::Action {
    action::Action {
        verb: verb(request.verb),
        target: target(request.target),
        reason: reason(request.reason),
        note: request.note,
        deadline: request
            .deadline_ms
            .map_or(DEFAULT_DEADLINE, Duration::from_millis),
        key: request.key,
        minutes: request.minutes,
    }
}

fn shape(answer: Answer) -> Response {
    let view = ActionAnswer {
        audit: answer.audit,
        outcome: outcome(answer.outcome),
        detail: answer.detail,
        took_ms: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
        waits_until_ms: answer.waits_until.map(|until| until.0),
    };
    match view.outcome {
        Outcome::Done | Outcome::Forced | Outcome::Already => Json(view).into_response(),
        Outcome::Waiting => (StatusCode::ACCEPTED, Json(view)).into_response(),
        Outcome::Refused => failed(StatusCode::CONFLICT, "refused", view),
        Outcome::Failed => failed(StatusCode::SERVICE_UNAVAILABLE, "failed", view),
    }
}

/// RFC 9457 §3.2: a problem may have further members.
fn failed(status: StatusCode, kind: &str, answer: ActionAnswer) -> Response {
    let problem = Problem {
        kind: kind.to_owned(),
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        detail: answer.detail.clone(),
    };
    let fields = |value| match value {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let mut body = fields(serde_json::to_value(answer));
    body.extend(fields(serde_json::to_value(problem)));
    let body = serde_json::Value::Object(body).to_string();
    (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response()
}

fn role(role: Role) -> action::Role {
    match role {
        Role::Viewer => action::Role::Viewer,
        Role::Operator => action::Role::Operator,
        Role::Biomedical => action::Role::Biomedical,
        Role::Admin => action::Role::Admin,
    }
}

fn verb(verb: Verb) -> action::Verb {
    match verb {
        Verb::End => action::Verb::End,
        Verb::Admit => action::Verb::Admit,
        Verb::Mute => action::Verb::Mute,
        Verb::Hold => action::Verb::Hold,
        Verb::Release => action::Verb::Release,
        Verb::Purge => action::Verb::Purge,
        Verb::BlockRejoin => action::Verb::BlockRejoin,
        Verb::Drain => action::Verb::Drain,
        Verb::Undrain => action::Verb::Undrain,
        Verb::Acknowledge => action::Verb::Acknowledge,
        Verb::Silence => action::Verb::Silence,
        Verb::Shelve => action::Verb::Shelve,
        Verb::Unshelve => action::Verb::Unshelve,
        Verb::Unmask => action::Verb::Unmask,
        Verb::Arm => action::Verb::Arm,
        Verb::Handover => action::Verb::Handover,
    }
}

fn target(target: Target) -> action::Target {
    match target {
        Target::Room { sid } => action::Target::Room(sid.into()),
        Target::Participant { sid } => action::Target::Participant(sid.into()),
        Target::Track { sid } => action::Target::Track(sid.into()),
        Target::Alarm { id } => action::Target::Alarm(id),
        Target::Box => action::Target::Box,
    }
}

fn reason(reason: Reason) -> action::Reason {
    match reason {
        Reason::StuckEmpty => action::Reason::StuckEmpty,
        Reason::Requested => action::Reason::Requested,
        Reason::Safety => action::Reason::Safety,
        Reason::Abuse => action::Reason::Abuse,
        Reason::Maintenance => action::Reason::Maintenance,
        Reason::Test => action::Reason::Test,
        Reason::Other => action::Reason::Other,
    }
}

fn outcome(outcome: action::Outcome) -> Outcome {
    match outcome {
        action::Outcome::Done => Outcome::Done,
        action::Outcome::Forced => Outcome::Forced,
        action::Outcome::Already => Outcome::Already,
        action::Outcome::Waiting => Outcome::Waiting,
        action::Outcome::Refused => Outcome::Refused,
        action::Outcome::Failed => Outcome::Failed,
    }
}

impl From<ActError> for ApiError {
    fn from(error: ActError) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}
