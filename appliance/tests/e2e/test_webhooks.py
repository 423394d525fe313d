"""Webhooks: signed, in order, and none lost while the receiver is down."""

import pytest
from livekit import api

from support.wait import LONG, until

CONFIG = """development = true

[webhook]
urls = ["{url}"]
key = "devkey"
"""


@pytest.fixture
async def hooked(own_box, hooks):
    """A box that tells `hooks`."""
    return await own_box(config=CONFIG.format(url=hooks.url))


async def meet(box, room, join):
    """One participant comes, publishes, stops and goes; the room ends at once."""
    async with box.api() as service:
        await service.room.create_room(api.CreateRoomRequest(name=room, departure_timeout=1))
    ada = await join(box, room, "ada")
    ben = await join(box, room, "ben")
    sent = await ada.publish_picture()
    await ben.sees("ada", pictures=3)
    await sent.unpublish()
    await until(lambda: ben.saw("track_unpublished"), "the track is gone")
    await ben.leave()
    await ada.leave()


STORY = [
    "room_started",
    "participant_joined",
    "participant_joined",
    "track_published",
    "track_unpublished",
    "participant_left",
    "participant_left",
    "room_finished",
]


async def test_a_meeting_is_told_signed_and_in_order(hooked, hooks, room, join):
    await meet(hooked, room, join)

    await until(lambda: hooks.names(room) == STORY, lambda: f"the story, not {hooks.names(room)}", LONG)
    assert hooks.forged == []
    ids = [event.id for event in hooks.received]
    assert len(set(ids)) == len(ids), "an event was told twice"
    left = [event for event in hooks.received if event.event == "participant_left"]
    assert [event.participant.identity for event in left] == ["ben", "ada"]


async def test_nothing_is_lost_while_the_receiver_is_down(hooked, hooks, room, join):
    hooks.is_down = True
    await meet(hooked, room, join)
    await until(lambda: hooks.refused, "the box tried")

    hooks.is_down = False

    await until(lambda: hooks.names(room) == STORY, lambda: f"the story, not {hooks.names(room)}", LONG)
    assert hooks.forged == []


async def test_what_waits_survives_a_crash(hooked, hooks, room, join):
    hooks.is_down = True
    await meet(hooked, room, join)
    await until(lambda: hooks.refused, "the box tried")
    await until(lambda: _both_left(hooked, room), "both leavings are acknowledged")

    hooked.kill()
    hooks.is_down = False
    await hooked.start()

    await until(lambda: hooks.names(room)[:7] == STORY[:7], lambda: f"the story, not {hooks.names(room)}", LONG)


async def _both_left(box, room):
    return [event["type"] for event in await box.events(room=room)].count("occupant_left") == 2
