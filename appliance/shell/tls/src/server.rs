//! The server's side of TLS, whose certificate can be replaced while it serves.

use crate::authority::{Authority, AuthorityError};
use crate::facts::Facts;
use crate::identity::{Identity, LoadIdentityError};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use vocab::HostName;
use vocab::UnixMillis;

/// HTTP/1.1 only (ADR 4). A client that offers only others is refused in its handshake.
const ALPN: &[u8] = b"http/1.1";

/// Where the certificate comes from.
pub enum Source {
    /// The hospital's, as PEM files.
    Files {
        /// The chain, the server's own first.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// The box's internal CA.
    Internal {
        /// Where it lies.
        folder: PathBuf,
        /// What the box is called now: its addresses may change while it runs.
        names: Box<dyn Fn() -> Vec<HostName> + Send + Sync>,
    },
}

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum OpenTlsError {
    /// The certificate or its key.
    #[error(transparent)]
    Identity(#[from] LoadIdentityError),
    /// The internal CA.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The cryptography has none of the protocol versions.
    #[error("TLS cannot be set up")]
    Protocol(#[from] rustls::Error),
}

/// What looking for a new certificate found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reloaded {
    /// The one in use.
    Same,
    /// Another, which is in use now.
    Replaced(Facts),
}

/// The server's side of TLS.
pub struct Tls {
    source: Source,
    resolver: Arc<Resolver>,
    config: Arc<ServerConfig>,
    state: Mutex<State>,
}

struct State {
    identity: Identity,
    authority: Option<Facts>,
    /// How the files were when they were last read, well or badly.
    seen: Vec<Stamp>,
    /// Why what was read last is not used.
    refused: Option<String>,
}

/// A file's state, as far as a change of it shows.
type Stamp = Option<(u64, u64, i64, i64)>;

impl Tls {
    /// Loads the certificate, or makes one with the internal CA. A certificate that has expired is
    /// served all the same: calls by whoever accepts it are better than none, and an alarm says it.
    ///
    /// # Errors
    /// [`OpenTlsError`].
    pub fn open(source: Source, now: UnixMillis) -> Result<Self, OpenTlsError> {
        let seen = stamps(&source);
        let (identity, authority) = load(&source, now)?;
        let resolver = Arc::new(Resolver(RwLock::new(identity.certified.clone())));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver.clone());
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self {
            source,
            resolver,
            config: Arc::new(config),
            state: Mutex::new(State {
                identity,
                authority,
                seen,
                refused: None,
            }),
        })
    }

    /// What a listener needs.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// The certificates in use.
    #[must_use]
    pub fn certificates(&self) -> Vec<Facts> {
        let state = self.state();
        let web = state.identity.facts.clone();
        std::iter::once(web)
            .chain(state.authority.clone())
            .collect()
    }

    /// What is wrong with the certificate in use at `now`; `None` if nothing is.
    #[must_use]
    pub fn complaint(&self, now: UnixMillis) -> Option<LoadIdentityError> {
        self.state().identity.in_time(now).err()
    }

    /// Why the newest certificate is not the one in use; `None`: it is.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        self.state().refused.clone()
    }

    /// Looks for a new certificate if the files have changed since they were last read. With the
    /// internal CA a new one is made when the old one ends soon or names have changed.
    ///
    /// # Errors
    /// As [`Self::reload`].
    pub fn reload_if_changed(&self, now: UnixMillis) -> Result<Reloaded, OpenTlsError> {
        let changes_unseen = matches!(self.source, Source::Internal { .. });
        if !changes_unseen && stamps(&self.source) == self.state().seen {
            return Ok(Reloaded::Same);
        }
        self.reload(now)
    }

    /// Reads the certificate again and uses it for connections from now on.
    ///
    /// # Errors
    /// [`OpenTlsError`]: the new one is broken or not valid now, and the one in use stays.
    pub fn reload(&self, now: UnixMillis) -> Result<Reloaded, OpenTlsError> {
        let mut state = self.state();
        let reloaded = self.take_newest(&mut state, now);
        state.refused = reloaded.as_ref().err().map(ToString::to_string);
        reloaded
    }

    fn take_newest(&self, state: &mut State, now: UnixMillis) -> Result<Reloaded, OpenTlsError> {
        state.seen = stamps(&self.source);
        let (identity, authority) = load(&self.source, now)?;
        if identity.is_same_as(&state.identity) {
            return Ok(Reloaded::Same);
        }
        identity.in_time(now)?;
        self.resolver.replace(identity.certified.clone());
        let facts = identity.facts.clone();
        state.identity = identity;
        state.authority = authority;
        Ok(Reloaded::Replaced(facts))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(source: &Source, now: UnixMillis) -> Result<(Identity, Option<Facts>), OpenTlsError> {
    match source {
        Source::Files { certificate, key } => Ok((Identity::load(certificate, key)?, None)),
        Source::Internal { folder, names } => {
            let names = names();
            let authority = Authority::open_or_init(folder, &names, now)?;
            let identity = authority.server(&names, now)?;
            Ok((identity, Some(authority.facts().clone())))
        }
    }
}

fn stamps(source: &Source) -> Vec<Stamp> {
    match source {
        Source::Files { certificate, key } => vec![stamp(certificate), stamp(key)],
        Source::Internal { .. } => Vec::new(),
    }
}

fn stamp(path: &Path) -> Stamp {
    let facts = std::fs::metadata(path).ok()?;
    Some((facts.ino(), facts.size(), facts.mtime(), facts.mtime_nsec()))
}

struct Resolver(RwLock<Arc<CertifiedKey>>);

impl Resolver {
    fn replace(&self, certified: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certified;
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(
            self.0
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

#[cfg(test)]
mod tests;
