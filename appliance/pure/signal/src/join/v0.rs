//! The query of `/rtc`.

use super::query::Query;
use super::refusal::ParseJoinError;
use super::{Join, Reconnect, SignalVersion, v1};
use livekit_protocol::client_info::{Capability, Sdk};
use livekit_protocol::{ClientInfo, ReconnectReason};
use std::collections::BTreeMap;
use vocab::ParticipantSid;

/// Parameters and defaults as in `LiveKit`'s `rtcservice.go`.
pub(super) fn read(claims: auth::Claims, query: &Query) -> Result<Join, ParseJoinError> {
    let mut join = Join::bare(claims, SignalVersion::V0)?;
    join.client = read_client(query);
    join.auto_subscribe = query.flag("auto_subscribe").unwrap_or(true);
    join.auto_subscribe_data_track = query.flag("auto_subscribe_data_track");
    join.adaptive_stream = query.flag("adaptive_stream").unwrap_or(false);
    join.subscriber_allow_pause = query.flag("subscriber_allow_pause");
    join.disable_ice_lite = query.flag("disable_ice_lite").unwrap_or(false);
    join.reconnect = read_reconnect(query);
    join.attributes = read_attributes(query)?;
    match query.get("publish").filter(|publish| !publish.is_empty()) {
        Some(publish) => join.publishing_only(publish),
        None => Ok(join),
    }
}

fn read_reconnect(query: &Query) -> Option<Reconnect> {
    let reason = query.number("reconnect_reason");
    query
        .flag("reconnect")
        .filter(|yes| *yes)
        .map(|_| Reconnect {
            sid: query
                .get("sid")
                .filter(|sid| !sid.is_empty())
                .map(ParticipantSid::from),
            reason: ReconnectReason::try_from(reason).unwrap_or(ReconnectReason::RrUnknown),
        })
}

fn read_attributes(query: &Query) -> Result<BTreeMap<String, String>, ParseJoinError> {
    let Some(text) = query.get("attributes").filter(|text| !text.is_empty()) else {
        return Ok(BTreeMap::new());
    };
    let json = v1::decode_base64(text).ok_or(ParseJoinError::BadAttributes)?;
    serde_json::from_slice(&json).map_err(|_| ParseJoinError::BadAttributes)
}

fn read_client(query: &Query) -> ClientInfo {
    let capabilities = query.text("capabilities");
    let names = capabilities.split(',').map(str::trim);
    ClientInfo {
        sdk: read_sdk(&query.text("sdk")).into(),
        version: query.text("version"),
        protocol: query.number("protocol"),
        os: query.text("os"),
        os_version: query.text("os_version"),
        device_model: query.text("device_model"),
        browser: query.text("browser"),
        browser_version: query.text("browser_version"),
        network: query.text("network"),
        client_protocol: query.number("client_protocol"),
        capabilities: names
            .filter_map(Capability::from_str_name)
            .map(i32::from)
            .collect(),
        ..ClientInfo::default()
    }
}

fn read_sdk(word: &str) -> Sdk {
    match word {
        "ios" => Sdk::Swift,
        "reactnative" => Sdk::ReactNative,
        "unityweb" => Sdk::UnityWeb,
        other => Sdk::from_str_name(&other.to_ascii_uppercase()).unwrap_or(Sdk::Unknown),
    }
}
