"""What stands in the journal afterwards, asked by the box's own commands."""

import pytest
from livekit import rtc

from support.wait import LONG, until


pytestmark = pytest.mark.any_backend

async def recorded(box, room, *types):
    """The room's events of these types, oldest first."""
    return [event for event in await box.events(room=room) if event["type"] in types]


async def has(box, room, event_type, count=1):
    return len(await recorded(box, room, event_type)) >= count


async def test_a_meeting_stands_in_the_journal(box, room, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    camera, microphone = await ada.publish_picture(), await ada.publish_tone()
    await ben.sees("ada", pictures=3)
    for track in (camera.track, microphone.track):
        track.mute()
    await until(lambda: len(ben.saw("track_muted")) == 2, "ben is told of both mutes")
    for track in (camera.track, microphone.track):
        track.unmute()
    await until(lambda: len(ben.saw("track_unmuted")) == 2, "ben is told of both unmutes")
    screen = await ada.publish_picture(source=rtc.TrackSource.SOURCE_SCREENSHARE)
    await until(lambda: len(ben.saw("track_published")) == 3, "ben is told of the screen")
    await screen.unpublish()
    await until(lambda: ben.saw("track_unpublished"), "ben is told of its end")
    sid = ada.me.sid
    await ada.leave()

    await until(lambda: has(box, room, "occupant_left"), "the leaving is recorded")
    events = await box.events(room=room)
    by_ada = [event["type"] for event in events if event.get("actor") == "ada"]
    story = [
        "occupant_joined", "screencapture_started", "screencapture_ended", "occupant_left",
    ]
    assert [name for name in by_ada if name in story] == story
    for name in ("video_paused", "audio_paused", "video_resumed", "audio_resumed"):
        assert by_ada.count(name) == 1, f"{name} in {by_ada}"
    assert events[0]["type"] == "room_created"
    assert [e["sequence"] for e in events] == sorted(e["sequence"] for e in events)
    left = next(event for event in events if event["type"] == "occupant_left")
    assert left["actor_sid"] == sid
    assert left["data"]["reason"] == "client_initiated"
    assert left["data"]["duration_ms"] > 0


async def test_a_message_is_recorded_without_its_text(box, room, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    await ben.remote("ada")
    await ada.remote("ben")
    secret = "blood pressure 120 over 80"

    await ada.me.send_text(secret, topic="lk.chat")

    await until(lambda: has(box, room, "message_sent"), "the message is recorded", LONG)
    (message,) = await recorded(box, room, "message_sent")
    assert message["actor"] == "ada"
    for path in box.data.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), f"the text stands in {path.name}"
    assert secret not in box.log.read_text(errors="replace")


async def test_names_stand_nowhere_on_the_disk(box, room, join):
    await join(box, room, "p-1", name="Zebediah Quillfeather", metadata="Diagnosis Zeta")

    await until(lambda: has(box, room, "occupant_joined"), "the joining is recorded")

    for secret in (b"Quillfeather", b"Diagnosis Zeta"):
        for path in box.data.rglob("*"):
            if path.is_file():
                assert secret not in path.read_bytes(), f"{secret} stands in {path.name}"
        assert secret not in box.log.read_bytes()


async def test_the_running_rooms_are_listed(box, room, join):
    await join(box, room, "ada")

    (found,) = [each for each in await box.rooms() if each["name"] == room]

    assert found["people"] == 1
    assert found["sid"].startswith("RM_")


@pytest.mark.parametrize("flag, value, count", [("actor", "ben", 1), ("type", "occupant_joined", 2)])
async def test_events_are_found_by(box, room, join, flag, value, count):
    for name in ("ada", "ben"):
        await join(box, room, name)
    await until(lambda: has(box, room, "occupant_joined", 2), "both joins are recorded")

    found = await box.events(room=room, **{flag: value})

    assert len([event for event in found if event["type"] == "occupant_joined"]) == count
