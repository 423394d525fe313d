"""Viewers in a network of their own, and what they see, second by second.

Each says the same facts about the picture and the sound of one publisher: `at` (the machine's
monotonic clock), `width`, `decoded`, `packets`, `lost`, `heard`, `samples`, `concealed`.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from livekit import rtc

from .browser import Chromium
from .wait import LONG, SHORT, until

INTERVAL = 0.1
"""Seconds between two looks at the statistics."""


class Far:
    """What a viewer said so far, oldest first."""

    def __init__(self):
        self.said = []

    def rests(self, seconds):
        """Whether the picture has stood still for so long."""
        last = self.said[-1]
        return any(
            last["at"] - facts["at"] >= seconds and facts["decoded"] == last["decoded"]
            for facts in self.said
        )

    def between(self, begin, end=float("inf")):
        return [facts for facts in self.said if begin <= facts["at"] <= end]


class FarPython(Far):
    """LiveKit's Python SDK, in a process of its own (`python -m support.far`)."""

    def __init__(self, namespace, box, room, publisher):
        super().__init__()
        url = f"ws://{namespace.address}:{box.port}"
        token = box.token(room, "far", can_publish=False)
        self.command = namespace.command(sys.executable, "-m", "support.far", url, token, publisher)

    async def join(self):
        self._process = await asyncio.create_subprocess_exec(
            *self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parent.parent, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self._task = asyncio.create_task(self._listen())
        await until(lambda: self.said, "the far viewer sees and hears", LONG)
        return self

    async def _listen(self):
        async for line in self._process.stdout:
            if line.startswith(b"{"):
                self.said.append(json.loads(line))

    async def leave(self):
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), SHORT)
        finally:
            if self._process.returncode is None:
                self._process.kill()
            await self._task


class FarChromium(Far):
    """livekit-client in a Chromium of its own."""

    def __init__(self, namespace, box, room, publisher):
        super().__init__()
        self.chromium = Chromium(namespace)
        self.url, self.box, self.room = f"ws://{namespace.address}:{box.port}", box, room
        self.publisher = publisher
        self._task = None

    async def join(self):
        await self.chromium.start()
        tab = await self.chromium.tab(self.box, self.room, "far", "dual", url=self.url, can_publish=False)
        self._task = asyncio.create_task(self._look(await tab.join()))
        await until(lambda: self.said, "the far viewer sees and hears", LONG)
        return self

    async def _look(self, tab):
        while True:
            counted = await tab.call("counted", self.publisher)
            video, audio = counted.get("video", {}), counted.get("audio", {})
            if video.get("framesDecoded") and audio.get("totalSamplesReceived"):
                self.said.append({
                    "at": time.monotonic(),
                    "width": video["frameWidth"],
                    "decoded": video["framesDecoded"],
                    "packets": video["packetsReceived"],
                    "lost": audio["packetsLost"],
                    "heard": audio["packetsReceived"],
                    "samples": audio["totalSamplesReceived"],
                    "concealed": audio["concealedSamples"],
                })
            await asyncio.sleep(INTERVAL)

    async def leave(self):
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.chromium.stop()


KINDS = {"python": FarPython, "chromium": FarChromium}


async def _main(url, token, publisher):
    room, tracks = rtc.Room(), {}

    @room.on("track_subscribed")
    def _subscribed(track, _publication, participant):
        if participant.identity == publisher:
            tracks[track.kind] = track

    await room.connect(url, token)
    kinds = (rtc.TrackKind.KIND_VIDEO, rtc.TrackKind.KIND_AUDIO)
    await until(lambda: all(kind in tracks for kind in kinds), "picture and sound are subscribed", LONG)
    video, audio = (tracks[kind] for kind in kinds)
    # A track that nobody reads is not decoded.
    reading = [asyncio.create_task(_read(stream)) for stream in (rtc.VideoStream(video), rtc.AudioStream(audio))]
    ends = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    while not ends.done():
        seen, heard = await asyncio.gather(_inbound(video), _inbound(audio))
        if seen and heard and seen.inbound.frames_decoded:
            print(json.dumps(_facts(seen, heard)), flush=True)
        await asyncio.wait([ends], timeout=INTERVAL)
    for task in reading:
        task.cancel()
    await room.disconnect()


async def _inbound(track):
    """The statistics of the stream that a track receives."""
    for stats in await track.get_stats():
        if stats.HasField("inbound_rtp"):
            return stats.inbound_rtp
    return None


def _facts(video, audio):
    return {
        "at": time.monotonic(),
        "width": video.inbound.frame_width,
        "decoded": video.inbound.frames_decoded,
        "packets": video.received.packets_received,
        "lost": audio.received.packets_lost,
        "heard": audio.received.packets_received,
        "samples": audio.inbound.total_samples_received,
        "concealed": audio.inbound.concealed_samples,
    }


async def _read(stream):
    async for _ in stream:
        pass


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
