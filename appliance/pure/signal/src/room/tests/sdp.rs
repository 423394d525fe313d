//! Session descriptions as clients and as the media plane write them.

use crate::sdp::{Description, Direction, SectionKind};
use media::plane::OfferChange;
use media::{Kind, Mid};
use std::fmt::Write;

/// A section of a client's offer.
#[derive(Debug, Clone)]
pub(super) struct Sec {
    pub(super) mid: String,
    pub(super) kind: &'static str,
    pub(super) direction: &'static str,
    pub(super) cid: Option<String>,
    pub(super) rids: Vec<&'static str>,
    pub(super) codecs: Vec<&'static str>,
}

pub(super) fn data(mid: &str) -> Sec {
    sec(mid, "application", "sendrecv", None)
}

pub(super) fn send_audio(mid: &str, cid: &str) -> Sec {
    sec(mid, "audio", "sendonly", Some(cid))
}

pub(super) fn send_video(mid: &str, cid: &str) -> Sec {
    sec(mid, "video", "sendonly", Some(cid))
}

pub(super) fn simulcast(mid: &str, cid: &str) -> Sec {
    Sec {
        rids: vec!["q", "h", "f"],
        ..send_video(mid, cid)
    }
}

pub(super) fn receive(mid: &str, kind: &'static str) -> Sec {
    sec(mid, kind, "recvonly", None)
}

pub(super) fn inactive(mid: &str, kind: &'static str) -> Sec {
    sec(mid, kind, "inactive", None)
}

fn sec(mid: &str, kind: &'static str, direction: &'static str, cid: Option<&str>) -> Sec {
    let codecs = match kind {
        "audio" => vec!["opus/48000/2", "red/48000/2"],
        "video" => vec!["VP8/90000", "VP9/90000"],
        _ => vec![],
    };
    Sec {
        mid: mid.into(),
        kind,
        direction,
        cid: cid.map(String::from),
        rids: vec![],
        codecs,
    }
}

/// The three and three receiving sections and the data channel of a v1 join.
pub(super) fn join_sections() -> Vec<Sec> {
    let mut sections: Vec<_> = (0..3).map(|n| receive(&n.to_string(), "audio")).collect();
    sections.extend((3..6).map(|n| receive(&n.to_string(), "video")));
    sections.push(data("6"));
    sections
}

/// A client's description.
pub(super) fn description(sections: &[Sec]) -> String {
    let mut text = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    for section in sections {
        let Sec {
            mid,
            kind,
            direction,
            cid,
            rids,
            codecs,
        } = section;
        if *kind == "application" {
            write!(
                text,
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:{mid}\r\n"
            )
            .unwrap();
        } else {
            let pts: Vec<String> = (0..codecs.len()).map(|n| (96 + n).to_string()).collect();
            write!(
                text,
                "m={kind} 9 UDP/TLS/RTP/SAVPF {}\r\na=mid:{mid}\r\na={direction}\r\n",
                pts.join(" ")
            )
            .unwrap();
            for (pt, codec) in pts.iter().zip(codecs) {
                write!(text, "a=rtpmap:{pt} {codec}\r\n").unwrap();
            }
            if let Some(cid) = cid {
                write!(text, "a=msid:stream {cid}\r\n").unwrap();
            }
            for rid in rids {
                write!(text, "a=rid:{rid} send\r\n").unwrap();
            }
        }
        text.push_str("a=ice-ufrag:clnt\r\na=ice-pwd:0123456789012345678901\r\n");
    }
    text
}

/// An answer as the media plane writes it: every receiving section is sent in, with ids of its
/// own.
pub(super) fn answer_to(offer: &str) -> String {
    let offer = Description::parse(offer).unwrap();
    let mut text =
        String::from("v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n");
    for section in offer.sections() {
        let mid = section.mid().unwrap();
        let formats: Vec<&str> = section.format_words().collect();
        let (kind, proto) = match section.kind() {
            SectionKind::Audio => ("audio", "UDP/TLS/RTP/SAVPF"),
            SectionKind::Video => ("video", "UDP/TLS/RTP/SAVPF"),
            _ => ("application", "UDP/DTLS/SCTP"),
        };
        write!(
            text,
            "m={kind} 9 {proto} {}\r\na=mid:{mid}\r\n",
            formats.join(" ")
        )
        .unwrap();
        let direction = match section.direction() {
            Direction::SendOnly => "recvonly",
            Direction::RecvOnly => "sendonly",
            Direction::SendRecv => "sendrecv",
            Direction::Inactive => "inactive",
        };
        if kind != "application" {
            write!(text, "a={direction}\r\n").unwrap();
            for format in section.formats() {
                let channels = format.channels.map(|c| format!("/{c}")).unwrap_or_default();
                write!(
                    text,
                    "a=rtpmap:{} {}/{}{channels}\r\n",
                    format.payload_type, format.name, format.clock_rate
                )
                .unwrap();
            }
            if section.direction().receives() {
                write!(
                    text,
                    "a=msid:random{mid} random\r\na=ssrc:1{mid} cname:x\r\n"
                )
                .unwrap();
            }
        }
        text.push_str("a=ice-ufrag:serv\r\na=ice-pwd:0123456789012345678901\r\n");
    }
    text
}

/// The transport's sections as the media plane keeps them: mid, kind, sending.
pub(super) type Sections = Vec<(Mid, Kind, bool)>;

/// An offer as the media plane writes it after this change.
pub(super) fn offer_after(sections: &mut Sections, change: &OfferChange) -> (String, Vec<Mid>) {
    let mut mids = Vec::new();
    for new in &change.add {
        let mid = Mid::new(&format!("s{}", sections.len())).unwrap();
        sections.push((mid, new.kind, true));
        mids.push(mid);
    }
    for (mid, _, sends) in sections.iter_mut() {
        *sends = (*sends || change.reactivate.contains(mid)) && !change.deactivate.contains(mid);
    }
    let mut all = vec![data("data")];
    for (mid, kind, sends) in sections.iter() {
        let kind = if *kind == Kind::Audio {
            "audio"
        } else {
            "video"
        };
        let direction = if *sends { "sendonly" } else { "inactive" };
        all.push(sec(mid.as_str(), kind, direction, Some("random")));
    }
    (description(&all), mids)
}

/// What a section of a text says: its direction and msid.
pub(super) fn said(text: &str, mid: &str) -> (Direction, Option<String>) {
    let description = Description::parse(text).unwrap();
    let section = description.section(Mid::new(mid).unwrap()).unwrap();
    (
        section.direction(),
        section.attribute("msid").map(String::from),
    )
}
