"""Starts and stops the servers, each pinned, each in a folder of its own that goes with it."""

import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

# Far from the ports of a box that may be running.
HTTP, UDP, JANUS = 17880, 17890, 17895
START_SECONDS = 15
STOP_SECONDS = 5


class Absent(Exception):
    """A server that cannot be had here, and why."""


class Server:
    """A running server and how the generator reaches it."""

    name = ""

    def __init__(self, cores):
        self.cores = cores
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"bench-{self.name}-"))
        self.process = None

    def __enter__(self):
        try:
            # A log of its own: what a server prints must not cost a terminal's time.
            log = (self.folder / "log").open("wb")
            command = ["taskset", "-c", self.cores, *self.command()]
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait(self):
        """Until the port answers."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            except OSError:
                time.sleep(0.05)
        log = (self.folder / "log").read_text(errors="replace")[-500:]
        raise Absent(f"{self.name} did not start: {log}")


class Ringward(Server):
    name, port, workers = "ringward", HTTP, 1

    def command(self):
        return [
            *(binary("RINGWARD_BIN", "target/release/ringward"), "serve", "--data", "data"),
            *("--http", f"127.0.0.1:{HTTP}", "--udp-port", str(UDP)),
            *("--workers", str(self.workers)),
            *(["--net", os.environ["RINGWARD_NET"]] if "RINGWARD_NET" in os.environ else []),
        ]

    def load(self):
        metrics = f"http://127.0.0.1:{HTTP}/metrics"
        return ["--url", f"ws://127.0.0.1:{HTTP}", "--metrics", metrics]

    @classmethod
    def version(cls):
        return first_line([binary("RINGWARD_BIN", "target/release/ringward"), "--version"])


class RingwardTwo(Ringward):
    """Two media threads; the second shares the generator's core where there are only two."""

    name, workers = "ringward-2", 2


class LiveKit(Server):
    name, port = "livekit", HTTP

    def command(self):
        # LiveKit asks for a secret of 32 characters.
        self.secret = secrets.token_hex(32)
        config = self.folder / "livekit.yaml"
        config.write_text(
            f"port: {HTTP}\nbind_addresses: [127.0.0.1]\nlogging: {{level: error}}\n"
            f"rtc: {{udp_port: {UDP}, tcp_port: 0, use_external_ip: false, node_ip: 127.0.0.1,"
            " enable_loopback_candidate: true, interfaces: {includes: [lo]}}\n"
            f"keys: {{devkey: {self.secret}}}\n"
        )
        return [binary("LIVEKIT_BIN", "target/peers/livekit-server"), "--config", str(config)]

    def load(self):
        return ["--url", f"ws://127.0.0.1:{HTTP}", "--secret", self.secret]

    @classmethod
    def version(cls):
        return first_line([binary("LIVEKIT_BIN", "target/peers/livekit-server"), "--version"])


class Janus(Server):
    name, port = "janus", JANUS

    def command(self):
        library = next(pathlib.Path("/usr/lib").glob("**/janus/plugins/libjanus_videoroom.so"), None)
        if not library:
            raise Absent("janus: its video room plugin is not installed (apt install janus)")
        folder = self.folder
        for kind, file in (
            ("plugins", "libjanus_videoroom.so"),
            ("transports", "libjanus_websockets.so"),
            ("loggers", None),
            ("events", None),
        ):
            (folder / kind).mkdir()
            if file:
                (folder / kind / file).symlink_to(library.parent.parent / kind / file)
        # One event loop per core, as its documentation advises for many handles. It gathers no
        # loopback candidates, so the generator binds the machine's own address: the packets go
        # over `lo` all the same.
        (folder / "janus.jcfg").write_text(
            f'general: {{ configs_folder = "{folder}"\n plugins_folder = "{folder}/plugins"\n'
            f' transports_folder = "{folder}/transports"\n loggers_folder = "{folder}/loggers"\n'
            f' events_folder = "{folder}/events"\n debug_level = 2\n event_loops = 1 }}\n'
            'media: { rtp_port_range = "20000-40000" }\n'
            f'nat: {{ ice_lite = true\n ice_enforce_list = "{own_address()}" }}\n'
        )
        (folder / "janus.transport.websockets.jcfg").write_text(
            f'general: {{ ws = true\n ws_port = {JANUS}\n ws_interface = "lo"\n'
            ' json = "compact"\n wss = false }\nadmin: { admin_ws = false }\n'
        )
        (folder / "janus.plugin.videoroom.jcfg").write_text("general: {}\n")
        return [found("janus"), "-F", str(folder), "-C", str(folder / "janus.jcfg")]

    def load(self):
        url = f"ws://127.0.0.1:{JANUS}"
        return ["--protocol", "janus", "--url", url, "--bind", own_address()]

    @classmethod
    def version(cls):
        return first_line([found("janus"), "--version"])


class Mediasoup(Server):
    name = "mediasoup"

    @classmethod
    def version(cls):
        raise Absent(
            "mediasoup: skipped. Its npm package downloads mediasoup-worker from a release page, or"
            " downloads the sources of OpenSSL and others to build it; without that there is"
            " nothing to measure, and no adapter is kept that cannot be run"
        )


SERVERS = {kind.name: kind for kind in (Ringward, RingwardTwo, LiveKit, Janus, Mediasoup)}


def binary(variable, default):
    """A program by its variable, else from the repository's own target folder."""
    root = pathlib.Path(__file__).resolve().parents[2]
    path = pathlib.Path(os.environ.get(variable, root / default)).absolute()
    if not path.exists():
        raise Absent(f"{path} does not exist: build it or set {variable}")
    return str(path)


def found(program):
    path = shutil.which(program)
    if not path:
        raise Absent(f"{program} is not installed")
    return path


def first_line(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return ((done.stdout or done.stderr).strip().splitlines() or ["?"])[0]


def own_address():
    """The machine's first address that is not loopback: no packet is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            raise Absent("janus: the machine has no address but loopback") from None
        return probe.getsockname()[0]
