// The way in: who, which room, and the token that opens it.

/** Longest name or room a person may type, in characters; the box allows 256 bytes. */
const MAX_TYPED = 64;
const NAME_KEY = 'ringward.name';

/** Control, direction-changing and invisible characters: no name needs them, forgers do. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu;

/** A text somebody else chose, fit to stand in a label. Never HTML: set it with `textContent`. */
export function plain(text, longest = MAX_TYPED) {
  const clean = String(text ?? '').replace(UNSEEN, '').replace(/\s+/g, ' ').trim();
  const letters = [...clean];
  return letters.length > longest ? `${letters.slice(0, longest - 1).join('')}…` : clean;
}

/** What the address says: `?room=`, `#room=`, `#name=`, `#token=`. A token is read from the fragment only, which never reaches a server's log. */
export function fromAddress(location) {
  const fragment = new URLSearchParams(location.hash.slice(1).replace(/^\?/, ''));
  const query = new URLSearchParams(location.search);
  const token = fragment.get('token') ?? '';
  const claims = claimsOf(token);
  return {
    token,
    room: plain(claims.video?.room ?? fragment.get('room') ?? query.get('room')),
    name: plain(claims.name ?? fragment.get('name')),
  };
}

/** The claims of a token, unverified and for show only; `{}` where it is none. */
export function claimsOf(token) {
  try {
    const middle = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(middle), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}

/** Asks the box for a token. Development mode only. */
export async function fetchToken({ room, name }) {
  const identity = `web-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`;
  let answer;
  try {
    answer = await fetch('/dev/token', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ room, identity, name }),
    });
  } catch {
    throw Object.assign(new Error('the box could not be asked for a token'), { kind: 'no-token' });
  }
  if (!answer.ok) {
    throw Object.assign(new Error('no token'), { kind: 'no-token', status: answer.status });
  }
  return (await answer.json()).token;
}

/** The joining form. */
export class Lobby {
  constructor(onJoin) {
    this.view = document.getElementById('lobby');
    this.form = document.getElementById('join-form');
    this.name = document.getElementById('name');
    this.room = document.getElementById('room');
    this.button = document.getElementById('join');
    this.trouble = document.getElementById('lobby-trouble');
    this.note = document.getElementById('lobby-note');

    this.address = fromAddress(window.location);
    this.name.value = this.address.name || remembered();
    this.room.value = this.address.room;
    if (this.address.token) {
      this.room.readOnly = true;
      this.name.readOnly = Boolean(this.address.name);
    }
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      const wish = this.wish();
      if (wish) onJoin(wish);
    });
    (this.name.value ? (this.room.value ? this.button : this.room) : this.name).focus();
  }

  /** What the person filled in, or `null` while something is missing. */
  wish() {
    const name = plain(this.name.value);
    const room = plain(this.room.value);
    this.name.setAttribute('aria-invalid', String(!name));
    this.room.setAttribute('aria-invalid', String(!room));
    if (!name || !room) {
      (name ? this.room : this.name).focus();
      this.say('Please fill in your name and a room.');
      return null;
    }
    remember(name);
    return {
      name,
      room,
      token: this.address.token,
      camera: document.getElementById('with-camera').checked,
      microphone: document.getElementById('with-microphone').checked,
    };
  }

  /** Shows that joining is under way, or no longer. */
  setBusy(busy) {
    this.button.disabled = busy;
    this.button.textContent = busy ? 'Joining…' : 'Join';
    if (busy) this.say('');
  }

  /** A quiet line above the form. */
  say(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }
}

function remembered() {
  try {
    return plain(localStorage.getItem(NAME_KEY));
  } catch {
    return ''; // storage may be forbidden; a name typed again is no harm
  }
}

function remember(name) {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // as above
  }
}
