"""The ways into a box: TLS with the internal CA, ICE over TCP, several networks."""

import base64
import subprocess

import pytest

from support.away import Away
from support.box import binary, free_port
from support.browser import Chromium
from support.network import Network
from support.wait import LONG, until
from support.ward import ask

pytestmark = pytest.mark.any_backend

PICTURES = 15


@pytest.fixture
def network():
    """Another network with a client in it."""
    network = Network()
    yield network.open()
    network.close()


@pytest.fixture
async def secured(own_box, backend, network):
    """A box with HTTPS on every address, that of the other network too, and its CA's certificate."""
    port = free_port()
    box = await own_box(net=backend, config=f'development = true\nhttps = "0.0.0.0:{port}"\n')
    box.https_port = port
    box.ca = box.folder / "ca.pem"
    command = [binary(), "ca", "export", "--data", str(box.data), "--out", str(box.ca)]
    subprocess.run(command, check=True, capture_output=True)
    return box


@pytest.fixture
async def away(secured, room):
    """Starts participants in processes of their own: `await away("far", mode, network)`."""
    started = []

    async def one(identity, mode, network=None):
        host = network.box if network else "127.0.0.1"
        url, token = f"wss://{host}:{secured.https_port}", secured.token(room, identity)
        started.append(await Away(url, token, mode, network, secured.ca).start())
        return started[-1]

    yield one
    for each in started:
        await each.stop()


def carried(box):
    """Connections that carry ICE over TCP now."""
    import urllib.request

    with urllib.request.urlopen(f"{box.http}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("ringward_ice_tcp_connections"))


async def test_who_trusts_the_internal_ca_meets_over_wss(secured, away, mode):
    near, other = await away("near", mode), await away("other", mode)
    await near.sees(PICTURES, LONG)
    await other.sees(PICTURES, LONG)
    assert carried(secured) == 0


async def test_a_client_whose_udp_is_blocked_meets_over_the_https_port(secured, away, network, room, mode):
    network.block_udp()
    near, far = await away("near", mode), await away("far", mode, network)
    await far.sees(PICTURES, LONG)
    await near.sees(PICTURES, LONG)
    assert carried(secured) > 0
    # Operators see what carries the call, and what the network team has to open.
    paths = {one["identity"]: one["path"] for one in (await ask(secured, f"/admin/rooms/{room}"))["participants"]}
    assert paths == {"near": "udp", "far": "tcp"}

    async def warned():
        view = await ask(secured, "/admin/why/far")
        assert view.get("finding") is None, view
        return [stage for stage in view["attempt"]["stages"] if stage["evidence"].startswith("ICE-TCP-ONLY: ")]

    udp = await until(warned, "that only TCP works is a warning")
    assert udp[0]["grade"] == "warn", udp


async def test_a_client_of_another_network_gets_a_candidate_there(secured, away, network, mode):
    near, far = await away("near", mode), await away("far", mode, network)
    await far.sees(PICTURES, LONG)
    await near.sees(PICTURES, LONG)
    assert carried(secured) == 0


async def test_a_browser_meets_on_the_page_with_a_link(secured, away, room):
    near = await away("near", "single")
    chromium = await Chromium(flags=[f"--ignore-certificate-errors-spki-list={spki(secured)}"]).start()
    try:
        page = await (await chromium.browser.new_context()).new_page()
        token = secured.token(room, "patient", name="Patient")
        await page.goto(f"https://127.0.0.1:{secured.https_port}/#token={token}")
        await page.click("#join")
        await page.wait_for_selector("#meeting:not([hidden])", timeout=LONG * 1000)
        await near.sees(PICTURES, LONG)
    finally:
        await chromium.stop()


def spki(box):
    """What Chromium names a key by: SHA-256 of the public key's DER."""
    shown = (box.data / "tls" / "server.pem").read_text()
    key = _openssl(shown, "x509", "-pubkey", "-noout")
    der = _openssl(key, "pkey", "-pubin", "-outform", "der")
    return base64.b64encode(_openssl(der, "dgst", "-sha256", "-binary")).decode()


def _openssl(given, *words):
    given = given.encode() if isinstance(given, str) else given
    return subprocess.run(["openssl", *words], input=given, capture_output=True, check=True).stdout
