//! The settings file as written. The same words serve as flags.

use crate::place::{Place, SettingsError};
use crate::tls::{FileTls, PlainHttp};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use toml::Spanned;
use vocab::Redacted;

/// Largest settings file read; a larger one is a mistake of path.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Shortest secret accepted outside development mode: HS256 wants a key as long as its hash
/// (RFC 7518 §3.2).
const MIN_SECRET_BYTES: usize = 32;

/// Which UDP reactor carries the media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// `io_uring` where the kernel allows it, otherwise portable, with a line that says why.
    #[default]
    Auto,
    /// `io_uring` or nothing.
    Uring,
    /// epoll with `recvmmsg` and `sendmmsg`.
    Portable,
}

impl std::str::FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "uring" => Ok(Self::Uring),
            "portable" => Ok(Self::Portable),
            _ => Err("write auto, uring or portable".to_owned()),
        }
    }
}

/// Who writes RTP toward clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Egress {
    /// The box itself, sealed into trains.
    #[default]
    Own,
    /// str0m: slower, and what the other is compared with.
    Plain,
}

impl std::str::FromStr for Egress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "own" => Ok(Self::Own),
            "plain" => Ok(Self::Plain),
            _ => Err("write own or plain".to_owned()),
        }
    }
}

/// What a settings file may say. Everything is optional; flags win over it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileSettings {
    /// `development = true` brings the keys `devkey`/`secret` and the meeting page.
    pub development: Option<bool>,
    /// A built-in box profile (`firmware-config`).
    pub profile: Option<Spanned<String>>,
    /// Folder of the embedded store.
    pub data: Option<PathBuf>,
    /// Addresses of HTTP and WebSocket.
    pub http: Option<OneOrMany<SocketAddr>>,
    /// Addresses of HTTPS and WebSocket over TLS.
    pub https: Option<Spanned<OneOrMany<SocketAddr>>>,
    /// Whose certificate HTTPS shows.
    pub tls: Option<Spanned<FileTls>>,
    /// Further addresses of ICE over TCP; those of `https` take it as well.
    pub ice_tcp: Option<OneOrMany<SocketAddr>>,
    /// What `http` is for beside `https`.
    pub plain_http: Option<PlainHttp>,
    /// Whether browsers get the meeting page at `/`.
    pub meeting_page: Option<bool>,
    /// First ICE-UDP port; worker *i* takes the *i*-th after it.
    pub udp_port: Option<Spanned<u16>>,
    /// Media threads.
    pub workers: Option<Spanned<usize>>,
    /// The reactor: `net = "auto"` or `net.backend = "auto"`.
    pub net: Option<Net>,
    /// How long a stop waits for calls to end.
    pub drain_seconds: Option<Spanned<u16>>,
    /// Addresses told to clients instead of the box's own.
    pub announce: Option<OneOrMany<IpAddr>>,
    /// API keys and their secrets.
    pub keys: Option<Spanned<BTreeMap<String, Secret>>>,
    /// Where webhooks go.
    pub webhook: Option<FileWebhook>,
}

/// `[webhook]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileWebhook {
    /// http or https addresses; each gets every event, in order.
    pub urls: Vec<Spanned<String>>,
    /// Which API key signs.
    pub key: Spanned<String>,
}

/// A secret; never printed.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub struct Secret(pub Redacted<String>);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Redacted::new(text))
    }
}

impl FileSettings {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`SettingsError::Wrong`] shows the first wrong value with file, line and column.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let unreadable = |cause| SettingsError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > MAX_FILE_BYTES {
            let cause = std::io::Error::other(format!(
                "{size} bytes is more than a settings file ever has ({MAX_FILE_BYTES})"
            ));
            return Err(unreadable(cause));
        }
        Self::parse(path, &std::fs::read_to_string(path).map_err(unreadable)?)
    }

    /// Parses and checks the text of a file.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, SettingsError> {
        let wrong = |span, message| SettingsError::Wrong(Place::new(path, text, span, message));
        let settings: Self = toml::from_str(text)
            .map_err(|error| wrong(error.span().unwrap_or(0..0), error.message().to_owned()))?;
        settings
            .check()
            .map_err(|(span, message)| wrong(span, message))?;
        Ok(settings)
    }

    /// The rules a type cannot hold, each with the bytes that break it.
    fn check(&self) -> Result<(), (std::ops::Range<usize>, String)> {
        if let Some(workers) = &self.workers {
            check_workers(*workers.get_ref()).map_err(|message| (workers.span(), message))?;
        }
        if let Some(port) = &self.udp_port {
            check_udp_port(*port.get_ref()).map_err(|message| (port.span(), message))?;
        }
        if let Some(seconds) = &self.drain_seconds {
            check_drain_seconds(*seconds.get_ref()).map_err(|message| (seconds.span(), message))?;
        }
        if let Some(profile) = &self.profile {
            firmware_config::Profile::built_in(profile.get_ref())
                .map_err(|error| (profile.span(), error.to_string()))?;
        }
        if let Some(keys) = &self.keys {
            self.check_keys(keys.get_ref())
                .map_err(|message| (keys.span(), message))?;
        }
        self.check_tls()?;
        self.webhook
            .as_ref()
            .map_or(Ok(()), |webhook| self.check_webhook(webhook))
    }

    fn check_tls(&self) -> Result<(), (std::ops::Range<usize>, String)> {
        match (&self.tls, &self.https) {
            (Some(tls), _) => tls.get_ref().check(tls.span()),
            (None, Some(https)) if self.development != Some(true) => Err((
                https.span(),
                "https needs a certificate: write tls.certificate and tls.key, or \
                 tls.internal-ca = true"
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }

    fn check_keys(&self, keys: &BTreeMap<String, Secret>) -> Result<(), String> {
        if keys.is_empty() {
            return Err("no key at all: nobody could join; write KEY = \"SECRET\"".to_owned());
        }
        if self.development == Some(true) {
            return Ok(());
        }
        if keys.contains_key(crate::settings::DEVELOPMENT_KEY) {
            return Err(
                "devkey is the development key, which everybody knows: name yours \
                        otherwise"
                    .to_owned(),
            );
        }
        match keys
            .iter()
            .find(|(_, secret)| secret.0.expose().len() < MIN_SECRET_BYTES)
        {
            Some((key, _)) => Err(format!(
                "the secret of {key} is too short: write at least {MIN_SECRET_BYTES} characters, \
                 for example from `openssl rand -base64 36`"
            )),
            None => Ok(()),
        }
    }

    fn check_webhook(&self, webhook: &FileWebhook) -> Result<(), (std::ops::Range<usize>, String)> {
        for url in &webhook.urls {
            if !url.get_ref().starts_with("http://") && !url.get_ref().starts_with("https://") {
                let message = "write an address that begins with http:// or https://".to_owned();
                return Err((url.span(), message));
            }
        }
        let known = match &self.keys {
            Some(keys) => keys.get_ref().contains_key(webhook.key.get_ref()),
            None if self.development == Some(true) => {
                webhook.key.get_ref() == crate::settings::DEVELOPMENT_KEY
            }
            None => webhook.key.get_ref() == crate::settings::GENERATED_KEY,
        };
        if known {
            return Ok(());
        }
        Err((
            webhook.key.span(),
            "this key does not stand under [keys]".to_owned(),
        ))
    }
}

/// A media thread per core is the design; more than this is a typing error.
const MAX_WORKERS: usize = 64;

pub(crate) fn check_workers(workers: usize) -> Result<(), String> {
    if (1..=MAX_WORKERS).contains(&workers) {
        return Ok(());
    }
    Err(format!(
        "write a number from 1 to {MAX_WORKERS}, or leave it out for one per spare core"
    ))
}

pub(crate) fn check_udp_port(port: u16) -> Result<(), String> {
    if port >= 1024 && u16::try_from(usize::from(port) + MAX_WORKERS).is_ok() {
        return Ok(());
    }
    Err(format!(
        "write a port from 1024 to {}: each media thread takes the next one",
        usize::from(u16::MAX) - MAX_WORKERS
    ))
}

/// Whoever stops a box by hand waits for it, and so does an upgrade: `ringward drain` is for what
/// takes longer than this.
const MAX_DRAIN_SECONDS: u16 = 3_600;

pub(crate) fn check_drain_seconds(seconds: u16) -> Result<(), String> {
    if seconds <= MAX_DRAIN_SECONDS {
        return Ok(());
    }
    Err(format!(
        "write seconds, {MAX_DRAIN_SECONDS} at most; `ringward drain` empties a box over hours"
    ))
}

/// One value or a list of them.
#[derive(Debug, Clone)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<'de, T: std::str::FromStr<Err: fmt::Display>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values<T>(std::marker::PhantomData<T>);
        impl<'de, T: std::str::FromStr<Err: fmt::Display>> Visitor<'de> for Values<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
                text.parse()
                    .map(|value| vec![value])
                    .map_err(|error| E::custom(format!("{text:?}: {error}{}", example::<T>())))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
                let mut values = Vec::new();
                while let Some(one) = seq.next_element::<OneOrMany<T>>()? {
                    values.extend(one.0);
                }
                Ok(values)
            }
        }
        deserializer
            .deserialize_any(Values(std::marker::PhantomData))
            .map(Self)
    }
}

/// What a right value looks like.
fn example<T>() -> &'static str {
    let kind = std::any::type_name::<T>();
    if kind.ends_with("SocketAddr") {
        "; write ADDRESS:PORT, for example \"0.0.0.0:7880\" or \"[::]:7880\""
    } else if kind.ends_with("HostName") {
        ""
    } else {
        "; write an address, for example \"192.168.1.20\""
    }
}

/// `net = "auto"`, or `[net]` with `backend = "auto"` and `egress = "own"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Net {
    /// Which reactor.
    pub backend: Option<Backend>,
    /// Who writes RTP.
    pub egress: Option<Egress>,
}

impl<'de> Deserialize<'de> for Net {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NetVisitor;
        impl<'de> Visitor<'de> for NetVisitor {
            type Value = Net;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("auto, uring or portable")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Net, E> {
                let backend = text
                    .parse()
                    .map_err(|hint| E::custom(format!("{text:?}: {hint}")))?;
                Ok(Net {
                    backend: Some(backend),
                    egress: None,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Net, A::Error> {
                let mut net = Net::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        // Read as the short spelling is, for the same words when it is wrong.
                        "backend" => net.backend = map.next_value::<Net>()?.backend,
                        "egress" => net.egress = Some(map.next_value()?),
                        _ => return Err(de::Error::unknown_field(&key, &["backend", "egress"])),
                    }
                }
                Ok(net)
            }
        }
        deserializer.deserialize_any(NetVisitor)
    }
}
