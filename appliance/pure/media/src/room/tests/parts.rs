//! A room in two parts behaves as one, and costs one packet per part.

use super::pair::Pair;
use super::stage::{ALL, ANA, BEN, CARA, FRAME, ROOM, mid, peer};
use crate::demand::DEMAND_DEBOUNCE;
use crate::keyframe::KEYFRAME_REQUEST_INTERVAL;
use crate::plane::{DataTrackRoute, LayerWish, MediaPermissions, Speaker};
use crate::relay::Precedence;
use crate::{Channel, Kind, Layer, MediaCommand, MediaEvent, Relayed};
use livekit_protocol::{ChatMessage, DataPacket, UserPacket, data_packet};
use prost::Message;
use std::time::Duration;
use vocab::{ParticipantKey, ParticipantSid, TrackKey};

const LOW: LayerWish = LayerWish {
    enabled: true,
    highest: Layer::Low,
    priority: 0,
};
const HIGH: LayerWish = LayerWish {
    highest: Layer::High,
    ..LOW
};
const HIDDEN: LayerWish = LayerWish {
    enabled: false,
    ..LOW
};

fn wish(pair: &mut Pair, who: u64, wish: LayerWish) {
    pair.at(who, |part| part.wish(who, 1, wish));
}

/// Ana's camera with its three layers, watched on the other part.
fn watched(viewers: &[u64]) -> Pair {
    let mut pair = Pair::split();
    pair.publish(ANA, 1, Kind::Video);
    pair.flow(ANA, 1, 3);
    for viewer in viewers {
        pair.subscribe(*viewer, 1);
    }
    pair.flow(ANA, 1, 10);
    pair
}

fn message(sequence: u32, to: &[u64]) -> Vec<u8> {
    let user = UserPacket {
        payload: sequence.to_be_bytes().to_vec(),
        ..UserPacket::default()
    };
    let identities = to.iter().map(|who| format!("identity-{who}"));
    DataPacket {
        sequence,
        destination_identities: identities.collect(),
        value: Some(data_packet::Value::User(user)),
        ..DataPacket::default()
    }
    .encode_to_vec()
}

fn heard(pair: &Pair, who: u64) -> Vec<u32> {
    let messages = pair.messages(who);
    let decoded = messages.iter().map(|m| DataPacket::decode(m.clone()));
    decoded.map(|packet| packet.unwrap().sequence).collect()
}

#[test]
fn a_track_crosses_once_however_many_watch_it() {
    let mut pair = watched(&[BEN, CARA]);
    pair.forget();
    pair.flow_layers(ANA, 1, 30, &[Layer::High]);
    for viewer in [BEN, CARA] {
        assert_eq!(
            pair.marks(viewer),
            vec![12; 30],
            "{viewer} sees every frame"
        );
    }
    assert_eq!(pair.crossed_marks(), vec![12; 30]);
}

#[test]
fn cores_do_not_count_references_in_one_place() {
    let mut pair = watched(&[BEN, CARA]);
    pair.forget();
    pair.flow_layers(ANA, 1, 1, &[Layer::High]);
    let Some((_, Relayed::Packet { packet, .. })) = pair.crossed.first() else {
        panic!("{:?}", pair.crossed)
    };
    let there = pair.parts[1].sent.1;
    assert!(there.is_some(), "somebody watches there");
    assert_ne!(there, Some(packet.payload.as_ptr().addr()));
}

#[test]
fn what_nobody_watches_there_does_not_cross() {
    let mut pair = Pair::split();
    pair.publish(ANA, 1, Kind::Video);
    pair.publish(ANA, 2, Kind::Audio);
    pair.flow(ANA, 1, 20);
    pair.at(ANA, |part| part.send(ANA, 2, None, false));
    assert!(pair.crossed.is_empty(), "{:?}", pair.crossed);
    pair.subscribe(BEN, 2);
    pair.at(ANA, |part| part.send(ANA, 2, None, false));
    assert_eq!(pair.crossed_marks(), [13]);
    assert_eq!(pair.marks(BEN), [13]);
}

#[test]
fn only_the_layers_wanted_there_cross() {
    let mut pair = watched(&[BEN]);
    wish(&mut pair, BEN, LOW);
    pair.flow(ANA, 1, 180);
    pair.forget();
    pair.flow(ANA, 1, 10);
    assert_eq!(pair.crossed_marks(), [10; 10]);
    assert_eq!(pair.marks(BEN), [10; 10]);
    wish(&mut pair, BEN, HIGH);
    pair.flow(ANA, 1, 10);
    assert_eq!(pair.marks(BEN).last(), Some(&12));
}

/// The old layer crosses until the keyframe of the new one: the picture does not stand still.
#[test]
fn a_viewer_elsewhere_changes_layers_without_a_gap() {
    let mut pair = watched(&[BEN]);
    pair.forget();
    wish(&mut pair, BEN, LOW);
    for _ in 0..10 {
        for layer in Layer::ALL {
            pair.at(ANA, |part| part.send(ANA, 1, Some(layer), false));
        }
    }
    assert_eq!(pair.marks(BEN), [12; 10], "the encoder takes its time");
    pair.flow(ANA, 1, 30);
    let marks = pair.marks(BEN);
    assert_eq!(marks.len(), 40, "a picture per frame: {marks:?}");
    assert_eq!(marks.last(), Some(&10));
    let sent: Vec<_> = pair.parts[1].sent_to(BEN).map(|s| s.sequence).collect();
    assert!(sent.windows(2).all(|two| two[1] == two[0] + 1), "{sent:?}");
}

#[test]
fn a_picture_that_is_too_good_beats_none_there_too() {
    let mut pair = Pair::split();
    pair.publish(ANA, 1, Kind::Video);
    pair.subscribe(BEN, 1);
    wish(&mut pair, BEN, LOW);
    pair.flow_layers(ANA, 1, 200, &[Layer::High]);
    pair.forget();
    pair.flow_layers(ANA, 1, 5, &[Layer::High]);
    assert_eq!(pair.marks(BEN), [12; 5]);
}

#[test]
fn the_publisher_encodes_what_anybody_anywhere_wants() {
    let mut pair = Pair::split();
    pair.publish(ANA, 1, Kind::Video);
    pair.flow(ANA, 1, 3);
    pair.subscribe(BEN, 1);
    wish(&mut pair, BEN, LOW);
    pair.flow(ANA, 1, 180);
    let demands = |pair: &Pair| {
        let changes = pair.events().filter_map(|event| match event {
            MediaEvent::DemandChanged { wanted, .. } => Some(*wanted),
            _ => None,
        });
        changes.collect::<Vec<_>>()
    };
    assert_eq!(demands(&pair), [[true, false, false]]);
    wish(&mut pair, BEN, HIGH);
    assert_eq!(demands(&pair).last(), Some(&[true; 3]), "raised at once");
    pair.forget();
    wish(&mut pair, BEN, HIDDEN);
    pair.advance(DEMAND_DEBOUNCE + FRAME);
    assert_eq!(demands(&pair), [[false; 3]], "lowered once, and no later");
    pair.forget();
    pair.flow(ANA, 1, 3);
    assert_eq!(pair.crossed_marks(), [0; 0]);
}

#[test]
fn a_late_joiner_elsewhere_gets_a_keyframe() {
    let mut pair = watched(&[]);
    pair.forget();
    pair.subscribe(CARA, 1);
    let asked: Vec<_> = pair.parts[0].asked.iter().map(|(_, rid)| *rid).collect();
    assert_eq!(asked, [Some(Layer::High.rid())], "at once");
    pair.flow(ANA, 1, 5);
    assert_eq!(pair.marks(CARA), [12; 5]);
}

#[test]
fn keyframe_requests_of_all_parts_are_one() {
    let mut pair = watched(&[BEN, CARA]);
    pair.at(ANA, |part| part.publish(ANA, 9, Kind::Audio));
    pair.forget();
    for _ in 0..100 {
        for viewer in [BEN, CARA] {
            pair.at(viewer, |part| {
                part.room
                    .handle_keyframe_request(peer(viewer), mid(51), part.now);
                part.drain();
            });
        }
        pair.flow(ANA, 1, 1);
    }
    let asked = &pair.parts[0].asked;
    assert!((5..=7).contains(&asked.len()), "{}", asked.len());
    let gaps = asked.windows(2).map(|two| two[1].0 - two[0].0);
    assert!(gaps.into_iter().all(|gap| gap >= KEYFRAME_REQUEST_INTERVAL));
    assert!(pair.parts[1].asked.is_empty(), "the publisher is elsewhere");
}

#[test]
fn a_muted_track_does_not_cross_and_comes_back_whole() {
    let mut pair = watched(&[BEN]);
    pair.tell(|part| part.mute(1, true));
    pair.forget();
    // Longer than any jump that could be loss.
    for _ in 0..4_000 {
        pair.at(ANA, |part| part.send(ANA, 1, Some(Layer::High), false));
    }
    assert_eq!(pair.crossed_marks(), [0; 0]);
    pair.advance(KEYFRAME_REQUEST_INTERVAL);
    pair.tell(|part| part.mute(1, false));
    pair.flow(ANA, 1, 20);
    assert_eq!(pair.marks(BEN).last(), Some(&12));
    assert!(pair.marks(BEN).len() >= 19, "{:?}", pair.marks(BEN));
}

#[test]
fn nothing_crosses_from_those_who_may_not_publish() {
    let mut pair = watched(&[BEN]);
    let silent = MediaPermissions {
        publish: false,
        ..ALL
    };
    pair.tell(|part| part.permit(ANA, silent));
    pair.forget();
    pair.flow(ANA, 1, 5);
    assert!(pair.crossed_marks().is_empty() && pair.marks(BEN).is_empty());
    pair.tell(|part| part.permit(ANA, ALL));
    pair.flow(ANA, 1, 20);
    assert_eq!(pair.marks(BEN).last(), Some(&12));
}

#[test]
fn who_may_not_watch_wants_nothing() {
    let mut pair = watched(&[BEN]);
    let blind = MediaPermissions {
        subscribe: false,
        ..ALL
    };
    pair.tell(|part| part.permit(BEN, blind));
    pair.advance(DEMAND_DEBOUNCE + FRAME);
    pair.forget();
    pair.flow(ANA, 1, 5);
    assert!(pair.crossed_marks().is_empty() && pair.marks(BEN).is_empty());
}

#[test]
fn what_is_unpublished_ends_there_too() {
    for end in [
        MediaCommand::UnpublishTrack {
            room: ROOM,
            track: TrackKey(1),
        },
        MediaCommand::ClosePeer {
            room: ROOM,
            peer: peer(ANA),
        },
        MediaCommand::RemoveParticipant {
            room: ROOM,
            participant: ParticipantKey(ANA),
        },
    ] {
        let mut pair = watched(&[BEN]);
        pair.tell(|part| part.command(end.clone()));
        assert!(pair.parts[1].room.tracks.is_empty(), "{end:?}");
        assert!(pair.parts[1].room.subscriptions.is_empty());
    }
}

#[test]
fn a_viewer_who_leaves_wants_nothing_any_more() {
    let mut pair = watched(&[BEN]);
    pair.remove(BEN);
    pair.advance(DEMAND_DEBOUNCE + FRAME);
    pair.forget();
    pair.flow(ANA, 1, 5);
    assert!(pair.crossed.is_empty(), "{:?}", pair.crossed);
}

/// The wish overtook the track: commands and relays come in different lanes.
#[test]
fn a_wish_that_comes_before_its_track_is_repeated() {
    let mut pair = Pair::split();
    pair.parts[1].publish(ANA, 1, Kind::Video);
    pair.subscribe(BEN, 1);
    pair.parts[0].publish(ANA, 1, Kind::Video);
    pair.flow(ANA, 1, 30);
    assert_eq!(pair.marks(BEN).last(), Some(&12));
}

#[test]
fn a_track_that_moves_to_another_section_is_seen_again() {
    let mut pair = watched(&[BEN]);
    pair.forget();
    pair.publish(ANA, 1, Kind::Video);
    pair.flow(ANA, 1, 20);
    assert!(pair.marks(BEN).len() >= 18, "{:?}", pair.marks(BEN));
}

#[test]
fn a_stream_that_begins_anew_is_followed_there() {
    let mut pair = watched(&[BEN]);
    pair.at(ANA, |part| {
        for _ in 0..10_000 {
            part.packet(1, Some(Layer::High), false);
        }
    });
    pair.forget();
    pair.at(ANA, |part| part.send(ANA, 1, Some(Layer::High), false));
    assert_eq!(pair.marks(BEN), [0; 0], "may be a stray");
    pair.at(ANA, |part| part.send(ANA, 1, Some(Layer::High), true));
    assert_eq!(pair.marks(BEN), [12], "as in one room");
}

/// Two layers with different clocks; the reports tie them together.
#[test]
fn sender_reports_travel_with_the_track() {
    let shown = |mut pair: Pair| {
        pair.publish(ANA, 1, Kind::Video);
        pair.flow(ANA, 1, 3);
        // The clocks are 10 ms further apart than the packets' arrivals say.
        for (layer, at_ms) in [(Layer::Low, 5_000), (Layer::High, 5_010)] {
            pair.at(ANA, |part| {
                let rtp = part.packet(1, Some(layer), false).timestamp;
                part.report(ANA, 1, layer, Duration::from_millis(at_ms), rtp);
            });
        }
        pair.subscribe(BEN, 1);
        pair.flow(ANA, 1, 10);
        wish(&mut pair, BEN, LOW);
        pair.flow(ANA, 1, 10);
        let sent: Vec<_> = pair.parts[pair.home(BEN)].sent_to(BEN).collect();
        let switch = sent.windows(2).find(|two| two[0].mark != two[1].mark);
        let [before, after] = switch.unwrap() else {
            unreachable!()
        };
        after.timestamp.wrapping_sub(before.timestamp)
    };
    assert_eq!(shown(Pair::split()), shown(Pair::whole()));
    let later = {
        let mut pair = watched(&[BEN]);
        pair.forget();
        pair.at(ANA, |part| {
            part.report(ANA, 1, Layer::High, Duration::from_secs(5), 1);
        });
        pair.crossed
    };
    assert!(matches!(later[..], [(0, Relayed::Report { .. })]));
}

#[test]
fn speakers_are_told_of_by_their_own_part() {
    let mut pair = Pair::split();
    pair.publish(ANA, 1, Kind::Audio);
    pair.publish(BEN, 2, Kind::Audio);
    pair.subscribe(BEN, 1);
    for _ in 0..100 {
        pair.at(ANA, |part| {
            let mut packet = part.packet(1, None, false);
            packet.extensions.audio_level = Some(20);
            packet.timestamp = packet.sequence as u32 * 960;
            part.deliver(ANA, &packet);
        });
        pair.advance(Duration::from_millis(20));
    }
    assert_eq!(pair.marks(BEN).len(), 100);
    for (part, want) in [(0, true), (1, false)] {
        let told = pair.parts[part].events().any(|event| {
            matches!(event, MediaEvent::SpeakersChanged { changed, .. }
                if matches!(changed[..], [Speaker { participant: ParticipantKey(ANA), active: true, .. }]))
        });
        assert_eq!(told, want, "part {part}");
    }
    let flowing = pair.events();
    let flowing = flowing.filter(|e| matches!(e, MediaEvent::TrackFlowing { .. }));
    assert_eq!(flowing.count(), 1);
}

#[test]
fn data_arrives_everywhere_in_order_and_once() {
    let mut pair = Pair::split();
    for sequence in 1..=50 {
        for (sender, bytes) in [(ANA, message(sequence, &[])), (BEN, message(sequence, &[]))] {
            pair.data(sender, Channel::Reliable, &bytes);
            pair.data(sender, Channel::Reliable, &bytes);
        }
    }
    let from = |who: u64, sender: u64| {
        let messages = pair.messages(who);
        let decoded = messages
            .iter()
            .map(|m| DataPacket::decode(m.clone()).unwrap());
        let theirs = decoded.filter(|m| m.participant_identity == format!("identity-{sender}"));
        theirs.map(|m| m.sequence).collect::<Vec<_>>()
    };
    let all: Vec<u32> = (1..=50).collect();
    for (who, sender) in [(BEN, ANA), (CARA, ANA), (ANA, BEN), (CARA, BEN)] {
        assert_eq!(from(who, sender), all, "{who} hears {sender}");
    }
    assert!(from(ANA, ANA).is_empty() && from(BEN, BEN).is_empty());
}

#[test]
fn data_for_one_reaches_one_wherever_it_is() {
    let mut pair = Pair::split();
    pair.data(ANA, Channel::Reliable, &message(1, &[CARA]));
    pair.data(BEN, Channel::Lossy, &message(2, &[ANA]));
    pair.data(BEN, Channel::Reliable, &message(3, &[CARA]));
    let heard = [ANA, BEN, CARA].map(|who| heard(&pair, who));
    assert_eq!(heard, [vec![2], vec![], vec![1, 3]]);
    let crossed: Vec<_> = pair.crossed.iter().map(|(_, r)| r.precedence()).collect();
    assert_eq!(crossed, [Precedence::Promised, Precedence::Video]);
}

#[test]
fn a_nonce_is_known_to_all_parts() {
    let mut pair = Pair::split();
    let user = UserPacket {
        nonce: vec![7; 16],
        ..UserPacket::default()
    };
    let packet = DataPacket {
        value: Some(data_packet::Value::User(user)),
        ..DataPacket::default()
    }
    .encode_to_vec();
    // Both at once, before either part hears of the other's.
    for (part, sender) in [(0, ANA), (1, BEN)] {
        let sent = pair.parts[part].data(sender, Channel::Reliable, &packet);
        assert_eq!(sent, Ok(()));
    }
    pair.pump();
    assert_eq!(pair.messages(CARA).len(), 1);
    pair.forget();
    pair.data(ANA, Channel::Reliable, &packet);
    assert_eq!(pair.messages(CARA).len(), 0);
}

#[test]
fn a_resumed_client_gets_what_was_said_on_the_other_part() {
    let mut pair = Pair::split();
    for sequence in 1..=5 {
        pair.data(ANA, Channel::Reliable, &message(sequence, &[]));
    }
    pair.forget();
    pair.at(BEN, |part| {
        part.command(MediaCommand::ReplayData {
            room: ROOM,
            subscriber: ParticipantKey(BEN),
            seen: vec![(ParticipantSid::new("PA_1"), 3)],
        });
    });
    assert_eq!(heard(&pair, BEN), [4, 5]);
}

#[test]
fn a_chat_message_is_counted_once() {
    let mut pair = Pair::split();
    let chat = DataPacket {
        value: Some(data_packet::Value::ChatMessage(ChatMessage::default())),
        ..DataPacket::default()
    };
    pair.data(ANA, Channel::Reliable, &chat.encode_to_vec());
    let counted = pair.events();
    let counted = counted.filter(|e| matches!(e, MediaEvent::MessageSent { .. }));
    assert_eq!(counted.count(), 1);
    assert_eq!(pair.messages(BEN).len() + pair.messages(CARA).len(), 2);
}

#[test]
fn a_part_that_failed_is_served_no_longer() {
    let mut pair = watched(&[BEN]);
    let now = pair.parts[1].now;
    let part = &mut pair.parts[0];
    let ended = Relayed::PartEnded;
    part.room
        .handle_relayed(crate::PartKey(1), ended, &mut part.sent, now);
    part.drain();
    pair.forget();
    for _ in 0..5 {
        pair.parts[0].send(ANA, 1, Some(Layer::High), false);
    }
    assert!(pair.parts[0].room.poll_relay().is_none());
}

/// Whatever happens in the room, everybody hears and sees the same as in one piece.
#[test]
fn two_parts_show_what_one_room_shows() {
    for seed in 0..40 {
        let mut pairs = [Pair::whole(), Pair::split()];
        let seen = pairs.each_mut().map(|pair| {
            let mut random = fastrand::Rng::with_seed(seed);
            for (publisher, track) in [(ANA, 1), (BEN, 2), (CARA, 3)] {
                pair.publish(publisher, track, Kind::Video);
            }
            let mut sequence = 0;
            for _ in 0..30 {
                let (who, track) = (random.u64(1..=3), random.u64(1..=3));
                match random.u32(0..8) {
                    0 | 1 if who != track => pair.subscribe(who, track),
                    2 => pair.at(who, |part| part.unsubscribe(who, track)),
                    3 => {
                        let highest = Layer::ALL[random.usize(0..3)];
                        let wish = LayerWish { highest, ..LOW };
                        pair.at(who, |part| part.wish(who, track, wish));
                    }
                    4 => pair.at(who, |part| part.wish(who, track, HIDDEN)),
                    5 => {
                        let muted = random.bool();
                        pair.tell(|part| part.mute(track, muted));
                    }
                    6 => {
                        let subscribe = random.bool();
                        let permissions = MediaPermissions { subscribe, ..ALL };
                        pair.tell(|part| part.permit(who, permissions));
                    }
                    _ => {
                        sequence += 1;
                        pair.data(who, Channel::Reliable, &message(sequence, &[]));
                    }
                }
                for track in 1..=3 {
                    pair.flow(track, track, 3);
                }
            }
            let data = [ANA, BEN, CARA].map(|who| heard(pair, who));
            for part in &mut pair.parts {
                part.forget();
            }
            for _ in 0..60 {
                for track in 1..=3 {
                    pair.flow(track, track, 1);
                }
            }
            pair.forget();
            for track in 1..=3 {
                pair.flow(track, track, 1);
            }
            let shown = [ANA, BEN, CARA].map(|who| {
                let part = &pair.parts[pair.home(who)];
                let sent = part.sent_to(who).map(|sent| (sent.mid, sent.mark));
                sent.collect::<Vec<_>>()
            });
            (data, shown)
        });
        assert_eq!(seen[0], seen[1], "seed {seed}");
    }
}

#[test]
fn a_data_track_reaches_its_viewers_on_both_parts_once() {
    let mut pair = Pair::split();
    let route = MediaCommand::RouteDataTrack {
        room: ROOM,
        route: DataTrackRoute {
            publisher: ParticipantKey(BEN),
            handle: 7,
            viewers: [(ANA, 1), (CARA, 2)]
                .map(|(who, handle)| (ParticipantKey(who), handle))
                .to_vec(),
        },
    };
    pair.tell(|part| part.command(route.clone()));
    let packet = |handle: u8| [b"\x18\0\0", &[handle][..], b"\0\x01\0\x02\0\0\0\x03frame"].concat();
    pair.data(BEN, Channel::DataTrack, &packet(7));
    assert_eq!(pair.messages(ANA), [packet(1)]);
    assert_eq!(pair.messages(CARA), [packet(2)]);
    assert_eq!(pair.crossed.len(), 1);
}
