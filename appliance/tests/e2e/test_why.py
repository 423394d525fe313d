"""Why somebody cannot connect: faults on the wire, in tokens, in rooms and in browsers, each named
within 10 s by the running box, with real clients wherever a real client can have the fault."""

import asyncio
import datetime
import ipaddress
import json
import subprocess
import time

import aiohttp
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from livekit import api
from playwright.async_api import async_playwright

from support.away import Away
from support.box import binary, free_port
from support.browser import FLAGS, PROGRAM
from support.client import Client, fresh
from support.wait import LONG, SHORT, until
from support.ward import HOSPITAL, NETWORKS, SECRET, Caller, Hospital, Ward, ask, is_named

pytestmark = pytest.mark.any_backend


@pytest.fixture(scope="module")
async def hospital(backend):
    hospital = await Hospital(backend).start()
    yield hospital
    hospital.stop()


@pytest.fixture
async def ward(hospital):
    """Makes wards that are torn down at the end."""
    wards = []

    def one(network=NETWORKS[0]):
        wards.append(Ward(network).start())
        return wards[-1]

    yield one
    for each in wards:
        each.stop()


@pytest.fixture
async def call(hospital):
    """Calls from a ward: `await call(ward, "pat", "--tone")`."""
    callers = []

    async def one(ward, identity, *flags, room=None, token=None):
        token = token or hospital.box.token(room or fresh(), identity)
        callers.append(await Caller(ward, hospital.box, token, *flags).start())
        return callers[-1]

    yield one
    for caller in callers:
        await caller.stop()


def ports(hospital):
    """The box's media ports as an nft set."""
    first = hospital.box.udp_port
    return f"{{ {first}, {first + 1} }}"


# Tokens: each is brought by LiveKit's Python SDK.


def signed(key=HOSPITAL, secret=SECRET, **claims):
    """A token made by hand, for what LiveKit's own SDK refuses to make."""
    now = int(time.time())
    claims = {"iss": key, "exp": now + 3_600, "nbf": now, "iat": now, **claims}
    return jwt.encode(claims, secret, algorithm="HS256")


def grant(room, **more):
    return {"video": {"room": room, "roomJoin": True, **more}}


def shifted(identity, room, seconds, life=600):
    """A token as an issuer makes it whose clock is off by so much."""
    now = int(time.time()) + seconds
    return signed(sub=identity, iat=now, nbf=now, exp=now + life, **grant(room))


async def test_an_expired_token(hospital, ward, call):
    room = fresh()
    await call(ward(), "expired", token=shifted("expired", room, -90_000))
    view = await is_named(hospital.box, "expired", "TOKEN-EXPIRED")
    assert "issued 25 h ago" in view["finding"]["evidence"]


async def test_an_issuer_whose_clock_is_ahead(hospital, ward, call):
    await call(ward(), "ahead", token=shifted("ahead", fresh(), 47 * 60))
    view = await is_named(hospital.box, "ahead", "CLOCK-AHEAD")
    assert "issued 4" in view["finding"]["evidence"], view["finding"]


async def test_an_issuer_whose_clock_is_behind(hospital, ward, call):
    behind, made = ward(), time.time()
    await call(behind, "behind-1", token=shifted("behind-1", fresh(), -7_200))
    await is_named(hospital.box, "behind-1", "TOKEN-EXPIRED")
    # One expired token says nothing of clocks; another, made at another moment and just as old, does.
    await until(lambda: time.time() > made + 3, "some seconds pass between two bookings")
    await call(behind, "behind-2", token=shifted("behind-2", fresh(), -7_200))
    await is_named(hospital.box, "behind-2", "CLOCK-BEHIND")


async def test_a_token_for_later(hospital, ward, call):
    now = int(time.time())
    later = signed(sub="early", nbf=now + 7_200, exp=now + 9_000, **grant(fresh()))
    await call(ward(), "early", token=later)
    await is_named(hospital.box, "early", "TOKEN-NOT-YET")


async def test_a_key_of_another_box(hospital, ward, call):
    await call(ward(), "foreign", token=signed(key="elsewhere", sub="foreign", **grant(fresh())))
    await is_named(hospital.box, "foreign", "KEY-UNKNOWN")


async def test_a_wrong_secret(hospital, ward, call):
    wrong = signed(secret="another secret of more than thirty-two", sub="forged", **grant(fresh()))
    await call(ward(), "forged", token=wrong)
    await is_named(hospital.box, "forged", "SIGNATURE")


async def test_a_token_without_the_grant(hospital, ward, call):
    await call(ward(), "ungranted", token=signed(sub="ungranted", **grant(fresh(), roomJoin=False)))
    await is_named(hospital.box, "ungranted", "GRANT-MISSING")


# Rooms.


def server(hospital):
    return api.LiveKitAPI(hospital.box.url(scheme="http"), HOSPITAL, SECRET)


async def test_a_locked_room(hospital, ward, call):
    room, inside = fresh(), ward()
    caller = await call(inside, "inside", room=room)
    await caller.says("joined")
    token = hospital.box.token(room, "warden", room_admin=True)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        async with session.put(f"{hospital.box.url(scheme='http')}/v1/rooms/{room}/lock") as answer:
            assert answer.status < 300, await answer.text()
    await call(ward(), "outside", room=room)
    await is_named(hospital.box, "outside", "ROOM-LOCKED")


async def test_a_full_room(hospital, ward, call):
    room = fresh()
    async with server(hospital) as admin:
        await admin.room.create_room(api.CreateRoomRequest(name=room, max_participants=1))
    caller = await call(ward(), "first", room=room)
    await caller.says("joined")
    await call(ward(), "second", room=room)
    view = await is_named(hospital.box, "second", "ROOM-FULL")
    assert "holds 1" in view["finding"]["evidence"]


async def test_somebody_who_was_removed_comes_back(hospital, ward, call):
    room, theirs = fresh(), ward()
    token = hospital.box.token(room, "removed")
    caller = await call(theirs, "removed", token=token)
    await caller.says("joined")
    made = int(time.time())
    await until(lambda: time.time() > made + 2, "the token is older than its revocation, in whole seconds")
    async with server(hospital) as admin:
        await admin.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="removed"))
    await call(theirs, "removed", token=token)
    await is_named(hospital.box, "removed", "BLOCKED-REJOIN")


async def test_a_box_that_drains(own_box, backend):
    box = await own_box(net=backend)
    drain = [binary(), "drain", "--data", str(box.data)]
    subprocess.run(drain, check=True, capture_output=True)
    attempt = await attempted(box, box.ws, fresh(), "drained")
    await is_named(box, "drained", "DRAINING")
    await given_up(*attempt)


# Signalling.


class Meddler:
    """A proxy between a client and the box that breaks WebSockets in one way."""

    def __init__(self, port, edit=lambda head: head, cuts_after=None):
        self.port, self.edit, self.cuts_after = port, edit, cuts_after

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def serve(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self.port)
            upstream.write(self.edit(head))
            pumps = [self.pump(upstream_reader, writer), self.pump(reader, upstream)]
            await asyncio.wait_for(asyncio.gather(*pumps), self.cuts_after)
            upstream.transport.abort()
        except asyncio.TimeoutError:
            upstream.transport.abort()
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.transport.abort()

    async def pump(self, reader, writer):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()

    def stop(self):
        self.server.close()


def without_upgrade(head):
    """A proxy that speaks HTTP only: hop-by-hop headers end at it (RFC 9110 §7.6.1)."""
    lines = head.split(b"\r\n")
    hop = (b"upgrade:", b"connection:")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(hop))


@pytest.fixture
async def meddle(hospital):
    meddlers = []

    async def one(**how):
        meddlers.append(await Meddler(hospital.box.port, **how).start())
        return meddlers[-1]

    yield one
    for each in meddlers:
        each.stop()


async def attempted(box, url, room, identity):
    """Python's SDK tries to join and does not succeed."""
    client = Client(box, room, identity, url=url)
    joining = asyncio.ensure_future(client.join())
    return client, joining


async def given_up(client, joining):
    joining.cancel()
    await asyncio.gather(joining, return_exceptions=True)
    await asyncio.gather(client.leave(), return_exceptions=True)


async def test_a_proxy_that_takes_the_upgrade_out(hospital, meddle):
    proxy = await meddle(edit=without_upgrade)
    attempt = await attempted(hospital.box, proxy.url, fresh(), "stripped")
    await is_named(hospital.box, "stripped", "PROXY-BREAKS-WEBSOCKET")
    await given_up(*attempt)


async def test_a_proxy_that_cuts_websockets(hospital, meddle):
    proxy = await meddle(cuts_after=0.05)
    room = fresh()
    for _ in range(2):
        await given_up(*await is_cut(hospital.box, proxy.url, room))
    await is_named(hospital.box, "cut", "PROXY-BREAKS-WEBSOCKET")


async def is_cut(box, url, room):
    attempt = await attempted(box, url, room, "cut")
    client, joining = attempt
    await asyncio.wait({joining}, timeout=SHORT)
    return attempt


async def test_a_websocket_on_which_nothing_follows(hospital):
    room = fresh()
    token = hospital.box.token(room, "half-open")
    async with aiohttp.ClientSession() as session:
        url = f"{hospital.box.url(scheme='http')}/rtc?protocol=16&access_token={token}"
        async with session.ws_connect(url, autoping=False):
            await is_named(hospital.box, "half-open", "SIGNAL-TIMEOUT")


# The path.


async def test_udp_blocked_to_the_box(hospital, ward, call):
    blocked = ward()
    blocked.fault(up=[f"udp dport {ports(hospital)} drop"])
    await call(blocked, "udp-blocked")
    view = await is_named(hospital.box, "udp-blocked", "UDP-BLOCKED")
    network = view["finding"]["network"]
    assert "10.77.0.0/24" in network and str(hospital.box.udp_port)[:3] in network, network


async def test_udp_blocked_in_both_peer_connection_modes(hospital, ward, call):
    blocked = ward()
    blocked.fault(up=[f"udp dport {ports(hospital)} drop"])
    await call(blocked, "udp-blocked-dual", "--dual")
    await is_named(hospital.box, "udp-blocked-dual", "UDP-BLOCKED")


async def test_udp_answers_are_lost(hospital, ward, call):
    blocked = ward()
    blocked.fault(down=[f"udp sport {ports(hospital)} drop"])
    await call(blocked, "one-way")
    view = await is_named(hospital.box, "one-way", "UDP-ONE-WAY")
    assert blocked.address in view["finding"]["evidence"]


async def test_large_datagrams_to_the_client_are_lost(hospital, ward, call):
    hole = ward()
    hole.fault(down=[f"udp sport {ports(hospital)} udp length > 500 drop"])
    await call(hole, "mtu-down")
    await is_named(hospital.box, "mtu-down", "DTLS-MTU")


async def test_large_datagrams_to_the_box_are_lost(hospital, ward, call):
    hole = ward()
    hole.fault(up=[f"udp dport {ports(hospital)} udp length > 500 drop"])
    await call(hole, "mtu-up")
    await is_named(hospital.box, "mtu-up", "DTLS-MTU")


BROKEN = "@th,64,8 20-63 @th,168,8 set 0xff udp checksum set 0"
"""Spoils the type of each handshake message (RFC 6347 §4.2.2: the first byte after the record's
13), and takes the checksum away that would have had it dropped."""


async def test_handshake_records_are_damaged(hospital, ward, call):
    damaged = ward()
    damaged.fault(up=[f"udp dport {ports(hospital)} {BROKEN}"])
    await call(damaged, "dtls")
    await is_named(hospital.box, "dtls", "DTLS-FAILED")


async def test_a_path_that_was_up_is_lost(hospital, ward, call):
    gone = ward()
    caller = await call(gone, "path-lost", "--tone")
    await caller.says("joined")
    await until(lambda: flows(hospital.box, "path-lost"), "the call is up", LONG)
    gone.fault(up=["udp dport 1-65535 drop"], down=["udp sport 1-65535 drop"])
    # Consent to send is given up after 20 s to 30 s without an answer (RFC 7675).
    view = await is_named(hospital.box, "path-lost", "PATH-LOST", within=35)
    assert "NAT timeout" in view["finding"]["network"]


RTP = "@th,64,2 2"
"""RTP and RTCP: their first two bits are version 2 (RFC 7983 §7)."""


async def test_media_to_the_box_is_lost(hospital, ward, call):
    mute = ward()
    mute.fault(up=[f"udp dport {ports(hospital)} {RTP} drop"])
    await call(mute, "media-up", "--tone")
    await is_named(hospital.box, "media-up", "ONE-WAY-UP")


async def test_media_to_the_client_is_lost(hospital, ward, call):
    room, deaf = fresh(), ward()
    speaker = await call(ward(), "speaker", "--tone", room=room)
    await speaker.says("joined")
    deaf.fault(down=[f"udp sport {ports(hospital)} {RTP} drop"])
    await call(deaf, "media-down", room=room)
    await is_named(hospital.box, "media-down", "ONE-WAY-DOWN")


# Codecs, candidates, browsers.


async def test_no_common_codec(hospital):
    """A WHIP encoder that knows H.263 only: its offer is Chromium's, but for the codec."""
    offer = "\r\n".join(
        [
            "v=0",
            "o=- 1 2 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=group:BUNDLE 0",
            "m=video 9 UDP/TLS/RTP/SAVPF 34",
            "c=IN IP4 0.0.0.0",
            "a=rtcp-mux",
            "a=ice-ufrag:abcd",
            "a=ice-pwd:0123456789abcdef01234567",
            "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
            "a=setup:actpass",
            "a=mid:0",
            "a=sendonly",
            "a=rtpmap:34 H263/90000",
            "a=ssrc:1 cname:x",
            "",
        ]
    )
    room = fresh()
    token = hospital.box.token(room, "h263")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp", "User-Agent": "Lavf/52.1"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{hospital.box.url(scheme='http')}/whip/{room}", data=offer) as answer:
            await answer.read()
    view = await is_named(hospital.box, "h263", "NO-COMMON-CODEC")
    assert view["attempt"]["client"] == "Lavf 52.1"


@pytest.fixture
async def browser():
    """Starts browsers that differ in their flags."""
    playwright = await async_playwright().start()
    browsers = []

    async def one(*flags, without=()):
        kept = [flag for flag in FLAGS if flag not in without]
        browsers.append(await playwright.chromium.launch(executable_path=PROGRAM, args=[*kept, *flags]))
        return await (await browsers[-1].new_context()).new_page()

    yield one
    for each in browsers:
        await each.close()
    await playwright.stop()


async def enter(page, box, room, name, microphone=True):
    """Joins on the meeting page with camera and microphone; the identity is the page's own."""
    await page.goto(f"{box.http}/?room={room}")
    await page.get_by_label("Your name").fill(name)
    await page.get_by_label("Microphone on").set_checked(microphone)
    await page.get_by_role("button", name="Join").click()
    await page.locator("#meeting").wait_for(state="visible", timeout=LONG * 1000)

    async def identity():
        for view in await ask(box, "/admin/attempts") or []:
            if view["attempt"].get("room") == room and view["attempt"]["identity"].startswith("web-"):
                return view["attempt"]["identity"]
        return None

    return await until(identity, "the box knows who joined")


FAKE_UI, FAKE_DEVICE = "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"


async def test_a_browser_that_may_not_use_the_camera(box, browser):
    page = await browser("--deny-permission-prompts", without=(FAKE_UI,))
    who = await enter(page, box, fresh(), "Refused")
    await is_named(box, who, "PERMISSION-REFUSED")


async def test_a_machine_without_a_camera(box, browser):
    page = await browser(without=(FAKE_DEVICE,))
    who = await enter(page, box, fresh(), "Without")
    await is_named(box, who, "DEVICE-MISSING")


HELD = """
navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('in use', 'NotReadableError'); };
"""
"""What browsers answer while another program holds the device: Chromium's fake ones are never held."""


async def test_a_camera_that_another_program_holds(box, browser):
    page = await browser()
    await page.add_init_script(HELD)
    who = await enter(page, box, fresh(), "Busy", microphone=False)
    await is_named(box, who, "DEVICE-BUSY")


async def test_a_page_that_is_not_served_securely(hospital, browser):
    """Browsers give devices to HTTPS and to their own machine only."""
    page, room = await browser(), fresh()
    token = hospital.box.token(room, "insecure", name="Insecure")
    await page.goto(f"{hospital.box.url(scheme='http')}/#token={token}")
    await page.get_by_role("button", name="Join").click()
    await page.locator("#meeting").wait_for(state="visible", timeout=LONG * 1000)
    await is_named(hospital.box, "insecure", "DEVICE-FORBIDDEN")


async def test_a_picture_that_cannot_be_decoded(box, browser, join):
    """The publisher encrypts end to end, the viewer has no key."""
    room = fresh()
    publisher = await join(box, room, "cipher", passphrase="the viewer does not know it")
    await publisher.publish_picture()
    page = await browser()
    who = await enter(page, box, room, "Viewer")
    await is_named(box, who, "DECODE-FAILED")


@pytest.fixture
async def strict_page(chromium, tmp_path):
    """A page of a Chromium whose profile says `WebRtcIPHandling: disable_non_proxied_udp`."""
    profile = tmp_path / "Default"
    profile.mkdir()
    policy = {"webrtc": {"ip_handling_policy": "disable_non_proxied_udp"}}
    (profile / "Preferences").write_text(json.dumps(policy))
    playwright = await async_playwright().start()
    context = await playwright.chromium.launch_persistent_context(
        str(tmp_path), executable_path=PROGRAM, args=list(FLAGS), headless=False
    )
    page = await context.new_page()
    await page.goto(f"{chromium.origin}/harness.html")
    await page.wait_for_function("window.lk !== undefined")
    yield page
    await context.close()
    await playwright.stop()


async def test_a_browser_whose_policy_forbids_udp(box, strict_page, room):
    given = {"url": box.ws, "token": box.token(room, "policy"), "mode": "single", "passphrase": None, "options": {}}
    joining = asyncio.ensure_future(strict_page.evaluate("(given) => window.lk.join(given)", given))
    await is_named(box, "policy", "NO-CANDIDATES")
    joining.cancel()
    await asyncio.gather(joining, return_exceptions=True)


# One cause.


async def test_three_blocked_clients_of_a_ward_are_one_cause(hospital, ward, call):
    there = NETWORKS[1]
    for name in ("ward-a", "ward-b", "ward-c"):
        blocked = ward(there)
        blocked.fault(up=[f"udp dport {ports(hospital)} drop"])
        await call(blocked, name)
    for name in ("ward-a", "ward-b", "ward-c"):
        view = await is_named(hospital.box, name, "UDP-BLOCKED")
    subnet = next(group for group in view["groups"] if group["by"] == "subnet" and group["value"].startswith(there))
    assert subnet["failed"] == subnet["of"] >= 3, view["groups"]

    async def raised():
        alarms = [alarm["id"] for alarm in (await ask(hospital.box, "/admin/alarms"))["alarms"]]
        return [alarm for alarm in alarms if alarm.startswith("UDP-BLOCK:")] == [f"UDP-BLOCK:{there}.0/24"]

    await until(raised, "the ward is an alarm, and no other is")


async def flows(box, whom):
    view = await ask(box, f"/admin/why/{whom}")
    grades = {stage["stage"]: stage["grade"] for stage in view["attempt"]["stages"]}
    assert view.get("finding") is None, view
    return all(grades[stage] == "pass" for stage in ("signal", "token", "admission", "codec", "udp", "dtls", "up"))


async def test_who_connects_is_told_so(hospital, ward, call):
    caller = await call(ward(), "sound", "--tone")
    await caller.says("joined")
    await until(lambda: flows(hospital.box, "sound"), "every stage of a sound call passes", LONG)


# TLS.


def https(port, tls):
    """Settings of a box that serves HTTPS beside the HTTP that these scenarios watch it by."""
    return f'development = true\nhttps = "127.0.0.1:{port}"\nplain-http = "serve"\n\n[tls]\n{tls}\n'


async def test_a_client_that_does_not_know_the_boxs_ca(own_box):
    port = free_port()
    box = await own_box(config=https(port, "internal-ca = true"))
    attempt = await attempted(box, f"wss://127.0.0.1:{port}", fresh(), "nobody")
    await is_named(box, "127.0.0.1", "TLS-UNTRUSTED")
    await given_up(*attempt)


def expired_certificate(folder):
    """Signed by itself, for 127.0.0.1, until yesterday."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "box")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - 90 * day).not_valid_after(now - day)
    made = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    certificate, private = folder / "web.pem", folder / "web.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    private.chmod(0o600)
    return certificate, private


async def test_a_certificate_that_has_run_out(own_box, tmp_path):
    """The client knows who signed it: all that is wrong is its time."""
    certificate, key = expired_certificate(tmp_path)
    port = free_port()
    box = await own_box(config=https(port, f'certificate = "{certificate}"\nkey = "{key}"'))
    client = Away(f"wss://127.0.0.1:{port}", box.token(fresh(), "late"), "single", ca=certificate)
    await client.start()
    await is_named(box, "127.0.0.1", "TLS-EXPIRED")
    await client.stop()


@pytest.mark.parametrize("secure", [True, False])
async def test_a_connection_on_which_nothing_is_said(own_box, secure):
    port = free_port()
    box = await own_box(config=https(port, "internal-ca = true"))
    _, writer = await asyncio.open_connection("127.0.0.1", port if secure else box.port)
    await is_named(box, "127.0.0.1", "SIGNAL-TIMEOUT")
    writer.close()
