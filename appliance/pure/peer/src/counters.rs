//! What one peer counted since it was opened.

/// Plain counters of one peer; read and reset by its worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Media packets received and handed on.
    pub packets_in: u64,
    /// Media packets accepted for sending.
    pub packets_out: u64,
    /// Packets sent again because the client asked for them; known at the next statistics.
    pub retransmissions: u64,
    /// Packets sent to probe the path: empty ones at once, repeats of media two statistics later.
    pub padding_out: u64,
    /// RTCP packets sent.
    pub rtcp_out: u64,
    /// DTLS records sent, data channels included.
    pub dtls_out: u64,
    /// STUN messages sent.
    pub stun_out: u64,
    /// Media packets received without payload (padding of a publisher's probes), handed on.
    pub padding_in: u64,
    /// Received packets whose section or codec is unknown.
    pub unknown_in: u64,
    /// Received packets beyond the SSRC limit.
    pub excess_ssrc: u64,
    /// Datagrams str0m could not read.
    pub malformed_in: u64,
    /// Packets not sent because the client has no such codec.
    pub codec_out: u64,
    /// Packets not sent because the section is unknown or not sending, the peer not connected,
    /// or the packet too long.
    pub unsendable_out: u64,
    /// Packets not sent because their number was used already.
    pub repeated_out: u64,
    /// Packets not sent because the pacer holds as many as it may.
    pub congested_out: u64,
    /// Datagrams of str0m's that were stopped because they bore an SSRC of ours: an alarm, whatever
    /// the number.
    pub nonce_alarms: u64,
    /// What our own egress counted.
    pub egress: egress::Counters,
    /// Candidates skipped.
    pub candidates_refused: u64,
    /// Data messages refused because a queue was full or the channel is not open.
    pub data_refused: u64,
    /// Datagrams of data that waited because their sender is slowed.
    pub data_held: u64,
    /// Datagrams of data dropped because enough of them waited; SCTP sends them again.
    pub data_overheld: u64,
    /// Data messages on channels without a known label.
    pub data_unknown: u64,
}

impl Counters {
    /// Adds another peer's counts.
    pub fn add(&mut self, other: &Self) {
        let Self {
            packets_in,
            packets_out,
            retransmissions,
            padding_out,
            rtcp_out,
            dtls_out,
            stun_out,
            padding_in,
            unknown_in,
            excess_ssrc,
            malformed_in,
            codec_out,
            unsendable_out,
            repeated_out,
            congested_out,
            nonce_alarms,
            egress,
            candidates_refused,
            data_refused,
            data_held,
            data_overheld,
            data_unknown,
        } = other;
        self.packets_in += packets_in;
        self.packets_out += packets_out;
        self.retransmissions += retransmissions;
        self.padding_out += padding_out;
        self.rtcp_out += rtcp_out;
        self.dtls_out += dtls_out;
        self.stun_out += stun_out;
        self.padding_in += padding_in;
        self.unknown_in += unknown_in;
        self.excess_ssrc += excess_ssrc;
        self.malformed_in += malformed_in;
        self.codec_out += codec_out;
        self.unsendable_out += unsendable_out;
        self.repeated_out += repeated_out;
        self.congested_out += congested_out;
        self.nonce_alarms += nonce_alarms;
        self.egress.add(egress);
        self.candidates_refused += candidates_refused;
        self.data_refused += data_refused;
        self.data_held += data_held;
        self.data_overheld += data_overheld;
        self.data_unknown += data_unknown;
    }
}
