//! `POST /dev/token`: the meeting page's tokens, in development mode only. Whoever knows the
//! development keys, and everybody does, can mint the same.

use crate::body;
use crate::config::MAX_BODY_BYTES;
use crate::problem::ApiError;
use crate::state::Api;
use auth::{Claims, Grants};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};
use vocab::{ErrorKind, MAX_NAME_BYTES};

/// How long a token of the meeting page is valid: a working day.
const VALID_SECS: u64 = 12 * 60 * 60;

/// The pair of LiveKit's development mode, known to everybody.
const DEVELOPMENT_KEY: &str = "devkey";
const DEVELOPMENT_SECRET: &str = "secret";

#[derive(Deserialize)]
struct TokenRequest {
    room: String,
    identity: String,
    #[serde(default)]
    name: String,
}

#[derive(Serialize)]
struct TokenAnswer {
    token: String,
}

/// `POST /dev/token`.
pub(crate) async fn token(State(api): State<Api>, body: Body) -> Result<Response, ApiError> {
    // The page is served in development mode only, and so are its tokens: signed with the one
    // pair that everybody knows, never with a key of the box's own.
    let known = api.config.keys.secret(DEVELOPMENT_KEY) == Some(DEVELOPMENT_SECRET);
    if api.config.page.is_empty() || !known {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    let (key, secret) = (DEVELOPMENT_KEY, DEVELOPMENT_SECRET);
    let request = read(body).await?;
    let token = auth::mint(&claims(request, key), key, secret);
    Ok(Json(TokenAnswer { token }).into_response())
}

async fn read(body: Body) -> Result<TokenRequest, ApiError> {
    let refuse = |message: &str| ApiError::new(ErrorKind::Invalid, message.to_owned());
    let bytes = body::read(body, MAX_BODY_BYTES)
        .await
        .map_err(|_| refuse("the request could not be read"))?;
    let request: TokenRequest =
        serde_json::from_slice(&bytes).map_err(|_| refuse("send {room, identity, name}"))?;
    let is_named = |text: &str| !text.is_empty() && text.len() <= MAX_NAME_BYTES;
    if !is_named(&request.room) || !is_named(&request.identity) {
        return Err(refuse("room and identity take 1 to 256 bytes each"));
    }
    Ok(request)
}

fn claims(request: TokenRequest, key: &str) -> Claims {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    Claims {
        iss: key.to_owned(),
        sub: request.identity,
        name: request.name,
        iat: Some(now),
        nbf: Some(now),
        exp: Some(now + VALID_SECS),
        video: Grants {
            room: request.room,
            room_join: true,
            can_update_own_metadata: Some(true),
            ..Grants::default()
        },
        ..Claims::default()
    }
}
