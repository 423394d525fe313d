"""Files far larger and faster than a sender's allowance: it is slowed, and nothing gets lost."""

import asyncio
import hashlib

import pytest

from support.wait import LONG, until

SIZE = 20_000_000


@pytest.fixture
def file(tmp_path):
    """Bytes that nobody can compress."""
    path = tmp_path / "picture.dcm"
    path.write_bytes(hashlib.shake_256(b"e2e").digest(SIZE))
    return path


def receive(person):
    """What arrives with the next file, as its sender, its length and its digest."""
    got = asyncio.get_running_loop().create_future()

    async def take(reader, identity):
        try:
            content = b"".join([chunk async for chunk in reader])
            got.set_result((identity, len(content), hashlib.sha256(content).hexdigest()))
        except Exception as broken:
            got.set_exception(broken)

    person.room.register_byte_stream_handler(
        "e2e", lambda reader, identity: asyncio.ensure_future(take(reader, identity))
    )
    return got


async def test_a_large_file_arrives_whole_in_python(box, room, mode, join, file):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    await until(lambda: "ben" in ada.room.remote_participants, "ada knows ben")
    got = receive(ben)

    await asyncio.wait_for(ada.me.send_file(str(file), topic="e2e", compress=False), LONG)

    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert await asyncio.wait_for(got, LONG) == ("ada", SIZE, digest)


@pytest.mark.any_backend
async def test_a_large_file_arrives_whole_in_a_browser(box, room, mode, join, browse, file):
    ada, tab = await join(box, room, "ada", mode), await browse(box, room, "tab", mode)
    await until(lambda: "tab" in ada.room.remote_participants, "ada knows the tab")

    await asyncio.wait_for(ada.me.send_file(str(file), topic="e2e", compress=False), LONG)

    await until(lambda: tab.call("files"), "the file arrives", LONG)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert await tab.call("files") == [{"bytes": SIZE, "sha256": digest, "from": "ada"}]
