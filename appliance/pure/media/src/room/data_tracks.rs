//! Data tracks: frames of bytes that go to those who subscribed, and are lost rather than late.

use super::{Output, Room};
use crate::plane::DataTrackRoute;
use crate::relay::PartKey;
use crate::{Channel, DataRefusal};
use bytes::Bytes;
use smallvec::SmallVec;
use std::ops::Range;

/// The fixed part of a packet's header: flags, handle, numbers and a time.
///
/// Source: `LiveKit` server 1.13, `pkg/rtc/datatrack/packet.go`.
const HEADER_BYTES: usize = 12;
/// Where the handle stands in it, big-endian.
const HANDLE: Range<usize> = 2..4;

impl Room {
    /// Replaces the way of a data track.
    pub(super) fn route_data_track(&mut self, route: &DataTrackRoute) {
        let Some(publisher) = self.roster.participant_mut(route.publisher) else {
            return;
        };
        let routes = &mut publisher.data_routes;
        routes.retain(|known| known.handle != route.handle);
        if !route.viewers.is_empty() {
            routes.push(route.clone());
        }
    }

    /// Sends a packet to the viewers of its track, to each under its own handle, and once to each
    /// other part that has viewers. A packet of a track that nobody watches, or that does not
    /// exist, goes nowhere.
    ///
    /// # Errors
    /// [`DataRefusal::Malformed`] when it is shorter than a header.
    pub(super) fn forward_data_track(
        &mut self,
        sender: usize,
        packet: &[u8],
    ) -> Result<(), DataRefusal> {
        let header = packet.get(..HEADER_BYTES).ok_or(DataRefusal::Malformed)?;
        let written = header.get(HANDLE).and_then(|bytes| bytes.try_into().ok());
        let handle = written.map(u16::from_be_bytes);
        let publisher = self.roster.participants.get(sender);
        // A part relays only what its own participants say, so that nothing goes in circles.
        let is_here = publisher.is_some_and(|publisher| publisher.part.is_none());
        let routes = publisher.map_or(&[][..], |publisher| &publisher.data_routes);
        let Some(route) = routes.iter().find(|route| Some(route.handle) == handle) else {
            return Ok(());
        };
        let mut parts = SmallVec::<[PartKey; 8]>::new();
        for (viewer, handle) in &route.viewers {
            let index = self.roster.participant_index(*viewer);
            let elsewhere = index.and_then(|index| self.roster.participants.get(index)?.part);
            if let Some(part) = elsewhere.filter(|part| is_here && !parts.contains(part)) {
                parts.push(part);
            }
            let open = index.and_then(|index| self.roster.data_peer(index, Channel::DataTrack));
            let Some(peer) = open else {
                continue;
            };
            let mut copy = packet.to_vec();
            if let Some(place) = copy.get_mut(HANDLE) {
                place.copy_from_slice(&handle.to_be_bytes());
            }
            self.outputs.push_back(Output::Data {
                peer,
                channel: Channel::DataTrack,
                payload: Bytes::from(copy),
            });
        }
        let publisher = route.publisher;
        self.relay_data_track(publisher, &parts, packet);
        Ok(())
    }
}
