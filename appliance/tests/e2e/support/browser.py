"""Debian's Chromium with livekit-client in it, driven through Playwright's protocol."""

import asyncio
import os
import shlex
import tempfile
from pathlib import Path

from aiohttp import web
from playwright.async_api import async_playwright

from .wait import LONG, SHORT, until

PROGRAM = "/usr/bin/chromium"
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-background-timer-throttling --disable-backgrounding-occluded-windows "
    "--disable-renderer-backgrounding --use-fake-ui-for-media-stream "
    "--use-fake-device-for-media-stream --autoplay-policy=no-user-gesture-required "
    "--auto-select-desktop-capture-source=Ringward"
).split()
SCRIPTS = Path(__file__).parent.parent / "js"


def modules():
    """Where `cargo xtask e2e` put the npm packages."""
    return Path(os.environ["RINGWARD_E2E"]) / "node_modules"


class Chromium:
    """One browser for all scenarios, and a small server for the page its tabs load. In a network
    of its own (`namespace`) it finds that server at the namespace's address."""

    def __init__(self, namespace=None, flags=()):
        self.namespace = namespace
        self._flags = [*FLAGS, *flags]

    async def start(self):
        application = web.Application()
        application.router.add_static("/livekit", modules() / "livekit-client" / "dist")
        application.router.add_static("/", SCRIPTS)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        host = self.namespace.address if self.namespace else "127.0.0.1"
        await web.TCPSite(self._runner, host, 0).start()
        self.origin = f"http://{host}:{self._runner.addresses[0][1]}"
        self._playwright = await async_playwright().start()
        # Only secure pages have devices, and only those from this machine are secure by themselves.
        flags = [*self._flags, f"--unsafely-treat-insecure-origin-as-secure={self.origin}"]
        with tempfile.TemporaryDirectory() as folder:
            program = self._program(Path(folder))
            self.browser = await self._playwright.chromium.launch(executable_path=program, args=flags)
        return self

    def _program(self, folder):
        if not self.namespace:
            return PROGRAM
        script = folder / "chromium"
        words = shlex.join(self.namespace.command(PROGRAM))
        script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        script.chmod(0o755)
        return script

    async def tab(self, box, room, identity, mode, **options):
        """A tab with the harness loaded, not yet joined."""
        context = await self.browser.new_context()
        page = await context.new_page()
        tab = Tab(page, box, room, identity, mode, **options)
        await page.goto(f"{self.origin}/harness.html")
        await page.wait_for_function("window.lk !== undefined")
        return tab

    async def stop(self):
        await self.browser.close()
        await self._playwright.stop()
        await self._runner.cleanup()


class Tab:
    """A participant in a browser tab."""

    def __init__(self, page, box, room, identity, mode, *, url=None, passphrase=None, options=None, **grants):
        self.page, self.identity = page, identity
        self.console = []
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        self._join = {
            "url": url or box.ws,
            "token": grants.pop("token", None) or box.token(room, identity, **grants),
            "mode": mode,
            "passphrase": passphrase,
            "options": options or {},
        }

    async def join(self):
        try:
            await asyncio.wait_for(self.call("join", self._join), LONG)
        except Exception as error:
            raise AssertionError(f"{self.identity} did not join: {error}; console: {self.console}") from error
        return self

    async def call(self, function, *arguments):
        """Calls `window.lk[function]` and returns its result."""
        return await self.page.evaluate(
            "([name, given]) => window.lk[name](...given)", [function, list(arguments)]
        )

    async def log(self, event):
        """The facts of every such event so far, oldest first."""
        return [facts for name, *facts in await self.call("log") if name == event]

    async def publish_picture(self, width=640, height=360, fps=15, simulcast=False):
        given = {"width": width, "height": height, "fps": fps, "simulcast": simulcast}
        return await self.call("publishPicture", given)

    async def publish_tone(self, hertz=440):
        return await self.call("publishTone", {"hertz": hertz})

    async def counters(self, identity):
        seen = await self.call("seen", identity)
        return seen["counters"] if seen else []

    async def size(self, identity):
        seen = await self.call("seen", identity)
        return (seen["width"], seen["height"]) if seen else (0, 0)

    async def sees(self, identity, pictures=10, limit=LONG):
        """Waits for so many further, rising counters in another participant's picture."""
        start = len(await self.counters(identity))

        async def count():
            return len(await self.counters(identity)) - start >= pictures

        await until(count, f"{self.identity} reads {pictures} further pictures of {identity}", limit)
        read = (await self.counters(identity))[start:]
        assert read == sorted(read), f"pictures came out of order: {read}"

    async def hears(self, identity, hertz=440, limit=LONG):
        """Waits until another participant's tone is the loudest sound."""

        async def close():
            return abs(await self.call("loudest", identity) - hertz) < 20

        await until(close, f"{self.identity} hears {hertz} Hz of {identity}", limit)

    async def close(self):
        await asyncio.wait_for(self.call("leave"), SHORT)
        await self.page.context.close()
