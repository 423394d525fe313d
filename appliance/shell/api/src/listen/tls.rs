//! TLS: the twin of [`super::serve_tcp`], whose connections begin with a handshake.

use super::connection::serve_connection;
use super::ice::carry;
use super::mute::{Silence, first_byte};
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
use tokio::sync::watch;
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
            Failed::Mute(silence) => return silence.note(&self.logbook, origin),
            Failed::Silent => TlsFault::Silent,
            Failed::Refused if (self.is_expired)() => TlsFault::Expired,
            Failed::Refused => TlsFault::Untrusted,
            Failed::Expired => TlsFault::Expired,
            Failed::Handshake => TlsFault::Handshake,
        };
        metrics::counter!(names::HTTP_REFUSED, "cause" => failed.label()).increment(1);
        let attempt = self.logbook.begin(Door::None, origin);
        self.logbook.note(attempt, |record, _| {
            record.tls = attempt::Tls::Refused(fault);
        });
        self.logbook.refused(attempt);
    }
}

/// Why a handshake came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failed {
    /// It never began.
    Mute(Silence),
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
            Self::Mute(_) => "silent",
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
    let serve = |arrived: Arrived, mut drain| {
        let (acceptor, router) = (acceptor.clone(), router.clone());
        let Others { plain, bridge } = others.clone();
        let refusals = refusals.clone();
        async move {
            let Arrived {
                stream,
                origin,
                permit,
            } = arrived;
            match begun(&acceptor, stream, &mut drain).await {
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
                Err(failed) => refusals.note(origin, failed),
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
async fn begun(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    drain: &mut watch::Receiver<bool>,
) -> Result<Begun, Failed> {
    match first_byte(&stream, drain).await.map_err(Failed::Mute)? {
        first if Bridge::speaks(first) => return Ok(Begun::Ice(stream)),
        HANDSHAKE_RECORD => {}
        _ => return Ok(Begun::Plain(stream)),
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
