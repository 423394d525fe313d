"""WHIP and WHEP: FFmpeg and aiortc, which know nothing of LiveKit."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from yarl import URL

from support import picture
from support.wait import LONG, SHORT, until

HERE = Path(__file__).parent


class Ffmpeg:
    """FFmpeg's WHIP muxer in its own process."""

    async def start(self, box, room, identity):
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "support.whip_publisher",
            f"{box.http}/whip/{room}", box.token(room, identity),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            cwd=HERE, env={**os.environ, "PYTHONPATH": str(HERE)},
        )
        return self

    async def stop(self):
        if self.process.returncode is None:
            self.process.stdin.close()
            try:
                await asyncio.wait_for(self.process.wait(), SHORT)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()
        return (await self.process.stderr.read()).decode(errors="replace")


class Viewer:
    """aiortc as WHEP player."""

    def __init__(self):
        self.counters = []
        self.samples = 0
        self._tasks = []

    async def start(self, box, room, token):
        self.peer = RTCPeerConnection()
        self.peer.on("track", lambda track: self._tasks.append(asyncio.ensure_future(self._read(track))))
        self.peer.addTransceiver("video", direction="recvonly")
        self.peer.addTransceiver("audio", direction="recvonly")
        await self.peer.setLocalDescription(await self.peer.createOffer())
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
        self._headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession() as http:
            async with http.post(
                f"{box.http}/whep/{room}", data=self.peer.localDescription.sdp, headers=headers
            ) as answer:
                text = await answer.text()
                assert answer.status == 201, f"{answer.status}: {text}"
                assert answer.content_type == "application/sdp"
                self.session = str(answer.url.join(URL(answer.headers["Location"])))
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=text, type="answer"))
        return self

    async def _read(self, track):
        while True:
            frame = await track.recv()
            if track.kind == "audio":
                self.samples += frame.samples
                continue
            plane = frame.reformat(format="gray").to_ndarray()
            counter = picture.read(plane)
            if counter is not None:
                self.counters.append(counter)

    async def end(self):
        async with aiohttp.ClientSession() as http:
            async with http.delete(self.session, headers=self._headers) as answer:
                return answer.status

    async def stop(self):
        await self.peer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def ffmpeg():
    publisher = Ffmpeg()
    yield publisher
    await publisher.stop()


@pytest.fixture
async def viewer():
    viewer = Viewer()
    yield viewer
    await viewer.stop()


async def test_ffmpeg_publishes_by_whip_and_a_python_client_sees_and_hears_it(box, room, join, ffmpeg):
    ben = await join(box, room, "ben")
    await ffmpeg.start(box, room, "endoscope-7")

    await ben.sees("endoscope-7")
    await ben.hears("endoscope-7", 440)


@pytest.mark.any_backend
async def test_a_whip_publisher_that_stops_is_gone(box, room, join, ffmpeg):
    ben = await join(box, room, "ben")
    await ffmpeg.start(box, room, "endoscope-7")
    await ben.track("endoscope-7", "video")

    await ffmpeg.stop()

    await until(lambda: "endoscope-7" not in ben.room.remote_participants, "ben sees it go", LONG)


async def test_a_whep_viewer_sees_and_hears_a_python_client(box, room, join, viewer):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    await ada.publish_picture()
    await ada.publish_tone()
    await ben.track("ada", "video")
    await ben.track("ada", "audio")

    await viewer.start(box, room, box.token(room, "screen-2"))

    await until(lambda: len(set(viewer.counters)) >= 10, lambda: f"ten pictures, not {viewer.counters}", LONG)
    assert viewer.counters == sorted(viewer.counters)
    await until(lambda: viewer.samples > 48_000, "a second of sound", LONG)


@pytest.mark.any_backend
async def test_a_whep_viewer_that_ends_its_session_gets_no_more(box, room, join, viewer):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    sent = await ada.publish_picture()
    await ben.track("ada", "video")
    await viewer.start(box, room, box.token(room, "screen-2"))
    await until(lambda: viewer.counters, "a picture", LONG)

    assert await viewer.end() == 200

    ended_at = sent.sent
    await until(lambda: sent.sent > ended_at + 15, "ada goes on")
    assert max(viewer.counters) <= ended_at, "a picture came that was drawn after the end"
    assert await viewer.end() == 404


@pytest.mark.any_backend
@pytest.mark.parametrize("path", ["whip", "whep"])
@pytest.mark.parametrize(
    "headers, body, statuses",
    [
        ({"Content-Type": "application/sdp"}, "v=0", (401,)),
        ({"Content-Type": "application/sdp", "Authorization": "Bearer forged"}, "v=0", (401, 403)),
        ({"Content-Type": "text/plain", "Authorization": "good"}, "v=0", (415, 400)),
        ({"Content-Type": "application/sdp", "Authorization": "good"}, "not an offer", (400, 422)),
    ],
    ids=["no-token", "forged-token", "wrong-type", "not-sdp"],
)
async def test_a_wrong_post_is_refused(box, room, path, headers, body, statuses):
    headers = dict(headers)
    if headers.get("Authorization") == "good":
        headers["Authorization"] = f"Bearer {box.token(room, 'device')}"

    async with aiohttp.ClientSession() as http:
        async with http.post(f"{box.http}/{path}/{room}", data=body, headers=headers) as answer:
            assert answer.status in statuses, await answer.text()


@pytest.mark.any_backend
@pytest.mark.parametrize("path", ["whip", "whep"])
async def test_options_tell_a_page_how_to_post(box, room, path):
    async with aiohttp.ClientSession() as http:
        headers = {"Origin": "http://elsewhere", "Access-Control-Request-Method": "POST"}
        async with http.options(f"{box.http}/{path}/{room}", headers=headers) as answer:
            assert answer.status in (200, 204)
            assert answer.headers["Access-Control-Allow-Origin"] in ("*", "http://elsewhere")
