//! One simulated client: what it says to the server, what it sends, what it tallies.
//!
//! Knows no socket: datagrams come in by [`Client::handle_datagram`] and go out by
//! [`Client::take_outgoing`].

use crate::lean::{Brought, Lean};
use crate::options::Participant;
use crate::stamp::Epoch;
use crate::subscriber::{Subscriber, Window};
use crate::token;
use crate::track::{Lane, Plan};
use crate::transport::Transport;
use anyhow::{Context, Result, bail};
use livekit_protocol::{
    AddTrackRequest, ParticipantInfo, SessionDescription, SignalTarget, SimulcastCodec,
    StreamState, SubscribedQualityUpdate, TrackSource, TrackType, TrickleRequest,
    UpdateTrackSettings, VideoLayer, VideoQuality, signal_request::Message as Request,
    signal_response::Message as Response,
};
use std::net::SocketAddr;
use std::sync::Arc;
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
    /// First packets of publishers' tracks.
    pub flows: u64,
    /// The last packet of the first frame.
    pub frame: bool,
    /// The publishing connection came up.
    pub publishing: bool,
    /// Nothing else is to be done: no answer, no other time.
    pub is_quiet: bool,
}

/// What all clients of a run do.
#[derive(Debug, Clone)]
pub struct Conduct {
    /// What every publisher publishes.
    pub plans: Arc<[Plan]>,
    /// Everybody but the first publisher is watched as a thumbnail.
    pub thumbnails: bool,
}

/// A client.
pub struct Client {
    participant: Participant,
    addresses: Addresses,
    conduct: Conduct,
    publish: Option<Transport>,
    subscribe: Option<Transport>,
    /// Counts for [`Self::tally`] instead of str0m.
    pub lean: Option<Lean>,
    was_publishing: bool,
    settled: Vec<String>,
    /// Our tracks: our id, the server's id.
    published: Vec<(String, String)>,
    /// Per track of [`Conduct::plans`], its layers.
    pub tracks: Vec<Vec<Lane>>,
    /// What arrived.
    pub tally: Subscriber,
    /// Streams that the server paused for want of bandwidth.
    pub pauses: u64,
    /// From the beginning of joining to the first packet.
    pub joined_in: Option<Duration>,
    /// From the beginning of joining to the end of the first frame.
    pub framed_in: Option<Duration>,
}

impl Client {
    /// A client that waits for the server's first message.
    pub fn new(participant: Participant, addresses: Addresses, conduct: Conduct) -> Self {
        let plans = conduct.plans.iter();
        let tracks = plans
            .filter(|_| participant.publishes)
            .map(|plan| Lane::of(plan, participant.number))
            .collect();
        Self {
            participant,
            addresses,
            conduct,
            publish: None,
            subscribe: None,
            lean: None,
            was_publishing: false,
            settled: Vec::new(),
            published: Vec::new(),
            tracks,
            pauses: 0,
            tally: Subscriber::default(),
            joined_in: None,
            framed_in: None,
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
            Response::Join(join) => {
                let mut requests = match self.addresses.publish {
                    Some(local) => self.publish(local, now)?,
                    None => Vec::new(),
                };
                requests.extend(self.settle(&join.other_participants));
                Ok(requests)
            }
            Response::Update(update) => Ok(self.settle(&update.participants).into_iter().collect()),
            Response::Answer(answer) => {
                let transport = self.publish.as_mut().context("an answer to no offer")?;
                transport.accept_answer(&answer.sdp, now)?;
                Ok(Vec::new())
            }
            Response::Offer(offer) => {
                if self.subscribe.is_none() {
                    let mut transport = Transport::new(self.addresses.subscribe, now)?;
                    let lean = self.participant.lean;
                    transport.is_mute = lean;
                    self.lean = lean.then(|| Lean::new(transport.keys.clone(), now));
                    self.subscribe = Some(transport);
                }
                let transport = self
                    .subscribe
                    .as_mut()
                    .context("no subscribing connection")?;
                let sdp = transport.accept_offer(&offer.sdp, now)?;
                if let Some(lean) = &mut self.lean {
                    lean.set_negotiated(transport.negotiated());
                }
                Ok(vec![Request::Answer(description("answer", sdp, offer.id))])
            }
            Response::TrackPublished(published) => {
                let sid = published.track.map(|track| track.sid).unwrap_or_default();
                self.published.push((published.cid, sid));
                Ok(Vec::new())
            }
            Response::SubscribedQualityUpdate(update) => {
                self.set_wanted(&update);
                Ok(Vec::new())
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
        if side == Side::Subscribe
            && let Some(lean) = &mut self.lean
            && let Some(brought) = lean.handle_datagram(bytes, &mut self.tally, context, now)
        {
            progress.note(brought);
            progress.is_quiet = true;
            return progress;
        }
        if let Some(transport) = self.transport(side) {
            transport.handle_datagram(remote, bytes, now);
        }
        self.brief_lean();
        if let Some(transport) = self.subscribe.as_mut().filter(|_| side == Side::Subscribe) {
            for packet in transport.packets.drain(..) {
                let numbers = (*packet.header.ssrc, *packet.seq_no);
                let frame = packet.header.marker;
                let content = (&packet.payload[..], frame);
                let flow = self.tally.handle_packet(numbers, content, context, now);
                progress.note(Brought { flow, frame });
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
        self.brief_lean();
        self.send_feedback(now);
        let Some(transport) = self.publish.as_mut().filter(|t| t.is_connected()) else {
            return Ok(());
        };
        for (track, rid) in transport.take_keyframe_requests() {
            let lanes = self.tracks.get_mut(track).into_iter().flatten();
            lanes
                .filter(|lane| rid.is_none_or(|rid| lane.rid == Some(&*rid)))
                .for_each(Lane::request_keyframe);
        }
        for (track, lanes) in self.tracks.iter_mut().enumerate() {
            for lane in lanes {
                let packets = lane.take_due(epoch, now);
                if packets.is_empty() {
                    continue;
                }
                let measured = packets
                    .iter()
                    .filter(|packet| window.contains(packet.sent_at));
                lane.sent += measured.count() as u64;
                transport.write((track, lane.rid), packets, now)?;
            }
        }
        Ok(())
    }

    /// Tells the lean receiver what new sections bring.
    fn brief_lean(&mut self) {
        if let (Some(lean), Some(transport)) = (&mut self.lean, &mut self.subscribe)
            && std::mem::take(&mut transport.has_new_media)
        {
            lean.set_negotiated(transport.negotiated());
        }
    }

    /// A lean receiver's reports, to where str0m sends too.
    fn send_feedback(&mut self, now: Instant) {
        let (Some(lean), Some(transport)) = (&mut self.lean, &mut self.subscribe) else {
            return;
        };
        if lean.wait() <= now
            && let Some(to) = transport.remote
        {
            let reports = lean.handle_timeout(now).into_iter();
            transport
                .outgoing
                .extend(reports.map(|report| (to, report)));
        }
    }

    /// When [`Self::handle_timeout`] is due next.
    pub fn wait(&mut self, now: Instant) -> Option<Instant> {
        let publishing = self.publish.as_ref().is_some_and(Transport::is_connected);
        let lanes = self.tracks.iter_mut().flatten().filter(|_| publishing);
        let frame = lanes.map(|lane| lane.due(now)).min();
        let connected = self
            .subscribe
            .as_ref()
            .and_then(|transport| transport.remote);
        let feedback = self
            .lean
            .as_ref()
            .filter(|_| connected.is_some())
            .map(Lean::wait);
        let timers = [self.publish.as_ref(), self.subscribe.as_ref()];
        timers
            .into_iter()
            .flatten()
            .filter_map(Transport::wait)
            .chain(frame)
            .chain(feedback)
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
        let tracks: Vec<_> = self
            .conduct
            .plans
            .iter()
            .map(|plan| (self.track_id(plan), plan))
            .collect();
        let mut transport = Transport::new(local, now)?;
        let sdp = transport.offer(&tracks, now)?;
        self.publish = Some(transport);
        let requests = tracks
            .into_iter()
            .map(|(cid, plan)| Request::AddTrack(add_track(cid, plan)));
        Ok(requests
            .chain([Request::Offer(description("offer", sdp, 1))])
            .collect())
    }

    /// Sends no layer that nobody watches, as `LiveKit`'s clients do (dynacast).
    fn set_wanted(&mut self, update: &SubscribedQualityUpdate) {
        let Some((cid, _)) = self
            .published
            .iter()
            .find(|(_, sid)| *sid == update.track_sid)
        else {
            return;
        };
        let ids = self.conduct.plans.iter().map(|plan| self.track_id(plan));
        let Some(track) = ids
            .enumerate()
            .find(|(_, id)| id == cid)
            .map(|(track, _)| track)
        else {
            return;
        };
        let codecs = update
            .subscribed_codecs
            .iter()
            .filter(|codec| codec.codec.to_ascii_lowercase().ends_with("vp8"));
        for quality in codecs.flat_map(|codec| &codec.qualities) {
            let layer = match quality.quality() {
                VideoQuality::Low => "q",
                VideoQuality::Medium => "h",
                _ => "f",
            };
            let lanes = self.tracks.get_mut(track).into_iter().flatten();
            lanes
                .filter(|lane| lane.rid == Some(layer))
                .for_each(|lane| lane.set_paused(!quality.enabled));
        }
    }

    fn track_id(&self, plan: &Plan) -> String {
        let kind = if plan.audio { "audio" } else { "video" };
        format!("load-{kind}-{}", self.participant.number)
    }

    /// Asks for the small layer of everybody's video but the speaker's.
    fn settle(&mut self, participants: &[ParticipantInfo]) -> Option<Request> {
        if !self.conduct.thumbnails || !self.participant.subscribes {
            return None;
        }
        let speaker = token::speaker(self.participant.room);
        let others = participants
            .iter()
            .filter(|other| other.identity != speaker);
        let videos = others.flat_map(|other| &other.tracks).filter(|track| {
            track.r#type() == TrackType::Video && !self.settled.contains(&track.sid)
        });
        let track_sids: Vec<String> = videos.map(|track| track.sid.clone()).collect();
        self.settled.extend(track_sids.iter().cloned());
        (!track_sids.is_empty()).then(|| {
            Request::TrackSetting(UpdateTrackSettings {
                track_sids,
                quality: VideoQuality::Low.into(),
                ..UpdateTrackSettings::default()
            })
        })
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

fn add_track(cid: String, plan: &Plan) -> AddTrackRequest {
    if plan.audio {
        return AddTrackRequest {
            name: "load".into(),
            cid,
            r#type: TrackType::Audio.into(),
            source: TrackSource::Microphone.into(),
            disable_red: true,
            ..AddTrackRequest::default()
        };
    }
    let qualities = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High];
    let sizes = [
        (320, 180, 150_000),
        (640, 360, 500_000),
        (1_280, 720, 2_700_000),
    ];
    let layers: Vec<VideoLayer> = qualities
        .into_iter()
        .zip(sizes)
        .map(|(quality, (width, height, bitrate))| VideoLayer {
            quality: quality.into(),
            width,
            height,
            bitrate,
            ..VideoLayer::default()
        })
        .collect();
    let count = plan.layers.len().min(layers.len());
    let layers = if plan.rids().is_empty() {
        layers[layers.len() - 1..].to_vec()
    } else {
        layers[..count].to_vec()
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
        width: 1_280,
        height: 720,
        layers,
        simulcast_codecs: vec![codec],
        ..AddTrackRequest::default()
    }
}

impl Progress {
    fn note(&mut self, brought: Brought) {
        self.flows += u64::from(brought.flow);
        self.frame |= brought.frame;
    }
}
