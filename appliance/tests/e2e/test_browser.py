"""livekit-client in Chromium: two tabs, and a tab with a Python client."""

import pytest

from support.wait import LONG, stays, until


async def test_two_browsers_see_and_hear_each_other(box, room, mode, browse):
    ada, ben = await browse(box, room, "ada", mode), await browse(box, room, "ben", mode)
    for tab, hertz in ((ada, 440), (ben, 620)):
        await tab.publish_picture()
        await tab.publish_tone(hertz)

    await ada.sees("ben")
    await ben.sees("ada")
    await ada.hears("ben", 620)
    await ben.hears("ada", 440)


@pytest.mark.any_backend
async def test_a_browser_and_a_python_client_see_and_hear_each_other(box, room, mode, browse, join):
    tab, ben = await browse(box, room, "tab", mode), await join(box, room, "ben", mode)
    await tab.publish_picture()
    await tab.publish_tone(440)
    await ben.publish_picture()
    await ben.publish_tone(620)

    await tab.sees("ben")
    await ben.sees("tab")
    await tab.hears("ben", 620)
    await ben.hears("tab", 440)


@pytest.mark.any_backend
async def test_browsers_exchange_data_and_text(box, room, mode, browse):
    ada, ben = await browse(box, room, "ada", mode), await browse(box, room, "ben", mode)
    for tab, other in ((ada, "ben"), (ben, "ada")):
        await until(lambda: _knows(tab, other), f"{tab.identity} knows {other}")

    await ada.call("sendMany", 200)
    await ada.call("sendText", "Grüße")

    await until(lambda: _count(ben, 200), "200 messages arrive", LONG)
    assert [m["text"] for m in await ben.call("data")] == [str(n) for n in range(200)]
    await until(lambda: ben.call("texts"), "the text arrives")
    assert await ben.call("texts") == [{"text": "Grüße", "from": "ada"}]


@pytest.mark.any_backend
async def test_a_browser_mutes_unpublishes_and_comes_back(box, room, mode, browse):
    ada, ben = await browse(box, room, "ada", mode), await browse(box, room, "ben", mode)
    await ada.publish_picture()
    await ben.sees("ada")

    await ada.call("mute", "video", True)
    await until(lambda: ben.log("TrackMuted"), "ben is told of the mute")
    await ada.call("mute", "video", False)
    await until(lambda: ben.log("TrackUnmuted"), "ben is told of the unmute")
    await ben.sees("ada")
    await ada.call("unpublish", "video")
    await until(lambda: ben.log("TrackUnpublished"), "ben is told that the track is gone")
    await ada.publish_picture()
    await ben.sees("ada")


@pytest.mark.any_backend
async def test_a_browser_unsubscribes_and_comes_back(box, room, mode, browse):
    ada, ben = await browse(box, room, "ada", mode), await browse(box, room, "ben", mode)
    await ada.publish_picture()
    await ben.sees("ada")

    await ben.call("subscribe", "ada", "video", False)
    await until(lambda: ben.log("TrackUnsubscribed"), "ben is unsubscribed")
    await ben.call("subscribe", "ada", "video", True)

    await ben.sees("ada")


@pytest.mark.any_backend
async def test_a_browser_chooses_the_simulcast_layer(box, room, mode, browse):
    ada, ben = await browse(box, room, "ada", mode), await browse(box, room, "ben", mode)
    await ada.publish_picture(1280, 720, 12, simulcast=True)
    await ben.sees("ada")

    for level, width in (("LOW", 320), ("HIGH", 1280), ("MEDIUM", 640)):
        await ben.call("quality", "ada", level)
        await until(lambda: _is_wide(ben, "ada", width), f"the picture becomes {width} wide", LONG)
        await ben.sees("ada", pictures=5)


@pytest.mark.any_backend
async def test_nobody_encodes_what_nobody_watches(box, room, browse):
    ada, ben = await browse(box, room, "ada"), await browse(box, room, "ben")
    await ada.publish_picture(1280, 720, 12, simulcast=True)
    await ben.sees("ada")

    await ben.call("quality", "ada", "LOW")
    await until(lambda: _layers(ada, [True, False, False]), "only the lowest layer is encoded", LONG)
    await ben.call("quality", "ada", "HIGH")
    await until(lambda: _layers(ada, [True, True, True]), "all layers are encoded again", LONG)


@pytest.mark.any_backend
async def test_encrypted_pictures_are_seen_with_the_key_only(box, room, mode, browse):
    passphrase = "correct horse battery staple"
    ada, ben = [await browse(box, room, name, mode, passphrase=passphrase) for name in ("ada", "ben")]
    eve = await browse(box, room, "eve", mode)
    await ada.publish_picture()
    await ada.publish_tone(440)

    await ben.sees("ada")
    await ben.hears("ada", 440)

    assert await ben.call("isEncrypted", "ada")
    assert await eve.counters("ada") == [], "somebody without the key saw the picture"


@pytest.mark.any_backend
async def test_encrypted_pictures_cross_from_python_to_python(box, room, mode, join):
    passphrase = "correct horse battery staple"
    ada, ben = [await join(box, room, name, mode, passphrase=passphrase) for name in ("ada", "ben")]
    eve = await join(box, room, "eve", mode)
    await ada.publish_picture()

    await ben.sees("ada")

    listening = await eve.watch("ada")
    await stays(lambda: listening.counters == [], "nothing is seen without the key", 1.0)


@pytest.mark.any_backend
@pytest.mark.parametrize("scenario", ["leave-full-reconnect", "node-failure"])
async def test_a_browser_comes_back_after(box, room, mode, browse, scenario):
    ada, ben = await browse(box, room, "ada", mode), await browse(box, room, "ben", mode)
    await ada.publish_picture()
    await ben.sees("ada")
    sid = await ada.call("sid")

    await ada.call("simulate", scenario)
    await until(lambda: ada.log("Reconnected"), "ada is back", LONG)

    await ben.sees("ada")
    assert await ada.call("sid") != sid


@pytest.mark.any_backend
async def test_a_browsers_dropped_socket_is_resumed(box, room, mode, browse, proxy):
    ada = await browse(box, room, "ada", mode, url=proxy.ws)
    ben = await browse(box, room, "ben", mode)
    await ada.publish_picture()
    await ben.sees("ada")
    sid = await ada.call("sid")

    proxy.cut()
    await until(lambda: ada.log("Reconnected"), "ada is back", LONG)

    await ben.sees("ada")
    assert await ada.call("sid") == sid
    assert await ben.log("ParticipantDisconnected") == []


async def _knows(tab, other):
    return other in await tab.call("others")


async def _count(tab, count):
    return len(await tab.call("data")) >= count


async def _is_wide(tab, identity, width):
    return (await tab.size(identity))[0] == width


async def _layers(tab, wanted):
    return await tab.call("layers") == wanted
