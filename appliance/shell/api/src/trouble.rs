//! `POST /v1/rooms/{room}/trouble`: what only the browser knows of why its person is not seen or
//! heard, in a closed set of words.

use crate::bearer::{Bearer, TokenRefused};
use crate::body;
use crate::problem::ApiError;
use crate::state::Api;
use attempt::Word;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use vocab::ErrorKind;

/// Largest report in bytes: all words there are have some 200.
const MAX_REPORT_BYTES: usize = 1_024;
/// Most reports of one attempt: a page reports what changes, and little does.
const MAX_REPORTS: u32 = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    words: Vec<String>,
}

/// Takes a report about the bearer's own newest attempt in this room.
pub(crate) async fn report(
    State(api): State<Api>,
    Path(room): Path<String>,
    bearer: Result<Bearer, TokenRefused>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let claims = bearer?.0.ok_or_else(ApiError::unauthenticated)?;
    if !claims.room_join_for(&room) {
        let message = "the token does not open this room";
        return Err(ApiError::new(ErrorKind::Forbidden, message));
    }
    let words = read(body).await?;
    let logbook = api.control.logbook();
    let Some(attempt) = logbook.recent(claims.identity(), &room) else {
        let message = "no attempt of this identity in this room is known";
        return Err(ApiError::new(ErrorKind::NotFound, message));
    };
    let mut is_taken = false;
    logbook.note(attempt, |record, _| {
        is_taken = record.reports < MAX_REPORTS;
        if is_taken {
            record.reports += 1;
            record.report(&words);
        }
    });
    if is_taken {
        Ok(StatusCode::NO_CONTENT)
    } else {
        let message = format!("at most {MAX_REPORTS} reports of one attempt");
        Err(ApiError::new(ErrorKind::Exhausted, message))
    }
}

async fn read(body: Body) -> Result<Vec<Word>, ApiError> {
    let refuse = |message: String| ApiError::new(ErrorKind::Invalid, message);
    let bytes = body::read(body, MAX_REPORT_BYTES)
        .await
        .map_err(|_| refuse(format!("a report has {MAX_REPORT_BYTES} bytes at most")))?;
    // serde's own message would repeat the sender's text.
    let report: Report = serde_json::from_slice(&bytes)
        .map_err(|_| refuse("send {\"words\": [\"camera_refused\"]}".to_owned()))?;
    let words = report.words.iter().map(|text| Word::parse(text));
    words
        .collect::<Option<Vec<Word>>>()
        .ok_or_else(|| refuse("a word is none that browsers report".to_owned()))
}
