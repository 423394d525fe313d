//! As much of STUN (RFC 8489 §5) as it takes to see that a client checks a path.

/// The type of a Binding request.
const BINDING_REQUEST: [u8; 2] = [0, 1];
/// Bytes 4 to 8.
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

/// Whether this is a connectivity check: all that may open a path.
pub(crate) fn is_check(frame: &[u8]) -> bool {
    frame.get(..2) == Some(&BINDING_REQUEST) && frame.get(4..8) == Some(&MAGIC_COOKIE)
}
