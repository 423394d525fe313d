//! Settings that can be acted on: the file under the flags, defaults under both.

use crate::file::{
    Backend, Egress, FileSettings, OneOrMany, check_drain_seconds, check_udp_port, check_workers,
};
use crate::place::SettingsError;
use crate::tls::{FileTls, PlainHttp, TlsSettings};
use firmware_config::Profile;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use vocab::Redacted;

/// The API key of development mode, as LiveKit's users expect it.
pub const DEVELOPMENT_KEY: &str = "devkey";
/// Its secret.
pub const DEVELOPMENT_SECRET: &str = "secret";
/// The API key that the box makes at its first start where the settings have none.
pub const GENERATED_KEY: &str = "box";
/// HTTPS where browsers look for it.
const DEFAULT_HTTPS_PORT: u16 = 443;
/// HTTP and WebSocket, as LiveKit's users expect it.
const DEFAULT_HTTP_PORT: u16 = 7880;
/// First ICE-UDP port, one per worker.
const DEFAULT_UDP_PORT: u16 = 7882;
/// Long enough for a goodbye, short enough for an upgrade (`reliability.md`: SIGTERM, 10 s).
const DEFAULT_DRAIN_SECONDS: u16 = 10;

/// What the command line may say; the same words as in the file.
#[derive(Debug, Default)]
pub struct Flags {
    /// `--config FILE`
    pub config: Option<PathBuf>,
    /// `--data DIR`
    pub data: Option<PathBuf>,
    /// `--http ADDR:PORT`, repeatable
    pub http: Vec<SocketAddr>,
    /// `--https ADDR:PORT`, repeatable
    pub https: Vec<SocketAddr>,
    /// `--ice-tcp ADDR:PORT`, repeatable
    pub ice_tcp: Vec<SocketAddr>,
    /// `--udp-port N`
    pub udp_port: Option<u16>,
    /// `--workers N`
    pub workers: Option<usize>,
    /// `--net auto|uring|portable`
    pub net: Option<Backend>,
    /// `--egress own|plain`
    pub egress: Option<Egress>,
    /// `--drain-seconds N`
    pub drain_seconds: Option<u16>,
    /// `--announce IP`, repeatable
    pub announce: Vec<IpAddr>,
}

/// Everything the daemon needs to start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Known keys, meeting page, loopback by default.
    pub development: bool,
    /// Limits of this kind of box.
    pub profile: Profile,
    /// Folder of the embedded store.
    pub data: PathBuf,
    /// Addresses of HTTP and WebSocket; may be empty beside HTTPS.
    pub http: Vec<SocketAddr>,
    /// Addresses of HTTPS and WebSocket over TLS; empty without [`Self::tls`].
    pub https: Vec<SocketAddr>,
    /// Whose certificate HTTPS shows.
    pub tls: Option<TlsSettings>,
    /// Addresses of ICE over TCP beside those of HTTPS, which take it as well.
    pub ice_tcp: Vec<SocketAddr>,
    /// What [`Self::http`] is for.
    pub plain_http: PlainHttp,
    /// Whether browsers get the meeting page at `/`.
    pub meeting_page: bool,
    /// First ICE-UDP port.
    pub udp_port: u16,
    /// Media threads; `None`: the profile's, or one per spare core.
    pub workers: Option<usize>,
    /// The reactor.
    pub net: Backend,
    /// Who writes RTP.
    pub egress: Egress,
    /// How long a stop by SIGTERM waits for calls to end, admitting nobody new. Zero in
    /// development: whoever stops a box there is its only user.
    pub drain: Duration,
    /// Addresses told to clients; empty: the box's own.
    pub announce: Vec<IpAddr>,
    /// API keys and secrets; empty: the box makes one, [`GENERATED_KEY`], at its first start.
    pub keys: BTreeMap<String, Redacted<String>>,
    /// Where webhooks go.
    pub webhook: Option<WebhookSettings>,
}

/// Where webhooks go and who signs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// http or https.
    pub urls: Vec<String>,
    /// The API key that signs.
    pub key: String,
}

impl Settings {
    /// Flags over file over defaults. Without a file the box is in development mode.
    ///
    /// # Errors
    /// [`SettingsError`] shows the wrong value, where it stands and what would be right.
    pub fn load(flags: Flags) -> Result<Self, SettingsError> {
        let file = match &flags.config {
            Some(path) => FileSettings::read(path)?,
            None => FileSettings {
                development: Some(true),
                ..FileSettings::default()
            },
        };
        Self::merge(file, flags)
    }

    fn merge(file: FileSettings, flags: Flags) -> Result<Self, SettingsError> {
        check_flags(&flags)?;
        let development = file.development.unwrap_or(false);
        let keys = keys(&file, development);
        let tls = tls(file.tls, development, &flags.https, file.https.is_some());
        let given = many(flags.https, file.https.map(toml::Spanned::into_inner));
        let https = given.unwrap_or_else(|| default_https(development, tls.is_some()));
        if tls.is_none() && !https.is_empty() {
            return Err(SettingsError::Flag {
                flag: "https",
                message: "a certificate is needed: write tls.certificate and tls.key, or \
                          tls.internal-ca = true into the settings file"
                    .to_owned(),
            });
        }
        let default_profile = if development { "development" } else { "rack" };
        let profile = file
            .profile
            .as_ref()
            .map_or(default_profile, |p| p.get_ref().as_str());
        Ok(Self {
            development,
            profile: Profile::built_in(profile).map_err(|e| SettingsError::Flag {
                flag: "config",
                message: e.to_string(),
            })?,
            data: flags
                .data
                .or(file.data)
                .unwrap_or_else(|| default_data(development)),
            http: many(flags.http, file.http)
                .unwrap_or_else(|| default_http(development, !https.is_empty())),
            plain_http: file
                .plain_http
                .unwrap_or(if development || https.is_empty() {
                    PlainHttp::Serve
                } else {
                    PlainHttp::Redirect
                }),
            https,
            ice_tcp: many(flags.ice_tcp, file.ice_tcp).unwrap_or_default(),
            tls,
            meeting_page: file.meeting_page.unwrap_or(true),
            udp_port: flags
                .udp_port
                .or(file.udp_port.map(toml::Spanned::into_inner))
                .unwrap_or(DEFAULT_UDP_PORT),
            workers: flags
                .workers
                .or(file.workers.map(toml::Spanned::into_inner)),
            net: flags
                .net
                .or(file.net.and_then(|net| net.backend))
                .unwrap_or_default(),
            egress: flags
                .egress
                .or(file.net.and_then(|net| net.egress))
                .unwrap_or_default(),
            drain: Duration::from_secs(u64::from(
                flags
                    .drain_seconds
                    .or(file.drain_seconds.map(toml::Spanned::into_inner))
                    .unwrap_or(if development {
                        0
                    } else {
                        DEFAULT_DRAIN_SECONDS
                    }),
            )),
            announce: many(flags.announce, file.announce).unwrap_or_default(),
            keys,
            webhook: file.webhook.map(|webhook| WebhookSettings {
                urls: webhook
                    .urls
                    .into_iter()
                    .map(toml::Spanned::into_inner)
                    .collect(),
                key: webhook.key.into_inner(),
            }),
        })
    }
}

fn check_flags(flags: &Flags) -> Result<(), SettingsError> {
    if let Some(workers) = flags.workers {
        check_workers(workers).map_err(|message| SettingsError::Flag {
            flag: "workers",
            message,
        })?;
    }
    if let Some(port) = flags.udp_port {
        check_udp_port(port).map_err(|message| SettingsError::Flag {
            flag: "udp-port",
            message,
        })?;
    }
    if let Some(seconds) = flags.drain_seconds {
        check_drain_seconds(seconds).map_err(|message| SettingsError::Flag {
            flag: "drain-seconds",
            message,
        })?;
    }
    Ok(())
}

fn keys(file: &FileSettings, development: bool) -> BTreeMap<String, Redacted<String>> {
    match &file.keys {
        Some(keys) => keys
            .get_ref()
            .iter()
            .map(|(key, s)| (key.clone(), s.0.clone()))
            .collect(),
        None if development => BTreeMap::from([(
            DEVELOPMENT_KEY.to_owned(),
            Redacted::new(DEVELOPMENT_SECRET.to_owned()),
        )]),
        None => BTreeMap::new(),
    }
}

/// In development `https` alone is enough: a phone's browser gives its camera to HTTPS only.
fn tls(
    file: Option<toml::Spanned<FileTls>>,
    development: bool,
    flags: &[SocketAddr],
    in_file: bool,
) -> Option<TlsSettings> {
    let wanted = development && (in_file || !flags.is_empty());
    let internal = || TlsSettings::InternalCa { names: Vec::new() };
    file.map(|tls| tls.into_inner().meant())
        .or_else(|| wanted.then(internal))
}

fn many<T>(flags: Vec<T>, file: Option<OneOrMany<T>>) -> Option<Vec<T>> {
    if flags.is_empty() {
        file.map(|many| many.0)
    } else {
        Some(flags)
    }
}

fn default_data(development: bool) -> PathBuf {
    PathBuf::from(if development {
        "ringward-data"
    } else {
        "/var/lib/ringward"
    })
}

/// Development keys are known to everyone, so they serve this machine only. Beside HTTPS nothing
/// else is open unless somebody asked for it.
fn default_http(development: bool, has_https: bool) -> Vec<SocketAddr> {
    let port = DEFAULT_HTTP_PORT;
    match (development, has_https) {
        (true, _) => vec![
            (Ipv4Addr::LOCALHOST, port).into(),
            (Ipv6Addr::LOCALHOST, port).into(),
        ],
        (false, true) => Vec::new(),
        (false, false) => vec![(Ipv6Addr::UNSPECIFIED, port).into()],
    }
}

fn default_https(development: bool, has_tls: bool) -> Vec<SocketAddr> {
    if has_tls && !development {
        vec![(Ipv6Addr::UNSPECIFIED, DEFAULT_HTTPS_PORT).into()]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
