//! Hostile and mistaken connections to the HTTPS port.

use crate::harness::TestBox;
use ::tls::{Authority, Source, Tls};
use api::ConnectionLimits;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A box behind TLS with an internal CA; serves until the runtime ends.
struct Secured {
    address: SocketAddr,
    folder: TempDir,
    _box: TestBox,
}

impl Secured {
    async fn new(limits: ConnectionLimits) -> Self {
        ::tls::install_provider();
        let a_box = TestBox::new();
        let folder = tempfile::tempdir().unwrap();
        let source = Source::Internal {
            folder: folder.path().to_owned(),
            names: Box::new(|| vec!["127.0.0.1".parse().unwrap()]),
        };
        let tls = Tls::open(source, crate::harness::now()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (router, lead) = (a_box.router(), api::redirect_router(address.port()));
        tokio::spawn(api::serve_tls(
            listener,
            tls.config(),
            router,
            api::Others {
                plain: lead,
                bridge: edge::Bridge::new(&[]),
            },
            limits,
            api::Refusals {
                logbook: logbook::Logbook::detached(),
                is_expired: std::sync::Arc::new(|| false),
            },
            std::future::pending(),
        ));
        Self {
            address,
            folder,
            _box: a_box,
        }
    }

    async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        let authority = Authority::open(self.folder.path()).unwrap();
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from(authority.certificate_der().to_vec());
        roots.add(root).unwrap();
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, self.tcp().await)
            .await
            .unwrap()
    }

    async fn is_healthy(&self) -> bool {
        let mut stream = self.connect().await;
        let head = "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.starts_with("HTTP/1.1 200")
    }
}

/// A14 over TLS: silence, half a handshake, and a head that never ends after a whole one.
#[tokio::test]
async fn whoever_stops_half_way_is_cut_and_others_are_served() {
    let secured = Secured::new(ConnectionLimits::default()).await;
    let silent = secured.tcp().await;
    let mut half = secured.tcp().await;
    // The head of a record that promises a ClientHello of 512 bytes.
    half.write_all(&[22, 3, 1, 2, 0, 1, 0]).await.unwrap();
    let mut slow = secured.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
    assert!(secured.is_healthy().await);
    for (name, mut stream) in [("silent", silent), ("half", half)] {
        let mut rest = Vec::new();
        let cut = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest));
        // Closed or reset: an unread byte makes the kernel reset.
        let _ = cut.await.unwrap_or_else(|_| panic!("{name} is cut"));
    }
    let mut rest = Vec::new();
    let cut = tokio::time::timeout(Duration::from_secs(30), slow.read_to_end(&mut rest));
    let _ = cut.await.expect("the slow head is cut");
    assert!(secured.is_healthy().await);
}

#[tokio::test]
async fn half_handshakes_count_as_connections() {
    let secured = Secured::new(ConnectionLimits {
        total: 8,
        per_address: 2,
    })
    .await;
    let mut half = Vec::new();
    for _ in 0..2 {
        let mut stream = secured.tcp().await;
        stream.write_all(&[22]).await.unwrap();
        half.push(stream);
    }
    // The place is taken when the connection is accepted, in order.
    let mut third = secured.tcp().await;
    let mut answer = Vec::new();
    let _ = third.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test]
async fn who_speaks_http_to_the_https_port_is_led_to_https() {
    let secured = Secured::new(ConnectionLimits::default()).await;
    for (request, wants) in [
        (
            format!("GET /a?b=c HTTP/1.1\r\nhost: {}\r\n", secured.address),
            vec![
                "HTTP/1.1 307".to_owned(),
                format!("location: https://{}/a?b=c", secured.address),
            ],
        ),
        (
            "POST /twirp/x HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n".to_owned(),
            vec!["HTTP/1.1 403".to_owned(), "https://".to_owned()],
        ),
        (
            "GET /rtc HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\n".to_owned(),
            vec!["HTTP/1.1 403".to_owned(), "wss://".to_owned()],
        ),
    ] {
        let mut stream = secured.tcp().await;
        let request = format!("{request}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        for want in wants {
            assert!(answer.contains(&want), "no {want:?} in {answer}");
        }
    }
}
