"""A network of its own for one client, behind a line that loses packets and takes its time.

Two TUN devices, one of them in a network namespace, and a program between them (`python -m
support.lossy`) that carries packets from one to the other. Needs root, or `sudo` that asks nothing.
"""

import fcntl
import heapq
import os
import random
import selectors
import struct
import subprocess
import sys
import time
from pathlib import Path

from .namespace import Namespace, privileged, run

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000

MTU = 1_500

SEED = 20_261


class Lossy(Namespace):
    """Where `lose` says what share of packets is lost in each direction from now on."""

    def __init__(self, one_way):
        super().__init__()
        self._one_way = one_way

    def start(self):
        run("ip", "netns", "add", self.name)
        try:
            words = (sys.executable, "-m", "support.lossy", self._device, "wan", str(self._one_way))
            self._line = subprocess.Popen(
                privileged(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                cwd=Path(__file__).parent.parent, text=True, bufsize=1,
            )
            assert self._line.stdout.readline() == "ready\n", "the line could not be laid"
            run("ip", "link", "set", "wan", "netns", self.name)
            run("ip", "addr", "add", f"{self.address}/30", "dev", self._device)
            run("ip", "-n", self.name, "addr", "add", f"{self.inside}/30", "dev", "wan")
            run("ip", "link", "set", self._device, "up")
            for device in ("lo", "wan"):
                run("ip", "-n", self.name, "link", "set", device, "up")
        except BaseException:
            self.stop()
            raise
        return self

    def lose(self, share):
        self._line.stdin.write(f"{share}\n")

    def stop(self):
        self._line.stdin.close()
        self._line.wait(10)
        super().stop()


def _open(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def _main(near, far, one_way):
    """Carries packets until standard input ends; each line there is the new share to lose."""
    one_way, chance, share, on_its_way = float(one_way), random.Random(SEED), 0.0, []
    ends = [_open(near), _open(far)]
    selector = selectors.DefaultSelector()
    for end, other in (ends, ends[::-1]):
        selector.register(end, selectors.EVENT_READ, other)
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        wait = on_its_way[0][0] - time.monotonic() if on_its_way else None
        for key, _ in selector.select(max(wait, 0) if on_its_way else None):
            if key.fileobj is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                share = float(line)
                continue
            for packet in _packets(key.fd):
                if chance.random() >= share:
                    heapq.heappush(on_its_way, (time.monotonic() + one_way, id(packet), key.data, packet))
        while on_its_way and on_its_way[0][0] <= time.monotonic():
            _, _, end, packet = heapq.heappop(on_its_way)
            try:
                os.write(end, packet)
            except OSError:
                pass  # The device is down: before it is set up, and when the namespace goes.


def _packets(device):
    """What waits there, bounded, so that the other direction has its turn."""
    for _ in range(64):
        try:
            yield os.read(device, MTU + 100)
        except BlockingIOError:
            return


if __name__ == "__main__":
    _main(*sys.argv[1:])
