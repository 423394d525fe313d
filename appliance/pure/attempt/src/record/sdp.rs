//! As much of two session descriptions as tells whether both sides know a common codec.

use crate::text::cut;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Most sections read: those that differ tell the story.
const MAX_SECTIONS: usize = 4;
/// Most codec names kept per section.
const MAX_CODECS: usize = 8;
/// Longest codec name kept, in bytes.
const MAX_CODEC_BYTES: usize = 16;
/// What is repair or comfort, and carries no sound or picture of its own.
const NOT_CODECS: [&str; 6] = [
    "rtx",
    "red",
    "ulpfec",
    "flexfec-03",
    "cn",
    "telephone-event",
];

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// A media section: what was offered, and what both know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Audio or video.
    pub kind: Kind,
    /// Codec names of the offer.
    pub offered: Vec<String>,
    /// Codec names of the answer; empty when the section was refused.
    pub common: Vec<String>,
}

/// The sections of an offer with their answers, in order. Sections that say the same are told once.
pub fn sections(offer: &str, answer: &str) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    for (asked, answered) in media(offer).into_iter().zip(media(answer)) {
        let Some(kind) = asked.kind else { continue };
        let section = Section {
            kind,
            offered: asked.codecs,
            common: if answered.refused {
                Vec::new()
            } else {
                answered.codecs
            },
        };
        if found.len() < MAX_SECTIONS && !found.contains(&section) {
            found.push(section);
        }
    }
    found
}

/// The UDP host candidates of a description of our own.
pub fn candidates_of(description: &str) -> Vec<SocketAddr> {
    let lines = description.lines();
    let candidates = lines.filter_map(|line| line.trim().strip_prefix("a=candidate:"));
    let mut found: Vec<SocketAddr> = candidates.filter_map(address).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn address(candidate: &str) -> Option<SocketAddr> {
    let mut fields = candidate.split_ascii_whitespace().skip(4);
    let (ip, port) = (fields.next()?, fields.next()?);
    Some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?))
}

#[derive(Default)]
struct Media {
    kind: Option<Kind>,
    refused: bool,
    codecs: Vec<String>,
}

fn media(description: &str) -> Vec<Media> {
    let mut sections: Vec<Media> = Vec::new();
    for line in description.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix("m=") {
            sections.push(begin(section));
        } else if let (Some(map), Some(section)) =
            (line.strip_prefix("a=rtpmap:"), sections.last_mut())
        {
            note(map, &mut section.codecs);
        }
    }
    sections
}

/// A refused section has port 0 (RFC 3264 §6).
fn begin(section: &str) -> Media {
    let mut fields = section.split(' ');
    let kind = match fields.next() {
        Some("audio") => Some(Kind::Audio),
        Some("video") => Some(Kind::Video),
        _ => None,
    };
    Media {
        kind,
        refused: fields.next() == Some("0"),
        codecs: Vec::new(),
    }
}

fn note(map: &str, codecs: &mut Vec<String>) {
    let name = map
        .split_once(' ')
        .and_then(|(_, rest)| rest.split('/').next());
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return;
    };
    let name = cut(&name.to_ascii_lowercase(), MAX_CODEC_BYTES);
    let is_codec = !NOT_CODECS.contains(&name.as_str());
    if is_codec && codecs.len() < MAX_CODECS && !codecs.contains(&name) {
        codecs.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_know_is_what_the_answer_repeats() {
        let offer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=rtpmap:111 opus/48000/2\r\n\
            a=rtpmap:63 red/48000/2\r\nm=video 9 UDP/TLS/RTP/SAVPF 34\r\na=rtpmap:34 H263/90000\r\n\
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
        let answer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n\
            m=video 0 UDP/TLS/RTP/SAVPF 34\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
        let found = sections(offer, answer);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].offered[0].as_str(), found[0].common[0].as_str()),
            ("opus", "opus")
        );
        assert_eq!(found[0].offered.len(), 1, "red is no codec of its own");
        assert_eq!(
            (found[1].offered[0].as_str(), found[1].common.len()),
            ("h263", 0)
        );
    }

    #[test]
    fn our_addresses_are_read_once() {
        let line = "a=candidate:1 1 udp 2130706175 10.0.0.1 7882 typ host\r\n";
        let found = candidates_of(&line.repeat(3));
        assert_eq!(found, ["10.0.0.1:7882".parse().unwrap()]);
    }
}
