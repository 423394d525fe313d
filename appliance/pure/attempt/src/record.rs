//! One attempt to connect, as facts.

pub(crate) mod admission;
pub(crate) mod media;
pub(crate) mod sdp;
pub(crate) mod signal;
pub(crate) mod tls;
pub(crate) mod token;
pub(crate) mod transport;
pub(crate) mod word;

use crate::subnet::{Subnet, subnet_of};
use crate::text::cut;
use admission::Admission;
use media::Media;
use serde::{Deserialize, Serialize};
use signal::Signal;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use tls::Tls;
use token::Token;
use transport::{MAX_TRANSPORTS, Transport};
use vocab::UnixMillis;
use word::Word;

/// Longest identity, room or sid kept, in bytes: what a valid one may have (`MAX_NAME_BYTES`).
pub const MAX_ID_BYTES: usize = 256;
/// Longest client or device text kept, in bytes; longer ones say nothing more.
pub const MAX_TEXT_BYTES: usize = 64;

/// One attempt to connect. Every part has a limit; the whole is some hundred bytes, and never more
/// than a few kilobytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Its id (`CA_` and 12 characters).
    pub id: String,
    /// When it began.
    pub at: UnixMillis,
    /// How it came in.
    pub door: Door,
    /// Where it came from; absent when nobody could say.
    pub remote: Option<SocketAddr>,
    /// The box's address that it reached.
    pub local: Option<SocketAddr>,
    /// Who, as its token says.
    pub identity: Option<String>,
    /// Whether that token was really signed with a key of this box.
    pub proven: bool,
    /// The room it wanted.
    pub room: Option<String>,
    /// The presence it became.
    pub sid: Option<String>,
    /// The room's life that this presence is of (`RM_…`).
    pub session: Option<String>,
    /// `chromium 156`, `python 1.2.0`, ….
    pub client: Option<String>,
    /// Device model, where the client says one.
    pub device: Option<String>,
    /// TLS.
    pub tls: Tls,
    /// The WebSocket or the request.
    pub signal: Signal,
    /// The token.
    pub token: Option<Token>,
    /// What the box and the room said.
    pub admission: Option<Admission>,
    /// Its transports, [`MAX_TRANSPORTS`] at most.
    pub transports: Vec<Transport>,
    /// What it sends and is sent.
    pub media: Media,
    /// What its browser reports.
    pub words: BTreeSet<Word>,
    /// How often it reported.
    pub reports: u32,
    /// Its end.
    pub ended: Option<Ended>,
    /// The same again within a minute: counted, not recorded again.
    pub repeats: u32,
    /// When it was last touched.
    pub touched: UnixMillis,
}

/// How it came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// Nothing was asked: a bare connection.
    #[default]
    None,
    /// `/rtc` or `/rtc/v1`.
    Rtc,
    /// WHIP.
    Whip,
    /// WHEP.
    Whep,
}

/// The end of an attempt, or of the presence that it became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: UnixMillis,
}

impl Record {
    /// An attempt that has just begun.
    pub fn new(id: String, door: Door, now: UnixMillis) -> Self {
        Self {
            id,
            at: now,
            door,
            touched: now,
            ..Self::default()
        }
    }

    /// Who it is, what it wants, what it says it is; each cut to its limit. `proven`: its token
    /// was signed with a key of this box.
    pub fn set_bearer(&mut self, identity: &str, room: &str, proven: bool) {
        self.identity = some(identity, MAX_ID_BYTES);
        self.room = some(room, MAX_ID_BYTES);
        self.proven = proven;
    }

    /// What the client says it is.
    pub fn set_client(&mut self, client: &str, device: &str) {
        self.client = some(client, MAX_TEXT_BYTES);
        self.device = some(device, MAX_TEXT_BYTES);
    }

    /// The presence it became, and the room's life it is of.
    pub fn set_sid(&mut self, sid: &str, session: &str) {
        self.sid = some(sid, MAX_ID_BYTES);
        self.session = some(session, MAX_ID_BYTES);
    }

    /// A transport of it; `None` when it has [`MAX_TRANSPORTS`] already: the first tell the story.
    pub fn add_transport(&mut self, transport: Transport) -> Option<usize> {
        (self.transports.len() < MAX_TRANSPORTS).then(|| {
            self.transports.push(transport);
            self.transports.len().saturating_sub(1)
        })
    }

    /// What its browser says; [`Word::Recovered`] ends what it said before.
    pub fn report(&mut self, words: &[Word]) {
        for word in words {
            if *word == Word::Recovered {
                self.words.clear();
            } else {
                self.words.insert(*word);
            }
        }
    }

    /// The subnet it came from.
    pub fn subnet(&self) -> Option<Subnet> {
        self.remote.map(|remote| subnet_of(remote.ip()))
    }

    /// Nothing more will happen to it.
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }
}

fn some(text: &str, max: usize) -> Option<String> {
    (!text.is_empty()).then(|| cut(text, max))
}
