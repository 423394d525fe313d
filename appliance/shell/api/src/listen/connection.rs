//! One connection, with its limits in time and size.

use super::gate::Permit;
use crate::config::{HEADER_TIMEOUT, MAX_CONNECTION_AGE, MAX_HEAD_BYTES, MAX_HEADERS};
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use logbook::Origin;
use std::net::IpAddr;
use std::pin::pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tower::ServiceExt;

/// Where a request came from, in the extensions of those over the network: the address of the
/// connection, which behind a proxy is the proxy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote(pub IpAddr);

/// Serves one connection until it closes, is too old, or the box drains. An upgraded WebSocket
/// goes on elsewhere with its clone of `permit`.
pub(super) async fn serve_connection<S>(
    stream: S,
    origin: Option<Origin>,
    router: Router,
    permit: Permit,
    mut drain: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let place = permit.clone();
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(place.clone());
        if let Some(origin) = origin {
            request.extensions_mut().insert(origin);
            let address = origin.remote.ip().to_canonical();
            request.extensions_mut().insert(Remote(address));
        }
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = pin!(connection);
    // Both mean: finish the answer in progress, take no further request. A broken connection
    // has nobody to be told.
    tokio::select! {
        _ = &mut connection => return,
        () = tokio::time::sleep(MAX_CONNECTION_AGE) => {}
        _ = drain.wait_for(|drain| *drain) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(HEADER_TIMEOUT, connection).await;
    drop(permit);
}
