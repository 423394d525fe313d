"""Picture and sound between two Python clients."""

import pytest
from livekit import rtc

from support.wait import LONG, until


async def test_the_picture_arrives_and_its_counter_is_read_back(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    sent = await ada.publish_picture()

    seen = await ben.sees("ada", pictures=20)

    assert max(seen.counters) <= sent.sent
    assert seen.unreadable == 0, f"pictures arrived damaged: {seen}"


async def test_the_tone_arrives(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    await ada.publish_tone(440)

    heard = await ben.hears("ada", 440)

    assert heard.share(620) < 0.1, "a tone that nobody played is heard"


@pytest.mark.any_backend
async def test_two_people_see_and_hear_each_other(box, room, mode, join):
    people = [await join(box, room, name, mode) for name in ("ada", "ben")]
    for person, hertz in zip(people, (440, 620)):
        await person.publish_picture()
        await person.publish_tone(hertz)

    ada, ben = people
    await ada.sees("ben")
    await ben.sees("ada")
    await ada.hears("ben", 620)
    await ben.hears("ada", 440)


@pytest.mark.any_backend
async def test_a_late_joiner_gets_a_keyframe(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    sent = await ada.publish_picture()
    await ben.sees("ada", pictures=40)

    cleo = await join(box, room, "cleo", mode)
    seen = await cleo.sees("ada")

    assert seen.counters[0] > 40, "a late joiner was shown pictures from before it came"
    assert seen.counters[0] <= sent.sent


@pytest.mark.any_backend
async def test_clients_of_both_modes_meet(box, room, join):
    ada, ben = await join(box, room, "ada", "single"), await join(box, room, "ben", "dual")
    await ada.publish_picture()
    await ben.publish_picture()
    await ada.publish_tone(440)
    await ben.publish_tone(620)

    await ada.sees("ben")
    await ben.sees("ada")
    await ada.hears("ben", 620)
    await ben.hears("ada", 440)


@pytest.mark.any_backend
@pytest.mark.parametrize("codec", ["H264", "VP9", "AV1"])
async def test_a_picture_of_every_codec_arrives(box, room, codec, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    await ada.publish_picture(320, 180, 10, video_codec=rtc.VideoCodec.Value(codec))

    await ben.sees("ada")

    assert (await ben.publication("ada", "video")).mime_type.upper() == f"VIDEO/{codec}"


@pytest.mark.any_backend
async def test_pictures_stay_in_their_room(box, room, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    stranger = await join(box, f"{room}-next-door", "ben")
    await ada.publish_picture()
    await ben.sees("ada")

    assert stranger.room.remote_participants == {}
    assert stranger.saw("track_published") == []


@pytest.mark.any_backend
async def test_who_speaks_is_told_and_who_stops_too(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    speech = await ada.publish_tone()
    await ben.hears("ada")

    def speaking():
        told = ben.saw("active_speakers_changed")
        return {person.identity for person in told[-1][0]} if told else None

    await until(lambda: speaking() == {"ada"}, lambda: f"ben is told that ada speaks, not {speaking()}")
    speech.track.mute()
    await until(lambda: speaking() == set(), lambda: f"ben is told that nobody speaks, not {speaking()}")


@pytest.mark.any_backend
async def test_connection_quality_is_told(box, room, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    await ada.publish_picture()
    await ben.sees("ada")

    def told():
        return {person.identity for person, _quality in ben.saw("connection_quality_changed")}

    await until(lambda: "ada" in told(), lambda: f"ben is told ada's quality, not only {told()}", LONG)
