//! The claims of an access token, and what they answer.

use crate::grants::{Grants, SipGrants, Source, null_as_default};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// All claims `LiveKit` knows. Others are ignored.
///
/// `Debug` shows ids only: name, metadata and attributes are personal.
///
/// Source: `LiveKit` protocol `auth/grants.go`, `ClaimGrants`; RFC 7519 §4.1.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Claims {
    /// The API key that signed it.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub iss: String,
    /// Who bears it.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub sub: String,
    /// Its id; the identity of old tokens without `sub`.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub jti: String,
    /// Seconds since 1970; after this it is void.
    #[serde(
        deserialize_with = "numeric_date",
        skip_serializing_if = "Option::is_none"
    )]
    pub exp: Option<u64>,
    /// Seconds since 1970; before this it is void.
    #[serde(
        deserialize_with = "numeric_date",
        skip_serializing_if = "Option::is_none"
    )]
    pub nbf: Option<u64>,
    /// Seconds since 1970 when it was made.
    #[serde(
        deserialize_with = "numeric_date",
        skip_serializing_if = "Option::is_none"
    )]
    pub iat: Option<u64>,
    /// The bearer's name.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// `standard` (also when empty), `ingress`, `egress`, `sip`, `agent` …
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub kind: String,
    /// Finer kinds.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub kind_details: Vec<String>,
    /// The participant's metadata, opaque.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub metadata: String,
    /// The participant's attributes.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub attributes: BTreeMap<String, String>,
    /// Base64 of the SHA-256 of the body this token vouches for (webhooks).
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub sha256: String,
    /// How the room is made when this token creates it; opaque (`RoomConfiguration` as JSON).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_config: Option<Value>,
    /// A named room configuration; opaque.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_preset: Option<Value>,
    /// What it allows in rooms.
    #[serde(deserialize_with = "grant", skip_serializing_if = "is_default")]
    pub video: Grants,
    /// What it allows in telephony.
    #[serde(deserialize_with = "grant", skip_serializing_if = "is_default")]
    pub sip: SipGrants,
}

impl Claims {
    /// `sub`, else `jti`; empty when neither is given.
    #[must_use]
    pub fn identity(&self) -> &str {
        if self.sub.is_empty() {
            &self.jti
        } else {
            &self.sub
        }
    }

    /// See [`Grants::can_publish`].
    #[must_use]
    pub fn can_publish(&self) -> bool {
        self.video.can_publish()
    }

    /// See [`Grants::can_publish_source`].
    #[must_use]
    pub fn can_publish_source(&self, source: Source) -> bool {
        self.video.can_publish_source(source)
    }

    /// See [`Grants::can_subscribe`].
    #[must_use]
    pub fn can_subscribe(&self) -> bool {
        self.video.can_subscribe()
    }

    /// See [`Grants::can_publish_data`].
    #[must_use]
    pub fn can_publish_data(&self) -> bool {
        self.video.can_publish_data()
    }

    /// See [`Grants::can_update_own_metadata`].
    #[must_use]
    pub fn can_update_own_metadata(&self) -> bool {
        self.video.can_update_own_metadata()
    }

    /// See [`Grants::can_subscribe_metrics`].
    #[must_use]
    pub fn can_subscribe_metrics(&self) -> bool {
        self.video.can_subscribe_metrics()
    }

    /// See [`Grants::room_join_for`].
    #[must_use]
    pub fn room_join_for(&self, room: &str) -> bool {
        self.video.room_join_for(room)
    }

    /// See [`Grants::room_admin_for`].
    #[must_use]
    pub fn room_admin_for(&self, room: &str) -> bool {
        self.video.room_admin_for(room)
    }

    /// May create and delete rooms.
    #[must_use]
    pub fn room_create(&self) -> bool {
        self.video.room_create
    }

    /// May list rooms.
    #[must_use]
    pub fn room_list(&self) -> bool {
        self.video.room_list
    }

    /// May record.
    #[must_use]
    pub fn room_record(&self) -> bool {
        self.video.room_record
    }

    /// May manage ingress.
    #[must_use]
    pub fn ingress_admin(&self) -> bool {
        self.video.ingress_admin
    }

    /// Whether it was made before `revoked_at` (seconds since 1970; `revoke_token_ts`).
    /// A token that does not say when it was made (`iat`, else `nbf`) counts as older.
    #[must_use]
    pub fn is_revoked_by(&self, revoked_at: u64) -> bool {
        self.iat.or(self.nbf).is_none_or(|made| made < revoked_at)
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("iss", &self.iss)
            .field("identity", &self.identity())
            .field("exp", &self.exp)
            .field("nbf", &self.nbf)
            .field("video", &self.video)
            .field("sip", &self.sip)
            .finish_non_exhaustive()
    }
}

/// RFC 7519's `NumericDate`: whole or fractional seconds; a fraction is cut off.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Raw {
        Whole(u64),
        Fraction(f64),
    }
    match Option::<Raw>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Raw::Whole(seconds)) => Ok(Some(seconds)),
        Some(Raw::Fraction(seconds)) if (0.0..MAX_DATE_SECS).contains(&seconds) => {
            Ok(Some(seconds as u64))
        }
        Some(Raw::Fraction(_)) => Err(serde::de::Error::custom("a date out of range")),
    }
}

/// Largest fractional date that is exact in a double (2^53 seconds, some 285 million years).
const MAX_DATE_SECS: f64 = 9_007_199_254_740_992.0;

/// A grant is an object or absent; serde's derived reader would also take a list.
fn grant<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    match Option::<Map<String, Value>>::deserialize(deserializer)? {
        None => Ok(T::default()),
        Some(members) => {
            serde_json::from_value(Value::Object(members)).map_err(serde::de::Error::custom)
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
