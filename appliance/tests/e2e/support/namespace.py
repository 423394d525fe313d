"""A network of its own for one client, behind a link that can be narrowed.

A network namespace and a veth pair; the link's rate and queue are a token bucket (`tc tbf`) at the
box's end. Needs root, or `sudo` that asks nothing.
"""

import itertools
import json
import os
import subprocess

_numbers = itertools.count(1)

MTU = 1_514
"""Bytes of the largest frame on the link, which the bucket lets through as a whole: bursts that
leave as one are cut into frames there, as a line would."""


def privileged(*words):
    """The words as root runs them."""
    return [*words] if os.geteuid() == 0 else ["sudo", "-n", *words]


def run(*words):
    """What a program that must succeed said, run as root."""
    done = subprocess.run(privileged(*words), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip()}"
    return done.stdout


class Namespace:
    """`start`, then run programs in it by `command`; `stop` takes everything away."""

    chain = "inet e2e in"
    """Of `drops_in`."""

    def __init__(self):
        number = os.getpid() % 10_000 * 10 + next(_numbers)
        self.name = f"ringward-{number}"
        self._device = f"rw{number}"
        # Two addresses of 198.18.0.0/15, which is for tests of networks (RFC 2544).
        third, fourth = number // 64 % 256, number % 64 * 4
        self.address, self.inside = f"198.18.{third}.{fourth + 1}", f"198.18.{third}.{fourth + 2}"

    def start(self):
        run("ip", "netns", "add", self.name)
        try:
            peer = ["peer", "name", "wan", "netns", self.name]
            run("ip", "link", "add", self._device, "type", "veth", *peer)
            run("ip", "addr", "add", f"{self.address}/30", "dev", self._device)
            run("ip", "-n", self.name, "addr", "add", f"{self.inside}/30", "dev", "wan")
            run("ip", "-n", self.name, "link", "set", "lo", "up")
            run("ip", "-n", self.name, "link", "set", "wan", "up")
            run("ip", "link", "set", self._device, "up")
        except AssertionError:
            self.stop()
            raise
        return self

    def stop(self):
        run("ip", "netns", "del", self.name)

    def command(self, *words):
        """What runs these words in the namespace."""
        return privileged("ip", "netns", "exec", self.name, *words)

    def drops_in(self, protocol, port):
        """From now on what is sent to that port inside is dropped there."""
        nft = self.command("nft", "add")
        hook = "{ type filter hook input priority 0 ; }"
        subprocess.run([*nft, "table", "inet", "e2e"], check=True)
        subprocess.run([*nft, "chain", *self.chain.split(), hook], check=True)
        subprocess.run([*nft, "rule", *self.chain.split(), protocol, "dport", str(port), "drop"], check=True)

    def shape(self, kbps, queue):
        """From now on the client is sent so much per second, and so many bytes may wait."""
        bucket = ["rate", f"{kbps}kbit", "burst", str(MTU), "limit", str(queue)]
        run("tc", "qdisc", "replace", "dev", self._device, "root", "tbf", *bucket)

    def offered(self):
        """Bytes that the box offered to the link so far, whatever became of them; what found the
        queue full is taken as full frames."""
        [bucket] = json.loads(run("tc", "-s", "-j", "qdisc", "show", "dev", self._device, "root"))
        return bucket["bytes"] + bucket["backlog"] + bucket["drops"] * MTU
