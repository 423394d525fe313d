//! What a datagram of a transport is, by its first bytes (RFC 7983, RFC 5761).

/// Whether this is a DTLS record (RFC 7983 §7).
pub fn is_dtls(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(20..=63))
}

/// Whether this DTLS record carries what SCTP sent, as far as it can be told: of DTLS 1.2 the
/// content type says so (RFC 6347 §4.1), of 1.3 everything sealed may (RFC 9147 §4). Handshakes and
/// alerts in clear do not.
pub(crate) fn is_application_data(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(23 | 32..=63))
}

/// Whether this is STUN (RFC 7983 §7).
pub(crate) fn is_stun(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0..=3))
}

/// Whether this is SRTCP (RFC 5761 §4).
pub(crate) fn is_rtcp(bytes: &[u8]) -> bool {
    matches!(
        (bytes.first(), bytes.get(1)),
        (Some(128..=191), Some(192..=223))
    )
}

/// The SSRC an SRTCP packet is sealed under: that of its first report, in clear (RFC 3711 §3.4).
pub(crate) fn ssrc_of_rtcp(bytes: &[u8]) -> Option<u32> {
    let ssrc = bytes.get(4..8)?;
    Some(u32::from_be_bytes(ssrc.try_into().ok()?))
}
