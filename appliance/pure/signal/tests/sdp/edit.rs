//! Editing what str0m 0.25 writes: the plan is carried out, and nothing else happens.

use crate::fixtures::fixture;
use media::Mid;
use ringward_signal::sdp::{
    Description, Direction, EditSdpError, SectionKind, SectionPlan, SectionRole, edit_answer,
    edit_offer,
};
use std::time::Instant;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction as RtcDirection, MediaKind};
use str0m::{Candidate, Rtc, RtcConfig};

pub(crate) const STREAM: &str = "PA_abcdefghijkl|TR_VCmnopqrstuvwx";
pub(crate) const TRACK: &str = "TR_VCmnopqrstuvwx";

#[expect(
    clippy::disallowed_methods,
    reason = "str0m wants some instant; none is compared"
)]
fn rtc(ice_lite: bool) -> Rtc {
    let mut rtc = RtcConfig::new()
        .set_rtp_mode(true)
        .set_ice_lite(ice_lite)
        .clear_codecs()
        .enable_opus(true, true)
        .enable_vp8(true)
        .enable_h264(true)
        .enable_vp9(true)
        .enable_av1(true)
        .build(Instant::now());
    let address = "192.0.2.1:7882".parse().unwrap();
    rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
    rtc
}

/// str0m's answer to a client's offer.
pub(crate) fn answer_to(offer: &str) -> String {
    let offer = SdpOffer::from_sdp_string(offer).unwrap();
    rtc(true)
        .sdp_api()
        .accept_offer(offer)
        .unwrap()
        .to_sdp_string()
}

fn mid(text: &str) -> Mid {
    Mid::new(text).unwrap()
}

fn plan(section: &str, role: SectionRole) -> SectionPlan {
    SectionPlan {
        mid: mid(section),
        role,
    }
}

fn publish(first_codec: Option<&str>, red: bool) -> SectionRole {
    let first_codec = first_codec.map(str::to_owned);
    SectionRole::Publish {
        first_codec,
        red,
        stereo: false,
        dtx: true,
    }
}

fn subscribe() -> SectionRole {
    SectionRole::Subscribe {
        stream: STREAM.into(),
        track: TRACK.into(),
        stereo: false,
    }
}

/// Publishes what the client sends, subscribes in the first free audio and video slot, leaves
/// the others unused: what a v1 join looks like.
fn usual_plans(offer: &Description) -> Vec<SectionPlan> {
    let mut taken = Vec::new();
    let mut plans = Vec::new();
    for section in offer.sections() {
        let role = match (section.kind(), section.direction()) {
            (SectionKind::Audio | SectionKind::Video, Direction::RecvOnly)
                if taken.contains(&section.kind()) =>
            {
                SectionRole::Inactive
            }
            (SectionKind::Audio | SectionKind::Video, Direction::RecvOnly) => {
                taken.push(section.kind());
                subscribe()
            }
            (SectionKind::Audio | SectionKind::Video, _) => publish(Some("video/VP9"), false),
            _ => SectionRole::Keep,
        };
        plans.push(SectionPlan {
            mid: section.mid().unwrap(),
            role,
        });
    }
    plans
}

/// `mid direction stream track ssrcs [first three codecs] rids opus-parameters`.
fn outline(text: &str) -> String {
    let description = Description::parse(text).unwrap();
    let line = |section: &ringward_signal::sdp::Section| {
        let formats = section.formats();
        let codecs: Vec<&str> = formats.iter().map(|f| f.name).take(3).collect();
        let opus = formats
            .iter()
            .find(|f| f.is("opus"))
            .and_then(|f| f.parameters);
        let msid = section
            .msid()
            .map(|m| format!("{} {}", m.stream, m.track.unwrap_or("")));
        let line = format!(
            "{} {} msid={} ssrcs={} [{}] {} {}",
            section.mid().unwrap(),
            section.direction(),
            msid.unwrap_or_default(),
            section.ssrcs().len(),
            codecs.join(" "),
            section.attribute("simulcast").unwrap_or(""),
            opus.unwrap_or(""),
        );
        format!("{}\n", line.trim_end())
    };
    description.sections().iter().map(line).collect()
}

fn edited(name: &str) -> String {
    let offer = fixture(name);
    let plans = usual_plans(&Description::parse(offer).unwrap());
    edit_answer(&answer_to(offer), offer, &plans).unwrap()
}

#[test]
fn answers_to_every_client_carry_out_the_usual_plan() {
    insta::assert_snapshot!(outline(&edited("chromium-156-livekit-2.23-single-pc-join-offer")), @r"
    0 sendonly msid=PA_abcdefghijkl|TR_VCmnopqrstuvwx TR_VCmnopqrstuvwx ssrcs=1 [red opus]  minptime=10;useinbandfec=1
    1 inactive msid= ssrcs=0 [red opus]  minptime=10;useinbandfec=1
    2 inactive msid= ssrcs=0 [red opus]  minptime=10;useinbandfec=1
    3 sendonly msid=PA_abcdefghijkl|TR_VCmnopqrstuvwx TR_VCmnopqrstuvwx ssrcs=2 [VP8 rtx H264]
    4 inactive msid= ssrcs=0 [VP8 rtx H264]
    5 inactive msid= ssrcs=0 [VP8 rtx H264]
    6 sendrecv msid= ssrcs=0 []
    ");
    insta::assert_snapshot!(outline(&edited("chromium-156-livekit-2.23-single-pc-publishing-offer")), @r"
    0 sendonly msid=PA_abcdefghijkl|TR_VCmnopqrstuvwx TR_VCmnopqrstuvwx ssrcs=1 [red opus]  minptime=10;useinbandfec=1;usedtx=1
    1 inactive msid= ssrcs=0 [red opus]  minptime=10;useinbandfec=1;usedtx=1
    2 inactive msid= ssrcs=0 [red opus]  minptime=10;useinbandfec=1;usedtx=1
    3 sendonly msid=PA_abcdefghijkl|TR_VCmnopqrstuvwx TR_VCmnopqrstuvwx ssrcs=2 [VP8 rtx H264]
    4 inactive msid= ssrcs=0 [VP8 rtx H264]
    5 inactive msid= ssrcs=0 [VP8 rtx H264]
    6 sendrecv msid= ssrcs=0 []
    7 recvonly msid= ssrcs=0 [opus red]  minptime=10;useinbandfec=1;usedtx=1
    8 recvonly msid= ssrcs=0 [VP9 rtx VP9] recv q;h;f
    ");
    insta::assert_snapshot!(outline(&edited("chromium-156-livekit-2.23-dual-pc-publisher-offer")), @r"
    0 sendrecv msid= ssrcs=0 []
    1 inactive msid= ssrcs=0 [opus red]  minptime=10;useinbandfec=1;usedtx=1
    2 inactive msid= ssrcs=0 [VP9 rtx VP9] recv q;h;f
    ");
    insta::assert_snapshot!(outline(&edited("python-livekit-1.2.0-single-pc-publishing-offer")), @r"
    7 sendonly msid=PA_abcdefghijkl|TR_VCmnopqrstuvwx TR_VCmnopqrstuvwx ssrcs=1 [red opus]  minptime=10;useinbandfec=1;usedtx=1
    8 inactive msid= ssrcs=0 [red opus]  minptime=10;useinbandfec=1;usedtx=1
    9 inactive msid= ssrcs=0 [red opus]  minptime=10;useinbandfec=1;usedtx=1
    10 sendonly msid=PA_abcdefghijkl|TR_VCmnopqrstuvwx TR_VCmnopqrstuvwx ssrcs=2 [VP8 rtx H264]
    11 inactive msid= ssrcs=0 [VP8 rtx H264]
    12 inactive msid= ssrcs=0 [VP8 rtx H264]
    13 sendrecv msid= ssrcs=0 []
    14 recvonly msid= ssrcs=0 [VP8 rtx] recv f;h;q
    15 recvonly msid= ssrcs=0 [opus red]  minptime=10;useinbandfec=1;usedtx=1
    ");
    insta::assert_snapshot!(outline(&edited("aiortc-1.16-whip-offer")), @r"
    0 recvonly msid= ssrcs=0 [opus]  minptime=10;useinbandfec=1;usedtx=1
    1 recvonly msid= ssrcs=0 [VP8 rtx H264]
    ");
    insta::assert_snapshot!(outline(&edited("ffmpeg-8.1-whip-offer")), @r"
    0 recvonly msid= ssrcs=0 [opus]  minptime=10;useinbandfec=1;usedtx=1
    1 recvonly msid= ssrcs=0 [H264 rtx]
    ");
}

#[test]
fn the_chosen_codec_comes_first_with_its_retransmissions_and_the_rest_keeps_its_order() {
    let name = "chromium-156-livekit-2.23-single-pc-publishing-offer";
    let (offer, answer) = (fixture(name), answer_to(fixture(name)));
    let order = |codec: Option<&str>| {
        let plans = [plan("8", publish(codec, true))];
        let text = edit_answer(&answer, offer, &plans).unwrap();
        let description = Description::parse(&text).unwrap();
        let section = description.section(mid("8")).unwrap();
        section.format_words().collect::<Vec<_>>().join(" ")
    };
    let untouched = "96 97 102 103 104 107 108 109 114 115 116 117 39 40 98 99 100 101 45 46";
    for (codec, want) in [
        (None, untouched),
        (Some("video/VP8"), untouched),
        (Some("video/H265"), untouched),
        (
            Some("video/VP9"),
            "98 99 100 101 96 97 102 103 104 107 108 109 114 115 116 117 39 40 45 46",
        ),
        (
            Some("video/h264"),
            "102 103 104 107 108 109 114 115 116 117 39 40 96 97 98 99 100 101 45 46",
        ),
        (
            Some("video/AV1"),
            "45 46 96 97 102 103 104 107 108 109 114 115 116 117 39 40 98 99 100 101",
        ),
    ] {
        assert_eq!(order(codec), want, "{codec:?}");
    }
}

#[test]
fn red_leads_only_when_it_is_allowed() {
    let name = "chromium-156-livekit-2.23-single-pc-publishing-offer";
    let (offer, answer) = (fixture(name), answer_to(fixture(name)));
    for (role, want) in [
        (publish(None, true), ["63", "111"]),
        (publish(None, false), ["111", "63"]),
        (publish(Some("audio/opus"), true), ["63", "111"]),
        (publish(Some("audio/opus"), false), ["111", "63"]),
        (publish(Some("audio/red"), false), ["111", "63"]),
        (SectionRole::Keep, ["63", "111"]),
    ] {
        let text = edit_answer(&answer, offer, &[plan("7", role.clone())]).unwrap();
        let description = Description::parse(&text).unwrap();
        let words: Vec<_> = description
            .section(mid("7"))
            .unwrap()
            .format_words()
            .collect();
        assert_eq!(words, want, "{role:?}");
    }
}

#[test]
fn opus_parameters_are_joined_over_the_whole_bundle() {
    let name = "chromium-156-livekit-2.23-single-pc-publishing-offer";
    let (offer, answer) = (fixture(name), answer_to(fixture(name)));
    let base = "minptime=10;useinbandfec=1";
    let voice = |stereo, dtx| SectionRole::Publish {
        first_codec: None,
        red: true,
        stereo,
        dtx,
    };
    let listen = |stereo| SectionRole::Subscribe {
        stream: "s".into(),
        track: "t".into(),
        stereo,
    };
    for (name, plans, want) in [
        ("nothing planned", vec![], String::new()),
        (
            "a voice",
            vec![plan("7", voice(false, true))],
            ";usedtx=1".into(),
        ),
        ("music", vec![plan("7", voice(false, false))], String::new()),
        (
            "stereo",
            vec![plan("7", voice(true, true))],
            ";usedtx=1;stereo=1;maxaveragebitrate=510000".into(),
        ),
        (
            "stereo music",
            vec![plan("7", voice(true, false))],
            ";stereo=1;maxaveragebitrate=510000".into(),
        ),
        ("listening", vec![plan("0", listen(false))], String::new()),
        (
            "listening in stereo",
            vec![plan("0", listen(true))],
            ";sprop-stereo=1".into(),
        ),
        (
            "both",
            vec![
                plan("7", voice(false, true)),
                plan("0", listen(true)),
                plan("1", listen(false)),
            ],
            ";usedtx=1;sprop-stereo=1".into(),
        ),
        (
            "stereo video is nonsense",
            vec![plan("8", voice(true, true))],
            String::new(),
        ),
    ] {
        let text = edit_answer(&answer, offer, &plans).unwrap();
        let description = Description::parse(&text).unwrap();
        for section in description.sections() {
            for format in section.formats().iter().filter(|f| f.is("opus")) {
                let want = format!("{base}{want}");
                assert_eq!(format.parameters, Some(want.as_str()), "{name}");
            }
        }
    }
}

#[test]
fn one_music_publisher_among_two_keeps_silence_on_the_wire() {
    let offer = two_publishers();
    let answer = answer_to(&offer);
    let role = |stereo, dtx| SectionRole::Publish {
        first_codec: None,
        red: false,
        stereo,
        dtx,
    };
    let (voice, music) = (role(false, true), role(true, false));
    for (first, second) in [(&voice, &music), (&music, &voice)] {
        let plans = [plan("0", first.clone()), plan("1", second.clone())];
        let text = edit_answer(&answer, &offer, &plans).unwrap();
        let want = "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=510000\r\n";
        assert_eq!(text.matches(want).count(), 2, "{text}");
        assert!(!text.contains("usedtx"));
    }
}

/// Chromium's offer with its publishing audio section twice.
fn two_publishers() -> String {
    let offer = fixture("chromium-156-livekit-2.23-single-pc-publishing-offer");
    let (session, sections) = offer.split_once("m=").unwrap();
    let audio = sections
        .split("\r\nm=")
        .find(|s| s.contains("a=mid:7\r\n"))
        .unwrap();
    let first = audio.replace("a=mid:7", "a=mid:0");
    let second = audio
        .replace("a=mid:7", "a=mid:1")
        .replace("a=ssrc:", "a=x-ssrc:");
    let session = session.replace("BUNDLE 0 1 2 3 4 5 6 7 8", "BUNDLE 0 1");
    format!("{session}m={first}\r\nm={second}\r\n")
}

#[test]
fn a_subscription_carries_livekits_ids_wherever_an_msid_stands() {
    let name = "chromium-156-livekit-2.23-single-pc-join-offer";
    let (offer, answer) = (fixture(name), answer_to(fixture(name)));
    let text = edit_answer(&answer, offer, &[plan("3", subscribe())]).unwrap();
    let description = Description::parse(&text).unwrap();
    let section = description.section(mid("3")).unwrap();
    let want = format!("{STREAM} {TRACK}");
    assert_eq!(section.attribute("msid"), Some(want.as_str()));
    let said: Vec<&str> = section
        .attributes("ssrc")
        .filter(|v| v.contains("msid:"))
        .collect();
    assert_eq!(said.len(), 2, "main and retransmission");
    assert!(
        said.iter().all(|v| v.ends_with(&format!(" msid:{want}"))),
        "{said:?}"
    );
    assert_eq!(section.direction(), Direction::SendOnly);
    let written = Description::parse(&answer).unwrap();
    assert_eq!(
        section.ssrcs(),
        written.section(mid("3")).unwrap().ssrcs(),
        "same sources"
    );
}

#[test]
fn an_unused_slot_says_nothing_of_who_would_send() {
    let name = "chromium-156-livekit-2.23-single-pc-join-offer";
    let (offer, answer) = (fixture(name), answer_to(fixture(name)));
    let text = edit_answer(&answer, offer, &[plan("4", SectionRole::Inactive)]).unwrap();
    let description = Description::parse(&text).unwrap();
    let section = description.section(mid("4")).unwrap();
    assert_eq!(section.direction(), Direction::Inactive);
    for name in ["msid", "ssrc", "ssrc-group"] {
        assert_eq!(section.attributes(name).count(), 0, "{name}");
    }
    assert!(
        !description.section(mid("3")).unwrap().ssrcs().is_empty(),
        "the others keep theirs"
    );
}

#[test]
fn a_publication_that_pauses_stays_inactive() {
    let name = "chromium-156-livekit-2.23-dual-pc-publisher-offer";
    let (offer, answer) = (fixture(name), answer_to(fixture(name)));
    let plans = [
        plan("1", publish(None, false)),
        plan("2", publish(None, false)),
    ];
    let text = edit_answer(&answer, offer, &plans).unwrap();
    let description = Description::parse(&text).unwrap();
    for section in ["1", "2"] {
        let section = description.section(mid(section)).unwrap();
        assert_eq!(section.direction(), Direction::Inactive);
    }
    let video = description.section(mid("2")).unwrap();
    assert_eq!(video.attribute("simulcast"), Some("recv q;h;f"));
    assert_eq!(video.rids().count(), 3);
}

#[test]
fn a_client_that_offers_both_ways_is_answered_one_way() {
    let offer = fixture("ffmpeg-8.1-whip-offer").replace("a=sendonly", "a=sendrecv");
    let answer = answer_to(&offer);
    assert!(answer.contains("a=sendrecv"), "str0m answers both ways");
    let plans = [
        plan("0", publish(None, false)),
        plan("1", publish(None, false)),
    ];
    let text = edit_answer(&answer, &offer, &plans).unwrap();
    assert_eq!(text.matches("a=recvonly\r\n").count(), 2);
    assert!(!text.contains("a=ssrc") && !text.contains("a=msid:"));
}

#[test]
fn plans_that_cannot_be_are_refused() {
    let name = "chromium-156-livekit-2.23-single-pc-publishing-offer";
    let (offer, answer) = (fixture(name), answer_to(fixture(name)));
    let with_ids = |stream: &str, track: &str| SectionRole::Subscribe {
        stream: stream.into(),
        track: track.into(),
        stereo: false,
    };
    for (name, section, role, want) in [
        (
            "no such section",
            "99",
            SectionRole::Inactive,
            EditSdpError::NoSection(mid("99")),
        ),
        (
            "a sending section",
            "8",
            subscribe(),
            EditSdpError::NotReceiving(mid("8")),
        ),
        (
            "a line end",
            "0",
            with_ids("a\r\na=x", "t"),
            EditSdpError::BadId(mid("0")),
        ),
        (
            "a space",
            "0",
            with_ids("a", "t u"),
            EditSdpError::BadId(mid("0")),
        ),
        (
            "an umlaut",
            "0",
            with_ids("ä", "t"),
            EditSdpError::BadId(mid("0")),
        ),
        (
            "nothing",
            "0",
            with_ids("", "t"),
            EditSdpError::BadId(mid("0")),
        ),
        (
            "65 characters",
            "0",
            with_ids(&"x".repeat(65), "t"),
            EditSdpError::BadId(mid("0")),
        ),
    ] {
        assert_eq!(
            edit_answer(&answer, offer, &[plan(section, role)]),
            Err(want),
            "{name}"
        );
    }
    let kept = edit_answer(&answer, offer, &[plan("99", SectionRole::Keep)]);
    assert!(kept.is_ok(), "nothing is asked of a kept section");
    let longest = with_ids(&"x".repeat(64), "t");
    assert!(edit_answer(&answer, offer, &[plan("0", longest)]).is_ok());
}

#[test]
fn a_refused_section_is_left_alone() {
    let offer = fixture("ffmpeg-8.1-whip-offer");
    let answer = answer_to(offer).replacen("m=video 9 ", "m=video 0 ", 1);
    let plans = [plan("1", publish(Some("video/H264"), false))];
    let text = edit_answer(&answer, offer, &plans).unwrap();
    let section = |text: &str| text.split("m=video").nth(1).unwrap().to_owned();
    assert_eq!(section(&text), section(&answer));
}

#[test]
fn an_edited_answer_is_accepted_by_the_peer_that_offered() {
    let mut client = rtc(false);
    let mut change = client.sdp_api();
    let mids = [
        change.add_media(MediaKind::Audio, RtcDirection::RecvOnly, None, None, None),
        change.add_media(MediaKind::Video, RtcDirection::RecvOnly, None, None, None),
        change.add_media(MediaKind::Audio, RtcDirection::SendOnly, None, None, None),
        change.add_media(MediaKind::Video, RtcDirection::SendOnly, None, None, None),
    ];
    let (offer, pending) = change.apply().unwrap();
    let offer = offer.to_sdp_string();
    let plans = [
        plan(&mids[0].to_string(), subscribe()),
        plan(&mids[1].to_string(), SectionRole::Inactive),
        plan(&mids[2].to_string(), publish(None, false)),
        plan(&mids[3].to_string(), publish(Some("video/VP9"), false)),
    ];
    let text = edit_answer(&answer_to(&offer), &offer, &plans).unwrap();
    let answer = SdpAnswer::from_sdp_string(&text).unwrap();
    client.sdp_api().accept_answer(pending, answer).unwrap();
    assert_eq!(
        client.media(mids[0]).unwrap().direction(),
        RtcDirection::RecvOnly
    );
    assert_eq!(
        client.media(mids[1]).unwrap().direction(),
        RtcDirection::Inactive
    );
    assert_eq!(
        client.media(mids[3]).unwrap().direction(),
        RtcDirection::SendOnly
    );
}

/// str0m's offer of two sections and data channels to a subscriber, as in `LiveKit` v0.
fn subscriber_offer() -> (String, [String; 2]) {
    let mut rtc = rtc(true);
    let mut change = rtc.sdp_api();
    change.add_channel("_reliable".to_owned());
    let ids = |text: &str| Some(text.to_owned());
    let direction = RtcDirection::SendOnly;
    let audio = change.add_media(
        MediaKind::Audio,
        direction,
        ids("PA_a|TR_b"),
        ids("TR_b"),
        None,
    );
    let video = change.add_media(
        MediaKind::Video,
        direction,
        ids("PA_a|TR_c"),
        ids("TR_c"),
        None,
    );
    let (offer, _pending) = change.apply().unwrap();
    (
        offer.to_sdp_string(),
        [audio.to_string(), video.to_string()],
    )
}

#[test]
fn an_edited_offer_shows_the_new_track_and_is_accepted() {
    let (offer, [audio, video]) = subscriber_offer();
    let stereo = SectionRole::Subscribe {
        stream: STREAM.into(),
        track: TRACK.into(),
        stereo: true,
    };
    let plans = [plan(&audio, stereo), plan(&video, SectionRole::Inactive)];
    let text = edit_offer(&offer, &plans).unwrap();
    let description = Description::parse(&text).unwrap();
    let section = description.section(mid(&audio)).unwrap();
    let msid = section.msid().unwrap();
    assert_eq!((msid.stream, msid.track), (STREAM, Some(TRACK)));
    assert!(text.contains("useinbandfec=1;sprop-stereo=1\r\n"));
    assert!(!text.contains("PA_a|"), "{text}");
    let section = description.section(mid(&video)).unwrap();
    assert_eq!(
        (section.direction(), section.ssrcs().len()),
        (Direction::Inactive, 0)
    );

    let offer = SdpOffer::from_sdp_string(&text).unwrap();
    let answer = rtc(false)
        .sdp_api()
        .accept_offer(offer)
        .unwrap()
        .to_sdp_string();
    assert_eq!(answer.matches("a=recvonly\r\n").count(), 1);
    assert_eq!(answer.matches("a=inactive\r\n").count(), 1);
}
