"""Rooms that send a camera and its microphone as one stream (`sync_streams`)."""

import pytest
from livekit import api

pytestmark = pytest.mark.any_backend


async def test_one_stream_is_seen_and_heard_by_every_client(box, room, mode, browse, join):
    async with box.api() as service:
        await service.room.create_room(api.CreateRoomRequest(name=room, sync_streams=True))
    tab, nurse = await browse(box, room, "tab", mode), await join(box, room, "nurse", mode)
    for client, hertz in ((tab, 440), (nurse, 620)):
        await client.publish_picture()
        await client.publish_tone(hertz)

    await tab.sees("nurse")
    await nurse.sees("tab")
    await tab.hears("nurse", 620)
    await nurse.hears("tab", 440)
