//! Data tracks: frames of bytes that go to those who subscribed, and are lost rather than late.

use super::{Output, Room};
use crate::plane::DataTrackRoute;
use crate::{Channel, DataRefusal};
use bytes::Bytes;
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

    /// Sends a packet to the viewers of its track, to each under its own handle. A packet of a
    /// track that nobody watches, or that does not exist, goes nowhere.
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
        let routes = self.roster.participants.get(sender);
        let routes = routes.map_or(&[][..], |publisher| &publisher.data_routes);
        let Some(route) = routes.iter().find(|route| Some(route.handle) == handle) else {
            return Ok(());
        };
        for (viewer, handle) in &route.viewers {
            let index = self.roster.participant_index(*viewer);
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
        Ok(())
    }
}
