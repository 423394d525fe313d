// The control bar: microphone, camera, screen, leave. A button shows what is, and does the opposite.
import { RoomEvent } from './vendor/livekit-client.esm.mjs';
import { ofDevice } from './trouble.js';

const SWITCHES = {
  microphone: { device: 'microphone', on: '#i-mic', off: '#i-mic-off', isOn: (me) => me.isMicrophoneEnabled, set: (me, on) => me.setMicrophoneEnabled(on), labels: ['Turn microphone on', 'Turn microphone off'] },
  camera: { device: 'camera', on: '#i-camera', off: '#i-camera-off', isOn: (me) => me.isCameraEnabled, set: (me, on) => me.setCameraEnabled(on), labels: ['Turn camera on', 'Turn camera off'] },
  screen: { device: 'screen', on: '#i-screen', off: '#i-screen', isOn: (me) => me.isScreenShareEnabled, set: (me, on) => me.setScreenShareEnabled(on, { audio: true }), labels: ['Share screen', 'Stop sharing the screen'] },
};

export class Controls {
  constructor({ onLeave, onTrouble, onDevice }) {
    this.onTrouble = onTrouble;
    this.onDevice = onDevice;
    this.buttons = {};
    for (const key of Object.keys(SWITCHES)) {
      this.buttons[key] = document.getElementById(key);
      this.buttons[key].addEventListener('click', () => this.toggle(key));
    }
    this.buttons.screen.hidden = !navigator.mediaDevices?.getDisplayMedia;
    document.getElementById('leave').addEventListener('click', onLeave);
  }

  attach(room) {
    this.room = room;
    const draw = () => this.draw();
    for (const event of [RoomEvent.LocalTrackPublished, RoomEvent.LocalTrackUnpublished, RoomEvent.TrackMuted, RoomEvent.TrackUnmuted]) {
      room.on(event, draw);
    }
    draw();
  }

  /** Switches one on or off as asked at the door; a refusal is told and never ends the meeting. */
  async set(key, on) {
    const { device, set } = SWITCHES[key];
    const button = this.buttons[key];
    if (button.ariaBusy === 'true') return;
    // Busy, not disabled: a disabled button loses the keyboard's focus.
    button.ariaBusy = 'true';
    try {
      await set(this.room.localParticipant, on);
      this.onTrouble(null);
      this.onDevice(device, null);
    } catch (error) {
      this.onDevice(device, error);
      this.onTrouble(ofDevice(error, device));
    } finally {
      button.ariaBusy = 'false';
      this.draw();
    }
  }

  toggle(key) {
    return this.set(key, !SWITCHES[key].isOn(this.room.localParticipant));
  }

  draw() {
    const me = this.room.localParticipant;
    for (const [key, { on, off, isOn, labels }] of Object.entries(SWITCHES)) {
      const active = isOn(me);
      const button = this.buttons[key];
      button.setAttribute('aria-pressed', String(active));
      button.setAttribute('aria-label', labels[Number(active)]);
      button.title = labels[Number(active)];
      button.querySelector('use').setAttribute('href', active ? on : off);
    }
  }
}
