// What only the browser knows, told to the box in a closed set of words: no texts, no names.
import { Track } from './vendor/livekit-client.esm.mjs';
import { claimsOf } from './lobby.js';

/** How often remote pictures are looked at, in milliseconds. */
const LOOK_EVERY_MS = 1_000;
/** Looks in a row with packets and without a picture that make it undecodable. */
const LOOKS = 3;
/** Packets in a row of looks that a picture needs: fewer are a pause. */
const MIN_PACKETS = 20;

/** Browsers inside other apps, which have no camera of their own. */
const IN_APP = /FBAN|FBAV|Instagram|Line\/|MicroMessenger|; wv\)/;

const WORDS = {
  NotAllowedError: 'refused',
  PermissionDeniedError: 'refused',
  NotFoundError: 'missing',
  DevicesNotFoundError: 'missing',
  OverconstrainedError: 'missing',
  NotReadableError: 'busy',
  TrackStartError: 'busy',
  AbortError: 'busy',
};

/** The words for why a device could not be used; none where the browser is not to blame. */
export function wordsOf(error, device) {
  if (device !== 'camera' && device !== 'microphone') return [];
  const words = [];
  if (!navigator.mediaDevices) words.push('insecure_page');
  else if (WORDS[error?.name]) words.push(`${device}_${WORDS[error.name]}`);
  if (words.length && IN_APP.test(navigator.userAgent)) words.push('in_app_browser');
  return words;
}

/** Tells the box about one meeting. */
export class Report {
  constructor(token) {
    this.token = token;
    this.room = claimsOf(token).video?.room ?? '';
    this.said = new Set();
  }

  /** Says what has not been said yet. A box that does not listen is no trouble of the meeting's. */
  say(words) {
    const fresh = words.filter((word) => !this.said.has(word));
    if (!fresh.length) return;
    fresh.forEach((word) => this.said.add(word));
    this.send(fresh);
  }

  /** A device works: what was said about it is over, the rest is said again. */
  worksAgain(device) {
    const left = [...this.said].filter((word) => !word.startsWith(device));
    if (left.length === this.said.size) return;
    this.said = new Set(left);
    this.send(['recovered', ...left]);
  }

  send(words) {
    fetch(`/v1/rooms/${encodeURIComponent(this.room)}/trouble`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ words }),
      keepalive: true,
    }).catch(() => {});
  }

  /** Looks after remote pictures until the room ends: packets that never become a picture. */
  watch(room) {
    const seen = new Map();
    const look = async () => {
      const pictures = [...room.remoteParticipants.values()]
        .flatMap((participant) => [...participant.videoTrackPublications.values()])
        .filter((publication) => publication.track?.kind === Track.Kind.Video);
      for (const { track, trackSid } of pictures) {
        const now = await countsOf(track);
        if (now) seen.set(trackSid, judged(seen.get(trackSid), now));
      }
      if ([...seen.values()].some((one) => one.looks >= LOOKS)) this.say(['decode_failed']);
    };
    this.timer = setInterval(() => look().catch(() => {}), LOOK_EVERY_MS);
  }

  stop() {
    clearInterval(this.timer);
  }
}

/** Packets and pictures of a remote track so far. */
async function countsOf(track) {
  const stats = await track.getRTCStatsReport();
  for (const one of stats?.values() ?? []) {
    if (one.type === 'inbound-rtp') return { packets: one.packetsReceived ?? 0, pictures: one.framesDecoded ?? 0 };
  }
  return null;
}

/** How many looks in a row brought packets and no picture. */
function judged(before, now) {
  const begun = before ?? { ...now, looks: 0 };
  if (now.pictures > begun.pictures) return { ...now, looks: 0 };
  if (now.packets - begun.packets < MIN_PACKETS) return begun;
  return { ...now, looks: begun.looks + 1 };
}
