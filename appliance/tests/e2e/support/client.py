"""One participant: LiveKit's Python SDK, which is a real libwebrtc."""

import asyncio
import itertools

import numpy as np
from livekit import rtc
from livekit.rtc.participant import PublishTrackError

from . import picture, tone
from .wait import LONG, SHORT, until

MODES = {"single": True, "dual": False}
"""Peer-connection modes: one connection (`/rtc/v1`) or publisher and subscriber (`/rtc`)."""

REFUSAL = 2.0
"""Seconds after which a track that may be published has been; it takes a tenth of them."""

_names = itertools.count(1)


def fresh(prefix="room"):
    """A room name no other scenario uses."""
    return f"{prefix}-{next(_names)}"


class Client:
    """A participant, everything it was told (`log`), and what it publishes and watches."""

    def __init__(
        self, box, room, identity, mode="single", *, url=None, auto_subscribe=True, passphrase=None, **grants
    ):
        self.box, self.room_name, self.identity = box, room, identity
        self.url = url or box.ws
        self.token = grants.pop("token", None) or box.token(room, identity, **grants)
        self.options = rtc.RoomOptions(
            single_peer_connection=MODES[mode],
            auto_subscribe=auto_subscribe,
            encryption=_encryption(passphrase) if passphrase else None,
        )
        self.log = []
        self.data = []
        self.room = rtc.Room()
        self._closing = []
        self._listen()

    def _listen(self):
        def told(event):
            self.room.on(event, lambda *facts: self.log.append((event, *facts)))

        for event in (
            "participant_connected participant_disconnected track_published track_unpublished "
            "track_subscribed track_unsubscribed track_muted track_unmuted disconnected "
            "reconnecting reconnected participant_metadata_changed participant_name_changed "
            "participant_attributes_changed participant_permissions_changed "
            "room_metadata_changed active_speakers_changed connection_quality_changed "
            "local_track_subscribed local_track_unpublished track_subscription_failed "
            "e2ee_state_changed"
        ).split():
            told(event)
        self.room.on("data_received", self.data.append)

    def saw(self, event):
        """The facts of every such event so far, oldest first."""
        return [facts for name, *facts in self.log if name == event]

    async def join(self):
        await asyncio.wait_for(self.room.connect(self.url, self.token, self.options), LONG)
        return self

    async def leave(self):
        for close in reversed(self._closing):
            await close()
        self._closing.clear()
        await asyncio.wait_for(self.room.disconnect(), SHORT)

    @property
    def me(self):
        return self.room.local_participant

    async def remote(self, identity):
        """Another participant, once it is known here."""
        return await until(
            lambda: self.room.remote_participants.get(identity),
            f"{self.identity} knows {identity}",
        )

    async def publication(self, identity, kind):
        """Another participant's first track of a kind (`video` or `audio`), once it is known here."""
        wanted = {"video": rtc.TrackKind.KIND_VIDEO, "audio": rtc.TrackKind.KIND_AUDIO}[kind]
        other = await self.remote(identity)
        return await until(
            lambda: next((p for p in other.track_publications.values() if p.kind == wanted), None),
            f"{self.identity} knows a {kind} track of {identity}",
        )

    async def track(self, identity, kind):
        """The same, once it is subscribed."""
        publication = await self.publication(identity, kind)
        return await until(
            lambda: publication.track, f"{self.identity} is subscribed to {identity}'s {kind}", LONG
        )

    async def publish_picture(self, width=640, height=360, fps=15, simulcast=False, draw=picture.i420, **options):
        """Publishes a counter (or what `draw` draws) as video until the client leaves."""
        publishing = PicturePublishing(self, width, height, fps, draw)
        await publishing.start(simulcast, options)
        self._closing.append(publishing.stop)
        return publishing

    async def publish_tone(self, hertz=440, **options):
        """Publishes a tone as microphone."""
        publishing = TonePublishing(self, hertz)
        await publishing.start(options)
        self._closing.append(publishing.stop)
        return publishing

    async def is_refused_to_publish(self, publish):
        """Waits long enough for `publish` to have come true, which it must not. The SDK would wait
        10 s for the box's word, because it does not read the refusal."""
        try:
            await asyncio.wait_for(publish, REFUSAL)
        except (PublishTrackError, asyncio.TimeoutError):
            return True
        return False

    async def watch(self, identity):
        """Reads the counters in another participant's picture."""
        watching = Watching(await self.track(identity, "video"))
        self._closing.append(watching.stop)
        return watching

    async def hear(self, identity):
        """Listens to another participant."""
        hearing = Hearing(await self.track(identity, "audio"))
        self._closing.append(hearing.stop)
        return hearing

    async def sees(self, identity, pictures=10):
        """Waits until another participant's picture runs, and returns what was read."""
        watching = await self.watch(identity)
        await watching.runs(pictures)
        return watching

    async def hears(self, identity, hertz=440):
        """Waits until another participant's tone is heard."""
        hearing = await self.hear(identity)
        await hearing.carries(hertz)
        return hearing


def _encryption(passphrase):
    """End-to-end encryption with a passphrase all share."""
    provider = rtc.KeyProviderOptions(shared_key=passphrase.encode())
    return rtc.E2EEOptions(key_provider_options=provider)


class PicturePublishing:
    """A video track whose frames count upwards."""

    def __init__(self, client, width, height, fps, draw):
        self.client, self.width, self.height, self.fps, self.draw = client, width, height, fps, draw
        self.sent = 0
        self.source = rtc.VideoSource(width, height)
        self.track = rtc.LocalVideoTrack.create_video_track("camera", self.source)
        self.publication = None
        self._task = None

    async def start(self, simulcast, options):
        options = {"source": rtc.TrackSource.SOURCE_CAMERA, "video_codec": rtc.VideoCodec.VP8, **options}
        publish = rtc.TrackPublishOptions(simulcast=simulcast, **options)
        self._task = asyncio.create_task(self._draw())
        try:
            self.publication = await asyncio.wait_for(
                self.client.me.publish_track(self.track, publish), LONG
            )
        except BaseException:
            await self.stop()
            raise

    async def _draw(self):
        while True:
            self.sent += 1
            pixels = self.draw(self.sent, self.width, self.height)
            frame = rtc.VideoFrame(self.width, self.height, rtc.VideoBufferType.I420, pixels)
            self.source.capture_frame(frame)
            await asyncio.sleep(1 / self.fps)

    async def unpublish(self):
        await self.client.me.unpublish_track(self.publication.sid)

    async def stop(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def resume(self):
        """Draws on after `stop`."""
        self._task = asyncio.create_task(self._draw())


class TonePublishing:
    """An audio track with one tone in it."""

    def __init__(self, client, hertz):
        self.client, self.hertz = client, hertz
        self.source = rtc.AudioSource(tone.RATE, 1)
        self.track = rtc.LocalAudioTrack.create_audio_track("microphone", self.source)
        self.publication = None
        self._task = None

    async def start(self, options):
        options = {"source": rtc.TrackSource.SOURCE_MICROPHONE, **options}
        self._task = asyncio.create_task(self._play())
        try:
            self.publication = await asyncio.wait_for(
                self.client.me.publish_track(self.track, rtc.TrackPublishOptions(**options)), LONG
            )
        except BaseException:
            await self.stop()
            raise

    async def _play(self):
        sample = 0
        while True:
            pcm = tone.frame(self.hertz, sample)
            sample += tone.FRAME
            await self.source.capture_frame(rtc.AudioFrame(pcm.tobytes(), tone.RATE, 1, tone.FRAME))

    async def stop(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Watching:
    """The counters read from a remote picture, in the order they came."""

    def __init__(self, track):
        self.stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420)
        self.counters = []
        self.sizes = []
        self.unreadable = 0
        self._task = asyncio.create_task(self._read())

    async def _read(self):
        async for event in self.stream:
            frame = event.frame
            plane = np.frombuffer(frame.data, np.uint8, frame.width * frame.height)
            counter = picture.read(plane.reshape(frame.height, frame.width))
            self.sizes.append((frame.width, frame.height))
            if counter is None:
                self.unreadable += 1
            else:
                self.counters.append(counter)

    @property
    def latest(self):
        return self.counters[-1] if self.counters else 0

    @property
    def size(self):
        """The latest frame's width and height."""
        return self.sizes[-1] if self.sizes else (0, 0)

    async def runs(self, pictures=10, limit=LONG):
        """Waits for so many further, different, rising counters."""
        start = len(self.counters)

        def count():
            return len(set(self.counters[start:])) >= pictures

        await until(count, lambda: f"{pictures} further pictures are read ({self})", limit)
        read = self.counters[start:]
        assert read == sorted(read), f"pictures came out of order: {read}"

    async def reaches(self, counter, limit=LONG):
        """Waits for a picture drawn after `counter`."""
        await until(lambda: self.latest > counter, lambda: f"a picture after number {counter} ({self})", limit)

    async def stop(self):
        if self._task.done():
            return
        await self.stream.aclose()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def __str__(self):
        return f"{len(self.counters)} read, {self.unreadable} unreadable, last {self.latest}, {self.size}"


class Hearing:
    """What was heard of a remote track."""

    def __init__(self, track):
        self.stream = rtc.AudioStream(track, sample_rate=tone.RATE, num_channels=1)
        self.samples = np.zeros(0, np.int16)
        self._task = asyncio.create_task(self._read())

    async def _read(self):
        async for event in self.stream:
            new = np.frombuffer(event.frame.data, np.int16)
            self.samples = np.concatenate([self.samples, new])[-tone.WINDOW :]

    def share(self, hertz):
        return tone.share(self.samples, hertz) if len(self.samples) == tone.WINDOW else 0.0

    async def carries(self, hertz, limit=LONG):
        """Waits until the last 200 ms are mostly this tone."""
        await until(
            lambda: self.share(hertz) > 0.8,
            lambda: f"a tone of {hertz} Hz is heard (share {self.share(hertz):.2f})",
            limit,
        )

    async def falls_silent(self, limit=SHORT):
        """Waits until the last 200 ms are silence."""
        await until(
            lambda: len(self.samples) == tone.WINDOW and tone.loudness(self.samples) < 100,
            lambda: f"silence (loudness {tone.loudness(self.samples) if len(self.samples) else 0:.0f})",
            limit,
        )

    async def stop(self):
        if self._task.done():
            return
        await self.stream.aclose()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
