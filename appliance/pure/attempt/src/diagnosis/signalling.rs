//! From the first byte to being let in.

use super::Verdict::{self, Fail, Pass, Skip, Warn};
use super::limits::{FIRST_CHECK_MS, HABITUAL_CUTS, HABITUAL_RESUMES, SIGNAL_MS};
use super::{secs, since};
use crate::code::Code;
use crate::record::admission::Admission;
use crate::record::signal::Closing;
use crate::record::tls::{Tls, TlsFault};
use crate::record::{Door, Record};
use vocab::UnixMillis;

pub(super) fn reach(record: &Record) -> Verdict {
    Pass(match record.remote {
        Some(remote) => format!("tcp from {remote}"),
        None => "a request arrived".to_owned(),
    })
}

pub(super) fn tls(record: &Record) -> Verdict {
    match record.tls {
        Tls::Plain => Skip("plain http on this address".to_owned()),
        Tls::Done => Pass("handshake done".to_owned()),
        Tls::Refused(TlsFault::Untrusted) => Fail(
            Code::TlsUntrusted,
            "the client refused the certificate: it does not know who signed it".to_owned(),
        ),
        Tls::Refused(TlsFault::Expired) => Fail(
            Code::TlsExpired,
            "the client refused the certificate: it is expired".to_owned(),
        ),
        Tls::Refused(TlsFault::Handshake) => Fail(
            Code::TlsFailed,
            "no common version or cipher, or the bytes were no TLS".to_owned(),
        ),
        Tls::Refused(TlsFault::Silent) => Fail(
            Code::TlsFailed,
            "the client fell silent in the middle of the handshake".to_owned(),
        ),
    }
}

pub(super) fn signal(record: &Record, now: UnixMillis) -> Verdict {
    let signal = &record.signal;
    if matches!(record.tls, Tls::Refused(_)) {
        return Skip(String::new());
    }
    if signal.stripped {
        let evidence = "the request asked for no WebSocket: its Upgrade header was taken out";
        return Fail(Code::ProxyBreaksWebsocket, evidence.to_owned());
    }
    let Some(asked) = signal.asked_at else {
        return unasked(record, now);
    };
    if record.door != Door::Rtc || is_refused(record) {
        return Pass("request understood".to_owned());
    }
    if !is_up(record) {
        if let Some(verdict) = closed_early(record) {
            return verdict;
        }
        let quiet = since(signal.open_at.unwrap_or(asked), now);
        if signal.heard_at.is_none() && !is_described(record) && quiet >= SIGNAL_MS {
            let evidence = format!("the WebSocket opened, then nothing for {}", secs(quiet));
            return Fail(Code::SignalTimeout, evidence);
        }
        if let Some(verdict) = unanswered(record, now) {
            return verdict;
        }
    }
    if signal.resumes >= HABITUAL_RESUMES {
        let evidence = format!("cut and resumed {} times while media ran", signal.resumes);
        return Warn(Code::ProxyBreaksWebsocket, evidence);
    }
    match signal.open_at {
        Some(open) => Pass(format!(
            "WebSocket open after {}",
            secs(since(record.at, open))
        )),
        None => Skip("the request is being answered".to_owned()),
    }
}

/// A connection on which nothing was asked.
fn unasked(record: &Record, now: UnixMillis) -> Verdict {
    let quiet = since(record.at, now);
    if record.is_over() || quiet >= SIGNAL_MS {
        let evidence = format!("connected, asked nothing for {}", secs(quiet));
        return Fail(Code::SignalTimeout, evidence);
    }
    Skip("nothing asked yet".to_owned())
}

fn closed_early(record: &Record) -> Option<Verdict> {
    let signal = &record.signal;
    let closed = signal.closed.filter(|closed| closed.how == Closing::Cut)?;
    let open = signal.open_at.unwrap_or(record.at);
    let lasted = secs(since(open, closed.at));
    // Media that had its time and failed takes the connection with it: that is the cause then.
    let had_time = |t: &crate::Transport| {
        let described = t.described_at;
        t.failure.is_some() || described.is_some_and(|at| since(at, closed.at) >= FIRST_CHECK_MS)
    };
    if record.transports.iter().any(had_time) {
        return None;
    }
    Some(if signal.cuts >= HABITUAL_CUTS {
        let evidence = format!(
            "the WebSocket was cut without a word after {lasted}, {} times in two minutes",
            signal.cuts
        );
        Fail(Code::ProxyBreaksWebsocket, evidence)
    } else {
        let evidence = format!("the WebSocket was cut without a word after {lasted}");
        Fail(Code::SignalLost, evidence)
    })
}

/// We made an offer, and nothing came back.
fn unanswered(record: &Record, now: UnixMillis) -> Option<Verdict> {
    let mut waits = record.transports.iter().filter_map(|t| t.unanswered_since);
    let waited = waits.next().map(|asked| since(asked, now))?;
    (waited >= SIGNAL_MS && !is_described(record)).then(|| {
        let evidence = format!("our offer is unanswered for {}", secs(waited));
        Fail(Code::SignalTimeout, evidence)
    })
}

fn is_refused(record: &Record) -> bool {
    let is_bad = |token: &crate::Token| token.outcome != crate::TokenOutcome::Valid;
    record.token.as_ref().is_some_and(is_bad)
        || !matches!(record.admission, None | Some(Admission::Admitted(_)))
}

fn is_up(record: &Record) -> bool {
    record.transports.iter().any(|t| t.connected_at.is_some())
}

fn is_described(record: &Record) -> bool {
    record.transports.iter().any(|t| t.described_at.is_some())
}

pub(super) fn admission(record: &Record) -> Verdict {
    let Some(admission) = record.admission else {
        return Skip(String::new());
    };
    let (code, evidence) = match admission {
        Admission::Admitted(_) => return Pass("admitted".to_owned()),
        Admission::Locked => (Code::RoomLocked, "the room is locked".to_owned()),
        Admission::Full { max } => (Code::RoomFull, format!("the room holds {max}, its limit")),
        Admission::Blocked => (
            Code::BlockedRejoin,
            "removed from the room after this token was issued".to_owned(),
        ),
        Admission::Draining => (
            Code::Draining,
            "the box admits nobody new: it is draining".to_owned(),
        ),
        Admission::Overloaded => (
            Code::BoxRefuses,
            "the box admits nobody: its events cannot be saved, or it is at a limit".to_owned(),
        ),
        Admission::BadRequest => (
            Code::BadRequest,
            "the request cannot be read, or asks for what it may not".to_owned(),
        ),
    };
    Fail(code, evidence)
}
