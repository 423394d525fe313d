"""A participant for a ward: LiveKit's Python SDK, told what to do by words, saying what happens.

The token comes on standard input, which keeps it out of the list of processes; when standard
input ends, the caller leaves.
"""

import argparse
import asyncio
import sys

from livekit import rtc


def say(word):
    print(word, flush=True)


async def publish_tone(room):
    source = rtc.AudioSource(48_000, 1)
    track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await room.local_participant.publish_track(track, options)
    samples = (b"\x00\x10" * 240 + b"\x00\xf0" * 240) * 1
    while True:
        await source.capture_frame(rtc.AudioFrame(samples, 48_000, 1, 480))


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--dual", action="store_true")
    parser.add_argument("--tone", action="store_true")
    given = parser.parse_args()
    loop = asyncio.get_running_loop()
    token = (await loop.run_in_executor(None, sys.stdin.readline)).strip()
    gone = loop.run_in_executor(None, sys.stdin.read)
    room = rtc.Room()
    options = rtc.RoomOptions(single_peer_connection=not given.dual)
    connecting = asyncio.ensure_future(room.connect(given.url, token, options))
    done, _ = await asyncio.wait({connecting, gone}, return_when=asyncio.FIRST_COMPLETED)
    if connecting in done and connecting.exception():
        say("refused")
        await gone
        return
    if connecting not in done:
        return
    say("joined")
    tone = asyncio.ensure_future(publish_tone(room)) if given.tone else None
    await gone
    if tone:
        tone.cancel()
    await room.disconnect()


asyncio.run(main())
