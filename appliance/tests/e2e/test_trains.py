"""What leaves the box of a real publisher's picture: frames as trains (`UDP_SEGMENT`)."""

import asyncio
import re
import urllib.request

import pytest
from livekit import rtc

from support import picture
from support.wait import LONG, until

pytestmark = pytest.mark.any_backend

LEAST = 3
"""Media datagrams per send, on average: the goal for 720p VP8 with one viewer."""

COUNTED = 10
"""Seconds."""


async def counted(box):
    """Sends, datagrams and what of them is no media, so far."""

    def read():
        with urllib.request.urlopen(f"{box.http}/metrics", timeout=5) as answer:
            return answer.read().decode()

    text = await asyncio.to_thread(read)

    def total(name):
        lines = re.findall(rf"^ringward_{name}(?:{{.*}})? (\d+)$", text, re.MULTILINE)
        return sum(map(int, lines))

    return [total(f"{name}_out_total") for name in ("trains", "packets", "protocol_packets")]


async def test_frames_of_a_real_publisher_leave_as_trains(own_box, join, room):
    box = await own_box()
    bed = await join(box, room, "bed")
    encoding = rtc.VideoEncoding(max_bitrate=2_500_000, max_framerate=30)
    await bed.publish_picture(
        1280, 720, 30, simulcast=True, draw=picture.busy, video_encoding=encoding
    )
    ward = await join(box, room, "ward")
    watching = await ward.watch("bed")
    await until(lambda: watching.size == (1280, 720), "the best layer is shown", LONG)

    before = await counted(box)
    await asyncio.sleep(COUNTED)
    sends, datagrams, protocol = (now - then for now, then in zip(await counted(box), before))
    mean = (datagrams - protocol) / (sends - protocol)
    print(f"{datagrams - protocol} datagrams of media in {sends - protocol} sends: {mean:.1f} each")
    assert datagrams - protocol > 500, "media flows"
    assert mean >= LEAST
