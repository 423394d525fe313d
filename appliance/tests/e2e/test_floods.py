"""A client that changes what everyone sees faster than anyone can read."""

import asyncio

import pytest

from support.wait import LONG, until

pytestmark = pytest.mark.any_backend


async def test_a_client_that_renames_itself_without_end_is_refused_and_stays(box, room, join):
    ada = await join(box, room, "ada", can_update_own_metadata=True)
    ben = await join(box, room, "ben")
    await ben.remote("ada")

    renames = (ada.me.set_name(f"Ada {n}") for n in range(200))
    await asyncio.wait_for(asyncio.gather(*renames), LONG)  # each is answered, also the refused
    await ada.me.publish_data("still here", reliable=True)

    await until(lambda: ben.data, "ben hears ada")
    await until(lambda: len(ben.saw("participant_name_changed")) >= 40, "a burst passes")
    assert len(ben.saw("participant_name_changed")) < 150, "and the rest does not"
    assert not ada.saw("disconnected") and not ada.saw("reconnecting")
