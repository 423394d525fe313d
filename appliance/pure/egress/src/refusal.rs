//! Why something is not done. Counted per variant, never logged per packet.

/// Why keys are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum KeyRefusal {
    /// The exporter gave another number of bytes than the profile needs.
    #[error("SRTP keying material has {got} bytes, the profile needs {want}")]
    Length {
        /// Two keys and two salts.
        want: usize,
        /// What was given.
        got: usize,
    },
    /// The cryptography library refused the key.
    #[error("SRTP keys were refused by the cryptography library")]
    Library,
    /// Another set was in use since these: their indices are no longer known.
    #[error("SRTP keys were in use before and are not taken again")]
    Used,
    /// The transport was keyed too often.
    #[error("SRTP keys were changed too often")]
    TooMany,
}

/// Why a packet is not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WriteRefusal {
    /// There are no keys yet.
    #[error("the transport has no keys yet")]
    NotConnected,
    /// The section is unknown or does not send.
    #[error("the section does not send")]
    NotSending,
    /// The client has no such codec.
    #[error("the client has no such codec")]
    Codec,
    /// Longer than a datagram may be.
    #[error("the packet is too long")]
    TooLong,
    /// Its number was used, or is too old.
    #[error("the packet's number was used or is too old")]
    Repeated,
    /// The queue holds as many as it may, or dropped the frame this belongs to.
    #[error("the path is congested")]
    Congested,
}

/// Why an RTCP datagram is not believed, or what of it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RtcpRefusal {
    /// There are no keys yet.
    #[error("the transport has no keys yet")]
    NotConnected,
    /// Too short to be SRTCP, or longer than a datagram.
    #[error("not the length of an SRTCP packet")]
    Length,
    /// The client did not encrypt it.
    #[error("the SRTCP packet is not encrypted")]
    Plain,
    /// Its index was seen or is too old.
    #[error("the SRTCP packet's index was seen or is too old")]
    Replayed,
    /// The client uses more sender SSRCs than are remembered.
    #[error("too many SRTCP senders")]
    TooManySenders,
    /// The tag is wrong.
    #[error("the SRTCP packet is not authentic")]
    Forged,
    /// Authentic, but not to be read from some point on.
    #[error("the RTCP packet is malformed")]
    Malformed,
}
