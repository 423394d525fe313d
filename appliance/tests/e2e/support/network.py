"""Networks of the scenario's own: namespaces with a cable to this machine."""

import itertools
import subprocess

_numbers = itertools.count(1)


def _run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"


class Network:
    """A client's network: 10.213.N.0/24, this machine at .1, the client at .2."""

    def __init__(self):
        number = next(_numbers)
        self.name = f"rw-e2e-{number}"
        self.near, self.far = f"rwe{number}", f"rwf{number}"
        self.box, self.client = f"10.213.{number}.1", f"10.213.{number}.2"

    def open(self):
        self.close()
        _run("ip", "netns", "add", self.name)
        _run("ip", "link", "add", self.near, "type", "veth", "peer", "name", self.far, "netns", self.name)
        _run("ip", "address", "add", f"{self.box}/24", "dev", self.near)
        _run("ip", "link", "set", self.near, "up")
        inside = ("ip", "-n", self.name)
        _run(*inside, "address", "add", f"{self.client}/24", "dev", self.far)
        _run(*inside, "link", "set", self.far, "up")
        _run(*inside, "link", "set", "lo", "up")
        return self

    def block_udp(self):
        """What a hospital's guest network does."""
        nft = self.command("nft", "add")
        _run(*nft, "table", "inet", "e2e")
        _run(*nft, "chain", "inet", "e2e", "out", "{ type filter hook output priority 0 ; }")
        _run(*nft, "rule", "inet", "e2e", "out", "oifname", "!=", "lo", "meta", "l4proto", "udp", "drop")

    def command(self, *words):
        """The words that run a program inside."""
        return ["ip", "netns", "exec", self.name, *words]

    def close(self):
        for words in (["ip", "netns", "del", self.name], ["ip", "link", "del", self.near]):
            subprocess.run(words, capture_output=True, check=False)
