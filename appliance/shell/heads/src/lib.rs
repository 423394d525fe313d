//! Signed heads of the audit journal.
//!
//! A chain proves itself to somebody who knows where it ended. So the box signs where its audit
//! journal ends (place, hash, time), and says so in its log: whoever keeps that line on another
//! machine, and the box's public key, can prove later that the journal still holds everything it
//! held then. What lies on the box's own disk proves nothing against whoever has the disk.
//!
//! ```text
//! <data folder>/
//!   audit-key.pem       Ed25519, PKCS#8, 0600; made once (`key.rs`)
//!   audit.heads         the heads that were signed, one a line (`kept.rs`)
//! ```

mod head;
mod kept;
mod key;
mod proof;
mod signer;

pub use head::SignedHead;
pub use kept::{HEADS_FILE, MAX_HEADS};
pub use key::{KEY_FILE, KeyError, PublicKey, SigningKey};
pub use proof::{HeadError, check};
pub use signer::{Heads, MAX_RECENT, OpenHeadsError};
