//! What peers and rooms say, and who has to hear it.

use super::Core;
use crate::rooms::Broken;
use media::plane::PeerFailure;
use media::room::Output as RoomOutput;
use media::{Channel, MediaCommand, MediaEvent};
use peer::Output;
use std::time::Instant;
use vocab::{PeerKey, RoomKey};

impl Core {
    /// Everything a peer says but datagrams and deadlines.
    pub(super) fn handle_peer_output(&mut self, index: usize, output: Output, now: Instant) {
        let Some(entry) = self.peers.get(index) else {
            return;
        };
        let (key, room) = (entry.key, entry.room);
        let told = match output {
            Output::Packet(packet) => {
                self.hearing.media(now);
                self.rooms.forward(room, key, &packet, &mut self.peers, now)
            }
            Output::SenderReport(report) => self
                .rooms
                .with(room, |r| r.handle_sender_report(key, report, now))
                .map(drop),
            Output::KeyframeRequest { mid } => self
                .rooms
                .with(room, |r| r.handle_keyframe_request(key, mid, now))
                .map(drop),
            Output::Estimate(bitrate) => self
                .rooms
                .with(room, |r| r.handle_estimate(key, bitrate, now))
                .map(drop),
            Output::Loss(report) => self
                .rooms
                .with(room, |r| r.handle_loss_report(key, report, now))
                .map(drop),
            Output::ChannelOpen(channel) => self
                .rooms
                .with(room, |r| r.handle_channel_open(key, channel, now))
                .map(drop),
            Output::Data { channel, payload } => {
                self.hear_data(index, (room, key, channel), &payload, now)
            }
            Output::Connected => {
                self.publisher.connected(entry.peer.profile());
                self.tell_path(index);
                if let Some(entry) = self.peers.get_mut(index) {
                    entry.watch.connected();
                }
                self.emit(MediaEvent::PeerConnected { room, peer: key });
                self.rooms
                    .with(room, |r| r.handle_connected(key, now))
                    .map(drop)
            }
            Output::Failed(cause) => {
                self.fail_peer(index, room, key, cause, now);
                Ok(())
            }
            Output::Transmit { .. } | Output::Wait(_) => Ok(()),
        };
        if let Err(broken) = told {
            self.end_broken(&broken, now);
        }
    }

    /// A sender that is faster than its readers rests.
    fn hear_data(
        &mut self,
        index: usize,
        (room, key, channel): (RoomKey, PeerKey, Channel),
        payload: &[u8],
        now: Instant,
    ) -> Result<(), Broken> {
        self.hearing.media(now);
        let told = self.rooms.with(room, |room| {
            let accepted = room.handle_data(key, channel, payload, now);
            (accepted, room.slow_data_until(key))
        })?;
        let Some((accepted, slow_until)) = told else {
            return Ok(());
        };
        self.tally.data_refused += u64::from(accepted.is_err());
        if let (Some(until), Some(entry)) = (slow_until, self.peers.touch(index)) {
            entry.peer.hold_data(until);
        }
        Ok(())
    }

    fn fail_peer(
        &mut self,
        index: usize,
        room: RoomKey,
        peer: PeerKey,
        cause: PeerFailure,
        now: Instant,
    ) {
        if let Some(entry) = self.peers.touch(index) {
            entry.leaving = true;
        }
        // Before the end itself: it says why.
        self.tell_path(index);
        self.tell(&MediaCommand::ClosePeer { room, peer }, now);
        self.emit(MediaEvent::PeerFailed { room, peer, cause });
    }

    pub(super) fn drain_room(&mut self, index: usize, now: Instant) {
        while let Some((room, output)) = self.rooms.poll(index) {
            match output {
                RoomOutput::RequestKeyframe { peer, mid, rid } => {
                    if let Some(entry) = self.peers.touch_key(peer) {
                        entry.peer.request_keyframe(mid, rid, now);
                    }
                }
                RoomOutput::Data {
                    peer,
                    channel,
                    payload,
                } => {
                    if let Some(entry) = self.peers.touch_key(peer) {
                        entry.peer.send_data(channel, &payload, now);
                        if let Some(rest) = entry.peer.data_rest(now) {
                            self.rooms.handle_data_backlog(index, peer, now + rest);
                        }
                    }
                }
                RoomOutput::SetBitrate { peer, desired } => {
                    if let Some(entry) = self.peers.touch_key(peer) {
                        entry.peer.set_desired_bitrate(desired, now);
                    }
                }
                RoomOutput::SenderReport { peer, report } => {
                    if let Some(entry) = self.peers.touch_key(peer) {
                        entry.peer.set_sender_report(&report, now);
                    }
                }
                RoomOutput::Event(event) => self.emit(event),
                RoomOutput::Wait(due) => {
                    debug_assert!(self.rooms.len() > 0, "a drained room exists: {room}");
                    if let Some(alarm) = self.rooms.alarm_mut(index) {
                        self.room_timers.set(index, alarm, due);
                    }
                    self.relay(index);
                    return;
                }
            }
        }
    }

    /// A room that failed inside: its peers learn it as a fault, nobody else notices.
    /// Its parts on other workers go on.
    pub(super) fn end_broken(&mut self, broken: &Broken, now: Instant) {
        self.end_part(broken.0);
        let theirs = self.peers.find(|entry| entry.room == broken.0);
        for index in &theirs {
            if let Some(entry) = self.peers.get(*index) {
                let (room, peer, cause) = (entry.room, entry.key, PeerFailure::Fault);
                self.emit(MediaEvent::PeerFailed { room, peer, cause });
            }
        }
        self.close_peers(&theirs, now);
    }
}
