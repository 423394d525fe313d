//! ICE over TCP: on a port of its own, and on the HTTPS port by its first byte.

use super::{Arrived, accept};
use crate::config::{ConnectionLimits, ICE_FAREWELL};
use edge::Bridge;
use std::future::Future;
use std::net::SocketAddr;
use telemetry::names;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Carries the connections of `listener` to the media threads until `stop` completes.
pub async fn serve_ice(
    listener: TcpListener,
    bridge: Bridge,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()>,
) {
    let serve = |arrived: Arrived, drain| {
        let bridge = bridge.clone();
        async move { carry(&bridge, arrived, drain).await }
    };
    accept(listener, limits, stop, serve).await;
}

/// Carries one connection. When the box stops, the media threads say farewell over it first.
pub(super) async fn carry(bridge: &Bridge, arrived: Arrived, mut drain: watch::Receiver<bool>) {
    let Arrived {
        stream,
        origin,
        permit,
    } = arrived;
    // A socket that has no address of its own any more is closed.
    let Some(origin) = origin else { return };
    let remote = SocketAddr::new(origin.remote.ip().to_canonical(), origin.remote.port());
    let stopping = async {
        let _ = drain.wait_for(|drain| *drain).await;
        tokio::time::sleep(ICE_FAREWELL).await;
    };
    let closed = tokio::select! {
        closed = bridge.carry(stream, remote) => closed.label(),
        () = stopping => "stopping",
    };
    metrics::counter!(names::ICE_TCP_CLOSED, "cause" => closed).increment(1);
    drop(permit);
}
