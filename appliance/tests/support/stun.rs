//! STUN binding requests (RFC 8489), honest and forged.

use aws_lc_rs::hmac;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const PRIORITY: u16 = 0x0024;
const ICE_CONTROLLING: u16 = 0x802a;

const HEADER_BYTES: usize = 20;

/// Bytes of one HMAC-SHA1 with its attribute head (RFC 8489 §14.5).
const INTEGRITY_BYTES: u16 = 24;

/// A connectivity check (RFC 8445 §7.2.2) to `username`, protected by `password`.
pub(crate) fn binding_request(username: &str, password: &str) -> Vec<u8> {
    let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
    message.extend([7; 12]);
    attribute(&mut message, USERNAME, username.as_bytes());
    attribute(&mut message, PRIORITY, &0x6e00_1eff_u32.to_be_bytes());
    attribute(&mut message, ICE_CONTROLLING, &[1; 8]);
    // The length the integrity is computed over includes the integrity (RFC 8489 §14.5).
    let body = (message.len() - HEADER_BYTES) as u16 + INTEGRITY_BYTES;
    message[2..4].copy_from_slice(&body.to_be_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let tag = hmac::sign(&key, &message);
    attribute(&mut message, MESSAGE_INTEGRITY, tag.as_ref());
    message
}

fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}
