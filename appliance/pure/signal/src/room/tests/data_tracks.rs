//! Data tracks and blobs.

use super::bench::{Bench, all, first, join_of};
use crate::join::SignalVersion;
use livekit_protocol::data_blob_key::Key;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::{
    DataBlob, DataBlobKey, GetDataBlobRequest, ParticipantPermission, PublishDataTrackRequest,
    StoreDataBlobRequest, SubscriptionPermission, UnpublishDataTrackRequest,
    UpdateDataSubscription, UpdateParticipantRequest, update_data_subscription::Update,
};
use media::plane::{DataTrackRoute, MediaCommand};
use vocab::SessionKey;

fn publish(handle: u32, name: &str) -> Request {
    Request::PublishDataTrackRequest(PublishDataTrackRequest {
        pub_handle: handle,
        name: name.into(),
        ..PublishDataTrackRequest::default()
    })
}

fn watch(sid: &str, subscribe: bool) -> Request {
    Request::UpdateDataSubscription(UpdateDataSubscription {
        updates: vec![Update {
            track_sid: sid.into(),
            subscribe,
            options: None,
        }],
    })
}

fn watcher(bench: &mut Bench, identity: &str) -> SessionKey {
    let mut join = join_of(identity, SignalVersion::V0);
    join.auto_subscribe_data_track = Some(true);
    bench.enter(join).unwrap()
}

/// The handles a client was last told, with the sids they stand for.
fn handles(bench: &mut Bench, session: SessionKey) -> Vec<(u32, String)> {
    let told = all!(bench.take(session), DataTrackSubscriberHandles);
    let last = told.last().expect("handles were told").sub_handles.clone();
    let mut last: Vec<_> = last.into_iter().map(|(h, t)| (h, t.track_sid)).collect();
    last.sort();
    last
}

fn routes(bench: &Bench) -> Vec<DataTrackRoute> {
    let route = |command: &MediaCommand| match command {
        MediaCommand::RouteDataTrack { route, .. } => Some(route.clone()),
        _ => None,
    };
    bench.media.iter().filter_map(route).collect()
}

#[test]
fn a_data_track_is_announced_and_reaches_those_who_ask() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.join("alice"), bench.join("bob"));
    bench.forget();
    bench.says(alice, publish(7, "vitals"));
    let info = first!(bench.take(alice), PublishDataTrackResponse)
        .info
        .unwrap();
    assert_eq!((info.pub_handle, info.name.as_str()), (7, "vitals"));
    assert!(info.sid.starts_with("DTR_"));
    let told = first!(bench.take(bob), Update);
    assert_eq!(
        told.participants[0].data_tracks,
        std::slice::from_ref(&info)
    );
    assert!(told.participants[0].is_publisher);
    assert_eq!(routes(&bench), [], "nobody asked");
    bench.says(bob, watch(&info.sid, true));
    assert_eq!(handles(&mut bench, bob), [(1, info.sid.clone())]);
    let route = routes(&bench).pop().unwrap();
    assert_eq!((route.publisher, route.handle), (bench.key_of("alice"), 7));
    assert_eq!(route.viewers, [(bench.key_of("bob"), 1)]);
    bench.says(bob, watch(&info.sid, false));
    assert_eq!(handles(&mut bench, bob), []);
    assert_eq!(routes(&bench).pop().unwrap().viewers, []);
    let carol = bench.join("carol");
    let seen = bench.joined(carol).other_participants;
    assert!(seen.iter().any(|p| p.data_tracks == [info.clone()]));
}

#[test]
fn who_watches_everything_is_told_each_handle_and_each_end() {
    let mut bench = Bench::new();
    let alice = bench.join("alice");
    bench.says(alice, publish(7, "vitals"));
    let bob = watcher(&mut bench, "bob");
    let first = handles(&mut bench, bob);
    assert_eq!(first.len(), 1, "those that are there already");
    bench.says(alice, publish(8, "position"));
    let both = handles(&mut bench, bob);
    assert_eq!(both.iter().map(|(h, _)| *h).collect::<Vec<_>>(), [1, 2]);
    bench.forget();
    let end = UnpublishDataTrackRequest { pub_handle: 7 };
    bench.says(alice, Request::UnpublishDataTrackRequest(end));
    let ended = first!(bench.take(alice), UnpublishDataTrackResponse)
        .info
        .unwrap();
    assert_eq!(ended.sid, first[0].1);
    assert_eq!(handles(&mut bench, bob), [both[1].clone()]);
    assert_eq!(routes(&bench)[0].handle, 7);
    bench.forget();
    bench.says(
        bob,
        Request::Leave(livekit_protocol::LeaveRequest::default()),
    );
    assert_eq!(routes(&bench)[0].viewers, [], "no packets to who left");
    let carol = watcher(&mut bench, "carol");
    assert_eq!(handles(&mut bench, carol).len(), 1);
    bench.says(
        alice,
        Request::Leave(livekit_protocol::LeaveRequest::default()),
    );
    assert_eq!(handles(&mut bench, carol), []);
}

#[test]
fn data_tracks_follow_permissions() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.join("alice"), watcher(&mut bench, "bob"));
    let permit = |bench: &mut Bench, identity: &str, publish_data, subscribe| {
        let permission = ParticipantPermission {
            can_publish: true,
            can_publish_data: publish_data,
            can_subscribe: subscribe,
            ..ParticipantPermission::default()
        };
        let request = UpdateParticipantRequest {
            identity: identity.into(),
            permission: Some(permission),
            ..UpdateParticipantRequest::default()
        };
        bench.room.update_participant(request, bench.now).unwrap();
        bench.drain();
    };
    permit(&mut bench, "bob", true, false);
    bench.says(alice, publish(7, "vitals"));
    assert!(all!(bench.take(bob), DataTrackSubscriberHandles).is_empty());
    permit(&mut bench, "bob", true, true);
    assert_eq!(handles(&mut bench, bob).len(), 1, "the wish was kept");
    let nobody = SubscriptionPermission::default();
    bench.says(alice, Request::SubscriptionPermission(nobody));
    assert_eq!(handles(&mut bench, bob), [], "the publisher admits nobody");
    let everyone = SubscriptionPermission {
        all_participants: true,
        ..SubscriptionPermission::default()
    };
    bench.says(alice, Request::SubscriptionPermission(everyone));
    assert_eq!(handles(&mut bench, bob).len(), 1);
    bench.take(alice);
    permit(&mut bench, "alice", false, true);
    first!(bench.take(alice), UnpublishDataTrackResponse);
    assert_eq!(handles(&mut bench, bob), []);
    assert_eq!(bench.info("alice").data_tracks, []);
    bench.says(alice, publish(8, "more"));
    let refused = first!(bench.take(alice), RequestResponse);
    assert_eq!(refused.reason(), Reason::NotAllowed);
}

#[test]
fn a_data_track_that_cannot_be_is_refused_with_its_reason() {
    let mut bench = Bench::new();
    let alice = bench.join("alice");
    bench.says(alice, publish(7, "vitals"));
    for (handle, name, want) in [
        (0, "a".to_owned(), Reason::InvalidHandle),
        (65_536, "a".to_owned(), Reason::InvalidHandle),
        (1, String::new(), Reason::InvalidName),
        (1, "n".repeat(257), Reason::InvalidName),
        (7, "other".to_owned(), Reason::DuplicateHandle),
        (1, "vitals".to_owned(), Reason::DuplicateName),
    ] {
        bench.take(alice);
        bench.says(alice, publish(handle, &name));
        let refused = first!(bench.take(alice), RequestResponse);
        assert_eq!(refused.reason(), want, "{handle} {name}");
    }
    for handle in 100..163 {
        bench.says(alice, publish(handle, &handle.to_string()));
    }
    assert!(all!(bench.take(alice), RequestResponse).is_empty());
    bench.says(alice, publish(65_535, "one too many"));
    let refused = first!(bench.take(alice), RequestResponse);
    assert_eq!(refused.reason(), Reason::LimitExceeded);
    let unknown = UnpublishDataTrackRequest { pub_handle: 9 };
    bench.says(alice, Request::UnpublishDataTrackRequest(unknown));
    let refused = first!(bench.take(alice), RequestResponse);
    assert_eq!(refused.reason(), Reason::NotFound);
}

#[test]
fn handles_are_told_again_after_a_resume() {
    let mut bench = Bench::new();
    let alice = bench.join("alice");
    bench.says(alice, publish(7, "vitals"));
    let bob = watcher(&mut bench, "bob");
    bench.connect("bob");
    let before = handles(&mut bench, bob);
    bench.drop_socket(bob);
    let bob = bench.resume("bob", SignalVersion::V0);
    assert_eq!(handles(&mut bench, bob), before);
}

#[test]
fn a_blob_is_kept_for_who_asks_and_limited() {
    let key = |name: &str| DataBlobKey {
        key: Some(Key::Generic(name.into())),
    };
    let store = |name: &str, bytes: usize| {
        Request::StoreDataBlobRequest(StoreDataBlobRequest {
            request_id: 3,
            blob: Some(DataBlob {
                key: Some(key(name)),
                contents: vec![1; bytes],
            }),
        })
    };
    let get = |identity: &str, name: &str| {
        Request::GetDataBlobRequest(GetDataBlobRequest {
            request_id: 4,
            participant_identity: identity.into(),
            key: Some(key(name)),
        })
    };
    let mut bench = Bench::new();
    let (alice, bob) = (bench.join("alice"), bench.join("bob"));
    bench.forget();
    bench.says(alice, store("schema", 50_000));
    let stored = first!(bench.take(alice), StoreDataBlobResponse);
    assert_eq!((stored.request_id, stored.key), (3, Some(key("schema"))));
    bench.says(bob, get("alice", "schema"));
    let got = first!(bench.take(bob), GetDataBlobResponse);
    assert_eq!(
        (got.request_id, got.blob.unwrap().contents.len()),
        (4, 50_000)
    );
    for (identity, name) in [("alice", "other"), ("nobody", "schema"), ("bob", "schema")] {
        bench.says(bob, get(identity, name));
        let refused = first!(bench.take(bob), RequestResponse);
        assert_eq!(
            (refused.request_id, refused.reason()),
            (4, Reason::NotFound)
        );
    }
    for (name, bytes, want) in [
        ("more", 14_000, Reason::LimitExceeded),
        ("", 1, Reason::InvalidRequest),
        ("empty", 0, Reason::InvalidRequest),
        (&"k".repeat(257), 1, Reason::InvalidRequest),
    ] {
        bench.says(alice, store(name, bytes));
        let refused = first!(bench.take(alice), RequestResponse);
        assert_eq!((refused.request_id, refused.reason()), (3, want), "{name}");
    }
    bench.says(alice, store("schema", 60_000));
    first!(bench.take(alice), StoreDataBlobResponse);
}
