//! What a token and a client say a participant is.

use auth::Claims;
use livekit_protocol::participant_info::{Kind, KindDetail};
use livekit_protocol::{ClientInfo, client_info::Sdk};

/// `ParticipantInfo.kind` of a token's `kind` claim; LiveKit writes either case.
pub(crate) fn participant_kind(claims: &Claims) -> Kind {
    match claims.kind.to_ascii_lowercase().as_str() {
        "ingress" => Kind::Ingress,
        "egress" => Kind::Egress,
        "sip" => Kind::Sip,
        "agent" => Kind::Agent,
        "connector" => Kind::Connector,
        "bridge" => Kind::Bridge,
        _ if claims.video.agent => Kind::Agent,
        _ => Kind::Standard,
    }
}

/// Does not keep a room open and does not count: agents and recorders.
pub(crate) fn is_dependent(claims: &Claims) -> bool {
    matches!(participant_kind(claims), Kind::Agent | Kind::Egress) || claims.video.recorder
}

/// `ParticipantInfo.kind_details`; unknown words are left out.
pub(crate) fn kind_details(claims: &Claims) -> Vec<i32> {
    claims
        .kind_details
        .iter()
        .filter_map(|word| KindDetail::from_str_name(&word.to_ascii_uppercase()))
        .map(i32::from)
        .collect()
}

/// The client's name in the journal: the SDK and nothing about the device.
pub(crate) fn sdk_label(client: &ClientInfo) -> String {
    match client.sdk() {
        Sdk::Unknown => "unknown".into(),
        sdk => sdk.as_str_name().to_ascii_lowercase(),
    }
}
