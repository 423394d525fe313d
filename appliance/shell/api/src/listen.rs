//! Accepting connections: on TCP for everyone, on a Unix socket for operators.
//!
//! `axum::serve` gives hyper no timer, so that its header timeout never fires
//! (`reliability.md` F9); and it has no caps. HTTP/1.1 only: what does not speak HTTP/2 cannot
//! be flooded with its frames (A15).

mod connection;
mod gate;
mod ice;
mod mute;
mod plain;
mod tls;
mod unix;

use crate::config::{ConnectionLimits, DRAIN_TIMEOUT};
use axum::Router;
use connection::serve_connection;
use gate::Gate;
use logbook::{Logbook, Origin};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use telemetry::names;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use connection::Remote;
pub use gate::Permit;
pub use ice::serve_ice;
pub use plain::redirect_router;
pub use tls::{Others, Refusals, serve_tls};
pub use unix::{BindAdminError, bind_unix, serve_unix};

/// How long to wait after the kernel refused an accept: the process is out of descriptors or
/// memory, and asking again at once would only burn a core.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Serves `router` on `listener` until `stop` completes, then lets connections finish for
/// [`DRAIN_TIMEOUT`]. A connection on which nothing is said is an attempt in `logbook`.
pub async fn serve_tcp(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    logbook: Logbook,
    stop: impl Future<Output = ()>,
) {
    let serve = |arrived: Arrived, mut drain| {
        let (router, logbook) = (router.clone(), logbook.clone());
        async move {
            let Arrived {
                stream,
                origin,
                permit,
            } = arrived;
            match mute::first_byte(&stream, &mut drain).await {
                Ok(_) => serve_connection(stream, origin, router, permit, drain).await,
                Err(silence) => silence.note(&logbook, origin),
            }
        }
    };
    accept(listener, limits, stop, serve).await;
}

/// A connection that has its place.
struct Arrived {
    stream: TcpStream,
    origin: Option<Origin>,
    permit: Permit,
}

/// Accepts until `stop` completes; what becomes of a connection is up to `serve`.
async fn accept<F>(
    listener: TcpListener,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()>,
    serve: impl Fn(Arrived, watch::Receiver<bool>) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let gate = Gate::new(limits);
    let (draining, drain) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, remote)) = accepted else {
            metrics::counter!(names::HTTP_REFUSED, "cause" => "accept_error").increment(1);
            tokio::time::sleep(ACCEPT_RETRY).await;
            continue;
        };
        match gate.admit(remote.ip()) {
            Ok(permit) => {
                // Signalling is small messages that somebody waits for.
                let _ = stream.set_nodelay(true);
                let origin = stream.local_addr().ok().map(|local| Origin {
                    remote,
                    local,
                    secure: false,
                });
                let arrived = Arrived {
                    stream,
                    origin,
                    permit,
                };
                connections.spawn(serve(arrived, drain.clone()));
            }
            Err(refused) => {
                metrics::counter!(names::HTTP_REFUSED, "cause" => refused.label()).increment(1);
            }
        }
    }
    drop(listener);
    draining.send_replace(true);
    finish(connections).await;
}

/// Waits for connections to finish; those that do not are cut.
async fn finish(mut connections: JoinSet<()>) {
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, all).await;
}
