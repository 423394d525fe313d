"""Wards: network namespaces behind a bridge, with faults on the wire between them and the box."""

import asyncio
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import aiohttp

from .box import WORKERS, Box, binary, free_port, free_udp_ports
from .wait import LONG, until

BRIDGE = "rw-wards"
NETWORKS = ("10.77.0", "10.77.1")
"""The wards' networks; the box is `.1` in each."""

HOSPITAL, SECRET = "hospital", "a secret of more than thirty-two characters"
CONFIG = f'[keys]\n{HOSPITAL} = "{SECRET}"\n'
CALLER = Path(__file__).parent / "caller.py"

NAMED_WITHIN = 10.0
"""Seconds from the first sign of an attempt until its cause has to be named."""

_hosts = itertools.count(2)


def run(*words, given=None):
    """Runs a command that must succeed; what it says when it does not is the failure's text."""
    done = subprocess.run(words, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr or done.stdout}"
    return done.stdout


class Hospital:
    """The bridge and a box that the wards reach; wards come and go."""

    def __init__(self, net):
        self.box = HospitalBox(net)

    async def start(self):
        assert os.geteuid() == 0, "wards are network namespaces: run these scenarios as root"
        subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True, check=False)
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        for network in NETWORKS:
            run("ip", "addr", "add", f"{network}.1/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        await self.box.start()
        return self

    def stop(self):
        self.box.discard()
        subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True, check=False)


class HospitalBox(Box):
    """A box with keys of its own, on every address of this machine."""

    def __init__(self, net):
        super().__init__(net, CONFIG)
        self.host = f"{NETWORKS[0]}.1"
        self.port, self.udp_port = free_port(), free_udp_ports(WORKERS)

    def command(self):
        flags = ["serve", "--config", str(self.config), "--data", str(self.data), "--http", f"0.0.0.0:{self.port}"]
        return [binary(), *flags, "--udp-port", str(self.udp_port), "--workers", str(WORKERS), "--net", self.net]

    def token(self, room, identity, **given):
        return super().token(room, identity, **{"key": HOSPITAL, "secret": SECRET, **given})

    def url(self, network=NETWORKS[0], scheme="ws"):
        return f"{scheme}://{network}.1:{self.port}"


class Ward:
    """One namespace with one address, and rules on its wire in either direction."""

    def __init__(self, network=NETWORKS[0]):
        host = next(_hosts)
        self.network = network
        self.name = f"rw-ward{host}"
        self.wire, self.inner = f"rww{host}", f"rwi{host}"
        self.address = f"{network}.{host}"

    def start(self):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.wire, "type", "veth", "peer", "name", self.inner, "netns", self.name)
        run("ip", "link", "set", self.wire, "master", BRIDGE, "up")
        for words in (
            ("addr", "add", f"{self.address}/24", "dev", self.inner),
            ("link", "set", self.inner, "up"),
            ("link", "set", "lo", "up"),
        ):
            run("ip", "-n", self.name, *words)
        return self

    def fault(self, up=(), down=()):
        """Rules for datagrams to the box (`up`) and from it (`down`), in nft's words."""
        if up:
            run("nft", "-f", "-", given=self._table(self.wire, up))
        if down:
            run("ip", "netns", "exec", self.name, "nft", "-f", "-", given=self._table(self.inner, down))

    def _table(self, device, rules):
        hook = f'type filter hook ingress device "{device}" priority 0'
        lines = ["table netdev " + self.wire + " {", "chain wire {", hook, *rules, "}", "}", ""]
        return "\n".join(lines)

    def command(self, *words):
        """A command inside the ward."""
        return ["ip", "netns", "exec", self.name, *words]

    def stop(self):
        subprocess.run(["nft", "delete", "table", "netdev", self.wire], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", self.wire], capture_output=True, check=False)


class Caller:
    """LiveKit's Python SDK in a process of its own, inside a ward; it says what happens to it."""

    def __init__(self, ward, box, token, *flags):
        self.ward = ward
        self.words = [sys.executable, str(CALLER), box.url(ward.network), *flags]
        self.token = token
        self.said = []

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            *self.ward.command(*self.words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.process.stdin.write(f"{self.token}\n".encode())
        await self.process.stdin.drain()
        self._task = asyncio.create_task(self._listen())
        return self

    async def _listen(self):
        async for line in self.process.stdout:
            self.said.append(line.decode().strip())

    async def says(self, word, limit=LONG):
        await until(lambda: word in self.said, lambda: f"the caller says {word} (it said {self.said})", limit)

    async def stop(self):
        if self.process.returncode is None:
            self.process.stdin.close()
            try:
                await asyncio.wait_for(self.process.wait(), 5)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()
        self._task.cancel()


async def ask(box, path):
    """What the box's admin socket answers; `None` when it knows nothing of it."""
    connector = aiohttp.UnixConnector(path=str(box.data / "admin.sock"))
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(f"http://ringward{path}") as answer:
            return await answer.json() if answer.status == 200 else None


async def is_named(box, whom, code, within=NAMED_WITHIN):
    """Waits until the box names the cause, within the limit from the attempt's beginning (for what
    happens later: from now on), and checks that the command says the same. Returns the view."""
    first, last = None, None

    async def found():
        nonlocal first, last
        last = await ask(box, f"/admin/why/{whom.replace('/', '%2F')}")
        if last is None:
            return False
        first = first or asyncio.get_running_loop().time()
        finding = last.get("finding")
        return finding is not None and finding["code"] == code

    patience = max(40, 2 * within)
    await until(found, lambda: f"{whom} is told {code}; the box says {json.dumps(last, indent=1)}", patience)
    took = asyncio.get_running_loop().time() - first
    assert took <= within, f"{code} was named after {took:.1f} s"
    finding = last["finding"]
    assert finding["say"] and finding["network"] and finding["evidence"], finding
    process = await asyncio.create_subprocess_exec(
        binary(), "why", whom, "--data", str(box.data), stdout=subprocess.PIPE
    )
    shown = (await process.communicate())[0].decode()
    assert f"CAUSE {code}" in shown and process.returncode == 3, shown
    print(f"{code}: {took:.1f} s")
    return last
