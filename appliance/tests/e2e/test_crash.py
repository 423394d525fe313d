"""A power cut: the box is killed and started again on the same folder."""

from support.wait import LONG, until


async def test_a_killed_box_comes_back_and_so_do_its_clients(own_box, backend, mode, room, join):
    box = await own_box(net=backend)
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    sent = await ada.publish_picture()
    await ben.sees("ada")

    box.kill()
    await until(lambda: ada.saw("reconnecting") and ben.saw("reconnecting"), "both notice", LONG)
    before = sent.sent
    await box.start()
    await until(lambda: ada.saw("reconnected") and ben.saw("reconnected"), "both are back", 2 * LONG)

    assert (await ben.sees("ada")).latest > before


async def test_a_killed_box_closes_what_was_open(own_box, backend, room, join):
    box = await own_box(net=backend)
    ada = await join(box, room, "ada")
    await until(lambda: _joined(box, room), "the joining is recorded")
    acknowledged = await box.events(room=room)
    sid = acknowledged[0]["room_sid"]

    box.kill()
    await box.start()

    events = [event for event in await box.events() if event["room_sid"] == sid]
    assert events[: len(acknowledged)] == acknowledged, "what was recorded changed"
    closing = {event["type"]: event for event in events[len(acknowledged) :]}
    assert "system_reset" in closing
    assert closing["occupant_left"]["actor"] == ada.identity
    assert closing["occupant_left"]["data"]["reason"] == "system_reset"
    assert closing["room_destroyed"]["data"]["reason"] == "system_reset"


async def _joined(box, room):
    return any(event["type"] == "occupant_joined" for event in await box.events(room=room))
