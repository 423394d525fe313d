//! Attempts to connect, noted where HTTP ends: who, with what token, how it was answered.

use crate::state::Api;
use attempt::{Admission, Closing, Door, Token, TokenOutcome};
use auth::{Claims, TokenFault};
use control::exchange::OpenExchangeError;
use control::room::CreateRoomError;
use control::session::OpenSessionError;
use livekit_protocol::ClientInfo;
use livekit_protocol::client_info::Sdk;
use logbook::{AttemptKey, Logbook, Origin};
use signal::{ExchangeRefusal, JoinRefusal};
use std::time::{SystemTime, UNIX_EPOCH};

/// Longest issuer kept, in characters.
const MAX_ISSUER_CHARS: usize = 64;
/// Programs that send by WHIP or watch by WHEP, as their `User-Agent` begins.
const PROGRAMS: [&str; 8] = [
    "Lavf",
    "OBS-Studio",
    "GStreamer",
    "Mozilla",
    "Larix",
    "vMix",
    "python-aiohttp",
    "Python",
];

/// Longest word of a client or device text kept, in characters.
const MAX_WORD_CHARS: usize = 40;

/// One attempt. Dropped without a word, its connection was cut.
pub(crate) struct Attempt {
    logbook: Logbook,
    key: AttemptKey,
    settled: bool,
}

impl Attempt {
    /// A request was read.
    pub(crate) fn begin(api: &Api, door: Door, origin: Option<Origin>) -> Self {
        let logbook = api.control.logbook().clone();
        let key = logbook.begin(door, origin);
        logbook.note(key, |record, now| record.signal.asked_at = Some(now));
        Self {
            logbook,
            key,
            settled: false,
        }
    }

    /// A client that was here before comes back: what it began goes on.
    pub(crate) fn resume(api: &Api, claims: &Claims) -> Option<Self> {
        let logbook = api.control.logbook().clone();
        let key = logbook.living(claims.identity(), &claims.video.room)?;
        logbook.note(key, |record, _| {
            record.signal.closed = None;
            if record.transports.iter().any(|t| t.connected_at.is_some()) {
                record.signal.resumes = record.signal.resumes.saturating_add(1);
            }
        });
        Some(Self {
            logbook,
            key,
            settled: false,
        })
    }

    pub(crate) fn key(&self) -> AttemptKey {
        self.key
    }

    /// Its token opens something.
    pub(crate) fn bearer(&self, claims: &Claims) {
        let token = times(
            TokenOutcome::Valid,
            &claims.iss,
            (claims.iat, claims.nbf, claims.exp),
        );
        self.logbook.note(self.key, |record, _| {
            record.set_bearer(claims.identity(), &claims.video.room, true);
        });
        self.logbook.note_token(self.key, token);
    }

    /// What the client says it is.
    pub(crate) fn client(&self, info: &ClientInfo) {
        let device = word(&info.device_model);
        self.logbook.note(self.key, |record, _| {
            record.set_client(&client(info), &device);
        });
    }

    /// A client that says what it is by `User-Agent`.
    pub(crate) fn agent(&self, agent: &str) {
        let Some(program) = program(agent) else {
            return;
        };
        self.logbook.note(self.key, |record, _| {
            record.set_client(&program, "");
        });
    }

    /// The request for a WebSocket was none any more when it came here.
    pub(crate) fn stripped(mut self) {
        self.logbook
            .note(self.key, |record, _| record.signal.stripped = true);
        self.refused();
    }

    /// It brought no token, or one that is refused; `token` is what it brought.
    pub(crate) fn unauthenticated(mut self, api: &Api, token: Option<&str>) {
        let Some(token) = token else {
            let missing = outcome(TokenOutcome::Missing);
            self.logbook.note_token(self.key, missing);
            return self.refused();
        };
        let fault = auth::verify(token, &api.config.keys, unix_now()).err();
        let (found, proven) = fault.map_or((TokenOutcome::Valid, true), |f| verdict(f.fault()));
        let claimed = auth::claimed(token);
        self.logbook.note(self.key, |record, _| {
            record.set_bearer(&claimed.identity, &claimed.room, proven);
        });
        let issuer = claimed.issuer.unwrap_or_default();
        let stamps = (claimed.issued, claimed.not_before, claimed.expires);
        self.logbook
            .note_token(self.key, times(found, &issuer, stamps));
        self.refused();
    }

    /// Its token does not open this.
    pub(crate) fn forbidden(mut self) {
        self.logbook.note(self.key, |record, _| {
            record.token.get_or_insert_default().outcome = TokenOutcome::NoGrant;
        });
        self.refused();
    }

    /// Its request cannot be read.
    pub(crate) fn unreadable(self) {
        self.turned_away(Admission::BadRequest);
    }

    /// The box or the room said no.
    pub(crate) fn turned_away(mut self, admission: Admission) {
        self.logbook
            .note(self.key, |record, _| record.admission = Some(admission));
        self.refused();
    }

    /// The session was not opened.
    pub(crate) fn refused_session(self, api: &Api, error: OpenSessionError) {
        match error {
            OpenSessionError::NotGranted => self.forbidden(),
            OpenSessionError::NoIdentity => {
                self.logbook.note(self.key, |record, _| {
                    record.token.get_or_insert_default().outcome = TokenOutcome::NoIdentity;
                });
                self.turned_away(Admission::BadRequest);
            }
            error => self.turned_away(admission(api, error)),
        }
    }

    /// The exchange was not opened.
    pub(crate) fn refused_exchange(mut self, api: &Api, error: &OpenExchangeError) {
        match error {
            OpenExchangeError::Session(error) => self.refused_session(api, *error),
            OpenExchangeError::Refused(ExchangeRefusal::Join(refusal)) => {
                self.turned_away(of_room(*refusal));
            }
            OpenExchangeError::Refused(ExchangeRefusal::NotGranted(_)) => self.forbidden(),
            OpenExchangeError::Refused(ExchangeRefusal::Malformed) => self.unreadable(),
            OpenExchangeError::Refused(ExchangeRefusal::Unsupported { .. }) => {
                self.logbook.note(self.key, |record, _| {
                    let refused = attempt::Transport {
                        refused: true,
                        ..attempt::Transport::default()
                    };
                    record.add_transport(refused);
                });
                self.refused();
            }
            // Nothing is published yet: a player waits for that, it is not turned away.
            OpenExchangeError::Refused(ExchangeRefusal::NoLiveSource) => self.refused(),
            _ => self.turned_away(Admission::Overloaded),
        }
    }

    /// The WebSocket is open, or the request was answered.
    pub(crate) fn opened(&self) {
        self.logbook.note(self.key, |record, now| {
            record.signal.open_at.get_or_insert(now);
        });
    }

    /// The client said something.
    pub(crate) fn heard(&self) {
        self.logbook.note(self.key, |record, now| {
            record.signal.heard_at.get_or_insert(now);
        });
    }

    /// The WebSocket is gone.
    pub(crate) fn closed(mut self, how: Closing) {
        self.settled = true;
        self.logbook.closed(self.key, how);
    }

    /// The request was answered, and that was all of it.
    pub(crate) fn answered(mut self) {
        self.opened();
        self.settled = true;
    }

    fn refused(&mut self) {
        self.settled = true;
        self.logbook.refused(self.key);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.settled {
            self.logbook.closed(self.key, Closing::Cut);
        }
    }
}

fn admission(api: &Api, error: OpenSessionError) -> Admission {
    match error {
        OpenSessionError::TokenRevoked | OpenSessionError::Blocked => Admission::Blocked,
        OpenSessionError::Draining => Admission::Draining,
        OpenSessionError::Create(
            CreateRoomError::NameEmpty
            | CreateRoomError::NameTooLong
            | CreateRoomError::MetadataTooLong,
        ) => Admission::BadRequest,
        OpenSessionError::Refused(refusal) => of_room(refusal),
        _ if api.control.is_stopping() => Admission::Draining,
        _ => Admission::Overloaded,
    }
}

fn of_room(refusal: JoinRefusal) -> Admission {
    match refusal {
        JoinRefusal::Full { max } => Admission::Full { max },
        JoinRefusal::Locked => Admission::Locked,
        JoinRefusal::TokenRevoked => Admission::Blocked,
        JoinRefusal::MetadataNotAllowed | JoinRefusal::TooLong(_) => Admission::BadRequest,
        JoinRefusal::Closed => Admission::Overloaded,
    }
}

/// What a fault means, and whether the token was signed with a key of this box all the same.
fn verdict(fault: TokenFault) -> (TokenOutcome, bool) {
    match fault {
        TokenFault::TooLong | TokenFault::Malformed | TokenFault::Header => {
            (TokenOutcome::Malformed, false)
        }
        TokenFault::UnknownKey => (TokenOutcome::UnknownKey, false),
        TokenFault::Signature => (TokenOutcome::Signature, false),
        TokenFault::Claims | TokenFault::DuplicateClaim => (TokenOutcome::Malformed, true),
        TokenFault::NoExpiry => (TokenOutcome::NoExpiry, true),
        TokenFault::Expired => (TokenOutcome::Expired, true),
        TokenFault::NotYetValid => (TokenOutcome::NotYet, true),
    }
}

fn outcome(outcome: TokenOutcome) -> Token {
    Token {
        outcome,
        ..Token::default()
    }
}

/// A verdict with what the token's times say.
fn times(
    found: TokenOutcome,
    issuer: &str,
    (issued, begins, ends): (Option<u64>, Option<u64>, Option<u64>),
) -> Token {
    let now = seconds(unix_now().as_secs());
    let since = |at: u64| now.saturating_sub(seconds(at));
    Token {
        issuer: (!issuer.is_empty()).then(|| issuer.chars().take(MAX_ISSUER_CHARS).collect()),
        age_secs: issued.or(begins).map(since),
        expired_secs: ends.map(since),
        starts_in_secs: begins.map(|at| since(at).saturating_neg()),
        ..outcome(found)
    }
}

fn seconds(at: u64) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

fn unix_now() -> vocab::UnixMillis {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    vocab::UnixMillis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

/// `chrome 156` for a browser, `python 1.2.0` for an SDK.
fn client(info: &ClientInfo) -> String {
    if info.browser.is_empty() {
        let sdk = match info.sdk() {
            Sdk::Unknown => "unknown sdk",
            sdk => sdk.as_str_name(),
        };
        return word(&format!("{} {}", sdk.to_ascii_lowercase(), info.version));
    }
    let major = info.browser_version.split('.').next().unwrap_or_default();
    word(&format!("{} {major}", info.browser.to_ascii_lowercase()))
}

/// `Lavf 61.7` of a `User-Agent` that begins with a known program; any other may be anybody's words.
fn program(agent: &str) -> Option<String> {
    let (name, rest) = agent.split_once('/')?;
    let known = PROGRAMS.iter().find(|known| **known == name)?;
    let is_version = |c: &char| c.is_ascii_digit() || *c == '.';
    let version: String = rest.chars().take_while(is_version).collect();
    Some(word(&format!("{known} {version}")))
}

/// A client's word about itself, of plain characters only.
fn word(text: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || " .,-_()+".contains(*c);
    let plain: String = text.chars().filter(is_plain).take(MAX_WORD_CHARS).collect();
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_named_as_operators_know_it() {
        let browser = ClientInfo {
            browser: "Chrome".to_owned(),
            browser_version: "156.0.1".to_owned(),
            ..ClientInfo::default()
        };
        assert_eq!(client(&browser), "chrome 156");
        let mut sdk = ClientInfo {
            version: "1.2.0\u{1b}[2J".to_owned(),
            ..ClientInfo::default()
        };
        for (agent, want) in [
            ("Lavf/61.7.100", Some("Lavf 61.7.100")),
            ("Mozilla/5.0 (X11; Linux)", Some("Mozilla 5.0")),
            ("Jane Doe/1", None),
            ("anybody's words", None),
        ] {
            assert_eq!(program(agent).as_deref(), want, "{agent}");
        }
        sdk.set_sdk(Sdk::Python);
        assert_eq!(
            client(&sdk),
            "python 1.2.02J",
            "nothing that a terminal obeys"
        );
    }
}
