//! The body of a WHIP or WHEP PATCH: `application/trickle-ice-sdpfrag` (RFC 8840, RFC 9725 §4.3).

use crate::limits::{
    ICE_PWD_BYTES, ICE_UFRAG_BYTES, MAX_CANDIDATE_BYTES, MAX_CANDIDATES, MAX_FRAGMENT_BYTES,
    MAX_FRAGMENT_LINES,
};

/// Lines of an answer that a restart's fragment repeats, before its first section and in it.
const SESSION_LINES: [&str; 3] = ["a=ice-lite", "a=ice-options:", "a=group:"];
const SECTION_LINES: [&str; 5] = [
    "a=mid:",
    "a=ice-ufrag:",
    "a=ice-pwd:",
    "a=candidate:",
    "a=end-of-candidates",
];

/// The fragment that answers an ICE restart: the credentials and all candidates of an answer's
/// one transport, which its first section names (RFC 9725 §4.3.3). `None` when it has none.
pub fn of_answer(answer: &str) -> Option<String> {
    let mut fragment = String::new();
    let (mut sections, mut has_credentials) = (0, false);
    for line in answer.lines() {
        let begins = |wanted: &[&str]| wanted.iter().any(|prefix| line.starts_with(prefix));
        sections += usize::from(line.starts_with("m="));
        let is_kept = match sections {
            0 => begins(&SESSION_LINES) || begins(&SECTION_LINES),
            1 => line.starts_with("m=") || begins(&SECTION_LINES),
            _ => break,
        };
        if is_kept {
            has_credentials |= line.starts_with("a=ice-ufrag:");
            fragment.push_str(line);
            fragment.push_str("\r\n");
        }
    }
    if !fragment.contains("a=end-of-candidates") {
        fragment.push_str("a=end-of-candidates\r\n");
    }
    has_credentials.then_some(fragment)
}

/// An offer with other ICE credentials and candidates: what a client that restarts ICE outside
/// SDP would have offered.
pub fn restarted(offer: &str, (ufrag, pwd): (&str, &str), candidates: &[String]) -> String {
    let mut text = String::with_capacity(offer.len());
    let mut waiting = candidates;
    let mut push = |line: &str| {
        text.push_str(line);
        text.push_str("\r\n");
    };
    for line in offer.lines() {
        if line.starts_with("a=ice-ufrag:") {
            push(&format!("a=ice-ufrag:{ufrag}"));
        } else if line.starts_with("a=ice-pwd:") {
            push(&format!("a=ice-pwd:{pwd}"));
        } else if !line.starts_with("a=candidate:") && line != "a=end-of-candidates" {
            push(line);
        }
        // Candidates belong to a section; the first one's transport carries all.
        if line.starts_with("a=mid:") {
            for candidate in std::mem::take(&mut waiting) {
                push(&format!("a={candidate}"));
            }
        }
    }
    text
}

/// ICE credentials and candidates, of the one bundled transport.
///
/// With new credentials it asks for an ICE restart, else it trickles candidates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fragment {
    /// `a=ice-ufrag`, where given.
    pub ufrag: Option<String>,
    /// `a=ice-pwd`, where given.
    pub pwd: Option<String>,
    /// `candidate:…`, each once, in order; at most [`MAX_CANDIDATES`]. Whether they can be used
    /// (mDNS names, TCP) is for the transport to say.
    pub candidates: Vec<String>,
    /// Candidates that were skipped: too long, or beyond [`MAX_CANDIDATES`].
    pub skipped: usize,
    /// `a=end-of-candidates`.
    pub end_of_candidates: bool,
}

/// Why a body is no fragment. Lines count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseFragmentError {
    /// Beyond [`MAX_FRAGMENT_BYTES`].
    #[error("the fragment has {0} bytes; at most {MAX_FRAGMENT_BYTES} are accepted")]
    TooLong(usize),
    /// Beyond [`MAX_FRAGMENT_LINES`].
    #[error("the fragment has more than {MAX_FRAGMENT_LINES} lines")]
    TooManyLines,
    /// Not of the form `x=…`, or with a control character.
    #[error("line {0} is not of the form x=value")]
    BadLine(usize),
    /// `a=ice-ufrag` or `a=ice-pwd` is no ICE credential (RFC 8839 §5.4).
    #[error("line {0} is not a usable ICE credential")]
    BadCredential(usize),
    /// Two sections with different credentials: there is one bundled transport.
    #[error("line {0} contradicts an earlier ICE credential")]
    TwoTransports(usize),
    /// Only one of `a=ice-ufrag` and `a=ice-pwd`.
    #[error("the fragment has only one of ice-ufrag and ice-pwd")]
    HalfCredentials,
    /// Neither credentials nor candidates nor their end.
    #[error("the fragment says nothing about ICE")]
    Empty,
}

impl Fragment {
    /// Reads a body; lines it does not know are skipped.
    pub fn parse(body: &str) -> Result<Self, ParseFragmentError> {
        if body.len() > MAX_FRAGMENT_BYTES {
            return Err(ParseFragmentError::TooLong(body.len()));
        }
        let mut fragment = Self::default();
        for (index, line) in body.split('\n').enumerate() {
            if index == MAX_FRAGMENT_LINES {
                return Err(ParseFragmentError::TooManyLines);
            }
            let line = line.strip_suffix('\r').unwrap_or(line);
            fragment.read_line(line, index.saturating_add(1))?;
        }
        if fragment.ufrag.is_some() != fragment.pwd.is_some() {
            return Err(ParseFragmentError::HalfCredentials);
        }
        if fragment == Self::default() {
            return Err(ParseFragmentError::Empty);
        }
        Ok(fragment)
    }

    fn read_line(&mut self, line: &str, number: usize) -> Result<(), ParseFragmentError> {
        let well_formed = line.is_empty()
            || matches!(line.as_bytes(), [kind, b'=', ..] if kind.is_ascii_lowercase());
        if !well_formed || line.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(ParseFragmentError::BadLine(number));
        }
        let Some(attribute) = line.strip_prefix("a=") else {
            return Ok(());
        };
        if let Some(ufrag) = attribute.strip_prefix("ice-ufrag:") {
            return set_credential(&mut self.ufrag, ufrag, &ICE_UFRAG_BYTES, number);
        }
        if let Some(pwd) = attribute.strip_prefix("ice-pwd:") {
            return set_credential(&mut self.pwd, pwd, &ICE_PWD_BYTES, number);
        }
        if attribute == "end-of-candidates" {
            self.end_of_candidates = true;
        } else if attribute.starts_with("candidate:") {
            self.add_candidate(attribute);
        }
        Ok(())
    }

    fn add_candidate(&mut self, candidate: &str) {
        if self.candidates.iter().any(|known| known == candidate) {
            return;
        }
        if candidate.len() > MAX_CANDIDATE_BYTES || self.candidates.len() == MAX_CANDIDATES {
            self.skipped = self.skipped.saturating_add(1);
        } else {
            self.candidates.push(candidate.to_owned());
        }
    }
}

/// Bundled sections repeat the credentials; they must repeat the same.
fn set_credential(
    slot: &mut Option<String>,
    text: &str,
    length: &std::ops::RangeInclusive<usize>,
    number: usize,
) -> Result<(), ParseFragmentError> {
    let is_ice_char = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    if !length.contains(&text.len()) || !text.bytes().all(is_ice_char) {
        return Err(ParseFragmentError::BadCredential(number));
    }
    match slot {
        Some(known) if known != text => Err(ParseFragmentError::TwoTransports(number)),
        _ => {
            *slot = Some(text.to_owned());
            Ok(())
        }
    }
}
