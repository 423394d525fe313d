"""Eight people at once."""

import asyncio

import pytest

from support.wait import LONG

NAMES = ["ada", "ben", "cleo", "dora", "emil", "fred", "gina", "hugo"]


async def test_eight_people_all_see_and_hear_one_another(box, room, mode, join):
    people = [await join(box, room, name, mode) for name in NAMES]
    for at, person in enumerate(people):
        await person.publish_picture(320, 180, 8)
        await person.publish_tone(300 + 100 * at)

    async def meets_all(person):
        for at, name in enumerate(NAMES):
            if name == person.identity:
                continue
            seen = await person.sees(name, pictures=3)
            await seen.stop()
            heard = await person.hears(name, 300 + 100 * at)
            await heard.stop()

    await asyncio.wait_for(asyncio.gather(*map(meets_all, people)), 2 * LONG)


@pytest.mark.any_backend
async def test_eight_people_come_and_go(box, room, mode, join):
    people = [await join(box, room, name, mode) for name in NAMES[:4]]
    for person in people:
        await person.publish_picture(320, 180, 8)
    host = people[0]
    await host.sees("dora", pictures=3)

    for leaver in people[1:]:
        await leaver.leave()
    newcomers = [await join(box, room, name, mode) for name in NAMES[4:]]
    for person in newcomers:
        await person.publish_picture(320, 180, 8)

    for person in newcomers:
        await host.sees(person.identity, pictures=3)
        await person.sees("ada", pictures=3)
    assert sorted(host.room.remote_participants) == NAMES[4:]
