//! WHIP and WHEP.

use super::bench::{Bench, claims, updates};
use super::sdp::{description, receive, said, send_audio, send_video};
use crate::fragment::Fragment;
use crate::room::{ExchangeRefusal, PatchExchangeError, Patched, TrickleFragment};
use crate::sdp::{Description, Direction};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::{LeaveRequest, TrackSource};
use media::MediaEvent;
use media::plane::{MediaCommand, NegotiationFailure, PeerFailure, PeerRole};
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

fn fragment(ufrag: Option<&str>) -> TrickleFragment {
    TrickleFragment {
        credentials: ufrag.map(|ufrag| (ufrag.into(), "0123456789012345678901".into())),
        candidates: vec!["candidate:1 1 udp 1 192.0.2.1 5000 typ host".into()],
    }
}

fn patches(
    bench: &mut Bench,
    session: SessionKey,
    fragment: &TrickleFragment,
) -> Result<Patched, PatchExchangeError> {
    let patched = bench.room.handle_patch(session, fragment, bench.now);
    bench.drain();
    patched
}

#[test]
fn candidates_of_the_same_ice_session_are_patched_in() {
    let mut bench = Bench::new();
    let session = whip(&mut bench, &description(&[send_audio("0", "x")]));
    for ufrag in [None, Some("clnt")] {
        bench.media.clear();
        let mut fragment = fragment(ufrag);
        fragment.candidates = vec![format!("candidate:{ufrag:?}")];
        let patched = patches(&mut bench, session, &fragment);
        assert_eq!(patched, Ok(Patched::Trickled));
        assert!(matches!(bench.media[0], MediaCommand::AddCandidate { .. }));
    }
    let unknown = patches(&mut bench, SessionKey(999), &fragment(None));
    assert_eq!(unknown, Err(PatchExchangeError::NotFound));
    assert_eq!(bench.restarts, []);
}

#[test]
fn new_credentials_restart_ice_and_change_nothing_else() {
    for (name, offer) in [("FFmpeg", FFMPEG), ("aiortc", AIORTC)] {
        let mut bench = Bench::new();
        let session = whip(&mut bench, offer);
        bench.connect("encoder");
        let before = bench.info("encoder");
        bench.forget();
        let patched = patches(&mut bench, session, &fragment(Some("new1")));
        assert_eq!(patched, Ok(Patched::Restarting), "{name}");
        let [MediaCommand::AcceptOffer { sdp, .. }] = bench.media.as_slice() else {
            panic!("{name}: {:?}", bench.media);
        };
        let offered = Description::parse(sdp).unwrap();
        let sections = offered.sections().iter();
        for (at, section) in sections.enumerate() {
            assert_eq!(section.attribute("ice-ufrag").unwrap_or("new1"), "new1");
            let candidates: Vec<_> = section.candidates().collect();
            assert_eq!(candidates.len(), usize::from(at == 0), "{name}: {at}");
        }
        assert_eq!(offered.ice_ufrag(), Some("new1"), "{name}");
        let (of, answer) = &bench.restarts[0];
        let answer = answer.clone().unwrap();
        assert_eq!((*of, answer.etag.as_str()), (session, "serv"), "{name}");
        assert!(
            Fragment::parse(&answer.fragment).is_ok(),
            "{}",
            answer.fragment
        );
        assert_eq!(bench.info("encoder"), before, "{name}");
        assert_eq!(bench.exchanges[&session].len(), 1, "{name}");
        let again = patches(&mut bench, session, &fragment(Some("new2")));
        assert_eq!(again, Ok(Patched::Restarting), "{name}: as often as needed");
    }
}

#[test]
fn a_restart_that_fails_leaves_the_session_as_it_was() {
    let mut bench = Bench::new();
    let session = whip(&mut bench, FFMPEG);
    bench.answers = false;
    bench.forget();
    let patched = patches(&mut bench, session, &fragment(Some("new1")));
    assert_eq!(patched, Ok(Patched::Restarting));
    let meanwhile = patches(&mut bench, session, &fragment(Some("new2")));
    assert_eq!(meanwhile, Err(PatchExchangeError::Restarting));
    let Some(MediaCommand::AcceptOffer {
        room,
        peer,
        negotiation,
        ..
    }) = bench.media.first().cloned()
    else {
        panic!("{:?}", bench.media);
    };
    bench.media(MediaEvent::NegotiationFailed {
        room,
        peer,
        negotiation,
        cause: NegotiationFailure::Malformed,
    });
    assert_eq!(bench.restarts, [(session, Err(ExchangeRefusal::Malformed))]);
    assert_eq!(bench.info("encoder").tracks.len(), 2, "still publishing");
    let again = patches(&mut bench, session, &fragment(Some("new1")));
    assert_eq!(again, Ok(Patched::Restarting), "and may try again");
}

#[test]
fn what_is_not_answered_yet_cannot_restart() {
    let mut bench = Bench::new();
    bench.answers = false;
    let session = whip(&mut bench, FFMPEG);
    let patched = patches(&mut bench, session, &fragment(Some("new1")));
    assert_eq!(patched, Err(PatchExchangeError::NothingToRestart));
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
