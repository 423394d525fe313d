"""A webhook receiver that can be down."""

from aiohttp import web
from livekit import api

from .box import KEY, SECRET


class Hooks:
    """Receives the box's webhooks and verifies each with LiveKit's own SDK."""

    def __init__(self):
        self.received = []
        self.refused = []
        self.forged = []
        self.is_down = False
        self._verify = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))

    async def start(self):
        application = web.Application()
        application.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"

    async def _take(self, request):
        body = await request.text()
        if self.is_down:
            self.refused.append(body)
            return web.Response(status=503)
        try:
            event = self._verify.receive(body, request.headers["Authorization"])
        except Exception as error:  # the SDK raises plain exceptions
            self.forged.append(repr(error))
            return web.Response(status=401)
        assert request.content_type == "application/webhook+json"
        self.received.append(event)
        return web.Response()

    def names(self, room):
        """The events of one room, in the order they came."""
        return [event.event for event in self.received if event.room.name == room]

    async def stop(self):
        await self._runner.cleanup()
