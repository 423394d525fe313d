//! The admin socket: a file only its owner may open, and a check of who opened it.

use super::connection::serve_connection;
use super::gate::Permit;
use super::{ACCEPT_RETRY, finish};
use crate::admin::operator::OperatorIdentity;
use axum::{Extension, Router};
use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use telemetry::names;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use wire::admin::Role;

/// Only the owner.
const SOCKET_MODE: u32 = 0o600;

/// Most connections at one time: consoles and commands, no crowd. Beyond it a new one waits in
/// the kernel's queue.
const MAX_ADMIN_CONNECTIONS: usize = 64;

/// The user id of root.
const ROOT: u32 = 0;

/// Why the admin socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindAdminError {
    /// Another daemon answers on it.
    #[error("{path} is in use by a running daemon: stop it, or choose another folder with --data", path = path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// Something that is no socket has its name.
    #[error("{path} exists and is no socket: remove it, or choose another folder with --data", path = path.display())]
    NotASocket {
        /// Which.
        path: PathBuf,
    },
    /// The kernel refused.
    #[error("the admin socket {path} cannot be opened ({source}): check the folder's owner and that the path is shorter than 108 bytes", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Opens the admin socket with mode 0600. A socket left by a killed daemon is replaced; one that
/// somebody answers on is not.
pub fn bind_unix(path: &Path) -> Result<UnixListener, BindAdminError> {
    let failed = |source| BindAdminError::Io {
        path: path.to_owned(),
        source,
    };
    clear(path)?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE)).map_err(failed)?;
    Ok(listener)
}

/// Serves `router` to root and to the daemon's own user until `stop` completes.
pub async fn serve_unix(listener: UnixListener, router: Router, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(MAX_ADMIN_CONNECTIONS));
    let (draining, drain) = watch::channel(false);
    let mut connections = JoinSet::new();
    let own = own_uid();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, place)) = accepted else {
            tokio::time::sleep(ACCEPT_RETRY).await;
            continue;
        };
        let Some(operator) = operator(&stream, own) else {
            metrics::counter!(names::ADMIN_REFUSED).increment(1);
            tracing::warn!("a connection to the admin socket came from another user; closed");
            continue;
        };
        let router = router.clone().layer(Extension(operator));
        let served = serve_connection(stream, None, router, Permit::uncounted(), drain.clone());
        connections.spawn(async move {
            served.await;
            drop(place);
        });
    }
    drop(listener);
    draining.send_replace(true);
    finish(connections).await;
}

async fn accept(
    listener: &UnixListener,
    places: &Arc<Semaphore>,
) -> io::Result<(UnixStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places
        .clone()
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

/// The kernel's word on who connected (`SO_PEERCRED`), not the client's. Root and the daemon's own
/// user may do everything: they could write the data folder as well.
fn operator(stream: &UnixStream, own: Option<u32>) -> Option<OperatorIdentity> {
    let uid = stream.peer_cred().ok()?.uid();
    let enters = uid == ROOT || Some(uid) == own;
    enters.then(|| OperatorIdentity {
        actor: format!("uid:{uid}"),
        role: Role::Admin,
    })
}

/// The daemon's user: the owner of its own `/proc` entry. Unknown: only root may enter.
fn own_uid() -> Option<u32> {
    std::fs::metadata("/proc/self")
        .ok()
        .map(|entry| entry.uid())
}

fn clear(path: &Path) -> Result<(), BindAdminError> {
    let Ok(found) = std::fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err(BindAdminError::NotASocket {
            path: path.to_owned(),
        });
    }
    if StdUnixStream::connect(path).is_ok() {
        return Err(BindAdminError::InUse {
            path: path.to_owned(),
        });
    }
    std::fs::remove_file(path).map_err(|source| BindAdminError::Io {
        path: path.to_owned(),
        source,
    })
}
