//! Watching through two connections (v0).

use super::bench::{Bench, all, first, join_of, updates};
use super::sdp::{data, inactive, said, send_audio, send_video};
use crate::join::SignalVersion;
use crate::sdp::Direction;
use livekit_protocol::client_info::Sdk;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    DisconnectReason, SessionDescription, SpeakerInfo, SubscriptionError, SubscriptionPermission,
    TrackPermission, TrackSource, UpdateSubscription, UpdateTrackSettings, leave_request::Action,
};
use media::plane::{MediaCommand, Quality, Speaker};
use media::{Layer, MediaEvent};
use std::time::Duration;

pub(super) fn subscribes(bench: &Bench) -> usize {
    bench
        .media
        .iter()
        .filter(|c| matches!(c, MediaCommand::Subscribe { .. }))
        .count()
}

pub(super) fn unsubscribes(bench: &Bench) -> usize {
    bench
        .media
        .iter()
        .filter(|c| matches!(c, MediaCommand::Unsubscribe { .. }))
        .count()
}

pub(super) fn subscription(sid: &str, subscribe: bool) -> Request {
    Request::Subscription(UpdateSubscription {
        track_sids: vec![sid.into()],
        subscribe,
        ..UpdateSubscription::default()
    })
}

#[test]
fn a_newcomer_is_offered_every_track_in_its_first_offer() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "mic", TrackSource::Microphone).sid;
    let publisher = bench.info("alice").sid;
    let bob = bench.join("bob");
    let offer = first!(bench.take(bob), Offer);
    assert_eq!(offer.id, 1);
    let (mid, shown) = offer.mid_to_track_id.iter().next().unwrap();
    assert_eq!(shown, &sid);
    let want = (
        Direction::SendOnly,
        Some(format!("{publisher}|{sid} {sid}")),
    );
    assert_eq!(said(&offer.sdp, mid), want);
    assert_eq!(subscribes(&bench), 1);
}

#[test]
fn one_offer_is_outstanding_and_changes_wait_for_its_answer() {
    let mut bench = Bench::new();
    bench.clients_answer = false;
    let bob = bench.join_connected("bob");
    let first = first!(bench.take(bob), Offer);
    let alice = bench.join_connected("alice");
    bench.publish(alice, "mic", TrackSource::Microphone);
    bench.publish(alice, "cam", TrackSource::Camera);
    assert!(
        all!(bench.take(bob), Offer).is_empty(),
        "the first offer is not answered"
    );
    let answer = |offer: &SessionDescription, id| {
        Request::Answer(SessionDescription {
            sdp: super::sdp::answer_to(&offer.sdp),
            id,
            ..SessionDescription::default()
        })
    };
    bench.says(bob, answer(&first, 9));
    assert!(
        all!(bench.take(bob), Offer).is_empty(),
        "an answer to no offer"
    );
    bench.says(bob, answer(&first, 0));
    let offers = all!(bench.take(bob), Offer);
    assert_eq!(
        offers.len(),
        1,
        "Rust answers with id 0; both tracks in one offer"
    );
    assert_eq!((offers[0].id, offers[0].mid_to_track_id.len()), (2, 2));
    assert_eq!(subscribes(&bench), 0);
    bench.says(bob, answer(&offers[0], 2));
    assert_eq!(subscribes(&bench), 2);
}

#[test]
fn an_offer_without_answer_ends_in_a_full_reconnect() {
    let mut bench = Bench::new();
    bench.clients_answer = false;
    let bob = bench.join("bob");
    bench.wait(Duration::from_secs(16));
    let leave = first!(bench.take(bob), Leave);
    assert_eq!(
        (leave.action(), leave.reason()),
        (Action::Reconnect, DisconnectReason::StateMismatch)
    );
    assert!(bench.closed.contains(&bob));
}

#[test]
fn a_section_is_used_again_after_it_was_inactive_once() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let bob = bench.join_connected("bob");
    bench.publish(alice, "mic", TrackSource::Microphone);
    bench.take(bob);
    bench.offers(alice, 2, &[data("0"), inactive("1", "audio")]);
    let offer = first!(bench.take(bob), Offer);
    assert_eq!(said(&offer.sdp, "s0"), (Direction::Inactive, None));
    bench.says(
        alice,
        Request::AddTrack(super::bench::request_for("mic2", TrackSource::Microphone)),
    );
    bench.offers(
        alice,
        3,
        &[data("0"), inactive("1", "audio"), send_audio("2", "mic2")],
    );
    let offer = first!(bench.take(bob), Offer);
    assert_eq!(said(&offer.sdp, "s0").0, Direction::SendOnly);
    assert_eq!(offer.mid_to_track_id.len(), 1);
    assert!(!offer.sdp.contains("a=mid:s1"), "no section was added");
}

#[test]
fn pion_gets_a_new_section_when_one_was_silent_for_two_offers() {
    for (sdk, is_reused) in [(Sdk::Go, false), (Sdk::Js, true)] {
        let mut bench = Bench::new();
        let alice = bench.join_connected("alice");
        let mut join = join_of("bob", SignalVersion::V0);
        join.client.sdk = sdk.into();
        let bob = bench.enter(join).unwrap();
        bench.connect("bob");
        bench.publish(alice, "mic", TrackSource::Microphone);
        bench.offers(alice, 2, &[data("0"), inactive("1", "audio")]);
        let announce = |bench: &mut Bench, cid, source| {
            let request = super::bench::request_for(cid, source);
            bench.says(alice, Request::AddTrack(request));
        };
        announce(&mut bench, "cam", TrackSource::Camera);
        let mut sections = vec![data("0"), inactive("1", "audio"), send_video("2", "cam")];
        bench.offers(alice, 3, &sections);
        bench.take(bob);
        announce(&mut bench, "mic2", TrackSource::Microphone);
        sections.push(send_audio("3", "mic2"));
        bench.offers(alice, 4, &sections);
        let offer = first!(bench.take(bob), Offer);
        assert_eq!(!offer.sdp.contains("a=mid:s2"), is_reused, "{sdk:?}");
        assert_eq!(offer.mid_to_track_id.len(), 2, "{sdk:?}");
    }
}

#[test]
fn a_client_subscribes_and_unsubscribes_by_itself() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "mic", TrackSource::Microphone).sid;
    let mut join = join_of("bob", SignalVersion::V0);
    join.auto_subscribe = false;
    let bob = bench.enter(join).unwrap();
    bench.connect("bob");
    assert_eq!(subscribes(&bench), 0, "nothing by itself");
    bench.take(bob);
    bench.says(bob, subscription(&sid, true));
    assert_eq!(subscribes(&bench), 1);
    assert_eq!(first!(bench.take(alice), TrackSubscribed).track_sid, sid);
    bench.take(bob);
    bench.says(bob, subscription(&sid, false));
    assert_eq!(unsubscribes(&bench), 1);
    assert_eq!(
        said(&first!(bench.take(bob), Offer).sdp, "s0").0,
        Direction::Inactive
    );
    bench.says(bob, subscription("TR_none", true));
    let response = first!(bench.take(bob), SubscriptionResponse);
    assert_eq!(response.err(), SubscriptionError::SeTrackNotfound);
}

#[test]
fn the_publisher_hears_of_its_first_watcher_only() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "mic", TrackSource::Microphone);
    bench.join_connected("bob");
    bench.join_connected("carol");
    assert_eq!(all!(bench.take(alice), TrackSubscribed).len(), 1);
}

#[test]
fn a_codec_the_client_does_not_take_is_said_to_it() {
    let mut bench = Bench::new();
    bench.clients_answer = false;
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "cam", TrackSource::Camera).sid;
    let bob = bench.join("bob");
    let offer = first!(bench.take(bob), Offer);
    let answer = super::sdp::answer_to(&offer.sdp).replace("VP8", "H265");
    bench.says(
        bob,
        Request::Answer(SessionDescription {
            sdp: answer,
            id: 1,
            ..SessionDescription::default()
        }),
    );
    let response = first!(bench.take(bob), SubscriptionResponse);
    assert_eq!(response.track_sid, sid);
    assert_eq!(response.err(), SubscriptionError::SeCodecUnsupported);
    assert_eq!(subscribes(&bench), 0);
}

#[test]
fn settings_become_wishes_also_before_media_flows() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "cam", TrackSource::Camera).sid;
    let bob = bench.join_connected("bob");
    bench.media.clear();
    let settings = UpdateTrackSettings {
        track_sids: vec![sid],
        disabled: true,
        ..Default::default()
    };
    bench.says(bob, Request::TrackSetting(settings.clone()));
    bench.says(bob, Request::TrackSetting(settings));
    let wishes: Vec<_> = bench
        .media
        .iter()
        .filter_map(|c| match c {
            MediaCommand::SetSubscription { wish, .. } => Some(*wish),
            _ => None,
        })
        .collect();
    assert_eq!(wishes.len(), 1, "said once");
    assert!(!wishes[0].enabled && wishes[0].highest == Layer::Low);
}

#[test]
fn a_publisher_decides_who_may_watch() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "mic", TrackSource::Microphone).sid;
    let bob = bench.join_connected("bob");
    bench.forget();
    let only = |identity: &str| {
        Request::SubscriptionPermission(SubscriptionPermission {
            all_participants: false,
            track_permissions: vec![TrackPermission {
                participant_identity: identity.into(),
                all_tracks: true,
                ..TrackPermission::default()
            }],
        })
    };
    bench.says(alice, only("carol"));
    assert_eq!(unsubscribes(&bench), 1);
    let update = first!(bench.take(bob), SubscriptionPermissionUpdate);
    assert_eq!(
        (update.track_sid.as_str(), update.allowed),
        (sid.as_str(), false)
    );
    bench.says(bob, subscription(&sid, true));
    assert_eq!(subscribes(&bench), 0, "asking does not help");
    bench.says(alice, only("bob"));
    assert!(first!(bench.take(bob), SubscriptionPermissionUpdate).allowed);
    assert_eq!(subscribes(&bench), 1, "the wish was kept");
}

#[test]
fn without_can_subscribe_nothing_is_watched() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "mic", TrackSource::Microphone);
    let mut join = join_of("bob", SignalVersion::V0);
    join.claims.video.can_subscribe = Some(false);
    bench.enter(join).unwrap();
    assert_eq!(subscribes(&bench), 0);
}

#[test]
fn speakers_are_told_to_those_who_hear_them_and_to_themselves() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "mic", TrackSource::Microphone);
    let bob = bench.join_connected("bob");
    let mut join = join_of("carol", SignalVersion::V0);
    join.auto_subscribe = false;
    let carol = bench.enter(join).unwrap();
    bench.forget();
    let changed = vec![Speaker {
        participant: bench.key_of("alice"),
        level: 0.5,
        active: true,
    }];
    bench.media(MediaEvent::SpeakersChanged {
        room: bench.room.key(),
        changed,
    });
    let sid = bench.info("alice").sid;
    let want = vec![SpeakerInfo {
        sid,
        level: 0.5,
        active: true,
    }];
    assert_eq!(first!(bench.take(bob), SpeakersChanged).speakers, want);
    assert_eq!(first!(bench.take(alice), SpeakersChanged).speakers, want);
    assert!(bench.take(carol).is_empty());
}

#[test]
fn quality_is_told_to_its_owner_to_watchers_and_to_later_ones() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "mic", TrackSource::Microphone);
    let (room, participant) = (bench.room.key(), bench.key_of("alice"));
    let quality = Quality::Poor;
    bench.media(MediaEvent::QualityChanged {
        room,
        participant,
        quality,
        score: 2.0,
    });
    let own = first!(bench.take(alice), ConnectionQuality);
    assert_eq!(
        own.updates[0].quality(),
        livekit_protocol::ConnectionQuality::Poor
    );
    let bob = bench.join_connected("bob");
    assert_eq!(
        first!(bench.take(bob), ConnectionQuality).updates,
        own.updates
    );
}

#[test]
fn a_paused_stream_is_said_to_its_watcher() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "cam", TrackSource::Camera).sid;
    let bob = bench.join_connected("bob");
    bench.take(bob);
    let (room, track, subscriber) = (bench.room.key(), bench.track_of(&sid), bench.key_of("bob"));
    bench.media(MediaEvent::StreamStateChanged {
        room,
        subscriber,
        track,
        active: false,
    });
    let state = &first!(bench.take(bob), StreamStateUpdate).stream_states[0];
    assert_eq!(
        (state.track_sid.as_str(), state.state()),
        (sid.as_str(), livekit_protocol::StreamState::Paused)
    );
}

#[test]
fn a_leaver_takes_its_tracks_along() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "mic", TrackSource::Microphone);
    let bob = bench.join_connected("bob");
    bench.take(bob);
    bench.says(
        alice,
        Request::Leave(livekit_protocol::LeaveRequest::default()),
    );
    let messages = bench.take(bob);
    assert!(
        matches!(messages[0], Message::Update(_)),
        "told before the offer"
    );
    assert_eq!(
        updates(&messages)[0].disconnect_reason(),
        DisconnectReason::ClientInitiated
    );
    assert_eq!(
        said(&first!(messages, Offer).sdp, "s0").0,
        Direction::Inactive
    );
}
