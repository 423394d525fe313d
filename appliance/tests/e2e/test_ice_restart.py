"""WHIP and WHEP sessions whose client changes its path (RFC 9725 §4.3.3)."""

import asyncio

import aiohttp
import aioice
import pytest

from support.wait import LONG, until
from test_whip import Viewer

pytestmark = pytest.mark.any_backend

FRAGMENT = "application/trickle-ice-sdpfrag"
NEW = {"local_username": "newu", "local_password": "0123456789abcdefghijklmn"}
CREDENTIALS = f"a=ice-ufrag:{NEW['local_username']}\r\na=ice-pwd:{NEW['local_password']}\r\n"


@pytest.fixture
async def viewer():
    viewer = Viewer()
    yield viewer
    await viewer.stop()


async def patch(viewer, body, **headers):
    headers = {**viewer._headers, "Content-Type": FRAGMENT, **headers}
    async with aiohttp.ClientSession() as http:
        async with http.patch(viewer.session, data=body, headers=headers) as answer:
            return answer.status, answer.headers.copy(), await answer.text()


async def tag(viewer):
    async with aiohttp.ClientSession() as http:
        async with http.get(viewer.session, headers=viewer._headers) as answer:
            assert answer.status == 204
            return answer.headers["ETag"]


def attributes(fragment, name):
    return [line.removeprefix(f"a={name}:") for line in fragment.splitlines() if line.startswith(f"a={name}:")]


async def test_media_goes_on_over_the_path_of_a_restart(box, room, join, viewer):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    await ada.publish_picture()
    await ben.track("ada", "video")
    await viewer.start(box, room, box.token(room, "screen-2"))
    await until(lambda: viewer.counters, "a picture", LONG)
    before = await tag(viewer)

    status, headers, answer = await patch(viewer, CREDENTIALS, **{"If-Match": "*"})

    assert (status, headers["Content-Type"]) == (200, FRAGMENT), answer
    assert headers["ETag"] != before and headers["ETag"] == await tag(viewer)
    path = aioice.Connection(ice_controlling=True, **NEW)
    await path.gather_candidates()
    path.remote_username, path.remote_password = attributes(answer, "ice-ufrag")[0], attributes(answer, "ice-pwd")[0]
    for candidate in attributes(answer, "candidate"):
        await path.add_remote_candidate(aioice.Candidate.from_sdp(candidate))
    await path.add_remote_candidate(None)
    await asyncio.wait_for(path.connect(), LONG)

    async def media():
        while not 128 <= (await path.recv())[0] < 192:
            pass

    await asyncio.wait_for(media(), LONG)
    await path.close()


async def test_a_patch_is_of_the_ice_session_it_names(box, room, join, viewer):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    await ada.publish_picture()
    await ben.track("ada", "video")
    await viewer.start(box, room, box.token(room, "screen-2"))
    candidate = "a=candidate:1 1 udp 2130706431 192.0.2.9 50000 typ host\r\n"
    mdns = "a=candidate:2 1 udp 2130706431 a1b2c3d4.local 50001 typ host\r\n"
    old = await tag(viewer)

    assert (await patch(viewer, candidate + mdns, **{"If-Match": old}))[0] == 204
    assert (await patch(viewer, candidate))[0] == 428
    assert (await patch(viewer, CREDENTIALS, **{"If-Match": "*"}))[0] == 200
    assert (await patch(viewer, candidate, **{"If-Match": old}))[0] == 412
    assert (await patch(viewer, CREDENTIALS + candidate, **{"If-Match": await tag(viewer)}))[0] == 204
    assert (await patch(viewer, "hello", **{"If-Match": "*"}))[0] == 400
