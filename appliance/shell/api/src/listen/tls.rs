//! TLS: the twin of [`super::serve_tcp`], whose connections begin with a handshake.

use super::connection::serve_connection;
use super::{Arrived, accept};
use crate::config::{ConnectionLimits, HANDSHAKE_TIMEOUT};
use axum::Router;
use std::future::Future;
use std::io;
use std::sync::Arc;
use telemetry::names;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{AlertDescription, Error, ServerConfig};
use tokio_rustls::server::TlsStream;

/// The first byte of TLS: a record of the handshake (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// Serves `router` over TLS on `listener` until `stop` completes, as [`super::serve_tcp`] does.
/// Who speaks HTTP without TLS here is served `plain`.
pub async fn serve_tls(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    plain: Router,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()>,
) {
    let acceptor = TlsAcceptor::from(tls);
    let serve = |arrived: Arrived, drain| {
        let (acceptor, router, plain) = (acceptor.clone(), router.clone(), plain.clone());
        async move {
            let Arrived {
                stream,
                remote,
                permit,
            } = arrived;
            match begun(&acceptor, stream).await {
                Ok(Begun::Tls(stream)) => {
                    serve_connection(stream, Some(remote), router, permit, drain).await;
                }
                Ok(Begun::Plain(stream)) => {
                    serve_connection(stream, Some(remote), plain, permit, drain).await;
                }
                Err(cause) => {
                    metrics::counter!(names::HTTP_REFUSED, "cause" => cause).increment(1);
                }
            }
        }
    };
    accept(listener, limits, stop, serve).await;
}

/// What somebody speaks.
enum Begun {
    Tls(Box<TlsStream<TcpStream>>),
    Plain(TcpStream),
}

/// Waits for what somebody speaks, and for the handshake. An error is the cause for the metric.
async fn begun(acceptor: &TlsAcceptor, stream: TcpStream) -> Result<Begun, &'static str> {
    let mut first = [0];
    let seen = timeout(HANDSHAKE_TIMEOUT, stream.peek(&mut first)).await;
    match seen {
        Ok(Ok(1)) if first[0] != HANDSHAKE_RECORD => return Ok(Begun::Plain(stream)),
        Ok(Ok(1)) => {}
        // A health check opens and closes; a scanner says nothing.
        _ => return Err("silent"),
    }
    match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Ok(Begun::Tls(Box::new(stream))),
        Ok(Err(error)) => Err(cause(&error)),
        Err(_) => Err("tls_timeout"),
    }
}

/// Whether the client refused our certificate: then hospital IT has to roll out a CA.
fn cause(error: &io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::UnsupportedCertificate,
        )) => "tls_untrusted",
        _ => "tls",
    }
}
