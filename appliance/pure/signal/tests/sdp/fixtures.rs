//! Session descriptions of real clients, and ways to spoil them.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

macro_rules! fixtures {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../fixtures/", $name, ".sdp")))),*]
    };
}

/// Name and text, captured from the clients named.
pub(crate) const FIXTURES: [(&str, &str); 8] = fixtures![
    "aiortc-1.16-whip-offer",
    "chromium-156-livekit-2.23-dual-pc-publisher-offer",
    "chromium-156-livekit-2.23-single-pc-join-offer",
    "chromium-156-livekit-2.23-single-pc-publishing-offer",
    "chromium-156-subscriber-answer",
    "ffmpeg-8.1-whip-offer",
    "python-livekit-1.2.0-single-pc-publishing-offer",
    "python-livekit-1.2.0-subscriber-answer",
];

pub(crate) fn fixture(name: &str) -> &'static str {
    FIXTURES
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a fixture of this name")
        .1
}

/// The offers among them.
pub(crate) fn offers() -> impl Iterator<Item = (&'static str, &'static str)> {
    FIXTURES
        .into_iter()
        .filter(|(name, _)| name.ends_with("offer"))
}

/// The same cases in every run.
pub(crate) fn fixed(seed: u64, cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// One change to a text's lines.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Remove(usize),
    Repeat(usize),
    Swap(usize, usize),
    Cut(usize, usize),
    Replace(usize, String),
    Insert(usize, String),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let at = 0_usize..1_000;
    let line = || {
        prop_oneof![
            prop::sample::select(vec![
                "m=audio 9 UDP/TLS/RTP/SAVPF 127",
                "m=video 9 UDP/TLS/RTP/SAVPF",
                "a=mid:0",
                "a=mid:",
                "a=msid:",
                "a=msid: ",
                "a=ssrc: msid:",
                "a=ssrc:99999999999 msid:x",
                "a=ssrc-group:FID",
                "a=ssrc-group:FID -1 x",
                "a=rtpmap:111",
                "a=rtpmap:111 ",
                "a=rtpmap:111 opus/x",
                "a=fmtp:97 apt=",
                "a=fmtp:97 apt=97",
                "a=fmtp:111 ;;=;",
                "a=rid:",
                "a=rid:  ",
                "a=simulcast:",
                "a=simulcast:send ;~,;, recv",
                "a=sctp-port:-1",
                "a=max-message-size:99999999999999999999999",
                "a=group:BUNDLE",
                "",
            ])
            .prop_map(str::to_owned),
            "[a-z]=.{0,40}",
            ".{0,10}",
        ]
    };
    prop_oneof![
        at.clone().prop_map(Change::Remove),
        at.clone().prop_map(Change::Repeat),
        (at.clone(), at.clone()).prop_map(|(a, b)| Change::Swap(a, b)),
        (at.clone(), 0_usize..40).prop_map(|(a, b)| Change::Cut(a, b)),
        (at.clone(), line()).prop_map(|(a, l)| Change::Replace(a, l)),
        (at, line()).prop_map(|(a, l)| Change::Insert(a, l)),
    ]
}

pub(crate) fn changed(text: &str, changes: &[Change]) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for change in changes {
        let count = lines.len();
        if count == 0 {
            break;
        }
        match change {
            Change::Remove(at) => drop(lines.remove(at % count)),
            Change::Repeat(at) => lines.insert(at % count, lines[at % count].clone()),
            Change::Swap(a, b) => lines.swap(a % count, b % count),
            Change::Cut(at, to) => {
                let line = &mut lines[at % count];
                let to = line.floor_char_boundary(*to);
                line.truncate(to);
            }
            Change::Replace(at, line) => lines[at % count] = format!("{line}\r\n"),
            Change::Insert(at, line) => lines.insert(at % count, format!("{line}\r\n")),
        }
    }
    lines.concat()
}
