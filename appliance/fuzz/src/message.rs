//! Parsers without a state.

use crate::text;
use auth::{Claims, Keys};
use congestion::Feedback;
use livekit_protocol as proto;
use prost::Message;
use serde_json::from_slice;
use signal::join::{Join, Query};
use std::path::Path;
use vocab::UnixMillis;

#[path = "../../shell/worker/src/stun.rs"]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the gate behind the parser is not a parser")
)]
mod demux;

/// The worker's look at a datagram before it belongs to anybody.
pub fn stun(bytes: &[u8]) {
    if let Some(ufrag) = demux::local_ufrag(bytes) {
        assert!(ufrag.len() < bytes.len());
    }
}

/// Transport-wide feedback: what is read can be written and read again.
pub fn feedback(bytes: &[u8]) {
    let Ok(first) = Feedback::parse(bytes) else {
        return;
    };
    let mut written = Vec::new();
    first.write(&mut written);
    assert_eq!(Feedback::parse(&written).as_ref(), Ok(&first));
}

/// An access token; nothing that this key has not signed is believed.
pub fn token(bytes: &[u8]) {
    let mut keys = Keys::new();
    if keys
        .add("devkey", "a secret that no corpus file is signed with")
        .is_ok()
    {
        let verified = auth::verify(&text(bytes), &keys, UnixMillis(1_700_000_000_000));
        assert!(verified.is_err(), "a forged token is believed");
    }
}

/// The query of `/rtc`.
pub fn query(bytes: &[u8]) {
    if let Ok(query) = Query::parse(&text(bytes)) {
        // Each refusal is fine.
        let _ = Join::from_v0_query(Claims::default(), &query);
        let _ = Join::from_v1_query(Claims::default(), &query);
    }
}

/// The `join_request` parameter of `/rtc/v1`.
pub fn join_request(bytes: &[u8]) {
    // Each refusal is fine.
    let _ = Join::from_v1(Claims::default(), &text(bytes));
}

/// Bodies of the server API, in both encodings.
pub fn twirp(bytes: &[u8]) {
    fn read<T: Message + Default + serde::de::DeserializeOwned>(bytes: &[u8]) {
        // Each refusal is fine.
        let _ = from_slice::<T>(bytes);
        let _ = T::decode(bytes);
    }
    read::<proto::CreateRoomRequest>(bytes);
    read::<proto::UpdateParticipantRequest>(bytes);
    read::<proto::UpdateSubscriptionsRequest>(bytes);
    read::<proto::SendDataRequest>(bytes);
}

/// A settings file.
pub fn config(bytes: &[u8]) {
    if let Err(refusal) = settings::FileSettings::parse(Path::new("ringward.toml"), &text(bytes)) {
        assert!(refusal.to_string().contains("ringward.toml"), "{refusal}");
    }
}
