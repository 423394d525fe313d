//! Attacks on the whole process over real sockets (`reliability.md` §2: A4, A6, A8, A10, A14).
//!
//! After each one a bystander's session still answers, `/healthz` is fine, and the process has
//! not grown by more than 64 MiB (I0).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "tests"
)]

#[path = "support/caller.rs"]
mod caller;
#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/stun.rs"]
mod stun;
#[path = "support/websocket.rs"]
mod websocket;

use caller::{Caller, Show};
use daemon::Daemon;
use livekit_protocol::{SessionDescription, TrickleRequest, signal_request};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};
use websocket::{BINARY, CONTINUATION, PING, TEXT, WebSocket, frame, joins};

/// What `FFmpeg` 8.1 offers by WHIP.
const OFFER: &str = include_str!("../pure/peer/tests/fixtures/ffmpeg-8.1-whip-offer.sdp");

/// Memory that an attack may cost, in KiB (I0).
const MAX_GROWTH_KIB: u64 = 64 * 1024;

/// Close codes of RFC 6455 §7.4.1.
const POLICY: u16 = 1008;
const TOO_BIG: u16 = 1009;

/// A box with somebody in it whom the attacks must not touch.
struct Ward {
    daemon: Daemon,
    bystander: WebSocket,
    memory: u64,
}

impl Ward {
    fn new() -> Self {
        Self::of(Daemon::start(&[]))
    }

    fn of(daemon: Daemon) -> Self {
        let bystander = WebSocket::join(&daemon, "ward", "bystander");
        let memory = resident(&daemon);
        Self {
            daemon,
            bystander,
            memory,
        }
    }

    fn attacker(&self) -> WebSocket {
        WebSocket::join(&self.daemon, "ward", "attacker")
    }

    /// I0, after `attack`.
    fn is_unharmed_by(&mut self, attack: &str) {
        self.bystander.lives();
        let health = self.daemon.get("/healthz");
        assert!(health.starts_with("HTTP/1.1 200"), "{attack}: {health}");
        let grown = resident(&self.daemon).saturating_sub(self.memory);
        assert!(grown <= MAX_GROWTH_KIB, "{attack}: {grown} KiB more");
        let panics = self.daemon.metric("ringward_room_panics_total")
            + self.daemon.metric("ringward_http_panics_total");
        assert!(panics < 0.5, "{attack}: {panics} panics");
    }
}

/// Resident memory of the daemon in KiB.
fn resident(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// `POST`s an offer to the WHIP endpoint; returns the whole answer. A box that has hung up
/// before all was written still may have answered.
fn whip(daemon: &Daemon, offer: &str) -> String {
    let token = joins("ward", "encoder");
    let mut stream = daemon.connect();
    let head = format!(
        "POST /whip/ward HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n",
        offer.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let _ = stream.write_all(offer.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

#[test]
fn one_byte_fragments_are_one_bounded_message() {
    let mut ward = Ward::new();
    let mut attacker = ward.attacker();
    attacker.frame(BINARY, false, &[0xff]).unwrap();
    let fragment = frame(CONTINUATION, false, &[0xff]);
    let many = fragment.repeat(1_000);
    for _ in 0..100 {
        attacker.raw(&many).unwrap();
    }
    ward.is_unharmed_by("a message that does not end");
    attacker.frame(CONTINUATION, true, &[0xff]).unwrap();
    assert_eq!(attacker.close_code(), Some(POLICY), "it is no message");

    let mut attacker = ward.attacker();
    attacker.frame(BINARY, false, &[0]).unwrap();
    let fragment = frame(CONTINUATION, false, &[0; 4_096]);
    for _ in 0..=512 {
        // The box hangs up at some point.
        let _ = attacker.raw(&fragment);
    }
    assert!(matches!(attacker.close_code(), None | Some(TOO_BIG)));
    ward.is_unharmed_by("a message beyond the limit in fragments");
}

#[test]
fn a_promised_length_costs_nothing() {
    let mut ward = Ward::new();
    for (name, opcode, length) in [
        ("2 MiB and one byte", BINARY, (2 << 20) + 1),
        ("2^62 bytes", BINARY, 1_u64 << 62),
        ("2^62 characters", TEXT, 1 << 62),
        ("2^63 - 1 bytes", BINARY, u64::MAX >> 1),
    ] {
        let mut attacker = ward.attacker();
        let mut head = vec![0x80 | opcode, 0x80 | 0x7f];
        head.extend(length.to_be_bytes());
        head.extend([0; 4]);
        attacker.raw(&head).unwrap();
        assert_eq!(attacker.close_code(), Some(TOO_BIG), "{name}");
        ward.is_unharmed_by(name);
    }
}

#[test]
fn floods_of_small_messages_end_their_session() {
    let mut ward = Ward::new();
    let ping = frame(PING, true, b"are you there?");
    let trickle = {
        let candidate = "candidate:1 1 udp 2130706431 127.0.0.3 9 typ host";
        let init = format!(r#"{{"candidate":"{candidate}","sdpMid":"0","sdpMLineIndex":0}}"#);
        let request = livekit_protocol::SignalRequest {
            message: Some(signal_request::Message::Trickle(TrickleRequest {
                candidate_init: init,
                ..TrickleRequest::default()
            })),
        };
        frame(BINARY, true, &prost::Message::encode_to_vec(&request))
    };
    for (name, message) in [("10^4 pings", ping), ("10^4 candidates", trickle)] {
        let mut attacker = ward.attacker();
        for _ in 0..100 {
            // The box hangs up at some point.
            let _ = attacker.raw(&message.repeat(100));
        }
        // The close frame may be lost under the flood; the end may not.
        let code = attacker.close_code();
        assert!(matches!(code, None | Some(POLICY)), "{name}: {code:?}");
        ward.is_unharmed_by(name);
    }
}

#[test]
fn an_sdp_bomb_is_refused_unread() {
    let mut ward = Ward::new();
    let sections = |count: usize| {
        let (session, media) = OFFER.split_at(OFFER.find("m=audio").unwrap());
        let audio = &media[..media.find("m=video").unwrap()];
        let mut offer = session.replace("BUNDLE 0 1", "BUNDLE 0");
        for mid in 0..count {
            offer.push_str(&audio.replace("a=mid:0", &format!("a=mid:{mid}")));
        }
        offer
    };
    let line = "a=ssrc:1627018594 cname:FFmpeg\r\n";
    for (name, offer, wants) in [
        (
            "10 MiB",
            format!("{OFFER}{}", line.repeat((10 << 20) / line.len())),
            "413",
        ),
        (
            "10^5 empty m-lines",
            format!("{OFFER}{}", "m=audio 9 X 0\r\n".repeat(100_000)),
            "413",
        ),
        (
            "10^5 m-lines of two bytes",
            format!("{OFFER}{}", "m=\n".repeat(80_000)),
            "400",
        ),
        ("65 sections", sections(65), "400"),
        (
            "a payload type beyond 127",
            OFFER.replace("111", "255"),
            "400",
        ),
        (
            "a line of 100 kB",
            format!("{OFFER}a=x:{}\r\n", "y".repeat(100_000)),
            "400",
        ),
        (
            "simulcast a thousand deep",
            format!(
                "{OFFER}{}a=simulcast:send 0\r\n",
                "a=rid:0 send\r\n".repeat(1_000)
            ),
            "400",
        ),
        (
            "a codec that refers to itself",
            OFFER.replace("apt=106", "apt=105"),
            "201",
        ),
    ] {
        let answer = whip(&ward.daemon, &offer);
        assert_eq!(status(&answer), wants, "{name}: {answer}");
        ward.is_unharmed_by(name);
    }

    let mut attacker = ward.attacker();
    let bomb = SessionDescription {
        r#type: "offer".to_owned(),
        sdp: line.repeat((10 << 20) / line.len()),
        ..SessionDescription::default()
    };
    // The box hangs up before the end.
    let _ = attacker.request(signal_request::Message::Offer(bomb));
    assert!(matches!(attacker.close_code(), None | Some(TOO_BIG)));
    ward.is_unharmed_by("10 MiB in a message");
    let mut attacker = ward.attacker();
    let bomb = SessionDescription {
        r#type: "offer".to_owned(),
        sdp: line.repeat((1 << 20) / line.len()),
        ..SessionDescription::default()
    };
    attacker
        .request(signal_request::Message::Offer(bomb))
        .unwrap();
    // Refused; whether it ends the session is the room's business.
    ward.is_unharmed_by("1 MiB in a message");
}

#[test]
fn strangers_get_no_byte_and_candidates_no_packet() {
    for net in ["uring", "portable"] {
        let mut ward = Ward::of(Daemon::start(&["--net", net]));
        let victim = UdpSocket::bind("127.0.0.3:0").unwrap();
        let at = victim.local_addr().unwrap();
        let mut offer = OFFER.to_owned();
        for priority in 0..2_000 {
            // The end of the last section.
            let (ip, port) = (at.ip(), at.port());
            writeln!(
                offer,
                "a=candidate:1 1 udp {priority} {ip} {port} typ host\r"
            )
            .unwrap();
        }
        let answer = whip(&ward.daemon, &offer);
        assert_eq!(status(&answer), "201", "{answer}");
        let said = |name: &str| {
            let (_, rest) = answer.split_once(name).unwrap();
            rest.split_whitespace().next().unwrap().to_owned()
        };
        let (ufrag, password) = (said("a=ice-ufrag:"), said("a=ice-pwd:"));
        let candidate = answer
            .lines()
            .find(|line| line.starts_with("a=candidate:") && line.contains(" 127.0.0.1 "))
            .unwrap();
        let port: u16 = candidate.split(' ').nth(5).unwrap().parse().unwrap();
        let media = SocketAddr::from(([127, 0, 0, 1], port));

        // Another address than the client's: forgers of one address share its allowance.
        let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
        let username = format!("{ufrag}:82841680");
        let unknown = stun::binding_request("nobody:82841680", &password);
        let forged = stun::binding_request(&username, "a password that was guessed");
        for _ in 0..5_000 {
            stranger.send_to(&unknown, media).unwrap();
            stranger.send_to(&forged, media).unwrap();
        }
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        let honest = stun::binding_request(&username, &password);
        let answered = answer_to(&client, &honest, media);
        assert!(
            answered <= honest.len(),
            "{answered} bytes to {}",
            honest.len()
        );
        // What the strangers sent before has been looked at now.
        for (name, socket) in [("stranger", &stranger), ("victim", &victim)] {
            socket.set_nonblocking(true).unwrap();
            let got = socket.recv_from(&mut [0; 2_048]);
            assert_eq!(
                got.unwrap_err().kind(),
                ErrorKind::WouldBlock,
                "{net}: {name}"
            );
        }
        ward.is_unharmed_by("STUN floods");
    }
}

/// The length of the answer to a connectivity check, which is repeated like any client repeats
/// it: the flood may have filled the socket.
fn answer_to(client: &UdpSocket, request: &[u8], media: SocketAddr) -> usize {
    client
        .set_read_timeout(Some(Duration::from_millis(250)))
        .unwrap();
    for _ in 0..80 {
        client.send_to(request, media).unwrap();
        match client.recv_from(&mut [0; 2_048]) {
            Ok((length, from)) => {
                assert_eq!(from, media);
                return length;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    panic!("an honest client is not answered");
}

#[test]
fn half_a_head_a_thousand_times_keeps_nobody_out() {
    // This process holds as many descriptors as the box.
    let maximum = getrlimit(Resource::Nofile).maximum;
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, all).unwrap();
    let mut ward = Ward::new();
    let open = || -> TcpStream {
        let mut stream = ward.daemon.connect();
        stream.write_all(b"GET /rtc HTTP/1.1\r\nHost: b").unwrap();
        stream
    };
    let slow: Vec<TcpStream> = (0..900).map(|_| open()).collect();
    ward.is_unharmed_by("900 clients that do not finish their heads");
    let late = ward.attacker();
    for mut stream in slow {
        // Each is cut; a read that takes 20 s fails.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"));
    }
    drop(late);
    ward.is_unharmed_by("900 clients that were cut");
}

/// A call with a picture in a box whose other people must not notice the attack.
fn call(daemon: &Daemon) -> (Caller, Show, Caller) {
    let (mut shows, mut show) = Caller::publishes(daemon, "call", "shows");
    shows.show(&mut show);
    let mut sees = Caller::watches(daemon, "call", "sees");
    lives(&mut shows, &mut show, &mut sees);
    (shows, show, sees)
}

/// A further picture arrives. What was sent before it has been looked at then: it came to the
/// same socket of the box.
fn lives(shows: &mut Caller, show: &mut Show, sees: &mut Caller) {
    sees.until("a picture arrives", |sees| {
        let number = shows.show(show);
        sees.turn();
        sees.seen.contains_key(&number)
    });
}

#[test]
fn a_replayed_capture_shows_nothing_twice() {
    for net in ["uring", "portable"] {
        let mut ward = Ward::of(Daemon::start(&["--net", net]));
        let (mut shows, mut show, mut sees) = call(&ward.daemon);
        for _ in 0..300 {
            let before = shows.sent.len();
            lives(&mut shows, &mut show, &mut sees);
            shows.replay(&shows.sent[before..]);
        }
        let capture = std::mem::take(&mut shows.sent);
        assert!(capture.len() >= 300);
        for part in capture.chunks(100) {
            shows.replay(part);
            lives(&mut shows, &mut show, &mut sees);
        }
        let twice = |counts: Vec<&u32>| counts.iter().filter(|count| ***count > 1).count();
        assert_eq!(twice(sees.seen.values().collect()), 0, "{net}: pictures");
        assert_eq!(twice(sees.heard.values().collect()), 0, "{net}: packets");
        ward.is_unharmed_by("a replayed capture");
    }
}

/// New SSRCs of one publisher (A4).
const SSRCS: u32 = 100_000;

/// As many as one session has at a time, and how long a silent one keeps its place
/// (`peer/src/ssrc.rs`).
const SSRCS_AT_A_TIME: u64 = 64;
const SSRC_IDLE: Duration = Duration::from_secs(10);

#[test]
fn a_hundred_thousand_ssrcs_of_a_publisher_find_a_full_table() {
    let mut ward = Ward::new();
    let (mut shows, mut show, mut sees) = call(&ward.daemon);
    let began = Instant::now();
    let first = 0x5000_0000;
    for begin in (first..first + SSRCS).step_by(100) {
        shows.show_as(begin..begin + 100, &mut show);
        lives(&mut shows, &mut show, &mut sees);
    }
    let ssrcs = shows.sent.iter().filter(|(_, packet)| {
        let ssrc = packet.get(8..12).and_then(|ssrc| ssrc.try_into().ok());
        ssrc.map(u32::from_be_bytes)
            .is_some_and(|ssrc| (first..first + SSRCS).contains(&ssrc))
    });
    assert_eq!(ssrcs.count(), SSRCS as usize, "all are on the wire");
    sees.until("all SSRCs beyond the table's places are refused", |_| {
        let refused = ward.daemon.metric("excess_ssrc") as u64;
        let turns = began.elapsed().as_secs() / SSRC_IDLE.as_secs();
        u64::from(SSRCS) - refused <= SSRCS_AT_A_TIME * (1 + turns)
    });
    lives(&mut shows, &mut show, &mut sees);
    ward.is_unharmed_by("100,000 SSRCs");
}
