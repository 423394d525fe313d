//! What one sender counted since it was last asked.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Plain counters of one sender; read and reset by its worker.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Adds another sender's counts.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

counters! {
    /// Media packets sealed and written, retransmissions and padding not counted.
    packets,
    /// Bytes of all datagrams written.
    bytes,
    /// Packets sent again on a retransmission stream.
    retransmissions,
    /// Of these, packets that nobody asked for: feedback told that they or their repair were lost.
    resent_unasked,
    /// Of these, second copies: the path loses at random and has room.
    resent_twice,
    /// Padding packets of probes.
    probes,
    /// Bytes of padding that levelled packets for a train.
    level_bytes,
    /// Rows of datagrams of one length, as they can leave at once.
    trains,
    /// Sender reports.
    reports,
    /// Video packets that waited for the rest of their frame.
    held,
    /// Frames that were released without their marker, because it did not come in time.
    hold_expired,
    /// Refused: no keys yet.
    unconnected,
    /// Refused: the section is unknown or does not send.
    not_sending,
    /// Refused: the client has no such codec.
    codec,
    /// Refused: too long.
    too_long,
    /// Refused: the number was used or is too old.
    repeated,
    /// Refused: the queue was full or had dropped the frame.
    congested,
    /// Queued and dropped: too old.
    dropped_by_age,
    /// Queued and dropped: the path's queue had to be emptied.
    dropped_by_drain,
    /// Times video waited for the path's queue to empty.
    drains,
    /// Queued and dropped: the section stopped sending, or the keys changed.
    dropped_by_change,
    /// Transmissions that ended because no slot was left.
    slots_refused,
    /// Packets the cryptography library refused to seal.
    unsealed,
    /// Packets asked for again that are not remembered (or never were sent).
    nack_unknown,
    /// Packets asked for again sooner than an answer could have come.
    nack_early,
    /// Packets asked for again beyond what the path takes or a datagram may ask.
    nack_refused,
    /// Authentic RTCP datagrams.
    rtcp_in,
    /// RTCP datagrams that were not authentic or not new.
    rtcp_refused,
    /// RTCP datagrams, or parts of them, that were authentic and malformed.
    rtcp_malformed,
    /// Streams refused, because their SSRC has an owner or too many are remembered.
    streams_refused,
}
