"""From an operator's End to the last packet, as seen on the wire."""

import time

import aiohttp
import pytest

from support.box import WORKERS
from support.wait import stays, until
from support.wire import Wire

pytestmark = pytest.mark.any_backend

LIMIT = 2.0
"""Seconds from the request to the last packet, as the console promises."""


@pytest.fixture
def wire(box):
    wire = Wire(box, WORKERS).start()
    yield wire
    wire.stop()


async def end(box, target):
    """An operator's action; returns what the box says became of it."""
    action = {"verb": "end", "target": target, "reason": "test", "note": ""}
    connector = aiohttp.UnixConnector(path=str(box.data / "admin.sock"))
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.post("http://ringward/admin/actions", json=action) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


@pytest.mark.parametrize("told", [True, False], ids=["who is told", "who cannot be told"])
@pytest.mark.parametrize("whom", ["publisher", "viewer", "room"])
async def test_the_last_packet_leaves_within_two_seconds(box, wire, proxy, room, join, capsys, whom, told):
    ada = await join(box, room, "ada", url=proxy.ws)
    await ada.publish_picture()
    await until(lambda: wire.packets, "ada has a way")
    adas = set(wire.packets)
    ben = await join(box, room, "ben", url=proxy.ws)
    await ben.sees("ada")
    bens = set(wire.media) - adas
    assert bens, "ben has a way of his own"
    proxy.silent = proxy.refusing = not told

    target = {
        "publisher": {"kind": "participant", "sid": ada.me.sid},
        "viewer": {"kind": "participant", "sid": ben.me.sid},
        "room": {"kind": "room", "sid": await ada.room.sid},
    }[whom]
    # Where the publisher is gone its viewers stay: no picture comes, but their transports live.
    seen, ways = (wire.media, bens) if whom == "publisher" else (wire.packets, bens if whom == "viewer" else adas | bens)

    def last():
        return max(seen[port] for port in ways)

    asked = time.monotonic()
    answer = await end(box, target)
    assert answer["outcome"] == "done", answer
    await until(lambda: time.monotonic() > asked + LIMIT, "the time is over")
    await stays(lambda: last() < asked + LIMIT, f"no packet {LIMIT} s after the end of the {whom}", LIMIT)
    assert last() > asked - 1, "packets flowed until then"
    with capsys.disabled():
        print(f"\n  end of the {whom} to the last packet: {max(0, 1000 * (last() - asked)):.0f} ms ", end="")
