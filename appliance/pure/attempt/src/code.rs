//! Every cause that the box can name. One table: code, stage, what to say to the patient.

use crate::stage::Stage;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $text:literal, $stage:ident, $say:literal;)*) => {
        /// A cause; each has its page in `docs/runbook.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// All, in the order of their stages.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As it is shown and asked for.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The stage that it blocks.
            pub fn stage(self) -> Stage {
                match self { $(Self::$name => Stage::$stage,)* }
            }

            /// A sentence for the patient, in words that need no training.
            pub fn say(self) -> &'static str {
                match self { $(Self::$name => $say,)* }
            }
        }
    };
}

codes! {
    /// The client does not know who signed the box's certificate.
    TlsUntrusted, "TLS-UNTRUSTED", Tls,
        "This device does not trust our server yet. Please ask the staff to set it up.";
    /// The box's certificate is expired.
    TlsExpired, "TLS-EXPIRED", Tls,
        "Our server's certificate has run out. We are renewing it; please try again later.";
    /// TLS did not come up: version, cipher, or something between.
    TlsFailed, "TLS-FAILED", Tls,
        "A secure connection could not be made. Please try another network or an up-to-date browser.";
    /// Connected and said nothing, or opened a WebSocket and left it at that.
    SignalTimeout, "SIGNAL-TIMEOUT", Signal,
        "The connection began and then stopped. Please reload the page or try another network.";
    /// A proxy took the WebSocket's words out, or cuts WebSockets.
    ProxyBreaksWebsocket, "PROXY-BREAKS-WEBSOCKET", Signal,
        "Something on your network blocks live connections. Please try another network, for example mobile data.";
    /// The connection was cut before media was up.
    SignalLost, "SIGNAL-LOST", Signal,
        "The connection was cut while joining. Please try again.";
    /// There was no token.
    TokenMissing, "TOKEN-MISSING", Token,
        "Your link is not complete. Please open it again exactly as it was sent.";
    /// Not a token.
    TokenMalformed, "TOKEN-MALFORMED", Token,
        "Your link is damaged. Please open it again exactly as it was sent.";
    /// The token names no key of this box.
    KeyUnknown, "KEY-UNKNOWN", Token,
        "Your link belongs to another system. Please ask for a new one.";
    /// Not signed with the key's secret.
    Signature, "SIGNATURE", Token,
        "Your link is not valid. Please ask for a new one.";
    /// Expired, and really old.
    TokenExpired, "TOKEN-EXPIRED", Token,
        "Your link has run out. Please ask for a new one.";
    /// The issuer's clock is behind: its tokens are expired when they are made.
    ClockBehind, "CLOCK-BEHIND", Token,
        "The clock of our booking system is wrong. We are correcting it; please try again in a few minutes.";
    /// Begins later, on purpose.
    TokenNotYet, "TOKEN-NOT-YET", Token,
        "You are early: your link opens later. Please come back at the time of your appointment.";
    /// The issuer's clock is ahead: its tokens are from the future.
    ClockAhead, "CLOCK-AHEAD", Token,
        "The clock of our booking system is wrong. We are correcting it; please try again in a few minutes.";
    /// The token lets nobody join this room.
    GrantMissing, "GRANT-MISSING", Token,
        "Your link does not open this room. Please ask for the right one.";
    /// The room admits nobody new.
    RoomLocked, "ROOM-LOCKED", Admission,
        "The room is closed to newcomers. Please ask the person who runs it to open it.";
    /// The room holds as many as it may.
    RoomFull, "ROOM-FULL", Admission,
        "The room is full. Somebody has to leave before you can come in.";
    /// Put out, and the token taken back.
    BlockedRejoin, "BLOCKED-REJOIN", Admission,
        "You were taken out of this room and cannot come back with this link. Please ask the staff.";
    /// The box is stopping or draining.
    Draining, "DRAINING", Admission,
        "Our server is being updated. Please try again in a few minutes.";
    /// The box cannot admit anybody now.
    BoxRefuses, "BOX-REFUSES", Admission,
        "Our server cannot take anybody new at the moment. We are working on it.";
    /// What the client asked cannot be understood.
    BadRequest, "BAD-REQUEST", Admission,
        "This app does not fit our server. Please update it or use a browser.";
    /// No codec that both know.
    NoCommonCodec, "NO-COMMON-CODEC", Codec,
        "This device's picture or sound format is not known here. Please use another browser or device.";
    /// The client named no address that UDP could be sent from.
    NoCandidates, "NO-CANDIDATES", Udp,
        "Your browser may not use the network for calls. Please try another browser, or ask the staff.";
    /// No check ever reached us.
    UdpBlocked, "UDP-BLOCKED", Udp,
        "Your network blocks video calls. Please try another network, for example mobile data.";
    /// Checks reach us, our answers do not reach the client.
    UdpOneWay, "UDP-ONE-WAY", Udp,
        "Your network lets calls out but not back in. Please try another network, for example mobile data.";
    /// A path that was up died.
    PathLost, "PATH-LOST", Udp,
        "The connection broke off. Please check your network and join again.";
    /// UDP is dead, ICE-TCP lives.
    IceTcpOnly, "ICE-TCP-ONLY", Udp,
        "The call works, but your network slows it down.";
    /// DTLS did not come up although packets of all sizes pass.
    DtlsFailed, "DTLS-FAILED", Dtls,
        "A secure media connection could not be made. Please try another browser or network.";
    /// DTLS did not come up because large packets do not pass.
    DtlsMtu, "DTLS-MTU", Dtls,
        "Your network loses large packets. Please try without VPN, or another network.";
    /// The way up is dead: nothing of what it sends arrives.
    OneWayUp, "ONE-WAY-UP", Up,
        "We cannot see or hear you: your network holds your picture and sound back.";
    /// The way down is dead: nothing of what it is sent arrives.
    OneWayDown, "ONE-WAY-DOWN", Down,
        "You cannot see or hear us: your network holds our picture and sound back.";
    /// The person or a policy refused camera or microphone.
    PermissionRefused, "PERMISSION-REFUSED", Client,
        "Your browser may not use camera or microphone. Tap the sign left of the address and allow both.";
    /// There is no camera or microphone.
    DeviceMissing, "DEVICE-MISSING", Client,
        "No camera or microphone was found. Plug one in or switch it on, then join again.";
    /// Another program has it.
    DeviceBusy, "DEVICE-BUSY", Client,
        "Another program uses your camera or microphone. Close it, then join again.";
    /// The page is not served securely, or runs inside another app.
    DeviceForbidden, "DEVICE-FORBIDDEN", Client,
        "This page cannot use the camera here. Open the link in Safari or Chrome itself.";
    /// Packets arrive and cannot be decoded.
    DecodeFailed, "DECODE-FAILED", Client,
        "Picture or sound arrives but cannot be shown. Please reload the page or use another browser.";
}

impl Code {
    /// The code that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str().eq_ignore_ascii_case(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_in_the_order_of_their_stages_and_are_found_by_what_is_shown() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].stage() <= pair[1].stage(), "{pair:?}");
        }
        for code in Code::ALL {
            assert_eq!(Code::parse(&code.as_str().to_lowercase()), Some(*code));
            assert!(code.say().ends_with('.'), "{code:?} is a sentence");
        }
        assert_eq!(Code::parse("nothing"), None);
    }
}
