//! Who is asking, and what they may do.
//!
//! The listener knows: on the Unix socket the kernel says it (`SO_PEERCRED`), elsewhere a session
//! does. It puts an [`OperatorIdentity`] into each request's extensions; nothing that a client
//! sends can.

use crate::problem::ApiError;
use crate::state::Api;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::time::Instant;
use vocab::{ErrorKind, Redacted};
use wire::admin::Role;

/// Who sent a request, vouched for by the listener that took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorIdentity {
    /// `uid:0`, or an account's name; goes into the audit journal.
    pub actor: String,
    /// The most they may do.
    pub role: Role,
}

/// The token of the session that vouches for a request.
#[derive(Clone)]
pub(crate) struct SessionToken(pub(crate) Redacted<String>);

/// [`OperatorIdentity`] of the request at hand; without one: 401.
#[derive(Clone)]
pub(crate) struct Operator {
    pub(crate) actor: String,
    pub(crate) role: Role,
    session: Option<SessionToken>,
}

impl Operator {
    /// # Errors
    /// 403 unless the role is `needed` or above.
    pub(crate) fn require(&self, needed: Role) -> Result<(), ApiError> {
        if self.role >= needed {
            return Ok(());
        }
        let message = format!(
            "this needs the role {}, and {} has {}: ask somebody who has it",
            word(needed),
            self.actor,
            word(self.role)
        );
        Err(ApiError::new(ErrorKind::Forbidden, message))
    }

    /// Whether the session still stands, which asking prolongs: an answer that goes on for hours
    /// is a use of it, and ends with it.
    pub(crate) fn is_still_known(&self, api: &Api) -> bool {
        self.session.as_ref().is_none_or(|SessionToken(token)| {
            let session = api.accounts.session(token.expose(), Instant::now());
            session.is_some()
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let identity = parts.extensions.get::<OperatorIdentity>();
        let OperatorIdentity { actor, role } = identity.cloned().ok_or_else(unknown)?;
        let session = parts.extensions.get().cloned();
        Ok(Self {
            actor,
            role,
            session,
        })
    }
}

/// Lets nobody through whom no listener vouches for.
pub(crate) async fn known(request: Request, next: Next) -> Response {
    if request.extensions().get::<OperatorIdentity>().is_none() {
        return unknown().into_response();
    }
    next.run(request).await
}

fn unknown() -> ApiError {
    ApiError::new(
        ErrorKind::Unauthenticated,
        "this is for operators: log in, or use the admin socket",
    )
}

/// The role as the wire has it.
fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Biomedical => "biomedical",
        Role::Admin => "admin",
    }
}
