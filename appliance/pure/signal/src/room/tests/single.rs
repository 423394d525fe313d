//! Watching through one connection (v1).

use super::bench::{Bench, all, first, request_for};
use super::sdp::{Sec, join_sections, receive, said};
use super::subscribe::{subscribes, subscription, unsubscribes};
use crate::sdp::Direction;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::{DisconnectReason, SubscriptionError, TrackSource, leave_request::Action};
use media::plane::MediaCommand;
use std::time::Duration;

/// The sections in which bob was shown something.
fn mids(bench: &Bench) -> Vec<String> {
    let bob = bench.key_of("bob");
    let mids = bench.media.iter().filter_map(|c| match c {
        MediaCommand::Subscribe { subscription, .. } if subscription.subscriber == bob => {
            Some(subscription.mid.to_string())
        }
        _ => None,
    });
    mids.collect()
}

#[test]
fn tracks_that_are_there_fill_the_first_answer() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "mic", TrackSource::Microphone).sid;
    let publisher = bench.info("alice").sid;
    let bob = bench.join_single("bob");
    let messages = bench.take(bob);
    let answer = first!(messages, Answer);
    assert_eq!(answer.mid_to_track_id.get("0"), Some(&sid));
    let want = (
        Direction::SendOnly,
        Some(format!("{publisher}|{sid} {sid}")),
    );
    assert_eq!(said(&answer.sdp, "0"), want);
    assert_eq!(said(&answer.sdp, "1"), (Direction::Inactive, None));
    assert_eq!(mids(&bench), ["0"]);
    assert!(all!(messages, MediaSectionsRequirement).is_empty());
}

#[test]
fn with_free_sections_the_client_is_asked_for_nothing_but_an_offer() {
    let mut bench = Bench::new();
    let bob = bench.join_single("bob");
    bench.connect("bob");
    bench.take(bob);
    let alice = bench.join_connected("alice");
    bench.publish(alice, "cam", TrackSource::Camera);
    let messages = bench.take(bob);
    let asked = first!(messages, MediaSectionsRequirement);
    assert_eq!((asked.num_audios, asked.num_videos), (0, 0));
    bench.offers(bob, 2, &join_sections());
    assert_eq!(mids(&bench), ["3"], "the first video section");
    assert!(
        all!(bench.take(bob), MediaSectionsRequirement).is_empty(),
        "satisfied"
    );
}

#[test]
fn missing_sections_are_asked_for_once() {
    let mut bench = Bench::new();
    let bob = bench.join_single("bob");
    bench.connect("bob");
    bench.take(bob);
    for n in 0..5 {
        let name = format!("alice{n}");
        let alice = bench.join_connected(&name);
        bench.publish(alice, "mic", TrackSource::Microphone);
    }
    let asked = all!(bench.take(bob), MediaSectionsRequirement);
    assert_eq!(asked.len(), 1, "one request is outstanding");
    assert_eq!(
        (asked[0].num_audios, asked[0].num_videos),
        (0, 0),
        "three fit"
    );
    bench.offers(bob, 2, &join_sections());
    let asked = all!(bench.take(bob), MediaSectionsRequirement);
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].num_audios, asked[0].num_videos), (2, 0));
    bench.offers(bob, 3, &join_sections());
    assert!(
        all!(bench.take(bob), MediaSectionsRequirement).is_empty(),
        "an offer of its own"
    );
    let mut sections = join_sections();
    sections.extend([receive("7", "audio"), receive("8", "audio")]);
    bench.offers(bob, 4, &sections);
    assert_eq!(mids(&bench), ["0", "1", "2", "7", "8"]);
}

#[test]
fn a_section_is_answered_inactive_once_before_it_shows_another_track() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "mic", TrackSource::Microphone).sid;
    let only: Vec<Sec> = vec![receive("0", "audio")];
    let mut join = super::bench::join_of("bob", crate::join::SignalVersion::V1);
    join.publisher_offer = Some(super::bench::session_offer(1, &only));
    let bob = bench.enter(join).unwrap();
    bench.connect("bob");
    bench.take(bob);
    bench.says(bob, subscription(&sid, false));
    assert_eq!(unsubscribes(&bench), 1);
    assert_eq!(
        all!(bench.take(bob), MediaSectionsRequirement).len(),
        1,
        "to hear of the end"
    );
    bench.says(bob, subscription(&sid, true));
    bench.offers(bob, 2, &only);
    let messages = bench.take(bob);
    assert_eq!(
        said(&first!(messages, Answer).sdp, "0"),
        (Direction::Inactive, None)
    );
    assert_eq!(
        all!(messages, MediaSectionsRequirement).len(),
        1,
        "asked again"
    );
    bench.offers(bob, 3, &only);
    assert_eq!(
        said(&first!(bench.take(bob), Answer).sdp, "0").0,
        Direction::SendOnly
    );
    assert_eq!(subscribes(&bench), 2);
}

#[test]
fn a_shown_track_keeps_its_section_in_every_answer() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    let sid = bench.publish(alice, "mic", TrackSource::Microphone).sid;
    let bob = bench.join_single("bob");
    bench.connect("bob");
    bench.take(bob);
    bench.offers(bob, 2, &join_sections());
    let answer = first!(bench.take(bob), Answer);
    assert_eq!(
        (answer.id, answer.mid_to_track_id.get("0")),
        (2, Some(&sid))
    );
    assert_eq!(subscribes(&bench), 1, "told once");
}

#[test]
fn a_codec_no_section_lists_is_said_to_the_client() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "cam", TrackSource::Camera);
    let mut join = super::bench::join_of("bob", crate::join::SignalVersion::V1);
    let mut sections = join_sections();
    for section in &mut sections {
        if section.kind == "video" {
            section.codecs = vec!["H264/90000"];
        }
    }
    join.publisher_offer = Some(super::bench::session_offer(1, &sections));
    let bob = bench.enter(join).unwrap();
    let response = first!(bench.take(bob), SubscriptionResponse);
    assert_eq!(response.err(), SubscriptionError::SeCodecUnsupported);
    assert_eq!(subscribes(&bench), 0);
}

#[test]
fn a_client_that_never_offers_when_asked_has_to_join_anew() {
    let mut bench = Bench::new();
    let bob = bench.join_single("bob");
    bench.connect("bob");
    let alice = bench.join_connected("alice");
    bench.publish(alice, "mic", TrackSource::Microphone);
    bench.wait(Duration::from_secs(16));
    let leave = first!(bench.take(bob), Leave);
    assert_eq!(
        (leave.action(), leave.reason()),
        (Action::Reconnect, DisconnectReason::StateMismatch)
    );
}

#[test]
fn a_section_that_starts_to_publish_gives_its_track_up() {
    let mut bench = Bench::new();
    let alice = bench.join_connected("alice");
    bench.publish(alice, "mic", TrackSource::Microphone);
    let bob = bench.join_single("bob");
    bench.connect("bob");
    bench.says(
        bob,
        Request::AddTrack(request_for("own", TrackSource::Microphone)),
    );
    let mut sections = join_sections();
    sections[0] = super::sdp::send_audio("0", "own");
    bench.offers(bob, 2, &sections);
    assert_eq!(bench.info("bob").tracks[0].mid, "0");
    assert_eq!(mids(&bench), ["0"]);
    bench.offers(bob, 3, &sections);
    assert_eq!(mids(&bench), ["0", "1"], "shown in the next free section");
}
