//! Access tokens: grants, minting and verification at a given time.
//!
//! A token is a JWT (RFC 7519) signed with HMAC-SHA256 and nothing else. [`verify`] checks one
//! against the box's [`Keys`] at a given instant, [`mint`] makes one, and [`Claims`] with its
//! [`Grants`] answers what its bearer may do.

mod claimed;
mod claims;
mod grants;
mod keys;
mod mint;
mod strict_json;
mod verify;

pub use claimed::{Claimed, claimed};
pub use claims::Claims;
pub use grants::{Grants, SipGrants, Source};
pub use keys::{AddKeyError, Keys};
pub use mint::mint;
pub use verify::{
    EXPIRY_LEEWAY_SECS, MAX_TOKEN_BYTES, REFUSED_TEXT, TokenFault, VerifyTokenError, verify,
};
