//! TLS: the twin of [`super::serve_tcp`], whose connections begin with a handshake.

use super::connection::serve_connection;
use super::ice::carry;
use super::{Arrived, accept};
use crate::config::{ConnectionLimits, HANDSHAKE_TIMEOUT};
use attempt::{Door, TlsFault};
use axum::Router;
use edge::Bridge;
use logbook::{Logbook, Origin};
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

/// What becomes of those who do not speak TLS on the HTTPS port.
#[derive(Clone)]
pub struct Others {
    /// Answers HTTP.
    pub plain: Router,
    /// Carries ICE.
    pub bridge: Bridge,
}

/// Who is told of handshakes that came to nothing.
#[derive(Clone)]
pub struct Refusals {
    /// Where attempts are noted.
    pub logbook: Logbook,
    /// Whether the box's certificate is out of its time: clients that refuse it often do not say
    /// why.
    pub is_expired: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Refusals {
    fn note(&self, origin: Option<Origin>, failed: Failed) {
        let fault = match failed {
            // A health check, or a scanner.
            Failed::Gone => return,
            Failed::Mute => None,
            Failed::Silent => Some(TlsFault::Silent),
            Failed::Refused if (self.is_expired)() => Some(TlsFault::Expired),
            Failed::Refused => Some(TlsFault::Untrusted),
            Failed::Expired => Some(TlsFault::Expired),
            Failed::Handshake => Some(TlsFault::Handshake),
        };
        let attempt = self.logbook.begin(Door::None, origin);
        self.logbook.note(attempt, |record, _| {
            record.tls = fault.map_or(attempt::Tls::Plain, attempt::Tls::Refused);
        });
        self.logbook.refused(attempt);
    }
}

/// Why a handshake came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failed {
    /// Closed before it said anything.
    Gone,
    /// Open, and nothing said.
    Mute,
    /// Nothing more said in the middle.
    Silent,
    /// The client refused the certificate.
    Refused,
    /// And said that it is expired.
    Expired,
    /// Anything else.
    Handshake,
}

impl Failed {
    /// The metric's label.
    fn label(self) -> &'static str {
        match self {
            Self::Gone | Self::Mute => "silent",
            Self::Silent => "tls_timeout",
            Self::Refused | Self::Expired => "tls_untrusted",
            Self::Handshake => "tls",
        }
    }
}

/// Serves `router` over TLS on `listener` until `stop` completes, as [`super::serve_tcp`] does.
/// Who speaks something else here is one of the `others`.
pub async fn serve_tls(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    others: Others,
    limits: ConnectionLimits,
    refusals: Refusals,
    stop: impl Future<Output = ()>,
) {
    let acceptor = TlsAcceptor::from(tls);
    let serve = |arrived: Arrived, drain| {
        let (acceptor, router) = (acceptor.clone(), router.clone());
        let Others { plain, bridge } = others.clone();
        let refusals = refusals.clone();
        async move {
            let Arrived {
                stream,
                origin,
                permit,
            } = arrived;
            match begun(&acceptor, stream).await {
                Ok(Begun::Tls(stream)) => {
                    let origin = origin.map(|origin| Origin {
                        secure: true,
                        ..origin
                    });
                    serve_connection(stream, origin, router, permit, drain).await;
                }
                Ok(Begun::Plain(stream)) => {
                    serve_connection(stream, origin, plain, permit, drain).await;
                }
                Ok(Begun::Ice(stream)) => {
                    let arrived = Arrived {
                        stream,
                        origin,
                        permit,
                    };
                    carry(&bridge, arrived, drain).await;
                }
                Err(failed) => {
                    metrics::counter!(names::HTTP_REFUSED, "cause" => failed.label()).increment(1);
                    refusals.note(origin, failed);
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
    Ice(TcpStream),
}

/// Waits for what somebody speaks, and for the handshake.
async fn begun(acceptor: &TlsAcceptor, stream: TcpStream) -> Result<Begun, Failed> {
    let mut first = [0];
    let seen = timeout(HANDSHAKE_TIMEOUT, stream.peek(&mut first)).await;
    match seen {
        Ok(Ok(1)) if Bridge::speaks(first[0]) => return Ok(Begun::Ice(stream)),
        Ok(Ok(1)) if first[0] != HANDSHAKE_RECORD => return Ok(Begun::Plain(stream)),
        Ok(Ok(1)) => {}
        Err(_) => return Err(Failed::Mute),
        _ => return Err(Failed::Gone),
    }
    match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Ok(Begun::Tls(Box::new(stream))),
        Ok(Err(error)) => Err(cause(&error)),
        Err(_) => Err(Failed::Silent),
    }
}

/// Whether the client refused our certificate: then hospital IT has to roll out a CA.
fn cause(error: &io::Error) -> Failed {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(Error::AlertReceived(AlertDescription::CertificateExpired)) => Failed::Expired,
        Some(Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate,
        )) => Failed::Refused,
        _ => Failed::Handshake,
    }
}
