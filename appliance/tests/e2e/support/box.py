"""The daemon under test: its own process, ports and data folder."""

import asyncio
import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from livekit import api

from .wait import LONG, until

KEY, SECRET = "devkey", "secret"
WORKERS = 2
"""Two, so that rooms really lie on different threads."""


def binary():
    """The daemon's program, given by `cargo xtask e2e`."""
    return os.environ["RINGWARD_BIN"]


def free_port():
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_udp_ports(count):
    """The first of `count` neighbouring UDP ports that were free a moment ago."""
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            probe.bind(("0.0.0.0", 0))
            first = probe.getsockname()[1]
        if first + count > 60_000:
            continue
        try:
            for port in range(first, first + count):
                with socket.socket(type=socket.SOCK_DGRAM) as probe:
                    probe.bind(("0.0.0.0", port))
            return first
        except OSError:
            continue


class Box:
    """One daemon; `start`, `kill` and `start` again keep ports and data."""

    def __init__(self, net, config=None, host="127.0.0.1"):
        self.net, self.host = net, host
        self.folder = Path(tempfile.mkdtemp(prefix="ringward-e2e-"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.port = free_port()
        self.udp_port = free_udp_ports(WORKERS)
        self.config = self.folder / "ringward.toml" if config else None
        if config:
            self.config.write_text(config)
        self.process = None

    @property
    def http(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self):
        return f"ws://127.0.0.1:{self.port}"

    def command(self):
        flags = ["serve", "--data", str(self.data), "--http", f"{self.host}:{self.port}"]
        flags += ["--udp-port", str(self.udp_port), "--workers", str(WORKERS), "--net", self.net]
        if self.config:
            flags += ["--config", str(self.config)]
        return [binary(), *flags]

    async def start(self):
        """Starts the daemon and waits until it serves."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder
            )
        await until(self._serves, lambda: f"the daemon serves; its log:\n{self.tail()}", LONG)
        return self

    def _serves(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.tail()}")
        try:
            with urllib.request.urlopen(f"{self.http}/healthz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def tail(self, lines=40):
        """The end of the daemon's log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def kill(self):
        """What a power cut looks like to the disk: no chance to write anything more."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Ctrl-C; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def discard(self):
        """Stops the daemon and removes its folder."""
        if self.process:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def token(self, room, identity, *, secret=SECRET, key=KEY, name="", metadata="", ttl=None, **grants):
        """A token made by LiveKit's own Python SDK."""
        grants = {"room_join": True, "room": room, **grants}
        token = api.AccessToken(key, secret).with_identity(identity).with_name(name or identity)
        token = token.with_metadata(metadata).with_grants(api.VideoGrants(**grants))
        return token.with_ttl(ttl or datetime.timedelta(hours=1)).to_jwt()

    def api(self):
        """LiveKit's Python server SDK; use it with `async with`."""
        return api.LiveKitAPI(self.http, KEY, SECRET)

    async def events(self, **filters):
        """What `ringward events --json` shows, oldest first."""
        return await self._ask("events", "--limit", "1000", **filters)

    async def rooms(self):
        """What `ringward rooms --json` shows."""
        # 1: somebody should look at one of them.
        return await self._ask("rooms", codes=(0, 1))

    async def _ask(self, *words, codes=(0,), **filters):
        arguments = [binary(), *words, "--json", "--data", str(self.data)]
        for flag, value in filters.items():
            arguments += [f"--{flag}", value]
        process = await asyncio.create_subprocess_exec(
            *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await asyncio.wait_for(process.communicate(), LONG)
        assert process.returncode in codes, f"ringward {' '.join(words)}: {err.decode()}"
        return [json.loads(line) for line in out.decode().splitlines() if line.strip()]
