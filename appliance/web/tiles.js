// One tile per participant, one more per shared screen; the grid that makes them as large as fits.
import { ConnectionQuality, ParticipantEvent, Track } from './vendor/livekit-client.esm.mjs';
import { plain } from './lobby.js';

const ASPECT = 16 / 9;
/** On a tall phone a tile may be squarer, so that two people fill the screen. */
const ASPECT_TALL = 4 / 3.4;
/** Share of the stage's height a shared screen takes. */
const PRESENTATION_SHARE = 0.72;

const QUALITY = {
  [ConnectionQuality.Excellent]: { bars: 3, text: 'Connection: excellent' },
  [ConnectionQuality.Good]: { bars: 2, text: 'Connection: good' },
  [ConnectionQuality.Poor]: { bars: 1, text: 'Connection: poor' },
  [ConnectionQuality.Lost]: { bars: 0, text: 'Connection: lost' },
};

export class Tiles {
  constructor() {
    this.stage = document.getElementById('stage');
    this.template = document.getElementById('tile').content.firstElementChild;
    this.tiles = new Map();
    new ResizeObserver(() => this.arrange()).observe(this.stage);
  }

  /** Shows a participant from now on. */
  add(participant, isSelf) {
    if (this.tiles.has(participant.identity)) return;
    const tile = this.build(participant, isSelf);
    this.tiles.set(participant.identity, tile);
    if (isSelf) this.stage.prepend(tile);
    else this.stage.append(tile);
    participant
      .on(ParticipantEvent.IsSpeakingChanged, (speaking) => tile.classList.toggle('speaking', speaking))
      .on(ParticipantEvent.ConnectionQualityChanged, (quality) => showQuality(tile, quality))
      .on(ParticipantEvent.ParticipantNameChanged, () => this.refresh(participant));
    this.refresh(participant);
    this.arrange();
  }

  /** Takes a participant and its shared screen away. */
  remove(participant) {
    for (const key of [participant.identity, screenKey(participant)]) {
      this.tiles.get(key)?.remove();
      this.tiles.delete(key);
    }
    this.arrange();
  }

  clear() {
    this.tiles.clear();
    this.stage.replaceChildren();
  }

  /** Draws a participant as it now is: picture, name, microphone, shared screen. */
  refresh(participant) {
    const tile = this.tiles.get(participant.identity);
    if (!tile) return;
    const isSelf = tile.classList.contains('self');
    name(tile, nameOf(participant), isSelf);
    tile.classList.toggle('quieted', !participant.isMicrophoneEnabled);
    tile.classList.toggle('speaking', participant.isSpeaking);
    showQuality(tile, participant.connectionQuality);
    const camera = picture(participant, Track.Source.Camera) ?? otherPicture(participant);
    showPicture(tile, camera);
    tile.classList.toggle('mirrored', isSelf && Boolean(camera));
    this.refreshScreen(participant, isSelf);
  }

  refreshScreen(participant, isSelf) {
    const key = screenKey(participant);
    const track = picture(participant, Track.Source.ScreenShare);
    let tile = this.tiles.get(key);
    if (!track) {
      tile?.remove();
      this.tiles.delete(key);
    } else if (!tile) {
      tile = this.build(participant, false);
      tile.classList.add('presentation');
      name(tile, isSelf ? 'Your screen' : `${nameOf(participant)}: screen`, false);
      this.tiles.set(key, tile);
      this.stage.prepend(tile);
    }
    if (track) showPicture(tile, track);
    this.arrange();
  }

  build(participant, isSelf) {
    const tile = this.template.cloneNode(true);
    tile.dataset.identity = participant.identity;
    tile.classList.toggle('self', isSelf);
    tile.style.setProperty('--hue', hueOf(participant.identity));
    return tile;
  }

  /** Finds the number of columns that makes tiles largest, below a shared screen if there is one. */
  arrange() {
    const people = this.stage.querySelectorAll('.tile:not(.presentation)').length || 1;
    const screens = this.stage.querySelectorAll('.presentation').length;
    const style = getComputedStyle(this.stage);
    const gap = parseFloat(style.columnGap) || 0;
    const width = this.stage.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const whole = this.stage.clientHeight;
    const presented = screens ? Math.floor(Math.min(whole * PRESENTATION_SHARE, width / ASPECT)) : 0;
    const height = screens ? whole - presented - gap : whole;
    const aspect = whole > width ? ASPECT_TALL : ASPECT;
    let best = 0;
    for (let columns = 1; columns <= people; columns += 1) {
      const rows = Math.ceil(people / columns);
      const fits = Math.min((width - gap * (columns - 1)) / columns, ((height - gap * (rows - 1)) / rows) * aspect);
      best = Math.max(best, fits);
    }
    this.stage.style.setProperty('--tile-width', `${Math.floor(best)}px`);
    this.stage.style.setProperty('--tile-height', `${Math.floor(best / aspect)}px`);
    this.stage.style.setProperty('--presentation-height', `${presented}px`);
  }
}

/** What a participant is called. */
export const nameOf = (participant) => plain(participant.name) || plain(participant.identity) || 'Somebody';

const screenKey = (participant) => `${participant.identity} screen`;

function name(tile, text, isSelf) {
  tile.querySelector('.who').textContent = isSelf ? `${text} (you)` : text;
  tile.querySelector('.face').textContent = initials(text);
  tile.setAttribute('aria-label', isSelf ? `${text}, you` : text);
}

function initials(text) {
  const words = text.split(' ').filter(Boolean);
  return [words[0], words.length > 1 ? words.at(-1) : ''].map((word) => [...(word ?? '')][0] ?? '').join('').toUpperCase();
}

function picture(participant, source) {
  const publication = participant.getTrackPublication(source);
  return publication && !publication.isMuted ? publication.videoTrack : undefined;
}

/** A device publishing by WHIP does not say that its picture is a camera. */
function otherPicture(participant) {
  for (const publication of participant.videoTrackPublications.values()) {
    if (publication.source !== Track.Source.ScreenShare && !publication.isMuted && publication.videoTrack) return publication.videoTrack;
  }
  return undefined;
}

function showPicture(tile, track) {
  const shown = tile.querySelector('video');
  if (shown && shown.dataset.sid === track?.mediaStreamTrack?.id) return;
  shown?.remove();
  if (!track) return;
  const video = document.createElement('video');
  video.playsInline = true;
  video.autoplay = true;
  video.muted = true;
  video.dataset.sid = track.mediaStreamTrack.id;
  tile.insertBefore(video, tile.querySelector('.plate'));
  track.attach(video);
}

function showQuality(tile, quality) {
  const shown = QUALITY[quality];
  const bars = tile.querySelector('.quality');
  bars.hidden = !shown;
  if (shown) {
    bars.dataset.bars = shown.bars;
    bars.setAttribute('aria-label', shown.text);
    bars.title = shown.text;
  }
}

function hueOf(identity) {
  let sum = 0;
  for (const letter of identity) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return sum;
}
