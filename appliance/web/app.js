// The meeting page: composes lobby, tiles, controls and chat around one LiveKit room.
import { ParticipantEvent, Room, RoomEvent, Track, setLogLevel } from './vendor/livekit-client.esm.mjs';
import { Chat } from './chat.js';
import { Controls } from './controls.js';
import { Lobby, fetchToken } from './lobby.js';
import { Report, wordsOf } from './report.js';
import { Tiles, nameOf } from './tiles.js';
import { ofJoining, ofLeaving, show } from './trouble.js';

const meeting = document.getElementById('meeting');
const banner = document.getElementById('banner');
const trouble = document.getElementById('trouble');
const title = document.getElementById('room-title');
const headCount = document.getElementById('head-count');
const said = document.getElementById('said');

/** Longest joining may take, in milliseconds: twice the client's own limit for one attempt, which it may repeat. */
const MAX_JOINING_MS = 30_000;

const announce = (text) => { said.textContent = text; };

// The client's chatter holds addresses and identities; a shared computer's console should not.
setLogLevel('warn');

const tiles = new Tiles();
const chat = new Chat(announce);
const lobby = new Lobby(join);
const controls = new Controls({
  onLeave: () => room?.disconnect(),
  onTrouble: (what) => show(trouble, what),
  onDevice: (device, error) => (error ? report?.say(wordsOf(error, device)) : report?.worksAgain(device)),
});
/** The room being joined or met in, else `null`. */
let room = null;
/** Tells the box what only this browser knows, while there is a room. */
let report = null;

trouble.querySelector('.trouble-close').addEventListener('click', () => show(trouble, null));
document.getElementById('copy-link').addEventListener('click', copyLink);

async function join(wish) {
  lobby.setBusy(true);
  show(lobby.trouble, null);
  const joining = new Room({ adaptiveStream: true, dynacast: true });
  watch(joining);
  let token;
  try {
    token = wish.token || (await fetchToken(wish));
    await within(MAX_JOINING_MS, joining.connect(boxAddress(), token));
  } catch (error) {
    show(lobby.trouble, ofJoining(error));
    await joining.disconnect();
    return;
  } finally {
    lobby.setBusy(false);
  }
  room = joining;
  report = new Report(token);
  report.watch(room);
  await enter(wish);
}

/** The promise, or a refusal after some time: a person should not wait for what will not come. */
function within(milliseconds, promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(Object.assign(new Error('timed out'), { kind: 'no-answer' })), milliseconds);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** The box's signalling address: where this page came from. */
function boxAddress() {
  return `${window.location.protocol === 'https:' ? 'wss' : 'ws'}://${window.location.host}`;
}

async function enter(wish) {
  lobby.view.hidden = true;
  meeting.hidden = false;
  title.textContent = wish.room;
  document.title = `${wish.room} · Ringward`;
  show(trouble, null);
  tiles.add(room.localParticipant, true);
  for (const participant of room.remoteParticipants.values()) tiles.add(participant, false);
  countHeads();
  controls.attach(room);
  controls.buttons.microphone.focus();
  askForSound();
  if (wish.microphone) await controls.set('microphone', true);
  if (wish.camera && room) await controls.set('camera', true);
}

/** Registers everything a room may tell, before it is joined, so that nothing is missed. */
function watch(joining) {
  chat.attach(joining);
  const refresh = (...told) => {
    const participant = told.find((thing) => thing?.identity !== undefined) ?? joining.localParticipant;
    tiles.refresh(participant);
  };
  joining
    .on(RoomEvent.ParticipantConnected, (participant) => {
      tiles.add(participant, false);
      countHeads();
      announce(`${nameOf(participant)} joined`);
    })
    .on(RoomEvent.ParticipantDisconnected, (participant) => {
      tiles.remove(participant);
      countHeads();
      announce(`${nameOf(participant)} left`);
    })
    .on(RoomEvent.TrackSubscribed, (track, _publication, participant) => {
      if (track.kind === Track.Kind.Audio) track.attach();
      tiles.refresh(participant);
    })
    .on(RoomEvent.TrackUnsubscribed, (track, _publication, participant) => {
      track.detach().forEach((element) => element.remove());
      tiles.refresh(participant);
    })
    .on(RoomEvent.TrackMuted, (_publication, participant) => refresh(participant))
    .on(RoomEvent.TrackUnmuted, (_publication, participant) => refresh(participant))
    .on(RoomEvent.LocalTrackPublished, () => refresh())
    .on(RoomEvent.LocalTrackUnpublished, () => refresh())
    .on(RoomEvent.AudioPlaybackStatusChanged, askForSound)
    .on(RoomEvent.SignalReconnecting, () => tell('Reconnecting…'))
    .on(RoomEvent.Reconnecting, () => tell('Reconnecting…'))
    .on(RoomEvent.Reconnected, () => {
      tell('');
      for (const participant of [joining.localParticipant, ...joining.remoteParticipants.values()]) tiles.refresh(participant);
    })
    .on(RoomEvent.Disconnected, (reason) => {
      if (room === joining) leave(reason);
    });
  joining.localParticipant.on(ParticipantEvent.ParticipantPermissionsChanged, () => refresh());
}

function leave(reason) {
  room = null;
  report?.stop();
  report = null;
  tiles.clear();
  tell('');
  meeting.hidden = true;
  lobby.view.hidden = false;
  document.title = 'Ringward';
  const why = ofLeaving(reason);
  show(lobby.trouble, why);
  lobby.say(why ? '' : 'You left the room.');
  lobby.button.focus();
}

function tell(text) {
  banner.textContent = text;
  banner.hidden = !text;
}

function countHeads() {
  const heads = (room?.remoteParticipants.size ?? 0) + 1;
  headCount.textContent = heads === 1 ? 'only you' : `${heads} people`;
}

/** A browser may hold sound back until the page is touched. */
function askForSound() {
  if (!room || room.canPlaybackAudio) return;
  show(trouble, { what: 'The browser holds the sound back.', todo: 'Press any button or key to hear the others.' });
  const start = () => room?.startAudio().then(() => show(trouble, null), () => {});
  window.addEventListener('pointerdown', start, { once: true });
  window.addEventListener('keydown', start, { once: true });
}

async function copyLink() {
  const link = `${window.location.origin}/?room=${encodeURIComponent(title.textContent)}`;
  try {
    await navigator.clipboard.writeText(link);
    announce('Link copied');
    flash('Link copied');
  } catch {
    show(trouble, { what: 'The link could not be copied.', todo: `Send this one: ${link}` });
  }
}

function flash(text) {
  const label = document.querySelector('#copy-link span');
  label.textContent = text;
  setTimeout(() => { label.textContent = 'Copy link'; }, 2000);
}
