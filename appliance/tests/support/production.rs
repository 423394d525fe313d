//! A daemon in production mode: a settings file, HTTPS, certificates of the test's own.

use crate::daemon::{free_port, ringward};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs::default_provider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// A folder with a settings file and what it names.
pub(crate) struct Site {
    folder: TempDir,
    pub(crate) port: u16,
}

impl Site {
    /// `settings` come after the addresses.
    pub(crate) fn new(settings: &str) -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            port: free_port(),
        };
        site.write(settings);
        site
    }

    pub(crate) fn write(&self, settings: &str) {
        let mut text = format!("data = '{}'\n", self.data().display());
        writeln!(text, "https = '127.0.0.1:{}'", self.port).unwrap();
        writeln!(text, "udp-port = {}\n{settings}", free_port()).unwrap();
        std::fs::write(self.config(), text).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("ringward.toml")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// `[tls]` with the hospital's files.
    pub(crate) fn with_files() -> Self {
        let site = Self::new("");
        site.write(&format!(
            "[tls]\ncertificate = '{}'\nkey = '{}'",
            site.path().join("web.pem").display(),
            site.path().join("web.key").display()
        ));
        site
    }

    /// A self-signed certificate for 127.0.0.1, valid to the end of that year, with its key.
    pub(crate) fn put_certificate(&self, last_year: i32) {
        self.put_certificate_with(|params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(last_year, 12, 31);
        });
    }

    /// The same, valid between these moments.
    pub(crate) fn put_certificate_for(&self, begin: SystemTime, end: SystemTime) {
        let moment = |at: SystemTime| {
            date_time_ymd(1970, 1, 1) + at.duration_since(SystemTime::UNIX_EPOCH).unwrap()
        };
        self.put_certificate_with(|params| {
            (params.not_before, params.not_after) = (moment(begin), moment(end));
        });
    }

    fn put_certificate_with(&self, edit: impl FnOnce(&mut CertificateParams)) {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        edit(&mut params);
        let key = KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        let certificate = pem("CERTIFICATE", made.der());
        std::fs::write(self.path().join("web.pem"), certificate).unwrap();
        self.put_key(&key);
    }

    pub(crate) fn put_key(&self, key: &KeyPair) {
        let path = self.path().join("web.key");
        std::fs::write(&path, pem("PRIVATE KEY", key.serialized_der())).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }

    pub(crate) fn serve(&self) -> Command {
        let mut command = ringward();
        command.args(["serve", "--config", self.config().to_str().unwrap()]);
        command
    }

    /// Starts the box and waits until it serves.
    pub(crate) fn start(&self) -> Running {
        let mut child = self
            .serve()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The banner is printed when everything is open; it ends with an empty line, as does its
        // first paragraph.
        let mut banner = String::new();
        let mut paragraphs = 0;
        while paragraphs < 2 {
            match lines.next() {
                Some(Ok(line)) if line.is_empty() => paragraphs += 1,
                Some(Ok(line)) => writeln!(banner, "{line}").unwrap(),
                _ => panic!("the box ended:\n{banner}{}", rest(&mut child)),
            }
        }
        Running {
            log: BufReader::new(child.stderr.take().unwrap()),
            child,
            banner,
            port: self.port,
        }
    }
}

fn rest(child: &mut Child) -> String {
    let mut text = String::new();
    if let Some(mut error) = child.stderr.take() {
        error.read_to_string(&mut text).unwrap();
    }
    text
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// A running box.
pub(crate) struct Running {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    pub(crate) banner: String,
    port: u16,
}

impl Running {
    /// Waits for a line of the log that holds these words.
    pub(crate) fn logged(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.log.read_line(&mut line).unwrap();
            assert!(read > 0, "the log ended without {words:?}");
            if line.contains(words) {
                return line;
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// A connection whose certificate is looked at, not judged.
    pub(crate) fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let provider = Arc::new(default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let limit = Duration::from_secs(20);
        socket.set_read_timeout(Some(limit)).unwrap();
        StreamOwned::new(client, socket)
    }

    /// One request on a connection of its own; status line, headers and body.
    pub(crate) fn ask(&self, head: &str, body: &str) -> String {
        let mut stream = self.connect();
        write!(
            stream,
            "{head} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), "")
    }

    /// The first certificate that the box shows now.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        let mut stream = self.connect();
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        stream.conn.peer_certificates().unwrap()[0]
            .clone()
            .into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Trusts anybody: these tests look at what is shown.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
