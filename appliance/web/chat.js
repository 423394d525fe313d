// Chat: LiveKit's text streams on its components' topic, so any LiveKit client reads along.
import { plain } from './lobby.js';
import { nameOf } from './tiles.js';

const TOPIC = 'lk.chat';
/** Longest message shown, in characters; the box forwards more, a page need not. */
const MAX_SHOWN = 4000;
/** Messages kept in the list; older ones go. */
const MAX_KEPT = 500;

export class Chat {
  constructor(onSaid) {
    this.panel = document.getElementById('chat');
    this.toggleButton = document.getElementById('chat-toggle');
    this.log = document.getElementById('chat-log');
    this.text = document.getElementById('chat-text');
    this.unread = document.getElementById('unread');
    this.onSaid = onSaid;
    this.missed = 0;

    this.toggleButton.addEventListener('click', () => this.open(this.panel.hidden));
    document.getElementById('chat-close').addEventListener('click', () => this.open(false));
    this.panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.open(false);
    });
    document.getElementById('chat-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.send();
    });
  }

  /** Listens in a room that is about to be joined. */
  attach(room) {
    this.room = room;
    this.log.replaceChildren();
    this.count(0);
    room.registerTextStreamHandler(TOPIC, async (reader, { identity }) => {
      const text = await reader.readAll();
      const from = room.remoteParticipants.get(identity);
      this.add(from ? nameOf(from) : plain(identity), text, false);
    });
  }

  /** Shows or hides the panel; focus goes where the person will type next. */
  open(isOpen) {
    this.panel.hidden = !isOpen;
    this.toggleButton.setAttribute('aria-expanded', String(isOpen));
    if (isOpen) {
      this.count(0);
      this.text.focus();
    } else {
      this.toggleButton.focus();
    }
  }

  async send() {
    const text = this.text.value.trim();
    if (!text || !this.room) return;
    this.text.value = '';
    const line = this.add('You', text, true);
    try {
      await this.room.localParticipant.sendText(text, { topic: TOPIC });
    } catch {
      const unsent = document.createElement('p');
      unsent.className = 'unsent';
      unsent.textContent = 'Not sent. Check the connection and write it again.';
      line.append(unsent);
    }
  }

  add(by, text, isOwn) {
    const line = document.createElement('li');
    const head = document.createElement('p');
    head.className = 'by';
    const who = document.createElement('strong');
    who.textContent = by;
    who.classList.toggle('own', isOwn);
    const when = document.createElement('time');
    when.textContent = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    head.append(who, when);
    const body = document.createElement('p');
    body.className = 'text';
    body.textContent = text.slice(0, MAX_SHOWN);
    line.append(head, body);
    this.log.append(line);
    while (this.log.childElementCount > MAX_KEPT) this.log.firstElementChild.remove();
    this.log.scrollTop = this.log.scrollHeight;
    if (!isOwn && this.panel.hidden) {
      this.count(this.missed + 1);
      this.onSaid(`New message from ${by}`);
    }
    return line;
  }

  count(missed) {
    this.missed = missed;
    this.unread.hidden = missed === 0;
    this.unread.textContent = missed > 9 ? '9+' : String(missed);
    this.toggleButton.setAttribute('aria-label', missed ? `Chat, ${missed} new` : 'Chat');
  }
}
