//! Why data from a participant is not forwarded.

/// A data message that was dropped. `Copy`, counted per variant by the caller, never logged
/// per message; the sender stays connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DataRefusal {
    /// The peer is not one of this room's.
    #[error("the data came from a transport this room does not know")]
    UnknownPeer,
    /// The sender lacks `publish_data`.
    #[error("the sender may not publish data")]
    Forbidden,
    /// Larger than [`crate::MAX_DATA_BYTES`].
    #[error("the data message is larger than the box accepts")]
    TooLarge,
    /// Not a protobuf `DataPacket`.
    #[error("the data message is no DataPacket")]
    Malformed,
    /// Over [`crate::DATA_MESSAGES_PER_SECOND`] or [`crate::DATA_BYTES_PER_SECOND`]; never a
    /// reliable message.
    #[error("the sender sends more data than the box accepts")]
    RateLimited,
    /// A reliable packet whose sequence was already seen, or a `user` packet with a known nonce.
    #[error("the data message was already forwarded")]
    Duplicate,
}
