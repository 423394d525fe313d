//! One simulated client: what it says to the server, what it sends, what it tallies.
//!
//! Knows no socket: datagrams come in by [`Client::handle_datagram`] and go out by
//! [`Client::take_outgoing`].

use crate::options::Participant;
use crate::publisher::{Pattern, Publisher};
use crate::stamp::Epoch;
use crate::subscriber::{Subscriber, Window};
use crate::transport::Transport;
use anyhow::{Context, Result, bail};
use livekit_protocol::{
    AddTrackRequest, SessionDescription, SignalTarget, SimulcastCodec, StreamState, TrackSource,
    TrackType, TrickleRequest, VideoLayer, VideoQuality, signal_request::Message as Request,
    signal_response::Message as Response,
};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Which of a client's two peer connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Upstream; the client offers.
    Publish,
    /// Downstream; the server offers.
    Subscribe,
}

/// The sockets of a client.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// Of the upstream connection; `None` when the client publishes nothing.
    pub publish: Option<SocketAddr>,
    /// Of the downstream connection.
    pub subscribe: SocketAddr,
}

/// What something that came in changed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// First packets of publishers.
    pub flows: u64,
    /// The publishing connection came up.
    pub publishing: bool,
}

/// A client.
pub struct Client {
    participant: Participant,
    addresses: Addresses,
    publish: Option<Transport>,
    subscribe: Option<Transport>,
    source: Publisher,
    was_publishing: bool,
    /// Packets sent in the window.
    pub sent: u64,
    /// What arrived.
    pub tally: Subscriber,
    /// Streams that the server paused for want of bandwidth.
    pub pauses: u64,
    /// From the beginning of joining to the first packet.
    pub joined_in: Option<Duration>,
}

impl Client {
    /// A client that waits for the server's first message.
    pub fn new(participant: Participant, addresses: Addresses, pattern: Pattern) -> Self {
        Self {
            participant,
            addresses,
            publish: None,
            subscribe: None,
            source: Publisher::new(participant.number, pattern),
            was_publishing: false,
            sent: 0,
            pauses: 0,
            tally: Subscriber::default(),
            joined_in: None,
        }
    }

    /// Who this is.
    pub fn participant(&self) -> Participant {
        self.participant
    }

    /// A message of the server; returns what to answer.
    ///
    /// # Errors
    /// The server sent this client away, or something it cannot use.
    pub fn handle_signal(&mut self, message: Response, now: Instant) -> Result<Vec<Request>> {
        match message {
            Response::Join(_) => match self.addresses.publish {
                Some(local) => self.publish(local, now),
                None => Ok(Vec::new()),
            },
            Response::Answer(answer) => {
                let transport = self.publish.as_mut().context("an answer to no offer")?;
                transport.accept_answer(&answer.sdp, now)?;
                Ok(Vec::new())
            }
            Response::Offer(offer) => {
                if self.subscribe.is_none() {
                    self.subscribe = Some(Transport::new(self.addresses.subscribe, now)?);
                }
                let transport = self
                    .subscribe
                    .as_mut()
                    .context("no subscribing connection")?;
                let sdp = transport.accept_offer(&offer.sdp, now)?;
                Ok(vec![Request::Answer(description("answer", sdp, offer.id))])
            }
            Response::Trickle(trickle) => {
                self.trickle(&trickle, now);
                Ok(Vec::new())
            }
            Response::StreamStateUpdate(update) => {
                let states = update.stream_states.iter();
                self.pauses += states
                    .filter(|stream| stream.state() == StreamState::Paused)
                    .count() as u64;
                Ok(Vec::new())
            }
            Response::Leave(leave) => {
                bail!(
                    "the server sent the client away: {}",
                    leave.reason().as_str_name()
                )
            }
            Response::RequestResponse(refusal) if refusal.reason != 0 => {
                bail!(
                    "the server refused: {} {}",
                    refusal.reason().as_str_name(),
                    refusal.message
                )
            }
            _ => Ok(Vec::new()),
        }
    }

    /// A datagram for one of the client's sockets.
    pub fn handle_datagram(
        &mut self,
        side: Side,
        remote: SocketAddr,
        bytes: &[u8],
        context: (Epoch, &Window),
        now: Instant,
    ) -> Progress {
        let mut progress = Progress::default();
        if let Some(transport) = self.transport(side) {
            transport.handle_datagram(remote, bytes, now);
        }
        if let Some(transport) = self.subscribe.as_mut().filter(|_| side == Side::Subscribe) {
            for packet in transport.packets.drain(..) {
                let (epoch, window) = context;
                let numbers = (*packet.header.ssrc, *packet.seq_no);
                let first = self
                    .tally
                    .handle_packet(numbers, &packet.payload, epoch, window, now);
                progress.flows += u64::from(first);
            }
        }
        let publishing = self.publish.as_ref().is_some_and(Transport::is_connected);
        progress.publishing = publishing && !self.was_publishing;
        self.was_publishing |= publishing;
        progress
    }

    /// Runs timers and sends frames that are due.
    ///
    /// # Errors
    /// A connection died, or the server accepted no track.
    pub fn handle_timeout(&mut self, epoch: Epoch, window: &Window, now: Instant) -> Result<()> {
        for side in [Side::Publish, Side::Subscribe] {
            let Some(transport) = self.transport(side) else {
                continue;
            };
            if transport.wait().is_some_and(|wait| wait <= now) {
                transport.handle_timeout(now);
            }
            if !transport.is_alive() {
                bail!("the {side:?} connection ended");
            }
        }
        let Some(transport) = self.publish.as_mut().filter(|t| t.is_connected()) else {
            return Ok(());
        };
        if transport.take_keyframe_request() {
            self.source.request_keyframe();
        }
        while self.source.due(now) <= now {
            let packets = self.source.frame(epoch, now);
            let measured = packets
                .iter()
                .filter(|packet| window.contains(packet.sent_at));
            self.sent += measured.count() as u64;
            transport.write(packets, now)?;
        }
        Ok(())
    }

    /// When [`Self::handle_timeout`] is due next.
    pub fn wait(&mut self, now: Instant) -> Option<Instant> {
        let publishing = self.publish.as_ref().is_some_and(Transport::is_connected);
        let frame = publishing.then(|| self.source.due(now));
        let timers = [self.publish.as_ref(), self.subscribe.as_ref()];
        timers
            .into_iter()
            .flatten()
            .filter_map(Transport::wait)
            .chain(frame)
            .min()
    }

    /// Datagrams to be sent from one of the client's sockets.
    pub fn take_outgoing(
        &mut self,
        side: Side,
    ) -> impl Iterator<Item = (SocketAddr, Vec<u8>)> + use<'_> {
        self.transport(side)
            .into_iter()
            .flat_map(|transport| transport.outgoing.drain(..))
    }

    fn transport(&mut self, side: Side) -> Option<&mut Transport> {
        match side {
            Side::Publish => self.publish.as_mut(),
            Side::Subscribe => self.subscribe.as_mut(),
        }
    }

    fn publish(&mut self, local: SocketAddr, now: Instant) -> Result<Vec<Request>> {
        let track = format!("load-track-{}", self.participant.number);
        let mut transport = Transport::new(local, now)?;
        let sdp = transport.offer_video(&track, now)?;
        self.publish = Some(transport);
        Ok(vec![
            Request::AddTrack(add_track(track)),
            Request::Offer(description("offer", sdp, 1)),
        ])
    }

    fn trickle(&mut self, trickle: &TrickleRequest, now: Instant) {
        let side = match trickle.target() {
            SignalTarget::Publisher => Side::Publish,
            SignalTarget::Subscriber => Side::Subscribe,
        };
        let init: Option<serde_json::Value> = serde_json::from_str(&trickle.candidate_init).ok();
        let line = init
            .as_ref()
            .and_then(|init| init.get("candidate")?.as_str());
        if let (Some(line), Some(transport)) = (line, self.transport(side)) {
            transport.add_candidate(line, now);
        }
    }
}

fn description(kind: &str, sdp: String, id: u32) -> SessionDescription {
    SessionDescription {
        r#type: kind.into(),
        sdp,
        id,
        ..SessionDescription::default()
    }
}

fn add_track(cid: String) -> AddTrackRequest {
    let layer = VideoLayer {
        quality: VideoQuality::High.into(),
        width: 1_280,
        height: 720,
        bitrate: 2_700_000,
        ..VideoLayer::default()
    };
    let codec = SimulcastCodec {
        codec: "vp8".into(),
        cid: cid.clone(),
        ..SimulcastCodec::default()
    };
    AddTrackRequest {
        name: "load".into(),
        cid,
        r#type: TrackType::Video.into(),
        source: TrackSource::Camera.into(),
        width: layer.width,
        height: layer.height,
        layers: vec![layer],
        simulcast_codecs: vec![codec],
        ..AddTrackRequest::default()
    }
}
