//! One media section: an `m=` line and what belongs to it.

mod edit;

use super::format::Format;
use super::line::Line;
use super::simulcast::{RidLine, Simulcast};
use crate::limits::MAX_FORMATS;
use media::Mid;
use std::collections::BTreeSet;
use std::fmt;

/// A media section. Questions read its lines; what they do not ask about stays untouched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    kind: SectionKind,
    port: u16,
    /// The `m=` line first.
    lines: Vec<Line>,
}

/// What a section carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// `m=audio`.
    Audio,
    /// `m=video`.
    Video,
    /// `m=application`: data channels.
    Application,
    /// Anything else; it is never used.
    Other,
}

/// Who sends, seen from the description's author (RFC 8866 §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both; also when nothing is said.
    SendRecv,
    /// The author sends.
    SendOnly,
    /// The author receives.
    RecvOnly,
    /// Nobody sends.
    Inactive,
}

/// `a=msid` (RFC 8830).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Msid<'a> {
    /// The stream's id; `-` for none.
    pub stream: &'a str,
    /// The track's id, where given: `LiveKit`'s `cid`.
    pub track: Option<&'a str>,
}

/// `a=ssrc-group` (RFC 5576).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsrcGroup<'a> {
    /// `FID`: a stream and its retransmissions.
    pub semantics: &'a str,
    /// In order.
    pub ssrcs: Vec<u32>,
}

impl Section {
    /// Opens a section with its `m=` line; `None` when that line is unusable.
    pub(super) fn open(line: Line) -> Option<Self> {
        let mut words = line.value('m')?.split_ascii_whitespace();
        let kind = match words.next()? {
            "audio" => SectionKind::Audio,
            "video" => SectionKind::Video,
            "application" => SectionKind::Application,
            _ => SectionKind::Other,
        };
        let port = words.next()?.split('/').next()?.parse().ok()?;
        let is_rtp = words.next()?.contains("RTP/");
        let formats: Vec<&str> = words.collect();
        let usable = |format: &&str| !is_rtp || format.parse::<u8>().is_ok_and(|pt| pt < 128);
        if !(1..=MAX_FORMATS).contains(&formats.len()) || !formats.iter().all(usable) {
            return None;
        }
        Some(Self {
            kind,
            port,
            lines: vec![line],
        })
    }

    pub(super) fn push(&mut self, line: Line) {
        self.lines.push(line);
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What it carries.
    pub fn kind(&self) -> SectionKind {
        self.kind
    }

    /// The port of the `m=` line.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The first value of an attribute, `""` for a flag.
    pub fn attribute<'a>(&'a self, name: &str) -> Option<&'a str> {
        self.lines.iter().find_map(|line| line.attribute(name))
    }

    /// All values of an attribute, in order.
    pub fn attributes<'a, 'n: 'a>(
        &'a self,
        name: &'n str,
    ) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.lines
            .iter()
            .filter_map(move |line| line.attribute(name))
    }

    /// `a=mid`.
    pub fn mid(&self) -> Option<Mid> {
        Mid::new(self.attribute("mid")?)
    }

    /// `a=bundle-only`: port 0 does not mean refused (RFC 8843 §6).
    pub fn is_bundle_only(&self) -> bool {
        self.attribute("bundle-only").is_some()
    }

    /// Refused or given up: port 0 without `a=bundle-only`.
    pub fn is_rejected(&self) -> bool {
        self.port == 0 && !self.is_bundle_only()
    }

    /// Who sends.
    pub fn direction(&self) -> Direction {
        let said = self
            .lines
            .iter()
            .find_map(|line| Direction::from_word(line.value('a')?));
        said.unwrap_or(Direction::SendRecv)
    }

    /// `a=msid`, else the one written with an SSRC (`a=ssrc:1 msid:…`).
    pub fn msid(&self) -> Option<Msid<'_>> {
        let by_ssrc = || {
            self.attributes("ssrc")
                .find_map(|v| v.split_once(" msid:").map(|p| p.1))
        };
        let mut words = self
            .attribute("msid")
            .or_else(by_ssrc)?
            .split_ascii_whitespace();
        Some(Msid {
            stream: words.next()?,
            track: words.next(),
        })
    }

    /// The formats of the `m=` line as written: payload types, or `webrtc-datachannel`.
    pub fn format_words(&self) -> impl Iterator<Item = &str> {
        let media = self
            .lines
            .first()
            .and_then(|line| line.value('m'))
            .unwrap_or_default();
        media.split_ascii_whitespace().skip(3)
    }

    /// The payload types of the `m=` line, most wanted first, with what is said of each.
    pub fn formats(&self) -> Vec<Format<'_>> {
        Format::read_all(self)
    }

    /// `a=rid` lines, in order. Clients order them differently: go by name.
    pub fn rids(&self) -> impl Iterator<Item = RidLine<'_>> {
        self.attributes("rid").filter_map(RidLine::read)
    }

    /// `a=simulcast`.
    pub fn simulcast(&self) -> Option<Simulcast<'_>> {
        self.attribute("simulcast").map(Simulcast::read)
    }

    /// The SSRCs named, each once, in order.
    pub fn ssrcs(&self) -> Vec<u32> {
        let mut seen = BTreeSet::new();
        let numbers = self
            .attributes("ssrc")
            .filter_map(|v| v.split(' ').next()?.parse().ok());
        numbers.filter(|ssrc| seen.insert(*ssrc)).collect()
    }

    /// `a=ssrc-group` lines, in order.
    pub fn ssrc_groups(&self) -> impl Iterator<Item = SsrcGroup<'_>> {
        self.attributes("ssrc-group").filter_map(|value| {
            let (semantics, ssrcs) = value.split_once(' ')?;
            let ssrcs = ssrcs
                .split_ascii_whitespace()
                .filter_map(|n| n.parse().ok())
                .collect();
            Some(SsrcGroup { semantics, ssrcs })
        })
    }

    /// `candidate:…` of each `a=candidate` line.
    pub fn candidates(&self) -> impl Iterator<Item = &str> {
        self.lines
            .iter()
            .filter_map(|l| l.value('a').filter(|v| v.starts_with("candidate:")))
    }

    /// `a=sctp-port` (RFC 8841).
    pub fn sctp_port(&self) -> Option<u16> {
        self.attribute("sctp-port")?.trim().parse().ok()
    }

    /// `a=sctp-init`: the SNAP handshake that new libwebrtc puts into SDP.
    pub fn sctp_init(&self) -> Option<&str> {
        self.attribute("sctp-init")
    }

    /// `a=max-message-size` in bytes (RFC 8841); 0 means any.
    pub fn max_message_size(&self) -> Option<u64> {
        self.attribute("max-message-size")?.trim().parse().ok()
    }
}

impl Direction {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "sendrecv" => Some(Self::SendRecv),
            "sendonly" => Some(Self::SendOnly),
            "recvonly" => Some(Self::RecvOnly),
            "inactive" => Some(Self::Inactive),
            _ => None,
        }
    }

    /// The word in SDP.
    pub fn word(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The author sends.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// The author receives.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
