//! What is read from a session description's text before and after str0m has it.

use crate::candidate::{CandidateRefusal, RemoteCandidates};
use crate::{MAX_SDP_BYTES, MAX_SECTIONS};
use media::plane::NegotiationFailure;
use media::{Kind, Mid};

/// A client's description, within the limits, its candidates cut to what the box uses.
#[derive(Debug)]
pub(crate) struct Description {
    /// What str0m gets to parse.
    pub(crate) text: String,
    /// `a=ice-ufrag` of the first section: a new one restarts ICE.
    pub(crate) ufrag: Option<String>,
    /// The client reads one- and two-byte header extensions side by side (RFC 8285 §4.1.2).
    pub(crate) allows_mixed_forms: bool,
    /// There is an `m=application` section.
    pub(crate) has_channels: bool,
    /// Candidates that were cut.
    pub(crate) refused: u64,
}

impl Description {
    /// # Errors
    /// [`NegotiationFailure::TooLarge`], before anything is parsed.
    pub(crate) fn read(
        text: &str,
        candidates: &mut RemoteCandidates,
        known_ufrag: Option<&str>,
    ) -> Result<Self, NegotiationFailure> {
        let sections = text.lines().filter(|line| line.starts_with("m=")).count();
        if text.len() > MAX_SDP_BYTES || sections > MAX_SECTIONS {
            return Err(NegotiationFailure::TooLarge);
        }
        let mut description = Self {
            text: String::with_capacity(text.len()),
            ufrag: None,
            allows_mixed_forms: false,
            has_channels: false,
            refused: 0,
        };
        for line in text.lines() {
            if let Some(ufrag) = line.strip_prefix("a=ice-ufrag:")
                && description.ufrag.is_none()
            {
                description.ufrag = Some(ufrag.trim().to_owned());
            }
        }
        if description.ufrag.as_deref() != known_ufrag {
            candidates.restart();
        }
        for line in text.lines() {
            description.take(line, candidates);
        }
        Ok(description)
    }

    fn take(&mut self, line: &str, candidates: &mut RemoteCandidates) {
        if line.starts_with("a=candidate:") {
            match candidates.admit(line) {
                Ok(_) => {}
                // The same candidates come with every section and every re-offer: once the limit
                // is reached, str0m has what it needs.
                Err(CandidateRefusal::TooMany) => return,
                Err(_) => {
                    self.refused += 1;
                    return;
                }
            }
        }
        self.allows_mixed_forms |= line.starts_with("a=extmap-allow-mixed");
        self.has_channels |= line.starts_with("m=application");
        self.text.push_str(line);
        self.text.push_str("\r\n");
    }
}

/// The media sections of a description of our own, in order.
pub(crate) fn sections(text: &str) -> Vec<(Kind, Mid)> {
    let mut kind = None;
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(section) = line.strip_prefix("m=") {
            kind = match section.split(' ').next() {
                Some("audio") => Some(Kind::Audio),
                Some("video") => Some(Kind::Video),
                _ => None,
            };
        } else if let (Some(mid), Some(kind)) = (line.strip_prefix("a=mid:"), kind) {
            found.extend(Mid::new(mid.trim()).map(|mid| (kind, mid)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn limits_are_exact() {
        let mut candidates = RemoteCandidates::default();
        let mut read = |text: &str| Description::read(text, &mut candidates, None).err();
        let section = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n";
        assert_eq!(read(&section.repeat(MAX_SECTIONS)), None);
        assert_eq!(
            read(&section.repeat(MAX_SECTIONS + 1)),
            Some(NegotiationFailure::TooLarge)
        );
        assert_eq!(read(&"a".repeat(MAX_SDP_BYTES)), None);
        assert_eq!(
            read(&"a".repeat(MAX_SDP_BYTES + 1)),
            Some(NegotiationFailure::TooLarge)
        );
    }

    #[test]
    fn unusable_candidates_never_reach_the_parser() {
        let text = "a=ice-ufrag:abcd\r\n\
            a=candidate:1 1 udp 2122260223 x.local 5000 typ host\r\n\
            a=candidate:1 1 udp 2122260223 192.0.2.7 5000 typ host\r\n";
        let description = Description::read(text, &mut RemoteCandidates::default(), None).unwrap();
        assert!(!description.text.contains(".local"));
        assert!(description.text.contains("192.0.2.7"));
        assert_eq!(description.refused, 1);
        assert_eq!(description.ufrag.as_deref(), Some("abcd"));
    }
}
