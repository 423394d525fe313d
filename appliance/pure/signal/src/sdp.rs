//! Session descriptions as text that is read and edited, never rebuilt (RFC 8866, RFC 8829).
//!
//! str0m writes and reads SDP; what it cannot say per section (msid, codec order, unused slots)
//! is edited into its text afterwards. So every line that is not edited stays as it was, byte
//! for byte, and sections are never moved, added or dropped.

mod edit;
mod format;
mod line;
mod section;
mod simulcast;

pub use edit::{EditSdpError, SectionPlan, SectionRole, edit_answer, edit_offer};
pub use format::Format;
pub use section::{Direction, Msid, Section, SectionKind, SsrcGroup};
pub use simulcast::{RidDirection, RidLine, Simulcast, SimulcastRid};

use crate::limits::{MAX_SDP_BYTES, MAX_SDP_LINE_BYTES, MAX_SDP_LINES, MAX_SECTIONS};
use line::Line;
use media::Mid;
use std::collections::BTreeSet;
use std::fmt;

/// A session description: the session's lines, then its media sections in order.
///
/// `Display` gives back exactly the text that was parsed, plus the edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    session: Vec<Line>,
    sections: Vec<Section>,
}

/// Why a text is not a session description. Lines count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseSdpError {
    /// Beyond [`MAX_SDP_BYTES`].
    #[error("the session description has {0} bytes; at most {MAX_SDP_BYTES} are accepted")]
    TooLong(usize),
    /// Beyond [`MAX_SDP_LINES`].
    #[error("the session description has more than {MAX_SDP_LINES} lines")]
    TooManyLines,
    /// Beyond [`MAX_SECTIONS`].
    #[error("the session description has more than {MAX_SECTIONS} media sections")]
    TooManySections,
    /// Beyond [`MAX_SDP_LINE_BYTES`].
    #[error("line {0} is longer than {MAX_SDP_LINE_BYTES} bytes")]
    LineTooLong(usize),
    /// It does not begin with `v=0`.
    #[error("the session description does not begin with v=0")]
    NoVersion,
    /// Not of the form `x=…`, or with a control character.
    #[error("line {0} is not of the form x=value")]
    BadLine(usize),
    /// An `m=` line without kind, port, protocol and formats, with a payload type above 127, or
    /// with more formats than [`crate::limits::MAX_FORMATS`].
    #[error("line {0} is not a usable m= line")]
    BadMedia(usize),
    /// An `a=mid` that is empty, longer than 16 characters or not ASCII.
    #[error("the section of line {0} has an unusable a=mid")]
    BadMid(usize),
    /// Two sections with one `a=mid`.
    #[error("the section of line {0} repeats an a=mid")]
    RepeatedMid(usize),
    /// Beyond [`crate::limits::MAX_RIDS`].
    #[error("the section of line {0} names too many simulcast streams")]
    TooManyRids(usize),
}

impl Description {
    /// Reads a description; what it does not know it keeps.
    pub fn parse(text: &str) -> Result<Self, ParseSdpError> {
        if text.len() > MAX_SDP_BYTES {
            return Err(ParseSdpError::TooLong(text.len()));
        }
        let mut session = Vec::new();
        let mut sections: Vec<Section> = Vec::new();
        let mut starts = Vec::new();
        for (index, raw) in text.split_inclusive('\n').enumerate() {
            let number = index.saturating_add(1);
            let line = read_line(raw, number)?;
            if line.kind() == Some('m') {
                if sections.len() == MAX_SECTIONS {
                    return Err(ParseSdpError::TooManySections);
                }
                sections.push(Section::open(line).ok_or(ParseSdpError::BadMedia(number))?);
                starts.push(number);
            } else if let Some(section) = sections.last_mut() {
                section.push(line);
            } else {
                session.push(line);
            }
        }
        if session.first().is_none_or(|first| first.text() != "v=0") {
            return Err(ParseSdpError::NoVersion);
        }
        check_sections(&sections, &starts)?;
        Ok(Self { session, sections })
    }

    /// The media sections, in order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The section with this `a=mid`.
    pub fn section(&self, mid: Mid) -> Option<&Section> {
        self.sections.iter().find(|s| s.mid() == Some(mid))
    }

    /// A session attribute's value (`""` for a flag such as `ice-lite`).
    pub fn attribute<'a>(&'a self, name: &str) -> Option<&'a str> {
        self.session.iter().find_map(|line| line.attribute(name))
    }

    /// `a=ice-lite`.
    pub fn is_ice_lite(&self) -> bool {
        self.attribute("ice-lite").is_some()
    }

    /// The ICE user name fragment: the session's, else the first section's that has one.
    pub fn ice_ufrag(&self) -> Option<&str> {
        self.transport_attribute("ice-ufrag")
    }

    /// The ICE password: the session's, else the first section's that has one.
    pub fn ice_pwd(&self) -> Option<&str> {
        self.transport_attribute("ice-pwd")
    }

    /// The mids of `a=group:BUNDLE`, in order.
    pub fn bundle(&self) -> Vec<Mid> {
        let bundle = self
            .session
            .iter()
            .find_map(|l| l.attribute("group")?.strip_prefix("BUNDLE"));
        bundle
            .unwrap_or_default()
            .split_ascii_whitespace()
            .filter_map(Mid::new)
            .collect()
    }

    fn transport_attribute<'a>(&'a self, name: &str) -> Option<&'a str> {
        self.attribute(name).or_else(|| {
            self.sections
                .iter()
                .find_map(|section| section.attribute(name))
        })
    }

    /// `a=msid-semantic` lists stream ids that an edit has replaced; `*` stands for any
    /// (the line is of the drafts before RFC 8830; clients no longer act on it).
    fn forget_streams(&mut self) {
        let named = |line: &&mut Line| line.attribute("msid-semantic").is_some();
        if let Some(line) = self.session.iter_mut().find(named) {
            line.set_text("a=msid-semantic: WMS *".to_owned());
        }
    }

    fn section_mut(&mut self, mid: Mid) -> Option<&mut Section> {
        self.sections.iter_mut().find(|s| s.mid() == Some(mid))
    }
}

fn read_line(raw: &str, number: usize) -> Result<Line, ParseSdpError> {
    if number > MAX_SDP_LINES {
        return Err(ParseSdpError::TooManyLines);
    }
    if raw.len() > MAX_SDP_LINE_BYTES {
        return Err(ParseSdpError::LineTooLong(number));
    }
    Line::read(raw).ok_or(ParseSdpError::BadLine(number))
}

fn check_sections(sections: &[Section], starts: &[usize]) -> Result<(), ParseSdpError> {
    let mut mids = BTreeSet::new();
    for (section, start) in sections.iter().zip(starts) {
        if section.rids().count() > crate::limits::MAX_RIDS {
            return Err(ParseSdpError::TooManyRids(*start));
        }
        let Some(text) = section.attribute("mid") else {
            continue;
        };
        let mid = Mid::new(text).ok_or(ParseSdpError::BadMid(*start))?;
        if !mids.insert(mid) {
            return Err(ParseSdpError::RepeatedMid(*start));
        }
    }
    Ok(())
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sections = self.sections.iter().flat_map(Section::lines);
        self.session
            .iter()
            .chain(sections)
            .try_for_each(|line| write!(f, "{line}"))
    }
}
