"""LiveKit's Node SDKs, one process each."""

import asyncio
import json
import os
import subprocess

from .browser import SCRIPTS, modules
from .wait import LONG, SHORT, until


def _environment():
    return {**os.environ, "NODE_PATH": str(modules()), "NODE_NO_WARNINGS": "1"}


async def admin(box, method, *arguments):
    """Calls the Node server SDK; returns `{"ok": …}` or `{"error": {status, code, message}}`."""
    process = await asyncio.create_subprocess_exec(
        "node", str(SCRIPTS / "admin.cjs"), box.http, method, json.dumps(arguments),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(),
    )
    out, err = await asyncio.wait_for(process.communicate(), LONG)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


class NodeParticipant:
    """`@livekit/rtc-node` in a room."""

    def __init__(self):
        self.said = []
        self._task = None

    async def join(self, box, room, identity):
        self._process = await asyncio.create_subprocess_exec(
            "node", str(SCRIPTS / "participant.cjs"), box.ws, box.token(room, identity),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(),
        )
        self._task = asyncio.create_task(self._listen())
        await until(lambda: self._has("published"), lambda: f"Node publishes; it said {self.said}", LONG)
        return self

    async def _listen(self):
        async for line in self._process.stdout:
            if line.startswith(b"{"):
                self.said.append(json.loads(line))

    def _has(self, word):
        return any(word in fact for fact in self.said)

    def counters(self, identity):
        return [f["counter"] for f in self.said if f.get("from") == identity and f.get("counter") is not None]

    def data(self, identity):
        return [f["data"] for f in self.said if f.get("from") == identity and "data" in f]

    async def leave(self):
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), SHORT)
        except asyncio.TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
