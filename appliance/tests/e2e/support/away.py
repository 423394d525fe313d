"""A participant in another process, so that it can live in another network.

Joins, publishes a picture and a tone, and says as JSON lines what it sees and hears of others.
"""

import asyncio
import json
import sys

from livekit import rtc


def say(**facts):
    print(json.dumps(facts), flush=True)


async def pictures(track):
    stream, count = rtc.VideoStream(track), 0
    async for _ in stream:
        count += 1
        if count % 5 == 0:
            say(pictures=count)


async def main(url, token, single):
    room = rtc.Room()
    tasks = []

    @room.on("track_subscribed")
    def _(track, _publication, participant):
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            tasks.append(asyncio.ensure_future(pictures(track)))

    options = rtc.RoomOptions(single_peer_connection=single)
    await room.connect(url, token, options)
    say(joined=room.local_participant.identity)
    source = rtc.VideoSource(320, 180)
    track = rtc.LocalVideoTrack.create_video_track("camera", source)
    await room.local_participant.publish_track(track, rtc.TrackPublishOptions(simulcast=False))
    frame = rtc.VideoFrame(320, 180, rtc.VideoBufferType.I420, bytes([128]) * (320 * 180 * 3 // 2))
    while True:
        source.capture_frame(frame)
        await asyncio.sleep(1 / 15)


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3] == "single"))
