// A participant in a browser: livekit-client, driven from Python through `window.lk`.
import {
  ExternalE2EEKeyProvider, Room, RoomEvent, Track, VideoPresets, VideoQuality, setLogLevel,
} from '/livekit/livekit-client.esm.mjs';
import { draw, read } from './picture.mjs';

setLogLevel('warn');

const log = [];
const data = [];
const texts = [];
const files = [];
const watched = new Map();
const analysers = new Map();
let room;
let audio;

const EVENTS = [
  'ParticipantConnected', 'ParticipantDisconnected', 'TrackPublished', 'TrackUnpublished', 'TrackSubscribed',
  'TrackUnsubscribed', 'TrackMuted', 'TrackUnmuted', 'Disconnected', 'Reconnecting', 'SignalReconnecting',
  'Reconnected', 'EncryptionError', 'ConnectionQualityChanged', 'ActiveSpeakersChanged', 'LocalTrackUnpublished',
  'ParticipantPermissionsChanged', 'ParticipantEncryptionStatusChanged',
];

/** What of an event can cross to Python. */
const plain = (fact) => fact?.identity ?? fact?.trackSid ?? fact?.sid ?? fact?.message ?? (typeof fact === 'object' ? null : fact);

async function join({ url, token, mode, passphrase, options }) {
  const settings = { singlePeerConnection: mode === 'single', dynacast: true, ...options };
  const keys = passphrase ? new ExternalE2EEKeyProvider() : null;
  if (keys) {
    const worker = new Worker('/livekit/livekit-client.e2ee.worker.mjs', { type: 'module' });
    settings.encryption = { keyProvider: keys, worker };
  }
  room = new Room(settings);
  for (const name of EVENTS) room.on(RoomEvent[name], (...facts) => log.push([name, ...facts.map(plain)]));
  room.on(RoomEvent.DataReceived, (payload, from, _kind, topic) => {
    data.push({ text: new TextDecoder().decode(payload), from: from?.identity ?? null, topic: topic ?? null });
  });
  room.on(RoomEvent.TrackSubscribed, (track, publication, participant) => attach(track, publication, participant));
  room.on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((element) => element.remove()));
  room.registerTextStreamHandler('e2e', async (reader, { identity }) => {
    texts.push({ text: await reader.readAll(), from: identity });
  });
  room.registerByteStreamHandler('e2e', async (reader, { identity }) => {
    const bytes = await new Blob(await reader.readAll()).arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    files.push({ bytes: bytes.byteLength, sha256: hex(digest), from: identity });
  });
  if (keys) {
    await keys.setKey(passphrase);
    await room.setE2EEEnabled(true);
  }
  await room.connect(url, token);
  return { sid: room.localParticipant.sid, identity: room.localParticipant.identity };
}

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

function attach(track, publication, participant) {
  if (track.kind === Track.Kind.Video) {
    const video = track.attach();
    video.muted = true;
    document.body.append(video);
    watch(video, participant.identity);
  } else {
    track.attach(); // Chromium feeds an analyser only while an element plays the track
    audio ??= new AudioContext();
    const analyser = audio.createAnalyser();
    analyser.fftSize = 8192;
    audio.createMediaStreamSource(new MediaStream([track.mediaStreamTrack])).connect(analyser);
    analysers.set(participant.identity, analyser);
  }
}

/** Reads every frame a video element shows. */
function watch(video, identity) {
  const seen = { counters: [], unreadable: 0, width: 0, height: 0 };
  watched.set(identity, seen);
  const canvas = new OffscreenCanvas(16, 16);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const look = () => {
    if (!video.isConnected) return;
    seen.width = canvas.width = video.videoWidth;
    seen.height = canvas.height = video.videoHeight;
    if (canvas.width && canvas.height) {
      context.drawImage(video, 0, 0);
      const { data: pixels } = context.getImageData(0, 0, canvas.width, canvas.height);
      const counter = read((x, y) => pixels[(y * canvas.width + x) * 4 + 1], canvas.width, canvas.height);
      if (counter === null) seen.unreadable += 1;
      else if (counter !== seen.counters.at(-1)) seen.counters.push(counter);
    }
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
}

/** Publishes a counter as camera. */
async function publishPicture({ width, height, fps, simulcast }) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  let sent = 0;
  const step = () => { sent += 1; draw(context, sent, width, height); };
  step();
  const track = canvas.captureStream(fps).getVideoTracks()[0];
  setInterval(step, 1000 / fps);
  const publication = await room.localParticipant.publishTrack(track, {
    source: Track.Source.Camera, simulcast, videoCodec: 'vp8',
    videoEncoding: VideoPresets.h720.encoding, degradationPreference: 'maintain-resolution',
  });
  return publication.trackSid;
}

/** Publishes a tone as microphone. */
async function publishTone({ hertz }) {
  audio ??= new AudioContext();
  const oscillator = new OscillatorNode(audio, { frequency: hertz });
  const out = audio.createMediaStreamDestination();
  oscillator.connect(out);
  oscillator.start();
  const publication = await room.localParticipant.publishTrack(out.stream.getAudioTracks()[0], {
    source: Track.Source.Microphone, dtx: false, red: true,
  });
  return publication.trackSid;
}

/** The loudest frequency heard of a participant, in hertz; 0 for silence. */
function loudest(identity) {
  const analyser = analysers.get(identity);
  if (!analyser) return 0;
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  const top = levels.reduce((best, level, at) => (level > levels[best] ? at : best), 0);
  return levels[top] > -60 ? (top * audio.sampleRate) / analyser.fftSize : 0;
}

/** What the browser counted of a participant's picture and sound. */
async function counted(identity) {
  const facts = {};
  for (const kind of ['video', 'audio']) {
    const stats = await publicationOf(identity, kind)?.track?.receiver?.getStats();
    for (const each of stats?.values() ?? []) if (each.type === 'inbound-rtp') facts[kind] = { ...each };
  }
  return facts;
}

const publicationOf = (identity, kind) =>
  [...(room.remoteParticipants.get(identity)?.trackPublications.values() ?? [])].find((p) => p.kind === kind);

window.lk = {
  join,
  publishPicture,
  publishTone,
  loudest,
  leave: () => room?.disconnect(),
  log: () => log,
  data: () => data,
  texts: () => texts,
  files: () => files,
  seen: (identity) => watched.get(identity) ?? null,
  counted,
  sid: () => room.localParticipant.sid,
  state: () => room.state,
  others: () => [...room.remoteParticipants.keys()],
  isSubscribed: (identity, kind) => Boolean(publicationOf(identity, kind)?.track),
  isEncrypted: (identity) => room.remoteParticipants.get(identity)?.isEncrypted ?? false,
  send: (text, reliable) => room.localParticipant.publishData(new TextEncoder().encode(text), { reliable }),
  sendMany: async (count) => {
    for (let n = 0; n < count; n += 1) await window.lk.send(String(n), true);
  },
  sendText: (text) => room.localParticipant.sendText(text, { topic: 'e2e' }).then(() => true),
  mute: async (kind, muted) => {
    const publication = [...room.localParticipant.trackPublications.values()].find((p) => p.kind === kind);
    await (muted ? publication.mute() : publication.unmute());
  },
  unpublish: async (kind) => {
    const publication = [...room.localParticipant.trackPublications.values()].find((p) => p.kind === kind);
    await room.localParticipant.unpublishTrack(publication.track.mediaStreamTrack);
  },
  subscribe: (identity, kind, on) => publicationOf(identity, kind).setSubscribed(on),
  quality: (identity, level) => publicationOf(identity, 'video').setVideoQuality(VideoQuality[level]),
  layers: () => [...room.localParticipant.videoTrackPublications.values()][0].track.sender
    .getParameters().encodings.map((encoding) => encoding.active),
  simulate: (scenario) => room.simulateScenario(scenario),
};
