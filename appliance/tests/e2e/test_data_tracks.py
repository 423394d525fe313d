"""Data tracks: streams of frames that go to those who subscribed."""

import asyncio

from livekit import rtc

from support.wait import LONG, until

FRAME = 20_000
"""Bytes of a frame: several packets."""


class Watcher:
    """What a client hears of data tracks."""

    def __init__(self, client):
        self.published, self.unpublished = {}, []
        client.room.on("data_track_published", lambda track: self.published.update({track.info.name: track}))
        client.room.on("data_track_unpublished", self.unpublished.append)

    async def track(self, name):
        return await until(lambda: self.published.get(name), f"{name} is announced", LONG)


async def read(stream, frames):
    """The first bytes of the frames that come, each checked to be whole."""
    async for frame in stream:
        assert len(frame.payload) == FRAME and len(set(frame.payload)) == 1
        frames.append(frame.payload[0])


async def push_until(condition, track, what):
    """Pushes frames until `condition()`: frames are lossy, and none comes before its viewer."""
    sent = 0

    async def pushed():
        nonlocal sent
        track.try_push(rtc.DataTrackFrame(payload=bytes([sent % 256]) * FRAME))
        sent += 1
        await asyncio.sleep(0.05)
        return condition()

    await until(pushed, what, LONG)


async def test_frames_reach_who_subscribed_and_nobody_else(box, room, mode, join):
    ada, ben, cara = [await join(box, room, name, mode) for name in ("ada", "ben", "cara")]
    watcher, other = Watcher(ben), Watcher(cara)
    vitals = await ada.me.publish_data_track(name="vitals")
    position = await ada.me.publish_data_track(name="position")
    seen, heard = [], []
    reading = [asyncio.create_task(read((await watcher.track("vitals")).subscribe(), seen))]
    reading.append(asyncio.create_task(read((await other.track("position")).subscribe(), heard)))
    assert (await watcher.track("vitals")).publisher_identity == "ada"

    await push_until(lambda: len(seen) >= 3, vitals, "three frames come")
    assert heard == [], "the other track's viewer got none"
    await push_until(lambda: len(heard) >= 3, position, "three frames of the other come")

    sid = vitals.info.sid
    await vitals.unpublish()
    await until(lambda: sid in watcher.unpublished, "its end is told")
    await asyncio.wait_for(reading[0], LONG)
    reading[1].cancel()


async def test_who_joins_later_knows_the_data_tracks(box, room, mode, join):
    ada = await join(box, room, "ada", mode)
    vitals = await ada.me.publish_data_track(name="vitals")
    ben = rtc.Room()
    found = []
    ben.on("data_track_published", found.append)
    await ben.connect(box.ws, box.token(room, "ben"))
    try:
        track = await until(lambda: found and found[0], "it is announced")
        seen = []
        reading = asyncio.create_task(read(track.subscribe(), seen))
        await push_until(lambda: seen, vitals, "a frame comes")
        reading.cancel()
    finally:
        await ben.disconnect()
