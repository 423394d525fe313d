"""A waiting room: somebody whose token neither publishes nor watches, until an operator lets them in."""

import json

from support.terminal import ringward
from support.wait import until

WAITS = {"can_publish": False, "can_subscribe": False, "can_publish_data": False}


async def in_room(box, room):
    lines = await ringward(box, "room", room, "--json", "--data", str(box.data))
    return json.loads(lines)


async def test_who_waits_sees_nothing_until_an_operator_lets_them_in(box, room, mode, join):
    ada = await join(box, room, "ada", mode)
    pat = await join(box, room, "pat", mode, **WAITS)
    await ada.publish_picture()
    await ada.publish_tone()
    await pat.publication("ada", "video")
    assert await pat.is_refused_to_publish(pat.publish_picture())
    await ada.me.publish_data(b"about pat", reliable=True)
    await ada.me.publish_data(b"to pat", reliable=True, destination_identities=["pat"])
    await until(lambda: pat.data, "who waits can be spoken to")
    assert [packet.data for packet in pat.data] == [b"to pat"], "and hears nothing else"
    assert not pat.saw("track_subscribed"), pat.log

    shown = await in_room(box, room)
    assert (shown["room"]["people"], shown["room"]["waiting"]) == (1, 1), shown
    states = {one["identity"]: one["state"] for one in shown["participants"]}
    assert states == {"ada": "active", "pat": "waiting"}

    told = await ringward(box, "admit", pat.me.sid, "--data", str(box.data))
    assert told.startswith("done: it may publish and watch"), told
    await until(lambda: pat.saw("participant_permissions_changed"), "pat is told")
    await pat.sees("ada")
    await pat.hears("ada")
    await pat.publish_picture()
    await ada.sees("pat")
    assert not pat.saw("disconnected") and not pat.saw("reconnecting")
    assert (await in_room(box, room))["room"]["waiting"] == 0

    again = await ringward(box, "admit", pat.me.sid, "--data", str(box.data))
    assert again.startswith("already: "), again
    lines = await ringward(box, "audit", "--act", "admit", "--json", "--data", str(box.data))
    mine = [entry for entry in map(json.loads, lines.splitlines()) if entry["target"] == pat.me.sid]
    assert [entry["phase"] for entry in mine] == ["intent", "outcome"] * 2
    assert [entry["reason"] for entry in mine] == ["requested", "done", "requested", "already"]


async def test_who_may_send_messages_hears_those_for_everyone(box, room, mode, join):
    ada = await join(box, room, "ada", mode)
    display = await join(box, room, "display", mode, **{**WAITS, "can_publish_data": True})
    await ada.me.publish_data(b"to all", reliable=True)
    await until(lambda: display.data, "a message for everyone arrives")
    assert [packet.data for packet in display.data] == [b"to all"]
    await display.me.publish_data(b"from a display", reliable=True)
    await until(lambda: ada.data, "and one of its own")
