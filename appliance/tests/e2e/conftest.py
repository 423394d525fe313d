"""Fixtures: a box per network backend, clients that leave, one browser for all."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support.box import Box  # noqa: E402
from support.browser import Chromium  # noqa: E402
from support.client import Client, fresh  # noqa: E402
from support.hooks import Hooks  # noqa: E402
from support.namespace import Namespace  # noqa: E402
from support.proxy import Proxy  # noqa: E402

BACKENDS = ("uring", "portable")


def pytest_addoption(parser):
    parser.addoption(
        "--update-screenshots",
        action="store_true",
        help="writes appliance/docs/images/meeting.png from the meeting page's scenario",
    )
    parser.addoption("--backend", choices=BACKENDS, help="runs over this network backend only")


def pytest_configure(config):
    if "RINGWARD_BIN" not in os.environ:
        raise pytest.UsageError("run these with `cargo xtask e2e`, which builds the daemon")


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        only = metafunc.config.getoption("--backend")
        matters = metafunc.definition.get_closest_marker("any_backend") is None
        backends = [only] if only else BACKENDS if matters else BACKENDS[:1]
        metafunc.parametrize("backend", backends, scope="session")


@pytest.fixture(params=["single", "dual"])
def mode(request):
    """The peer-connection mode of the clients."""
    return request.param


@pytest.fixture(scope="session")
async def box(backend):
    """A running box, one per backend for the whole run; scenarios keep apart by room."""
    box = Box(backend)
    await box.start()
    yield box
    code = box.stop()
    tail = box.tail()
    box.discard()
    assert code == 0, f"Ctrl-C ended the box with {code}:\n{tail}"


@pytest.fixture
async def own_box():
    """Makes boxes of the scenario's own: `await own_box(config=…)`; `before` is done before the start."""
    boxes = []

    async def make(net="uring", config=None, host="127.0.0.1", before=None):
        boxes.append(Box(net, config, host))
        if before:
            await before(boxes[-1])
        return await boxes[-1].start()

    yield make
    for each in boxes:
        each.discard()


@pytest.fixture
def room():
    """A room name of the scenario's own."""
    return fresh()


@pytest.fixture
async def join(request):
    """Joins clients that leave at the end: `await join(box, room, "ada", mode)`."""
    clients = []

    async def one(box, room, identity, mode="single", **options):
        client = Client(box, room, identity, mode, **options)
        clients.append(client)
        return await client.join()

    yield one
    for client in clients:
        await client.leave()


@pytest.fixture
async def proxy(box):
    """A wire to the box that can be cut."""
    proxy = await Proxy(box.port).start()
    yield proxy
    await proxy.stop()


@pytest.fixture
async def hooks():
    """A webhook receiver."""
    hooks = await Hooks().start()
    yield hooks
    await hooks.stop()


@pytest.fixture
def namespace():
    """A network of its own for one client."""
    namespace = Namespace().start()
    yield namespace
    namespace.stop()


@pytest.fixture(scope="session")
async def chromium():
    """Debian's Chromium, headless, with fake devices."""
    chromium = await Chromium().start()
    yield chromium
    await chromium.stop()


@pytest.fixture
async def browse(chromium):
    """Opens tabs with livekit-client that close at the end: `await browse(box, room, "bob", mode)`."""
    tabs = []

    async def one(box, room, identity, mode="single", **options):
        tab = await chromium.tab(box, room, identity, mode, **options)
        tabs.append(tab)
        return await tab.join()

    yield one
    for tab in tabs:
        await tab.close()
