"""Real clients behind a line that loses packets at random, with 40 ms there and back (issue 3,
item 6)."""

import asyncio

import pytest
from livekit import rtc

from support import picture
from support.far import KINDS
from support.lossy import Lossy
from support.wait import LONG, until

pytestmark = pytest.mark.any_backend

ONE_WAY = 0.020
"""Seconds that a packet takes."""

WATCHED = 20
"""Seconds that frames are counted at each loss."""

EDGES = 3
"""Frames that may be missing besides: the last ones before a rest have none behind them whose
coming would tell of their loss."""

REST = 1
"""Seconds without a new picture after which none is on its way."""

WHOLE = {0.1: 0.999, 0.2: 0.99, 0.3: 0.95}
"""The share of frames that must be shown, by the share of packets lost each way."""

FPS = 15


@pytest.fixture
def line():
    line = Lossy(ONE_WAY).start()
    yield line
    line.stop()


async def counted(camera, far):
    """Frames that the camera's encoder gave out so far, and those shown, once none is on its way."""
    await camera.stop()
    await until(lambda: far.rests(REST), "the picture stands still", LONG)
    stats = await camera.track.get_stats()
    [sent] = [s.outbound_rtp.outbound.frames_sent for s in stats if s.HasField("outbound_rtp")]
    return sent, far.said[-1]["decoded"]


@pytest.mark.parametrize("kind", ["python", "chromium"])
async def test_frames_are_whole_on_a_line_that_loses_packets(kind, line, own_box, join, room):
    box = await own_box(host="0.0.0.0")
    bed = await join(box, room, "bed")
    encoding = rtc.VideoEncoding(max_bitrate=1_000_000, max_framerate=FPS)
    camera = await bed.publish_picture(
        640, 360, FPS, simulcast=False, draw=picture.busy, video_encoding=encoding
    )
    await bed.publish_tone(dtx=False)
    far = KINDS[kind](line, box, room, "bed")
    await far.join()
    try:
        await until(lambda: far.said[-1]["decoded"] > 2 * FPS, "pictures flow")
        for loss, whole in WHOLE.items():
            line.lose(loss)
            before = await counted(camera, far)
            camera.resume()
            await asyncio.sleep(WATCHED)
            after = await counted(camera, far)
            offered, shown = (now - then for now, then in zip(after, before))
            print(f"{kind}, {loss:.0%} lost: {shown} of {offered} frames")
            camera.resume()
            assert offered > WATCHED * FPS / 2, "the camera goes on"
            assert shown >= whole * offered - EDGES, f"{shown} of {offered} frames at {loss:.0%} loss"
    finally:
        await far.leave()
