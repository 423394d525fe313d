"""Faults of the machine under a call: whatever breaks, who is in the call sees and hears on, and the
box says what is wrong, in a stated degraded mode (`docs/runbook.md`, *Degraded modes*)."""

import asyncio
import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.box import Box, binary
from support.client import Client, fresh
from support.wait import LONG, SHORT, until
from support.ward import ask

pytestmark = pytest.mark.any_backend


class Call:
    """Two people in a room; one shows pictures, the other sees them."""

    def __init__(self, box):
        self.box, self.room = box, fresh()
        self.shows, self.sees = (Client(box, self.room, who) for who in ("shows", "sees"))

    async def begin(self):
        await self.shows.join()
        await self.sees.join()
        await self.shows.publish_picture()
        await self.lives()
        return self

    async def lives(self):
        """Further pictures arrive."""
        await self.sees.sees("shows", pictures=15)

    async def end(self):
        await self.sees.leave()
        await self.shows.leave()


@pytest.fixture
async def under_call():
    """`await under_call(box)` begins a call in it that must live to the end of the scenario."""
    calls = []

    async def one(box):
        calls.append(await Call(box).begin())
        return calls[-1]

    yield one
    for call in calls:
        await call.end()


async def told(box, *words, given=None, codes=(0,)):
    """What a command says about this box."""
    process = await asyncio.create_subprocess_exec(
        binary(), *words, "--data", str(box.data), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = (await asyncio.wait_for(process.communicate(given), LONG))[0].decode()
    assert codes is None or process.returncode in codes, f"ringward {' '.join(words)}: {said}"
    return said


async def alarms(box):
    """The states of the alarms that are not normal, by id."""
    standing = (await ask(box, "/admin/alarms"))["alarms"]
    return {alarm["id"]: alarm["state"] for alarm in standing}


async def stands(box, alarm, *states):
    async def so():
        return (await alarms(box)).get(alarm) in states

    await until(so, f"{alarm} is {' or '.join(map(str, states))}", LONG)


async def tries_to_join(box, room=None, name="newcomer", **given):
    """The client, if it got in within a few seconds."""
    client = Client(box, room or fresh(), name, **given)
    joining = asyncio.ensure_future(client.room.connect(client.url, client.token, client.options))
    await asyncio.wait({joining}, timeout=SHORT)
    if joining.done() and not joining.exception():
        return client
    joining.cancel()
    await asyncio.gather(joining, return_exceptions=True)
    return None


async def is_turned_away(box):
    """A newcomer is refused."""

    async def refused():
        client = await tries_to_join(box)
        if client:
            await client.leave()
        return client is None

    await until(refused, "a newcomer is turned away", LONG)


async def is_admitted(box):
    async def comes_in():
        client = await tries_to_join(box)
        if client:
            await client.leave()
        return client is not None

    await until(comes_in, "a newcomer is admitted", LONG)


# Disks.


class SmallDiskBox(Box):
    """A box whose data folder is a small disk of its own, in a mount namespace of the box's."""

    SIZE = "112m"
    """The journals' ballasts (64 and 4 MiB), their first files, and room for a few calls."""

    def command(self):
        script = f'mkdir -p "$0" && mount -t tmpfs -o size={self.SIZE} tmpfs "$0" && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, str(self.mounted), *super().command()]

    async def start(self):
        self.mounted = self.data
        self.mounted.mkdir(exist_ok=True)
        await super().start()
        # The disk is seen from inside the box's namespace only.
        self.data = type(self.data)(f"/proc/{self.process.pid}/root{self.mounted}")
        return self

    def fill(self, name):
        with (self.data / name).open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4_096))
            except OSError as error:
                assert error.errno == errno.ENOSPC, error

    def free(self):
        for filler in self.data.glob("filler-*"):
            filler.unlink()


@pytest.fixture
async def small_disk(backend):
    box = await SmallDiskBox(backend).start()
    yield box
    box.discard()


async def test_a_full_disk(small_disk, under_call):
    """Newcomers are refused, what operators do is on record as long as the ballast lasts; with room
    again everything goes on by itself."""
    call = await under_call(small_disk)
    small_disk.fill("filler-0")
    await stands(small_disk, "DISK-LOW", "unacknowledged")

    async def is_unwritable():
        # What is held back is used first; a full disk stays full.
        small_disk.fill(f"filler-{time.monotonic_ns()}")
        client = await tries_to_join(small_disk)
        if client:
            await client.leave()
        return "STORE-UNWRITABLE" in await alarms(small_disk)

    await until(is_unwritable, "the event journal is full", LONG * 2)
    await is_turned_away(small_disk)
    # It drains, and says that a restart would not know of it.
    assert "until the box restarts" in await told(small_disk, "drain", codes=(1,))
    await told(small_disk, "undrain", codes=(1,))
    entries = [json.loads(line) for line in (await told(small_disk, "audit", "--json")).splitlines()]
    acts = [(entry["act"], entry["phase"]) for entry in entries]
    assert {("drain", "intent"), ("drain", "outcome"), ("undrain", "intent")} <= set(acts), acts
    await call.lives()

    small_disk.free()
    await is_admitted(small_disk)
    await stands(small_disk, "STORE-UNWRITABLE", "returned")
    await call.lives()


class Injected:
    """System calls of the running box answered with an error (`strace -e inject`)."""

    def __init__(self, box, call, error):
        self.words = ["strace", "-f", "-qq", "-p", str(box.process.pid), "-o", "/dev/null"]
        self.words += ["-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
        self.pid = box.process.pid

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(*self.words, stderr=subprocess.PIPE)
        await until(self._is_attached, "every thread is traced")
        return self

    def _is_attached(self):
        assert self.process.returncode is None, "strace ended"
        tasks = f"/proc/{self.pid}/task"
        states = [open(f"{tasks}/{task}/status").read() for task in os.listdir(tasks)]
        return all("TracerPid:\t0" not in state for state in states)

    async def __aexit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        await self.process.wait()


@pytest.mark.parametrize("call, error", [("fdatasync", "EIO"), ("pwrite64", "EROFS")])
async def test_a_failing_and_a_read_only_disk(own_box, backend, under_call, call, error):
    """Nothing is acknowledged any more until the box is started again on a disk that takes it."""
    box = await own_box(net=backend)
    talk = await under_call(box)
    async with Injected(box, call, error):
        await is_turned_away(box)
        await stands(box, "STORE-UNWRITABLE", "unacknowledged")
        await told(box, "drain", codes=(1,))
        await stands(box, "AUDIT-UNWRITABLE", "unacknowledged")
        await talk.lives()
    # What such a disk kept is not known: the box does not go on by itself.
    await is_turned_away(box)
    await talk.lives()
    box.kill()
    await box.start()
    await is_admitted(box)
    assert not {"STORE-UNWRITABLE", "AUDIT-UNWRITABLE"} & set(await alarms(box))


# The clock.


class ShiftedBox(Box):
    """A box whose wall clock can be set while it runs (libfaketime); its monotonic clock cannot."""

    LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)

    def command(self):
        self.shift(0)
        faked = [f"LD_PRELOAD={self.LIBRARY}", f"FAKETIME_TIMESTAMP_FILE={self.folder}/clock"]
        return ["env", *faked, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", *super().command()]

    def shift(self, seconds):
        new = self.folder / "clock.new"
        new.write_text(f"{seconds:+d}")
        new.rename(self.folder / "clock")


@pytest.fixture
async def shifted_box(backend):
    box = await ShiftedBox(backend).start()
    yield box
    box.discard()


async def test_a_clock_that_is_set(shifted_box, under_call):
    """Calls and timers do not notice; a token is what the clock says, and the step is an alarm."""
    box = shifted_box
    call = await under_call(box)
    hour = 3_600
    for seconds, want in ((-hour, "back by 3"), (400 * 24 * hour, "ahead by 3456"), (0, "back by 345")):
        box.shift(seconds)

        async def says():
            stand = (await ask(box, "/admin/alarms"))["alarms"]
            return any(each["id"] == "CLOCK-STEP" and want in each["cause"] for each in stand)

        await until(says, f"the alarm says {want}…", LONG)
        await call.lives()
    await is_admitted(box)
    # What happened is on record, whatever the clock said.
    joined = [event for event in await box.events() if event["type"] == "occupant_joined"]
    assert len(joined) >= 3, joined


# The admin socket.


def connect(box):
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(LONG)
    stream.connect(str(box.data / "admin.sock"))
    return stream


def memory(box):
    """Resident, in KiB."""
    with open(f"/proc/{box.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


GROWTH_KIB = 64 * 1024
"""What an attack may cost (`reliability.md`, I0)."""


CONSOLE = """
import socket, sys
stream = socket.socket(socket.AF_UNIX)
stream.connect(sys.argv[1])
stream.sendall(b"GET /admin/stream HTTP/1.0\\r\\nHost: box\\r\\n\\r\\n")
while chunk := stream.recv(65_536):
    sys.stdout.buffer.write(chunk)
    sys.stdout.flush()
"""
"""Subscribes as the console does, and passes on what it is told."""


async def test_a_stopped_console(own_box, backend, under_call):
    """It is told anew when it goes on; nobody waits for it, and it has no queue."""
    box = await own_box(net=backend)
    call = await under_call(box)
    words = [sys.executable, "-c", CONSOLE, str(box.data / "admin.sock")]
    console = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    await asyncio.wait_for(console.stdout.readline(), SHORT)
    console.send_signal(signal.SIGSTOP)
    before = memory(box)
    for _ in range(5):
        await call.lives()
        assert await asyncio.wait_for(ask(box, "/admin/health"), SHORT)
    meanwhile = await under_call(box)
    assert memory(box) - before < GROWTH_KIB
    console.send_signal(signal.SIGCONT)

    async def hears_of_what_it_missed():
        while line := await console.stdout.readline():
            if meanwhile.room.encode() in line:
                return True
        return False

    assert await asyncio.wait_for(hears_of_what_it_missed(), LONG), "the stream has ended"
    console.kill()
    await console.wait()


async def test_half_frames_on_the_admin_socket(own_box, backend, under_call):
    """They are cut after their time, and operators are served meanwhile."""
    box = await own_box(net=backend)
    call = await under_call(box)
    halves = []
    for _ in range(32):
        halves.append(connect(box))
        halves[-1].sendall(b"POST /admin/actions HTTP/1.1\r\nhost: box\r\ncontent-length: 500\r\n")
    for _ in range(8):
        halves.append(connect(box))
        halves[-1].sendall(b"POST /admin/actions HTTP/1.1\r\nhost: box\r\ncontent-length: 500\r\n\r\n{")
    await call.lives()

    def is_cut(half):
        half.setblocking(False)
        try:
            while half.recv(4_096):
                pass
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True

    await until(lambda: all(is_cut(half) for half in halves), "half requests are cut", LONG)
    assert "OK" in await told(box, "status", codes=(0, 1))
    await call.lives()


MILLION = 1_000_000


ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) .*?content-length: (\d+).*?\r\n\r\n", re.DOTALL)


def pour(path, requests):
    """Sends so many requests on one connection, reading what is answered; answers by status."""
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(LONG)
    stream.connect(path)
    counts, waiting, rest = {}, 0, b""
    request = b"GET /admin/status HTTP/1.1\r\nhost: box\r\n\r\n"
    while requests or waiting:
        if not waiting:
            waiting = min(200, requests)
            requests -= waiting
            stream.sendall(request * waiting)
        chunk = stream.recv(1 << 20)
        assert chunk, f"hung up after {counts}"
        rest, begin = rest + chunk, 0
        while (head := ANSWER.match(rest, begin)) and head.end() + int(head[2]) <= len(rest):
            counts[head[1]] = counts.get(head[1], 0) + 1
            begin, waiting = head.end() + int(head[2]), waiting - 1
        rest = rest[begin:]
    return counts


async def test_a_million_commands(own_box, backend, under_call):
    """Each is answered or refused; the call and the other operators do not notice."""
    box = await own_box(net=backend)
    call = await under_call(box)
    before = memory(box)
    loop, path = asyncio.get_running_loop(), str(box.data / "admin.sock")
    pouring = asyncio.gather(*(loop.run_in_executor(None, pour, path, MILLION // 4) for _ in range(4)))
    while not pouring.done():
        await call.lives()
        assert await asyncio.wait_for(ask(box, "/admin/health"), SHORT)
    assert await pouring == [{b"200": MILLION // 4}] * 4
    assert memory(box) - before < GROWTH_KIB


# Names.


def hostile():
    """500 names that would move a cursor, change a title, write to the clipboard, or turn a line."""
    seeds = [
        "\x1b]52;c;ZXZpbA==\x07", "\x1b[2J\x1b[H", "\x1b[6n", "\x9b31m", "\x90q", "\x1bP$q", "\x07\x08\x7f",
        "\u202egnp.exe", "\u2066isolate\u2069", "\u200b\u200c\u200d\ufeff", "\r\nroot logged in", "\x00null",
        "a" + "\u0301" * 200, "\U000e0041tag", "\u2028line", "x\x85y", "{\"json\": \"quote", "%s%n", "\ud83d\ude00"[:1],
    ]
    for number in range(500):
        seed = seeds[number % len(seeds)]
        yield f"{seed}{number}".encode("utf-8", "ignore").decode()


FORBIDDEN = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))} - {"\n"}
FORBIDDEN |= set("\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\ufeff")
FORBIDDEN |= {chr(code) for code in range(0x2066, 0x206A)} | {chr(code) for code in range(0xE0000, 0xE0080)}


async def test_five_hundred_hostile_names(own_box, backend, under_call):
    """As identities, names and rooms of real joins; no command shows a terminal anything it obeys."""
    box = await own_box(net=backend)
    call = await under_call(box)
    joined, names = 0, list(hostile())

    async def come(name):
        token = box.token(f"room {name}", name, name=name, metadata=name)
        return await tries_to_join(box, f"room {name}", name, token=token)

    for begin in range(0, len(names), 20):
        clients = await asyncio.gather(*(come(name) for name in names[begin : begin + 20]))
        inside = [client for client in clients if client]
        joined += len(inside)
        if begin % 100 == 0:
            await shown_safely(box, names[begin : begin + 5])
        await asyncio.gather(*(client.leave() for client in inside))
    assert joined > 100, "some of these names are names"
    assert await come("a" + "\u0301" * 500_000) is None, "a megabyte is no name"
    await shown_safely(box, names[:5])
    await call.lives()


async def shown_safely(box, whom):
    commands = [["rooms"], ["events", "--limit", "1000"], ["why"], ["audit"], ["alarms"], ["health"]]
    commands += [["why", name] for name in whom if "\x00" not in name]
    commands += [["room", f"room {name}"] for name in whom if "\x00" not in name]
    for words in commands:
        said = await told(box, *words, codes=None)
        found = FORBIDDEN & set(said)
        assert not found, f"ringward {words!r} shows {found!r}"
    log = box.log.read_text(errors="surrogateescape")
    assert not FORBIDDEN & set(log), "the log"
