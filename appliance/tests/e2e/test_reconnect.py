"""Clients that lose the box and come back."""

import pytest
from livekit import rtc

from support.wait import LONG, stays, until


def texts(client):
    return [packet.data.decode() for packet in client.data]


@pytest.fixture
async def pair(box, room, mode, join, proxy):
    """Ada, whose signalling runs over a wire that can be cut, and Ben, whose does not."""
    ada, ben = await join(box, room, "ada", mode, url=proxy.ws), await join(box, room, "ben", mode)
    await ben.remote("ada")
    await ada.remote("ben")
    return ada, ben


@pytest.mark.any_backend
async def test_each_mode_asks_its_own_path(pair, mode, proxy):
    wanted = {"single": "/rtc/v1", "dual": "/rtc"}[mode]

    assert proxy.paths() == [wanted]


async def test_a_dropped_signal_is_resumed_and_the_picture_never_stops(pair, proxy):
    ada, ben = pair
    sent = await ada.publish_picture()
    seen = await ben.sees("ada")
    sid = ada.me.sid

    proxy.cut()
    await until(lambda: ada.saw("reconnected"), "ada is back", LONG)

    await seen.reaches(sent.sent)
    assert ada.me.sid == sid, "a resumed participant is the same one"
    assert not ben.saw("participant_disconnected"), "ben was told that ada left"
    assert not ben.saw("track_unpublished")
    assert seen.unreadable == 0
    assert len(proxy.requests) >= 2


@pytest.mark.any_backend
async def test_a_resumed_client_is_told_what_it_missed(box, pair, room, join, mode, proxy):
    ada, ben = pair
    proxy.refusing = True
    proxy.cut()
    await until(lambda: ada.saw("reconnecting"), "ada notices", LONG)
    cleo = await join(box, room, "cleo", mode)
    await cleo.publish_picture()
    await ben.sees("cleo")

    proxy.refusing = False
    await until(lambda: ada.saw("reconnected"), "ada is back", LONG)

    await ada.sees("cleo")


@pytest.mark.any_backend
async def test_reliable_data_survives_a_dropped_signal(pair, proxy):
    ada, ben = pair
    sent = [str(number) for number in range(300)]

    for number, text in enumerate(sent):
        if number == 100:
            proxy.cut()
        await ada.me.publish_data(text)

    await until(lambda: len(ben.data) >= 300, lambda: f"300 messages, not {len(ben.data)}", LONG)
    assert texts(ben) == sent


@pytest.mark.any_backend
async def test_a_resumed_client_can_publish(pair, proxy):
    ada, ben = pair
    proxy.cut()
    await until(lambda: ada.saw("reconnected"), "ada is back", LONG)

    await ada.publish_picture()

    await ben.sees("ada")


@pytest.mark.any_backend
@pytest.mark.parametrize("scenario", ["FULL_RECONNECT", "NODE_FAILURE"])
async def test_a_client_comes_back_after(pair, scenario):
    ada, ben = pair
    sent = await ada.publish_picture()
    await ben.sees("ada")
    before = sent.sent
    sid = ben.room.remote_participants["ada"].sid

    await ada.room.simulate_scenario(rtc.SimulateScenarioKind.Value(f"SIMULATE_{scenario}"))
    await until(lambda: ada.saw("reconnected"), lambda: f"ada is back; it saw {ada.log}", LONG)

    assert (await ben.sees("ada")).latest > before
    assert ben.room.remote_participants["ada"].sid != sid


@pytest.mark.any_backend
async def test_a_server_leave_ends_the_session(pair):
    ada, ben = pair

    await ada.room.simulate_scenario(rtc.SimulateScenarioKind.Value("SIMULATE_SERVER_LEAVE"))

    await until(lambda: ada.saw("disconnected"), "ada is disconnected")
    await until(lambda: "ada" not in ben.room.remote_participants, "ben sees ada go")


@pytest.mark.any_backend
async def test_who_stays_away_too_long_is_gone(pair, proxy):
    ada, ben = pair

    proxy.refusing = True
    await ada.leave()

    await until(lambda: ben.saw("participant_disconnected"), "ben sees ada go", LONG)
    await stays(lambda: "ada" not in ben.room.remote_participants, "ada does not return", 0.5)
