//! A subscriber that costs little: it reads headers, opens a sample, and reports as a client does.
//!
//! Everything after the handshake that is RTP or RTCP comes here instead of to str0m. Sequence
//! numbers, sizes, markers and transport numbers stand in the clear, and they are enough to count
//! what came, to find losses and to write feedback. Only sampled packets are decrypted, for the
//! stamp with the sending time.

use crate::feedback::{Arrivals, ReportBlock, write_nack, write_reports};
use crate::header::{Header, extension_u16, is_media};
use crate::keying::Slot;
use crate::srtp::Srtp;
use crate::stamp::{Epoch, Stamp};
use crate::stream::Stream;
use crate::subscriber::{Subscriber, Window};
use std::time::{Duration, Instant};
use str0m::crypto::{CryptoProvider, from_feature_flags};

/// How often feedback leaves when something came: libwebrtc's shortest interval too.
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(50);

/// How often receiver reports leave (RFC 3550 §6.2 with libwebrtc's value for video).
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// One packet in so many is opened, and the first of every stream. Prime, so that it meets every
/// place in a frame.
pub const SAMPLE: u64 = 17;

/// One frame's last packet in so many is opened too.
pub const MARKER_SAMPLE: u64 = 4;

/// Padded packets below this size may be nothing but padding: they are opened to see. (255 bytes
/// of padding, header, extensions, tag.)
const MAX_PADDING_ONLY: usize = 340;

/// What the session descriptions say of the packets to come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Negotiated {
    /// Id of the header extension with the transport-wide number.
    pub transport_number: Option<u8>,
    /// Payload types of retransmissions.
    pub retransmissions: Vec<u8>,
    /// Payload types on a clock of 48 kHz.
    pub audio: Vec<u8>,
}

/// What one datagram brought.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Brought {
    /// The first packet of a publisher's track.
    pub flow: bool,
    /// The last packet of a frame.
    pub frame: bool,
}

/// The receiving side of a connection.
pub struct Lean {
    slot: Slot,
    srtp: Option<Srtp>,
    crypto: CryptoProvider,
    negotiated: Negotiated,
    sender: u32,
    streams: Vec<Stream>,
    /// Where the last packet's stream stands: trains belong to one.
    latest: usize,
    arrivals: Arrivals,
    feedback_at: Instant,
    report_at: Instant,
    scratch: Vec<u8>,
    /// Packets that could not be opened.
    pub undecryptable: u64,
    /// Transport feedback packets sent: without them a server's estimate never rises.
    pub reported: u64,
}

impl Lean {
    /// A receiver whose keys will appear in the slot.
    pub fn new(slot: Slot, now: Instant) -> Self {
        Self {
            slot,
            srtp: None,
            crypto: from_feature_flags(),
            negotiated: Negotiated::default(),
            sender: fastrand::u32(1..),
            streams: Vec::new(),
            latest: 0,
            arrivals: Arrivals::new(now),
            feedback_at: now + FEEDBACK_INTERVAL,
            report_at: now + REPORT_INTERVAL,
            scratch: Vec::new(),
            undecryptable: 0,
            reported: 0,
        }
    }

    /// After each session description.
    pub fn set_negotiated(&mut self, negotiated: Negotiated) {
        self.negotiated = negotiated;
    }

    /// Which ciphers this connection uses; `None` before its first packet.
    pub fn profile(&self) -> Option<&'static str> {
        use str0m::crypto::dtls::SrtpProfile as Profile;
        Some(match self.srtp.as_ref()?.profile() {
            Profile::AEAD_AES_256_GCM => "AEAD_AES_256_GCM",
            Profile::AEAD_AES_128_GCM => "AEAD_AES_128_GCM",
            Profile::AES128_CM_SHA1_80 => "AES128_CM_HMAC_SHA1_80",
            _ => "unknown",
        })
    }

    /// Packets of the window that the server numbered and that never came.
    pub fn missing(&self) -> u64 {
        self.streams
            .iter()
            .map(|stream| stream.window.missing())
            .sum()
    }

    /// Takes a datagram; `None` when it is neither RTP nor RTCP, or when there are no keys yet.
    pub fn handle_datagram(
        &mut self,
        datagram: &[u8],
        tally: &mut Subscriber,
        context: (Epoch, &Window),
        now: Instant,
    ) -> Option<Brought> {
        let is_control = is_media(datagram)?;
        if self.srtp.is_none() {
            let keying = self.slot.take()?;
            self.srtp = Srtp::new(&keying, &self.crypto);
        }
        if is_control {
            self.handle_control(datagram, now);
            return Some(Brought::default());
        }
        Some(
            self.handle_packet(datagram, tally, context, now)
                .unwrap_or_default(),
        )
    }

    /// Writes the feedback that is due; nothing is due before [`Self::wait`].
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut sealed = Vec::new();
        let Some(first) = self.streams.first().map(|stream| stream.ssrc) else {
            self.feedback_at = now + FEEDBACK_INTERVAL;
            return sealed;
        };
        let mut packet = Vec::new();
        if self.report_at <= now {
            self.report_at = now + REPORT_INTERVAL;
            let blocks: Vec<ReportBlock> = self
                .streams
                .iter_mut()
                .map(|stream| stream.report(now))
                .collect();
            write_reports(self.sender, &blocks, &mut packet);
            self.seal(&mut packet, &mut sealed);
        }
        if self.feedback_at <= now {
            self.feedback_at = now + FEEDBACK_INTERVAL;
            while self.arrivals.write(self.sender, first, &mut packet) {
                self.seal(&mut packet, &mut sealed);
                self.reported += 1;
            }
            for place in 0..self.streams.len() {
                let stream = &mut self.streams[place];
                let wanted = stream.take_wanted(now);
                if !wanted.is_empty() {
                    write_nack(self.sender, stream.ssrc, &wanted, &mut packet);
                    self.seal(&mut packet, &mut sealed);
                }
            }
        }
        sealed
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn wait(&self) -> Instant {
        self.feedback_at.min(self.report_at)
    }

    fn seal(&mut self, packet: &mut Vec<u8>, sealed: &mut Vec<Vec<u8>>) {
        sealed.extend(self.srtp.as_mut().and_then(|srtp| srtp.seal_rtcp(packet)));
        packet.clear();
    }

    fn handle_packet(
        &mut self,
        packet: &[u8],
        tally: &mut Subscriber,
        (epoch, window): (Epoch, &Window),
        now: Instant,
    ) -> Option<Brought> {
        let header = Header::read(packet)?;
        if let Some(id) = self.negotiated.transport_number
            && let Some(number) = extension_u16(packet, id)
        {
            self.arrivals.note(number, now);
        }
        let measured = window.contains(epoch.at(now));
        if self
            .negotiated
            .retransmissions
            .contains(&header.payload_type)
        {
            self.handle_retransmission(packet, &header, tally, measured, now);
            return None;
        }
        let place = self.place(&header);
        let stream = &mut self.streams[place];
        let index = stream.extend(header.sequence);
        let new = stream.insert(index, measured, now);
        stream.note_timing(header.timestamp, now);
        if !new {
            tally.duplicates += u64::from(measured);
            return None;
        }
        let suspect = header.padded && packet.len() < MAX_PADDING_ONLY;
        let sampled = stream.is_sampled(header.marker);
        let mut brought = Brought {
            flow: false,
            frame: header.marker,
        };
        if sampled || suspect {
            let payload = open(
                self.srtp.as_mut()?,
                packet,
                &header,
                index,
                &mut self.scratch,
            );
            let Some(payload) = payload else {
                self.undecryptable += 1;
                return None;
            };
            let Some(stamp) = Stamp::read(payload) else {
                tally.foreign += 1;
                return None;
            };
            stream.flow = Some(stamp.flow());
            brought.flow = tally.note_stamp(&stamp, header.marker, (epoch, window), now);
        }
        if measured {
            tally.count(packet.len() - header.len);
        }
        Some(brought)
    }

    /// A packet that came again on its own stream (RFC 4588): its payload begins with the number
    /// that it had. What has no stamp is a bandwidth probe.
    fn handle_retransmission(
        &mut self,
        packet: &[u8],
        header: &Header,
        tally: &mut Subscriber,
        measured: bool,
        now: Instant,
    ) {
        let place = self.place(header);
        let stream = &mut self.streams[place];
        let index = stream.extend(header.sequence);
        stream.is_retransmission = true;
        stream.insert(index, false, now);
        let Some(srtp) = self.srtp.as_mut() else {
            return;
        };
        let Some(payload) = open(srtp, packet, header, index, &mut self.scratch) else {
            self.undecryptable += 1;
            return;
        };
        let (Some(stamp), Some(original)) = (Stamp::read(payload), payload.first_chunk()) else {
            tally.foreign += 1;
            return;
        };
        let original = u16::from_be_bytes(*original);
        let flow = Some(stamp.flow());
        let main = self
            .streams
            .iter_mut()
            .find(|s| s.flow == flow && !s.is_retransmission);
        let Some(main) = main else { return };
        if main.recover(original, measured) {
            tally.recovered += u64::from(measured);
            if measured {
                tally.count(packet.len() - header.len);
            }
        } else {
            tally.duplicates += u64::from(measured);
        }
    }

    /// Where the packet's stream stands; a new one is entered.
    fn place(&mut self, header: &Header) -> usize {
        let is_it = |stream: &Stream| stream.ssrc == header.ssrc;
        if !self.streams.get(self.latest).is_some_and(is_it) {
            self.latest = self.streams.iter().position(is_it).unwrap_or_else(|| {
                let clock = if self.negotiated.audio.contains(&header.payload_type) {
                    48_000
                } else {
                    90_000
                };
                self.streams
                    .push(Stream::new(header.ssrc, header.sequence, clock));
                self.streams.len() - 1
            });
        }
        self.latest
    }

    /// Only sender reports matter (RFC 3550 §6.4.1): they stand first in their packet.
    fn handle_control(&mut self, packet: &[u8], now: Instant) {
        const SENDER_REPORT: u8 = 200;
        let Some(srtp) = self.srtp.as_mut() else {
            return;
        };
        let (Some(SENDER_REPORT), Some(ssrc)) = (packet.get(1).copied(), packet.get(4..8)) else {
            return;
        };
        let ssrc = ssrc
            .iter()
            .fold(0, |word, byte| word << 8 | u32::from(*byte));
        let Some(opened) = srtp.open_rtcp(packet, &mut self.scratch) else {
            self.undecryptable += 1;
            return;
        };
        // The middle 32 bits of the NTP time.
        let middle = opened.get(2..).and_then(|rest| rest.first_chunk());
        let stream = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc);
        if let (Some(middle), Some(stream)) = (middle, stream) {
            stream.note_sender_report(u32::from_be_bytes(*middle), now);
        }
    }
}

/// The payload of a packet without its padding (RFC 3550 §5.1).
fn open<'a>(
    srtp: &mut Srtp,
    packet: &[u8],
    header: &Header,
    index: u64,
    scratch: &'a mut Vec<u8>,
) -> Option<&'a [u8]> {
    let payload = srtp.open_rtp(packet, header.len, (header.ssrc, index), scratch)?;
    let padding = match payload.last() {
        Some(padding) if header.padded => usize::from(*padding),
        _ => 0,
    };
    payload.get(..payload.len().checked_sub(padding)?)
}

#[cfg(test)]
mod tests;
