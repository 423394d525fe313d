//! Codecs, packets either way, and what the browser reports.

use super::Verdict::{self, Fail, Pass, Skip, Warn};
use super::limits::{MEDIA_MS, MIN_PACKETS_DOWN, REPORT_MS};
use super::{secs, since};
use crate::code::Code;
use crate::record::Record;
use crate::record::media::Published;
use crate::record::sdp::{Kind, Section};
use crate::record::transport::Transport;
use crate::record::word::Word;
use vocab::UnixMillis;

pub(super) fn codec(record: &Record) -> Verdict {
    let sections: Vec<&Section> = record.transports.iter().flat_map(|t| &t.sections).collect();
    let barren = sections.iter().find(|section| section.common.is_empty());
    if let Some(barren) = barren {
        let evidence = format!(
            "{} offers {}; the box knows none of them",
            name(barren.kind),
            list(&barren.offered)
        );
        let is_alone = sections.iter().all(|section| section.common.is_empty());
        // Sound without pictures is a call; pictures that cannot be sent are still a fault of this
        // section, and nothing replaces it.
        return if is_alone || record.media.published.iter().all(|p| p.flowing.is_none()) {
            Fail(Code::NoCommonCodec, evidence)
        } else {
            Warn(Code::NoCommonCodec, evidence)
        };
    }
    if record.transports.iter().any(|t| t.refused) {
        let evidence = "the session description cannot be used".to_owned();
        return Fail(Code::NoCommonCodec, evidence);
    }
    match sections.as_slice() {
        [] => Skip(String::new()),
        sections => {
            let known: Vec<String> = sections
                .iter()
                .map(|section| format!("{} {}", name(section.kind), list(&section.common)))
                .collect();
            Pass(known.join("; "))
        }
    }
}

pub(super) fn up(record: &Record, now: UnixMillis) -> Verdict {
    let Some(connected) = first_connected(record) else {
        return Skip(String::new());
    };
    let published = &record.media.published;
    if published.iter().any(|track| track.flowing.is_some()) {
        let packets: u64 = record
            .transports
            .iter()
            .map(|t| t.packets_up)
            .fold(0, u64::saturating_add);
        let late = published
            .iter()
            .filter(|track| is_late(track, connected, now))
            .count();
        let flowing = published.len().saturating_sub(late);
        let evidence = format!(
            "{flowing} of {} tracks flow, {packets} packets",
            published.len()
        );
        return if late > 0 {
            Warn(Code::OneWayUp, evidence)
        } else {
            Pass(evidence)
        };
    }
    let Some(track) = published
        .iter()
        .find(|track| is_late(track, connected, now))
    else {
        return Skip(
            if published.is_empty() {
                "it sends nothing"
            } else {
                "nothing is due yet"
            }
            .to_owned(),
        );
    };
    let waited = since(track.due.unwrap_or(connected).max(connected), now);
    let evidence = format!(
        "0 packets of {} announced tracks in {}",
        published.len(),
        secs(waited)
    );
    Fail(Code::OneWayUp, evidence)
}

fn is_late(track: &Published, connected: UnixMillis, now: UnixMillis) -> bool {
    let due = track.due.map(|due| due.max(connected));
    track.flowing.is_none() && due.is_some_and(|due| since(due, now) >= MEDIA_MS)
}

pub(super) fn down(record: &Record, now: UnixMillis) -> Verdict {
    let sent = |t: &&Transport| t.packets_down > 0;
    let Some(transport) = record.transports.iter().find(sent) else {
        return Skip(String::new());
    };
    let packets = transport.packets_down;
    if transport.reported {
        return Pass(format!(
            "{packets} packets sent, the client reports on them"
        ));
    }
    let waited = transport.down_since.map_or(0, |began| since(began, now));
    if packets >= MIN_PACKETS_DOWN && waited >= REPORT_MS {
        let evidence = format!(
            "{packets} packets sent in {}, no report on any",
            secs(waited)
        );
        return Fail(Code::OneWayDown, evidence);
    }
    Skip(format!("{packets} packets sent, no report yet"))
}

/// The words that block, with what they mean and the kind they are about.
const BLOCKING: [(Word, Code, Option<Kind>); 9] = [
    (Word::InsecurePage, Code::DeviceForbidden, None),
    (Word::InAppBrowser, Code::DeviceForbidden, None),
    (
        Word::CameraRefused,
        Code::PermissionRefused,
        Some(Kind::Video),
    ),
    (
        Word::MicrophoneRefused,
        Code::PermissionRefused,
        Some(Kind::Audio),
    ),
    (Word::CameraMissing, Code::DeviceMissing, Some(Kind::Video)),
    (
        Word::MicrophoneMissing,
        Code::DeviceMissing,
        Some(Kind::Audio),
    ),
    (Word::CameraBusy, Code::DeviceBusy, Some(Kind::Video)),
    (Word::MicrophoneBusy, Code::DeviceBusy, Some(Kind::Audio)),
    (Word::DecodeFailed, Code::DecodeFailed, None),
];

/// A refused camera beside a working microphone is a warning: the call goes on without a picture.
pub(super) fn client(record: &Record) -> Verdict {
    let said: Vec<&str> = record.words.iter().map(|word| word.as_str()).collect();
    let evidence = format!("the browser reports {}", said.join(", "));
    let flows = |kind: Option<Kind>| {
        let mut tracks = record.media.published.iter();
        tracks.any(|t| t.flowing.is_some() && kind.is_none_or(|kind| t.kind == kind))
    };
    let mut warned = None;
    for (word, code, kind) in BLOCKING {
        // What the browser could not do at first and does now is over.
        if !record.words.contains(&word) || (kind.is_some() && flows(kind)) {
            continue;
        }
        if code != Code::DecodeFailed && flows(None) {
            warned = warned.or(Some(code));
        } else {
            return Fail(code, evidence);
        }
    }
    match warned {
        Some(code) => Warn(code, evidence),
        None if record.words.is_empty() => Skip(String::new()),
        None => Pass(evidence),
    }
}

fn first_connected(record: &Record) -> Option<UnixMillis> {
    record
        .transports
        .iter()
        .filter_map(|t| t.connected_at)
        .min()
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
    }
}

fn list(codecs: &[String]) -> String {
    if codecs.is_empty() {
        return "nothing".to_owned();
    }
    codecs.join(" ")
}
