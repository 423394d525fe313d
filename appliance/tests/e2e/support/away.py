"""A participant in a process of its own, which can live in another network.

As a program it joins, publishes a picture, and says as JSON lines how many pictures of others it
has seen. `Away` starts it.
"""

import asyncio
import json
import os
import sys


class Away:
    """Such a participant, seen from the scenario."""

    def __init__(self, url, token, mode, network=None, ca=None):
        words = [sys.executable, __file__, url, token, mode]
        self._words = network.command(*words) if network else words
        self._environment = {**os.environ, **({"SSL_CERT_FILE": str(ca)} if ca else {})}

    async def start(self):
        self._process = await asyncio.create_subprocess_exec(
            *self._words,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return self

    async def sees(self, pictures, limit):
        """Waits until it has seen so many pictures of somebody."""
        said = []

        async def listen():
            while line := await self._process.stdout.readline():
                said.append(line.decode(errors="replace").rstrip())
                if said[-1].startswith("{") and json.loads(said[-1])["pictures"] >= pictures:
                    return
            raise AssertionError("it ended")

        try:
            await asyncio.wait_for(listen(), limit)
        except Exception as error:
            raise AssertionError(f"no {pictures} pictures: {error!r}; it said {said[-20:]}") from error

    async def stop(self):
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


async def main(url, token, mode):
    from livekit import rtc

    room, watching = rtc.Room(), []

    async def watch(track):
        count = 0
        async for _ in rtc.VideoStream(track):
            count += 1
            print(json.dumps({"pictures": count}), flush=True)

    @room.on("track_subscribed")
    def _(track, _publication, _participant):
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            watching.append(asyncio.ensure_future(watch(track)))

    await room.connect(url, token, rtc.RoomOptions(single_peer_connection=mode == "single"))
    source = rtc.VideoSource(320, 180)
    track = rtc.LocalVideoTrack.create_video_track("camera", source)
    await room.local_participant.publish_track(track, rtc.TrackPublishOptions(simulcast=False))
    grey = bytes([128]) * (320 * 180 * 3 // 2)
    while True:
        source.capture_frame(rtc.VideoFrame(320, 180, rtc.VideoBufferType.I420, grey))
        await asyncio.sleep(1 / 15)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
