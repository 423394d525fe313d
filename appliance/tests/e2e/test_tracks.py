"""A track's life: muted, unpublished, not wanted, wanted smaller."""

import pytest
from livekit import rtc

from support.wait import LONG, stays, until

LOW, MEDIUM, HIGH = (
    rtc.VideoQuality.VIDEO_QUALITY_LOW,
    rtc.VideoQuality.VIDEO_QUALITY_MEDIUM,
    rtc.VideoQuality.VIDEO_QUALITY_HIGH,
)


@pytest.mark.any_backend
async def test_a_muted_picture_stops_and_an_unmuted_one_goes_on(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    sent = await ada.publish_picture()
    seen = await ben.sees("ada")

    sent.track.mute()
    await until(lambda: ben.saw("track_muted"), "ben is told that ada's camera is muted")
    muted_at = sent.sent
    sent.track.unmute()
    await until(lambda: ben.saw("track_unmuted"), "ben is told that it is unmuted")

    await seen.reaches(muted_at)
    assert seen.unreadable == 0, f"pictures arrived damaged after unmuting: {seen}"


@pytest.mark.any_backend
async def test_a_muted_microphone_is_silent(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    sent = await ada.publish_tone()
    heard = await ben.hears("ada")

    sent.track.mute()
    await heard.falls_silent()
    assert ben.saw("track_muted")
    sent.track.unmute()
    await heard.carries(440)


@pytest.mark.any_backend
async def test_an_unpublished_track_is_gone_and_a_new_one_comes(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    sent = await ada.publish_picture()
    await ben.sees("ada")

    await sent.unpublish()
    await until(lambda: ben.saw("track_unpublished"), "ben is told that the track is gone")
    await until(lambda: ben.saw("track_unsubscribed"), "ben is no longer subscribed")
    assert ben.room.remote_participants["ada"].track_publications == {}

    again = await ada.publish_picture()
    assert again.publication.sid != sent.publication.sid
    await ben.sees("ada")


@pytest.mark.any_backend
async def test_an_unsubscribed_track_stops_and_comes_back(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    sent = await ada.publish_picture()
    seen = await ben.sees("ada")
    publication = await ben.publication("ada", "video")

    publication.set_subscribed(False)
    await until(lambda: ben.saw("track_unsubscribed"), "ben is unsubscribed")
    await until(lambda: sent.sent > seen.latest + 10, "ada sends what ben does not want")
    stopped_at = seen.latest

    publication.set_subscribed(True)
    await until(lambda: len(ben.saw("track_subscribed")) == 2, "ben is subscribed again")
    back = await ben.sees("ada")
    assert back.counters[0] > stopped_at


@pytest.mark.any_backend
async def test_nothing_comes_unasked_without_auto_subscribe(box, room, mode, join):
    ada = await join(box, room, "ada", mode)
    await ada.publish_picture()
    ben = await join(box, room, "ben", mode, auto_subscribe=False)
    publication = await ben.publication("ada", "video")
    await stays(lambda: not ben.saw("track_subscribed"), "ben is subscribed to nothing", 1.0)

    publication.set_subscribed(True)

    await ben.sees("ada")


async def test_a_viewer_chooses_the_simulcast_layer(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    await ada.publish_picture(1280, 720, 12, simulcast=True)
    seen = await ben.sees("ada")
    publication = await ben.publication("ada", "video")

    for quality, width in ((LOW, 320), (HIGH, 1280), (MEDIUM, 640), (LOW, 320)):
        publication.set_video_quality(quality)
        await until(
            lambda: seen.size[0] == width,
            lambda: f"the picture is {width} wide, not {seen.size[0]}",
            LONG,
        )
        await seen.runs(5)
    assert seen.unreadable == 0, f"pictures arrived damaged while switching: {seen}"


@pytest.mark.any_backend
async def test_each_viewer_has_its_own_layer(box, room, join):
    ada = await join(box, room, "ada")
    viewers = [await join(box, room, name) for name in ("ben", "cleo")]
    await ada.publish_picture(1280, 720, 12, simulcast=True)
    seen = [await viewer.sees("ada") for viewer in viewers]

    for viewer, quality in zip(viewers, (LOW, HIGH)):
        (await viewer.publication("ada", "video")).set_video_quality(quality)

    await until(
        lambda: [each.size[0] for each in seen] == [320, 1280],
        lambda: f"one sees 320, the other 1280 pixels, not {[each.size[0] for each in seen]}",
        LONG,
    )


@pytest.mark.any_backend
async def test_a_publisher_is_told_of_its_first_viewer(box, room, join):
    ada = await join(box, room, "ada")
    sent = await ada.publish_picture()
    assert not ada.saw("local_track_subscribed")

    ben = await join(box, room, "ben")
    await ben.sees("ada")

    await until(lambda: ada.saw("local_track_subscribed"), "ada is told that somebody watches")
    assert sent.publication.sid


@pytest.mark.any_backend
async def test_a_screen_and_its_sound_keep_their_sources(box, room, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    await ada.publish_picture(source=rtc.TrackSource.SOURCE_SCREENSHARE)
    await ada.publish_tone(source=rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO)
    await ben.sees("ada")
    await ben.hears("ada")

    assert (await ben.publication("ada", "video")).source == rtc.TrackSource.SOURCE_SCREENSHARE
    assert (await ben.publication("ada", "audio")).source == rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO
