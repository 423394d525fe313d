//! Operators' accounts, for admins.

use super::login::{MAX_BODY_BYTES, fact, unix_now};
use crate::admin::operator::Operator;
use crate::body;
use crate::listen::Remote;
use crate::problem::ApiError;
use crate::state::Api;
use accounts::{AccountName, ChangeAccountError, ChangeOwnPasswordError, LoginRefused};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use std::future::Future;
use std::time::Instant;
use vocab::ErrorKind;
use wire::admin::{AccountView, NewAccount, NewPassword, OwnPassword, Role};

/// `GET /admin/accounts`.
pub(crate) async fn list(
    State(api): State<Api>,
    operator: Operator,
) -> Result<Json<Vec<AccountView>>, ApiError> {
    operator.require(Role::Admin)?;
    Ok(Json(api.accounts.list(Instant::now())))
}

/// `POST /admin/accounts`.
pub(crate) async fn add(
    State(api): State<Api>,
    operator: Operator,
    body: Body,
) -> Result<StatusCode, ApiError> {
    operator.require(Role::Admin)?;
    let new: NewAccount = body::json(body, MAX_BODY_BYTES).await?;
    let name = parse(&new.name)?;
    let adding = api
        .accounts
        .add(name.clone(), new.role, new.password, unix_now());
    let act = match new.role {
        Role::Viewer => "account_add_viewer",
        Role::Operator => "account_add_operator",
        Role::Biomedical => "account_add_biomedical",
        Role::Admin => "account_add_admin",
    };
    audited(&api, &operator, act, &name, adding).await?;
    Ok(StatusCode::CREATED)
}

/// `DELETE /admin/accounts/{name}`: its sessions end.
pub(crate) async fn remove(
    State(api): State<Api>,
    operator: Operator,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    operator.require(Role::Admin)?;
    let name = parse(&name)?;
    let removing = api.accounts.remove(&name);
    audited(&api, &operator, "account_remove", &name, removing).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /admin/accounts/{name}/password`: its sessions end.
pub(crate) async fn password(
    State(api): State<Api>,
    operator: Operator,
    Path(name): Path<String>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    operator.require(Role::Admin)?;
    let name = parse(&name)?;
    let new: NewPassword = body::json(body, MAX_BODY_BYTES).await?;
    let setting = api.accounts.set_password(&name, new.password, unix_now());
    audited(&api, &operator, "account_password", &name, setting).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /admin/password`: one's own, by whoever knows the present one.
pub(crate) async fn own_password(
    State(api): State<Api>,
    operator: Operator,
    remote: Option<Extension<Remote>>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    operator.require(Role::Viewer)?;
    let session = operator.actor.parse::<AccountName>().ok().zip(remote);
    let Some((name, Extension(Remote(from)))) = session else {
        let message = format!("{} has no password here: log in over HTTPS", operator.actor);
        return Err(ApiError::new(ErrorKind::NotFound, message));
    };
    let own: OwnPassword = body::json(body, MAX_BODY_BYTES).await?;
    let now = (unix_now(), Instant::now());
    let changing = api
        .accounts
        .change_own_password(&name, &own.present, own.password, from, now);
    audited(&api, &operator, "own_password", &name, changing).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /admin/accounts/{name}/unlock`: its failed logins are forgotten.
pub(crate) async fn unlock(
    State(api): State<Api>,
    operator: Operator,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    operator.require(Role::Admin)?;
    let name = parse(&name)?;
    let unlocking = async { api.accounts.unlock(&name) };
    audited(&api, &operator, "account_unlock", &name, unlocking).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Written down before it is done, and what became of it after. What cannot be written down is not
/// done.
async fn audited(
    api: &Api,
    operator: &Operator,
    act: &str,
    name: &AccountName,
    change: impl Future<Output = Result<(), impl Into<ApiError>>>,
) -> Result<(), ApiError> {
    let note = |reason: &str| fact(&operator.actor, act, name.as_str(), reason, "");
    let noted = api.control.note_fact(note("asked")).await;
    noted.map_err(|error| ApiError::new(error.kind(), error.to_string()))?;
    let changed = change.await;
    let outcome = if changed.is_ok() { "done" } else { "refused" };
    // It is done or not: a disk that fails between the two changes neither.
    let _ = api.control.note_fact(note(outcome)).await;
    changed.map_err(Into::into)
}

impl From<ChangeAccountError> for ApiError {
    fn from(error: ChangeAccountError) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

impl From<ChangeOwnPasswordError> for ApiError {
    fn from(error: ChangeOwnPasswordError) -> Self {
        match error {
            // Not 401: the session is as good as before.
            ChangeOwnPasswordError::Refused(LoginRefused::Wrong { .. }) => {
                let message = "the present password is wrong";
                Self::new(ErrorKind::Forbidden, message)
            }
            ChangeOwnPasswordError::Refused(refused) => {
                Self::new(ErrorKind::Exhausted, refused.to_string())
            }
            ChangeOwnPasswordError::Change(error) => error.into(),
        }
    }
}

fn parse(name: &str) -> Result<AccountName, ApiError> {
    name.parse().map_err(|error: accounts::WrongAccountName| {
        ApiError::new(ErrorKind::Invalid, error.to_string())
    })
}
