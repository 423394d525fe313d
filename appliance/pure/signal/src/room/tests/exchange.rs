//! WHIP and WHEP.

use super::bench::{Bench, claims, updates};
use super::sdp::{description, receive, said, send_audio, send_video};
use crate::room::{ExchangeRefusal, PatchExchangeError, TrickleFragment};
use crate::sdp::Direction;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::{LeaveRequest, TrackSource};
use media::plane::{MediaCommand, PeerFailure, PeerRole};
use std::time::Duration;
use vocab::{ErrorKind, SessionKey};

const FFMPEG: &str = include_str!("../../../tests/fixtures/ffmpeg-8.1-whip-offer.sdp");
const AIORTC: &str = include_str!("../../../tests/fixtures/aiortc-1.16-whip-offer.sdp");

fn whip(bench: &mut Bench, offer: &str) -> SessionKey {
    let session = bench.keys.session();
    bench
        .room
        .handle_whip(session, claims("encoder"), offer.into(), bench.now);
    bench.drain();
    session
}

fn whep(bench: &mut Bench, identity: &str, source: Option<&str>) -> SessionKey {
    let session = bench.keys.session();
    let mut sections = [receive("0", "audio"), receive("1", "video")];
    sections[1].codecs.push("H264/90000");
    let offer = description(&sections);
    bench
        .room
        .handle_whep(session, claims(identity), offer, source, bench.now);
    bench.drain();
    session
}

fn refusal(bench: &Bench, session: SessionKey) -> ExchangeRefusal {
    assert_eq!(bench.exchanges[&session].len(), 1, "exactly one answer");
    bench.exchanges[&session][0].clone().unwrap_err()
}

#[test]
fn encoders_publish_and_are_watched() {
    for (name, offer) in [("FFmpeg", FFMPEG), ("aiortc", AIORTC)] {
        let mut bench = Bench::new();
        let bob = bench.join_connected("bob");
        bench.take(bob);
        let session = whip(&mut bench, offer);
        assert_eq!(bench.exchanges[&session].len(), 1, "{name}");
        let answer = bench.exchanges[&session][0].clone().unwrap();
        assert_eq!(answer.etag, "serv", "{name}: our ICE user name");
        for mid in ["0", "1"] {
            assert_eq!(
                said(&answer.sdp, mid),
                (Direction::RecvOnly, None),
                "{name}"
            );
        }
        let info = bench.info("encoder");
        let sources: Vec<_> = info
            .tracks
            .iter()
            .map(livekit_protocol::TrackInfo::source)
            .collect();
        assert_eq!(
            sources,
            [TrackSource::Microphone, TrackSource::Camera],
            "{name}"
        );
        assert!(
            info.tracks.iter().all(|track| !track.mime_type.is_empty()),
            "{name}"
        );
        assert!(
            updates(&bench.take(bob))
                .iter()
                .any(|info| info.tracks.len() == 2),
            "{name}"
        );
        bench.connect("encoder");
        assert!(
            bench.webhook_names().contains(&"participant_joined"),
            "{name}"
        );
        assert!(bench.room.handle_delete(session, bench.now), "{name}");
        bench.drain();
        assert!(
            !bench.room.handle_delete(session, bench.now),
            "{name}: gone"
        );
        assert!(
            bench.room.participant("encoder").is_err() && bench.closed.contains(&session),
            "{name}"
        );
    }
}

#[test]
fn whip_offers_that_cannot_be_answered_are_refused_and_leave_nobody() {
    let many: Vec<_> = (0..5).map(|n| send_video(&n.to_string(), "x")).collect();
    for (name, offer, want) in [
        ("no SDP", "hello".to_owned(), ErrorKind::Invalid),
        (
            "nothing sent",
            description(&[receive("0", "video")]),
            ErrorKind::Precondition,
        ),
        (
            "too many tracks",
            description(&many),
            ErrorKind::Precondition,
        ),
    ] {
        let mut bench = Bench::new();
        let session = whip(&mut bench, &offer);
        assert_eq!(refusal(&bench, session).kind(), want, "{name}");
        assert!(bench.room.participants().is_empty(), "{name}");
    }
    let mut bench = Bench::new();
    let mut mute = claims("encoder");
    mute.video.can_publish = Some(false);
    let session = bench.keys.session();
    bench
        .room
        .handle_whip(session, mute, FFMPEG.into(), bench.now);
    bench.drain();
    assert_eq!(refusal(&bench, session).kind(), ErrorKind::Forbidden);
    bench.room.set_locked(true, bench.now);
    let session = whip(&mut bench, FFMPEG);
    assert_eq!(
        refusal(&bench, session),
        ExchangeRefusal::Join(crate::JoinRefusal::Locked)
    );
}

#[test]
fn a_media_plane_that_does_not_answer_is_an_answer() {
    let mut bench = Bench::new();
    bench.answers = false;
    let session = whip(&mut bench, FFMPEG);
    bench.wait(Duration::from_secs(8));
    assert_eq!(refusal(&bench, session), ExchangeRefusal::Unavailable);
    assert!(bench.room.participants().is_empty());
}

#[test]
fn a_lost_encoder_leaves() {
    let mut bench = Bench::new();
    let session = whip(&mut bench, FFMPEG);
    bench.connect("encoder");
    bench.fail("encoder", PeerFailure::IceDisconnected);
    assert!(bench.room.participants().is_empty());
    assert_eq!(bench.closed, [session]);
}

#[test]
fn candidates_are_patched_in_and_restarts_are_refused() {
    let mut bench = Bench::new();
    let session = whip(&mut bench, &description(&[send_audio("0", "x")]));
    bench.media.clear();
    let fragment = |ufrag: Option<&str>| TrickleFragment {
        ufrag: ufrag.map(String::from),
        candidates: vec!["candidate:1 x".into()],
    };
    let now = bench.now;
    assert_eq!(
        bench
            .room
            .handle_patch(session, &fragment(Some("clnt")), now),
        Ok(())
    );
    bench.drain();
    assert!(matches!(bench.media[0], MediaCommand::AddCandidate { .. }));
    let restart = bench
        .room
        .handle_patch(session, &fragment(Some("new1")), now);
    assert_eq!(restart, Err(PatchExchangeError::RestartUnsupported));
    let unknown = bench
        .room
        .handle_patch(SessionKey(999), &fragment(None), now);
    assert_eq!(unknown, Err(PatchExchangeError::NotFound));
}

#[test]
fn a_viewer_without_a_live_source_conflicts() {
    let mut bench = Bench::new();
    bench.join_connected("alice");
    let session = whep(&mut bench, "viewer", None);
    assert_eq!(refusal(&bench, session), ExchangeRefusal::NoLiveSource);
    assert_eq!(refusal(&bench, session).kind(), ErrorKind::Conflict);
}

#[test]
fn a_viewer_watches_one_publisher_in_one_stream() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "mic", TrackSource::Microphone);
    whip(&mut bench, FFMPEG);
    let session = whep(&mut bench, "viewer", None);
    let answer = bench.exchanges[&session][0].clone().unwrap();
    let streams: Vec<_> = ["0", "1"]
        .map(|mid| {
            let (direction, msid) = said(&answer.sdp, mid);
            assert_eq!(direction, Direction::SendOnly);
            msid.unwrap().split(' ').next().unwrap().to_owned()
        })
        .into();
    assert_eq!(streams[0], streams[1], "one MediaStream");
    let encoder = bench.key_of("encoder");
    let viewer = &bench.room.roster[&bench.key_of("viewer")];
    assert!(
        viewer
            .subscriptions
            .values()
            .all(|s| s.publisher == encoder && s.mid().is_some())
    );
    assert!(
        bench.media.iter().any(
            |c| matches!(c, MediaCommand::OpenPeer { peer, .. } if peer.role == PeerRole::Whep)
        )
    );
}

#[test]
fn a_viewer_may_name_its_source() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "mic", TrackSource::Microphone);
    whip(&mut bench, FFMPEG);
    let session = whep(&mut bench, "viewer", Some("alice"));
    let answer = bench.exchanges[&session][0].clone().unwrap();
    assert_eq!(said(&answer.sdp, "0").0, Direction::SendOnly);
    assert_eq!(
        said(&answer.sdp, "1").0,
        Direction::Inactive,
        "alice has no picture"
    );
    let session = whep(&mut bench, "other", Some("nobody"));
    assert_eq!(refusal(&bench, session), ExchangeRefusal::NoLiveSource);
}

#[test]
fn a_viewer_goes_on_with_the_next_source() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "mic", TrackSource::Microphone);
    let session = whep(&mut bench, "viewer", None);
    assert!(bench.exchanges[&session][0].is_ok());
    bench.says(alice, Request::Leave(LeaveRequest::default()));
    bench.forget();
    whip(&mut bench, FFMPEG);
    let shown = bench
        .media
        .iter()
        .filter(|c| matches!(c, MediaCommand::Subscribe { .. }))
        .count();
    assert_eq!(
        shown, 1,
        "sound for sound; the picture's section was answered inactive"
    );
}

#[test]
fn a_viewer_is_not_sent_what_it_cannot_read() {
    let mut bench = Bench::new();
    whip(&mut bench, FFMPEG);
    let session = bench.keys.session();
    let offer = description(&[receive("0", "audio"), receive("1", "video")]);
    bench
        .room
        .handle_whep(session, claims("viewer"), offer, None, bench.now);
    bench.drain();
    let answer = bench.exchanges[&session][0].clone().unwrap();
    assert_eq!(said(&answer.sdp, "0").0, Direction::SendOnly);
    assert_eq!(
        said(&answer.sdp, "1").0,
        Direction::Inactive,
        "FFmpeg sends H264"
    );
    let shown = bench
        .media
        .iter()
        .filter(|c| matches!(c, MediaCommand::Subscribe { .. }))
        .count();
    assert_eq!(shown, 1);
}

#[test]
fn a_viewer_that_nobody_admits_finds_no_source() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "mic", TrackSource::Microphone);
    let nobody = livekit_protocol::SubscriptionPermission::default();
    bench.says(alice, Request::SubscriptionPermission(nobody));
    let session = whep(&mut bench, "viewer", None);
    assert_eq!(refusal(&bench, session), ExchangeRefusal::NoLiveSource);
}
