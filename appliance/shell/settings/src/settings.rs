//! Settings that can be acted on: the file under the flags, defaults under both.

use crate::file::{Backend, Egress, FileSettings, OneOrMany, check_udp_port, check_workers};
use crate::place::SettingsError;
use firmware_config::Profile;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use vocab::Redacted;

/// The API key of development mode, as LiveKit's users expect it.
pub const DEVELOPMENT_KEY: &str = "devkey";
/// Its secret.
pub const DEVELOPMENT_SECRET: &str = "secret";
/// HTTP and WebSocket, as LiveKit's users expect it.
const DEFAULT_HTTP_PORT: u16 = 7880;
/// First ICE-UDP port, one per worker.
const DEFAULT_UDP_PORT: u16 = 7882;

/// What the command line may say; the same words as in the file.
#[derive(Debug, Default)]
pub struct Flags {
    /// `--config FILE`
    pub config: Option<PathBuf>,
    /// `--data DIR`
    pub data: Option<PathBuf>,
    /// `--http ADDR:PORT`, repeatable
    pub http: Vec<SocketAddr>,
    /// `--udp-port N`
    pub udp_port: Option<u16>,
    /// `--workers N`
    pub workers: Option<usize>,
    /// `--net auto|uring|portable`
    pub net: Option<Backend>,
    /// `--egress own|plain`
    pub egress: Option<Egress>,
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
    /// Addresses of HTTP and WebSocket.
    pub http: Vec<SocketAddr>,
    /// First ICE-UDP port.
    pub udp_port: u16,
    /// Media threads; `None`: the profile's, or one per spare core.
    pub workers: Option<usize>,
    /// The reactor.
    pub net: Backend,
    /// Who writes RTP.
    pub egress: Egress,
    /// Addresses told to clients; empty: the box's own.
    pub announce: Vec<IpAddr>,
    /// API keys and secrets.
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
        let keys = keys(&file, development)?;
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
            http: many(flags.http, file.http).unwrap_or_else(|| default_http(development)),
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
    Ok(())
}

fn keys(
    file: &FileSettings,
    development: bool,
) -> Result<BTreeMap<String, Redacted<String>>, SettingsError> {
    match &file.keys {
        Some(keys) => Ok(keys
            .get_ref()
            .iter()
            .map(|(key, s)| (key.clone(), s.0.clone()))
            .collect()),
        None if development => Ok(BTreeMap::from([(
            DEVELOPMENT_KEY.to_owned(),
            Redacted::new(DEVELOPMENT_SECRET.to_owned()),
        )])),
        None => Err(SettingsError::Flag {
            flag: "config",
            message: "the file has no [keys]: add a line KEY = \"SECRET\" under [keys], or \
                      development = true for the known development keys"
                .to_owned(),
        }),
    }
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

/// Development keys are known to everyone, so they serve this machine only.
fn default_http(development: bool) -> Vec<SocketAddr> {
    let port = DEFAULT_HTTP_PORT;
    if development {
        vec![
            (Ipv4Addr::LOCALHOST, port).into(),
            (Ipv6Addr::LOCALHOST, port).into(),
        ]
    } else {
        vec![(Ipv6Addr::UNSPECIFIED, port).into()]
    }
}

#[cfg(test)]
mod tests;
