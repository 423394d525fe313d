"""Who gets in, and what a token allows."""

import asyncio
import datetime

import pytest
from livekit import api, rtc

from support.client import Client
from support.wait import LONG, stays, until


pytestmark = pytest.mark.any_backend

@pytest.mark.parametrize(
    "flaw",
    [
        {"secret": "not-the-secret"},
        {"key": "nobody"},
        {"ttl": datetime.timedelta(hours=-1)},
        {"room_join": False},
    ],
    ids=["wrong-secret", "unknown-key", "expired", "no-grant-to-join"],
)
async def test_a_flawed_token_opens_nothing(box, room, mode, flaw):
    client = Client(box, room, "mallory", mode, **flaw)

    with pytest.raises(rtc.ConnectError):
        await client.join()

    async with box.api() as service:
        found = await service.room.list_rooms(api.ListRoomsRequest(names=[room]))
    assert list(found.rooms) == [], "a refused token opened a room"


async def test_a_second_connection_of_one_identity_replaces_the_first(box, room, mode, join):
    first, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    second = await join(box, room, "ada", mode)

    await until(lambda: first.saw("disconnected"), "the first connection is ended")
    assert first.saw("disconnected") == [[rtc.DisconnectReason.DUPLICATE_IDENTITY]]
    assert not second.saw("disconnected")
    await second.publish_picture()
    await ben.sees("ada")
    assert ben.room.remote_participants["ada"].sid == second.me.sid


async def test_a_hidden_participant_sees_and_is_not_seen(box, room, mode, join):
    ada = await join(box, room, "ada", mode)
    ghost = await join(box, room, "ghost", mode, hidden=True)
    ben = await join(box, room, "ben", mode)
    await ada.publish_picture()

    await ghost.sees("ada")

    await ben.sees("ada")
    for person in (ada, ben):
        assert "ghost" not in person.room.remote_participants
        assert "ghost" not in [p.identity for (p,) in person.saw("participant_connected")]


async def test_who_may_not_publish_publishes_nothing(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode, can_publish=False), await join(box, room, "ben", mode)

    assert await ada.is_refused_to_publish(ada.publish_picture())

    assert ben.saw("track_published") == []


async def test_only_the_granted_sources_are_published(box, room, join):
    ada = await join(box, room, "ada", can_publish_sources=["camera"])
    ben = await join(box, room, "ben")

    assert await ada.is_refused_to_publish(ada.publish_tone())
    await ada.publish_picture()

    await ben.sees("ada")
    assert len(ben.saw("track_published")) == 1


async def test_who_may_not_subscribe_receives_nothing(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    blind = await join(box, room, "blind", mode, can_subscribe=False)
    await ada.publish_picture()

    await ben.sees("ada")

    await stays(lambda: not blind.saw("track_subscribed"), "nothing is subscribed", 1.0)


async def test_one_may_change_its_own_metadata_where_granted(box, room, mode, join):
    ada = await join(box, room, "ada", mode, can_update_own_metadata=True)
    ben = await join(box, room, "ben", mode)
    await ben.remote("ada")

    await ada.me.set_metadata("ready")
    await ada.me.set_attributes({"hand": "raised"})
    await ada.me.set_name("Ada L.")

    other = ben.room.remote_participants["ada"]
    await until(
        lambda: (other.metadata, other.attributes.get("hand"), other.name) == ("ready", "raised", "Ada L."),
        lambda: f"ben sees the changes, not {other.metadata!r} {other.attributes} {other.name!r}",
    )


async def test_one_may_not_change_its_own_metadata_otherwise(box, room, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    await ben.remote("ada")

    await asyncio.wait_for(ada.me.set_metadata("forged"), LONG)  # answered; this SDK drops the refusal
    await ada.me.publish_data("done")
    await until(lambda: ben.data, "ben hears from ada afterwards")

    assert ben.room.remote_participants["ada"].metadata == ""
    assert not ben.saw("participant_metadata_changed")


async def test_a_room_takes_no_more_than_it_was_made_for(box, room, join):
    async with box.api() as service:
        await service.room.create_room(api.CreateRoomRequest(name=room, max_participants=1))
    await join(box, room, "ada")

    with pytest.raises(rtc.ConnectError):
        await Client(box, room, "ben").join()


async def test_a_token_carries_name_and_metadata_to_the_others(box, room, join):
    ben = await join(box, room, "ben")
    await join(box, room, "ada", name="Head of cardiology", metadata="cardiology")

    ada = await ben.remote("ada")

    assert (ada.name, ada.metadata) == ("Head of cardiology", "cardiology")
