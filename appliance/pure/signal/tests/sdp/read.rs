//! Reading session descriptions of real clients, and of nobody.

use crate::fixtures::{self, FIXTURES, fixed, fixture};
use media::Mid;
use proptest::prelude::*;
use ringward_signal::limits::{
    MAX_FORMATS, MAX_RIDS, MAX_SDP_BYTES, MAX_SDP_LINE_BYTES, MAX_SDP_LINES, MAX_SECTIONS,
};
use ringward_signal::sdp::{
    Description, Direction, Format, ParseSdpError, RidDirection, Section, SectionKind,
};

fn parse(text: &str) -> Description {
    Description::parse(text).unwrap()
}

fn mid(text: &str) -> Mid {
    Mid::new(text).unwrap()
}

/// `mid kind direction track codecs rids`, one line a section.
fn outline(description: &Description) -> String {
    let line = |section: &Section| {
        let rids: Vec<&str> = section.rids().map(|rid| rid.id).collect();
        let mut codecs: Vec<&str> = section.formats().iter().map(|f| f.name).collect();
        codecs.dedup();
        codecs.truncate(4);
        let kind = format!("{:?}", section.kind());
        let track = section.msid().and_then(|msid| msid.track).unwrap_or("-");
        let track = track.get(..8).unwrap_or(track);
        format!(
            "{} {kind} {} {track} [{}] [{}]\n",
            section.mid().unwrap(),
            section.direction(),
            codecs.join(" "),
            rids.join(" ")
        )
    };
    description.sections().iter().map(line).collect()
}

#[test]
fn every_clients_sections_are_understood() {
    insta::assert_snapshot!(outline(&parse(fixture("chromium-156-livekit-2.23-dual-pc-publisher-offer"))), @r"
    0 Application sendrecv - [] []
    1 Audio inactive e3fd0d4f [opus red G722 PCMU] []
    2 Video inactive 19d9623a [VP8 rtx H264 rtx] [q h f]
    ");
    insta::assert_snapshot!(outline(&parse(fixture("chromium-156-livekit-2.23-single-pc-join-offer"))), @r"
    0 Audio recvonly - [opus red G722 PCMU] []
    1 Audio recvonly - [opus red G722 PCMU] []
    2 Audio recvonly - [opus red G722 PCMU] []
    3 Video recvonly - [VP8 rtx VP9 rtx] []
    4 Video recvonly - [VP8 rtx VP9 rtx] []
    5 Video recvonly - [VP8 rtx VP9 rtx] []
    6 Application sendrecv - [] []
    ");
    insta::assert_snapshot!(outline(&parse(fixture("chromium-156-livekit-2.23-single-pc-publishing-offer"))), @r"
    0 Audio recvonly - [opus red G722 PCMU] []
    1 Audio recvonly - [opus red G722 PCMU] []
    2 Audio recvonly - [opus red G722 PCMU] []
    3 Video recvonly - [VP8 rtx VP9 rtx] []
    4 Video recvonly - [VP8 rtx VP9 rtx] []
    5 Video recvonly - [VP8 rtx VP9 rtx] []
    6 Application sendrecv - [] []
    7 Audio sendonly 09cd1be2 [opus red G722 PCMU] []
    8 Video sendonly b4bcbd5a [VP8 rtx H264 rtx] [q h f]
    ");
    insta::assert_snapshot!(outline(&parse(fixture("python-livekit-1.2.0-single-pc-publishing-offer"))), @r"
    7 Audio recvonly - [opus red G722 PCMU] []
    8 Audio recvonly - [opus red G722 PCMU] []
    9 Audio recvonly - [opus red G722 PCMU] []
    10 Video recvonly - [VP8 rtx H264 rtx] []
    11 Video recvonly - [VP8 rtx H264 rtx] []
    12 Video recvonly - [VP8 rtx H264 rtx] []
    13 Application sendrecv - [] []
    14 Video sendonly 00f78721 [VP8] [f h q]
    15 Audio sendonly d1bdb66b [opus red G722 PCMU] []
    ");
    insta::assert_snapshot!(outline(&parse(fixture("chromium-156-subscriber-answer"))), @r"
    AgI Application sendrecv - [] []
    nqH Video recvonly - [VP8 rtx H264 rtx] []
    ");
    insta::assert_snapshot!(outline(&parse(fixture("python-livekit-1.2.0-subscriber-answer"))), @r"
    oV7 Application sendrecv - [] []
    X5a Audio recvonly - [red opus] []
    ");
    insta::assert_snapshot!(outline(&parse(fixture("aiortc-1.16-whip-offer"))), @r"
    0 Audio sendonly dfd15032 [opus G722 PCMU PCMA] []
    1 Video sendonly 873547e9 [VP8 rtx H264 rtx] []
    ");
    insta::assert_snapshot!(outline(&parse(fixture("ffmpeg-8.1-whip-offer"))), @r"
    0 Audio sendonly audio [opus] []
    1 Video sendonly video [H264 rtx] []
    ");
}

#[test]
fn printing_gives_back_every_byte() {
    for (name, text) in FIXTURES {
        assert_eq!(parse(text).to_string(), text, "{name}");
        let unix = text.replace("\r\n", "\n");
        assert_eq!(parse(&unix).to_string(), unix, "{name} with LF");
        assert_eq!(
            parse(text.trim_end()).to_string(),
            text.trim_end(),
            "{name} without last CRLF"
        );
        let spaced = text.replace("\r\nm=", "\r\n\r\nm=");
        assert_eq!(
            parse(&spaced).to_string(),
            spaced,
            "{name} with empty lines"
        );
    }
}

#[test]
fn a_codec_is_told_with_its_parameters_feedback_and_retransmission() {
    let offer = parse(fixture("chromium-156-livekit-2.23-dual-pc-publisher-offer"));
    let video = offer.section(mid("2")).unwrap();
    let formats = video.formats();
    let of = |pt: u8| formats.iter().find(|f| f.payload_type == pt).unwrap();
    assert_eq!(
        *of(98),
        Format {
            payload_type: 98,
            name: "VP9",
            clock_rate: 90_000,
            channels: None,
            parameters: Some("profile-id=0"),
            feedback: vec!["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"],
        }
    );
    assert!(of(98).is("video/vp9") && of(98).is("VP9") && !of(98).is("video/VP8"));
    assert_eq!(of(99).rtx_for(), Some(98));
    assert_eq!(of(98).rtx_for(), None);
    assert_eq!(of(108).parameter("Profile-Level-Id"), Some("42e01f"));
    assert_eq!(formats.first().map(|f| f.payload_type), Some(96));

    let audio = offer.section(mid("1")).unwrap().formats();
    let opus = audio.iter().find(|f| f.is("audio/opus")).unwrap();
    assert_eq!((opus.clock_rate, opus.channels), (48_000, Some(2)));
    assert_eq!(opus.parameter("stereo"), Some("1"));
}

#[test]
fn feedback_for_all_formats_counts_for_each() {
    let text = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 97 96 95\r\na=rtcp-fb:* nack\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 ccm fir\r\na=rtpmap:97 rtx/90000\r\na=rtpmap:98 VP9/90000\r\n";
    let description = parse(text);
    let formats = description.sections()[0].formats();
    let read: Vec<_> = formats
        .iter()
        .map(|f| (f.payload_type, f.feedback.as_slice()))
        .collect();
    assert_eq!(read, [(97, &["nack"][..]), (96, &["ccm fir", "nack"][..])]);
}

#[test]
fn simulcast_streams_keep_the_clients_order_and_names() {
    for (name, section, want) in [
        (
            "chromium-156-livekit-2.23-single-pc-publishing-offer",
            "8",
            ["q", "h", "f"],
        ),
        (
            "python-livekit-1.2.0-single-pc-publishing-offer",
            "14",
            ["f", "h", "q"],
        ),
    ] {
        let offer = parse(fixture(name));
        let section = offer.section(mid(section)).unwrap();
        let simulcast = section.simulcast().unwrap();
        assert_eq!(
            simulcast.send.iter().map(|s| s.id).collect::<Vec<_>>(),
            want,
            "{name}"
        );
        assert!(simulcast.recv.is_empty() && simulcast.send.iter().all(|s| !s.paused));
        assert!(
            section
                .rids()
                .all(|rid| rid.direction == RidDirection::Send)
        );
    }
}

#[test]
fn simulcast_lines_of_the_standard_are_read() {
    let text = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n\
        a=rid:1 send pt=96;max-width=1280\r\na=rid:2 recv\r\na=rid:3 both\r\na=rid:4\r\n\
        a=simulcast:send 1,4;~2 recv 3\r\n";
    let description = parse(text);
    let section = description.section(mid("0")).unwrap();
    let simulcast = section.simulcast().unwrap();
    let sent: Vec<_> = simulcast.send.iter().map(|s| (s.id, s.paused)).collect();
    assert_eq!(sent, [("1", false), ("2", true)]);
    assert_eq!(simulcast.recv.len(), 1);
    let rids: Vec<_> = section
        .rids()
        .map(|r| (r.id, r.direction, r.restrictions))
        .collect();
    assert_eq!(
        rids,
        [
            ("1", RidDirection::Send, "pt=96;max-width=1280"),
            ("2", RidDirection::Recv, "")
        ]
    );
}

#[test]
fn the_track_id_is_found_in_either_place() {
    let section = |lines: &str| parse(&format!("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n{lines}"));
    for (lines, want) in [
        ("a=msid:stream track\r\n", Some(("stream", Some("track")))),
        ("a=msid:- track\r\n", Some(("-", Some("track")))),
        ("a=msid:stream\r\n", Some(("stream", None))),
        (
            "a=ssrc:1 cname:x\r\na=ssrc:1 msid:s t\r\n",
            Some(("s", Some("t"))),
        ),
        (
            "a=msid:a b\r\na=ssrc:1 msid:s t\r\n",
            Some(("a", Some("b"))),
        ),
        ("a=ssrc:1 cname:x\r\n", None),
        ("a=msid:\r\n", None),
    ] {
        let description = section(lines);
        let msid = description.sections()[0].msid();
        assert_eq!(msid.map(|m| (m.stream, m.track)), want, "{lines:?}");
    }
}

#[test]
fn transport_and_channel_lines_are_found() {
    let python = parse(fixture("python-livekit-1.2.0-single-pc-publishing-offer"));
    let channel = python.section(mid("13")).unwrap();
    assert_eq!(channel.kind(), SectionKind::Application);
    assert_eq!(channel.sctp_port(), Some(5000));
    assert!(
        channel
            .sctp_init()
            .is_some_and(|init| init.starts_with("AQAAH"))
    );
    assert_eq!(channel.max_message_size(), Some(262_144));
    assert_eq!(
        channel.format_words().collect::<Vec<_>>(),
        ["webrtc-datachannel"]
    );
    assert!(channel.formats().is_empty());
    assert_eq!(python.bundle().len(), 9);
    assert!(!python.is_ice_lite());

    let chromium = parse(fixture("chromium-156-livekit-2.23-dual-pc-publisher-offer"));
    assert_eq!(chromium.ice_ufrag(), Some("Uywq"));
    assert_eq!(chromium.ice_pwd(), Some("SUVpINohUBjCsLJOe7nAJqGo"));
    assert_eq!(chromium.sections()[0].candidates().count(), 2);
    assert_eq!(chromium.section(mid("1")).unwrap().ssrcs(), [1_807_625_616]);

    let aiortc = parse(fixture("aiortc-1.16-whip-offer"));
    let groups: Vec<_> = aiortc.section(mid("1")).unwrap().ssrc_groups().collect();
    assert_eq!(groups.len(), 1);
    assert_eq!((groups[0].semantics, groups[0].ssrcs.len()), ("FID", 2));
}

#[test]
fn port_zero_means_refused_unless_bundled() {
    for (lines, rejected) in [
        ("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", false),
        ("m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n", true),
        ("m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=bundle-only\r\n", false),
    ] {
        let description = parse(&format!("v=0\r\n{lines}"));
        assert_eq!(
            description.sections()[0].is_rejected(),
            rejected,
            "{lines:?}"
        );
    }
}

#[test]
fn a_direction_that_is_not_said_is_both() {
    for (line, want) in [
        ("", Direction::SendRecv),
        ("a=sendrecv\r\n", Direction::SendRecv),
        ("a=sendonly\r\n", Direction::SendOnly),
        ("a=recvonly\r\n", Direction::RecvOnly),
        ("a=inactive\r\n", Direction::Inactive),
        ("a=inactive2\r\n", Direction::SendRecv),
        ("a=extmap:1/recvonly urn:x\r\n", Direction::SendRecv),
    ] {
        let description = parse(&format!("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n{line}"));
        assert_eq!(description.sections()[0].direction(), want, "{line:?}");
    }
}

#[test]
fn what_is_not_sdp_is_refused_with_its_line() {
    let media = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n";
    for (text, want) in [
        (String::new(), ParseSdpError::NoVersion),
        (
            "o=- 1 1 IN IP4 0.0.0.0\r\nv=0\r\n".into(),
            ParseSdpError::NoVersion,
        ),
        ("v=1\r\n".into(), ParseSdpError::NoVersion),
        (media.into(), ParseSdpError::NoVersion),
        ("\r\nv=0\r\n".into(), ParseSdpError::NoVersion),
        ("{\"type\":\"offer\"}".into(), ParseSdpError::BadLine(1)),
        ("v=0\r\nhello\r\n".into(), ParseSdpError::BadLine(2)),
        ("v=0\r\nA=x\r\n".into(), ParseSdpError::BadLine(2)),
        ("v=0\r\na=x\ry\r\n".into(), ParseSdpError::BadLine(2)),
        ("v=0\r\na=x\0\r\n".into(), ParseSdpError::BadLine(2)),
        ("v=0\r\na=x\u{1b}[2J\r\n".into(), ParseSdpError::BadLine(2)),
        ("v=0\r\nm=audio\r\n".into(), ParseSdpError::BadMedia(2)),
        (
            "v=0\r\nm=audio x UDP/TLS/RTP/SAVPF 0\r\n".into(),
            ParseSdpError::BadMedia(2),
        ),
        (
            "v=0\r\nm=audio 65536 UDP/TLS/RTP/SAVPF 0\r\n".into(),
            ParseSdpError::BadMedia(2),
        ),
        (
            "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF\r\n".into(),
            ParseSdpError::BadMedia(2),
        ),
        (
            "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 128\r\n".into(),
            ParseSdpError::BadMedia(2),
        ),
        (
            "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0 opus\r\n".into(),
            ParseSdpError::BadMedia(2),
        ),
        (
            format!("v=0\r\n{media}a=mid:\r\n"),
            ParseSdpError::BadMid(2),
        ),
        (
            format!("v=0\r\n{media}a=mid:12345678901234567\r\n"),
            ParseSdpError::BadMid(2),
        ),
        (
            format!("v=0\r\n{media}a=mid:0\r\n{media}a=mid:0\r\n"),
            ParseSdpError::RepeatedMid(4),
        ),
    ] {
        assert_eq!(Description::parse(&text), Err(want), "{text:?}");
    }
}

#[test]
fn each_limit_holds_at_its_value_and_not_one_more() {
    let section = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n";
    let sections = |count: usize| format!("v=0\r\n{}", section.repeat(count));
    assert!(Description::parse(&sections(MAX_SECTIONS)).is_ok());
    assert_eq!(
        Description::parse(&sections(MAX_SECTIONS + 1)),
        Err(ParseSdpError::TooManySections)
    );
    assert_eq!(
        Description::parse(&sections(5_000)),
        Err(ParseSdpError::TooManySections)
    );

    let lines = |count: usize| format!("v=0\r\n{}", "a=x\r\n".repeat(count - 1));
    assert!(Description::parse(&lines(MAX_SDP_LINES)).is_ok());
    assert_eq!(
        Description::parse(&lines(MAX_SDP_LINES + 1)),
        Err(ParseSdpError::TooManyLines)
    );

    let line = |bytes: usize| format!("v=0\r\na={}\r\n", "x".repeat(bytes - 4));
    assert!(Description::parse(&line(MAX_SDP_LINE_BYTES)).is_ok());
    assert_eq!(
        Description::parse(&line(MAX_SDP_LINE_BYTES + 1)),
        Err(ParseSdpError::LineTooLong(2))
    );

    let bytes = |bytes: usize| {
        let full = "a=".to_owned() + &"x".repeat(1020) + "\r\n";
        let text = "v=0\r\n".to_owned() + &full.repeat(bytes / 1024 - 1);
        let last = "x".repeat(bytes - text.len() - 4);
        text + "a=" + &last + "\r\n"
    };
    assert_eq!(bytes(MAX_SDP_BYTES).len(), MAX_SDP_BYTES);
    assert!(Description::parse(&bytes(MAX_SDP_BYTES)).is_ok());
    assert_eq!(
        Description::parse(&bytes(MAX_SDP_BYTES + 1)),
        Err(ParseSdpError::TooLong(MAX_SDP_BYTES + 1))
    );

    let formats = |count: usize| {
        let formats: Vec<String> = (0..count).map(|n| (n % 128).to_string()).collect();
        format!(
            "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF {}\r\n",
            formats.join(" ")
        )
    };
    assert!(Description::parse(&formats(MAX_FORMATS)).is_ok());
    assert_eq!(
        Description::parse(&formats(MAX_FORMATS + 1)),
        Err(ParseSdpError::BadMedia(2))
    );

    let rids = |count: usize| {
        let rids: Vec<String> = (0..count).map(|n| format!("a=rid:{n} send\r\n")).collect();
        format!("v=0\r\n{section}{}", rids.concat())
    };
    assert!(Description::parse(&rids(MAX_RIDS)).is_ok());
    assert_eq!(
        Description::parse(&rids(MAX_RIDS + 1)),
        Err(ParseSdpError::TooManyRids(2))
    );
}

/// Asks everything there is to ask.
fn read_all(description: &Description) -> usize {
    let of = |s: &Section| {
        let formats = s.formats();
        let apts = formats.iter().filter_map(Format::rtx_for).count();
        let simulcast = s.simulcast().map_or(0, |x| x.send.len() + x.recv.len());
        let channel = [s.sctp_port().is_some(), s.max_message_size().is_some()];
        apts + simulcast
            + s.rids().count()
            + s.ssrcs().len()
            + s.ssrc_groups().map(|g| g.ssrcs.len()).sum::<usize>()
            + s.candidates().count()
            + usize::from(s.msid().is_some() || s.direction().sends() || s.is_rejected())
            + channel.iter().filter(|c| **c).count()
    };
    description.bundle().len() + description.sections().iter().map(of).sum::<usize>()
}

proptest! {
    #![proptest_config(fixed(22, 2_000))]

    #[test]
    fn fuzz_changed_lines_never_panic_and_print_as_they_came(
        which in 0..FIXTURES.len(),
        changes in prop::collection::vec(fixtures::change(), 1..8),
    ) {
        let text = fixtures::changed(FIXTURES[which].1, &changes);
        if let Ok(description) = Description::parse(&text) {
            read_all(&description);
            prop_assert_eq!(description.to_string(), text);
        }
    }

    #[test]
    fn fuzz_any_text_never_panics(text in "(?s)(v=0\r?\n)?.{0,300}") {
        if let Ok(description) = Description::parse(&text) {
            read_all(&description);
            prop_assert_eq!(description.to_string(), text);
        }
    }
}
