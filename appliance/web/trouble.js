// What went wrong, said in plain words, and what to do about it.
import { ConnectionError, ConnectionErrorReason, DisconnectReason } from './vendor/livekit-client.esm.mjs';

/** A sentence for the person (`what`) and its remedy (`todo`). */
const say = (what, todo) => ({ what, todo });

const NO_ANSWER = say(
  'The box does not answer.',
  'Check that it is running and that this computer is on the same network, then press Join again.',
);

/** Shows a sentence in a `.trouble` element; `null` hides it. */
export function show(element, trouble) {
  element.hidden = !trouble;
  element.querySelector('.trouble-what').textContent = trouble?.what ?? '';
  element.querySelector('.trouble-do').textContent = trouble?.todo ?? '';
}

/** Why a camera, a microphone or a screen could not be used. `device` is its plain name. */
export function ofDevice(error, device) {
  if (!navigator.mediaDevices) {
    return say(
      `The browser gives no ${device} to this page.`,
      'It does so only over https, or on the box itself at http://127.0.0.1. You can still see, hear and write.',
    );
  }
  switch (error?.name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
      return device === 'screen'
        ? say('The screen is not shared.', 'Press Share screen again, choose a window and confirm.')
        : say(
            `The browser may not use the ${device}.`,
            `Click the sign left of the address, allow the ${device} for this page, then press the button again.`,
          );
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return say(`No ${device} was found.`, `Plug one in or switch it on, then press the button again. The others still see and hear the rest.`);
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return say(`The ${device} is in use or does not answer.`, 'Close other programs that use it, or unplug it and plug it in again; then press the button again.');
    default:
      return ofPublishing(error, device);
  }
}

/** Why the box did not take a track. */
function ofPublishing(error, device) {
  if (/permission|not allowed/i.test(error?.message ?? '')) {
    return say(`This room does not let you share your ${device}.`, 'Ask the person who invited you for a link that allows it.');
  }
  return say(`The ${device} could not be shared.`, 'Press the button again. If it stays so, leave the room and join again.');
}

/** Why joining failed. */
export function ofJoining(error) {
  if (error?.kind === 'no-token') {
    return say(
      'The box gave no way in.',
      error.status === 404
        ? 'It does not run in development mode. Open the link you were sent, with its token.'
        : 'Check that the box is running, then press Join again.',
    );
  }
  if (error?.kind === 'no-answer') return NO_ANSWER;
  if (error instanceof ConnectionError) {
    switch (error.reason) {
      case ConnectionErrorReason.NotAllowed:
        return error.status === 401 || error.status === 403
          ? say('This link is not valid, or no longer.', 'Ask for a new one.')
          : say('The box refused this room or name.', 'Use another room or name, at most 64 letters.');
      case ConnectionErrorReason.ServerUnreachable:
      case ConnectionErrorReason.WebSocket:
        return NO_ANSWER;
      case ConnectionErrorReason.Cancelled:
        return null;
      default:
    }
  }
  if (/pc connection|negotiation|ice|timed? ?out/i.test(error?.message ?? '')) {
    return say(
      'The box answers, but picture and sound do not get through.',
      'A firewall between you and the box may block UDP (ports from 7882). Ask for it to be opened, or try another network.',
    );
  }
  return say('Joining did not work.', 'Press Join again. If it stays so, load the page again.');
}

/** Why a meeting ended, or `null` where nobody needs to be told. */
export function ofLeaving(reason) {
  switch (reason) {
    case DisconnectReason.CLIENT_INITIATED:
      return null;
    case DisconnectReason.DUPLICATE_IDENTITY:
      return say('You joined from another place.', 'This page has left the room. Press Join to come back here.');
    case DisconnectReason.PARTICIPANT_REMOVED:
      return say('You were removed from the room.', 'Ask the person who runs it before you join again.');
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return say('The room was closed.', 'Press Join to open it anew.');
    case DisconnectReason.SERVER_SHUTDOWN:
      return say('The box was stopped.', 'Press Join when it runs again.');
    default:
      return say('The connection to the box was lost.', 'Check the network, then press Join to come back.');
  }
}
