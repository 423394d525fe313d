"""A stop with people inside: calls go on, nobody new comes in, and who is left comes back later."""

import signal
import urllib.error
import urllib.request

import pytest
from livekit import rtc
from support.wait import LONG, until

CONFIG = "development = true\ndrain-seconds = 600\n"
"""Longer than any scenario: only a second signal ends it."""


async def test_a_stop_lets_calls_go_on_until_it_is_told_again(own_box, backend, mode, room, join):
    box = await own_box(net=backend, config=CONFIG)
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    sent = await ada.publish_picture()
    await ben.sees("ada")

    box.process.send_signal(signal.SIGTERM)
    await until(lambda: not _admits(box), "the box says that it admits nobody")
    with pytest.raises(rtc.ConnectError):
        await join(box, room, "eve", mode)
    before = sent.sent
    assert (await ben.sees("ada")).latest > before, "the call did not go on"

    box.process.send_signal(signal.SIGTERM)
    assert box.process.wait(timeout=LONG) == 0, box.tail()
    await until(lambda: ada.saw("reconnecting") and ben.saw("reconnecting"), "both are told", LONG)
    before = sent.sent
    await box.start()
    await until(lambda: ada.saw("reconnected") and ben.saw("reconnected"), "both are back", 2 * LONG)
    assert (await ben.sees("ada")).latest > before


async def test_a_stop_ends_with_the_last_call(own_box, backend, room, join):
    box = await own_box(net=backend, config=CONFIG)
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")

    box.process.send_signal(signal.SIGTERM)
    await until(lambda: not _admits(box), "the box says that it admits nobody")
    await ada.leave()
    assert box.process.poll() is None, "it did not wait for the other"
    await ben.leave()
    assert box.process.wait(timeout=LONG) == 0, box.tail()


def _admits(box):
    try:
        with urllib.request.urlopen(f"{box.http}/readyz", timeout=1):
            return True
    except urllib.error.HTTPError:
        return False
