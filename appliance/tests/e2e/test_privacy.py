"""What people say and are called stays among them (promise P24): secrets are planted through real
clients, then everything the box writes is searched for them."""

import asyncio
import datetime

import aiohttp
import pytest
from livekit import api, rtc
from livekit.protocol import room as proto

from support.box import Box
from support.canary import Canaries
from support.client import Client
from support.wait import LONG, SHORT, until

KEY = "wardkey"

IDS = {"room", "identity of ada", "identity of ben", "identity of the encoder"}
"""May stand in the journal and in the records of attempts, as ids; in nothing else."""

PLANTED = 50
"""The least number of secrets that makes this search worth its name."""


@pytest.fixture
async def talkative(monkeypatch):
    """A box that logs all it can, and the secrets; its API secret is the first."""
    monkeypatch.setenv("RINGWARD_LOG", "trace")
    canaries = Canaries()
    canaries.plant("API secret", "apisecret" + canaries("API secret's middle") + "0123456789abcdef")
    box = Box("uring", f'development = true\n[keys]\n{KEY} = "{canaries("API secret")}"\n')
    await box.start()
    yield box, canaries
    box.discard()


def token(box, canaries, who, **grants):
    """A token with everything a person could be recognised by, itself a secret."""
    made = (
        api.AccessToken(KEY, canaries("API secret"))
        .with_identity(canaries(f"identity of {who}"))
        .with_name(canaries(f"name of {who}"))
        .with_metadata(canaries(f"metadata of {who}"))
        .with_attributes({canaries(f"attribute of {who}"): canaries(f"attribute's value of {who}")})
        .with_grants(api.VideoGrants(room_join=True, room=canaries("room"), can_update_own_metadata=True, **grants))
        .with_ttl(datetime.timedelta(hours=1))
        .to_jwt()
    )
    for part, text in zip(("head", "claims", "signature"), made.split(".")):
        if part != "head":
            canaries.plant(f"token's {part} of {who}", text)
    return made


def server(box, canaries):
    return api.LiveKitAPI(box.http, KEY, canaries("API secret"))


async def administer(box, canaries):
    """Everything the server API takes in texts."""
    room, ada = canaries("room"), canaries("identity of ada")
    async with server(box, canaries) as lk:
        await lk.room.update_participant(
            proto.UpdateParticipantRequest(
                room=room, identity=ada, name=canaries("name by API"), metadata=canaries("metadata by API"),
                attributes={canaries("attribute by API"): canaries("attribute's value by API")},
            )
        )
        await lk.room.update_room_metadata(
            proto.UpdateRoomMetadataRequest(room=room, metadata=canaries("room metadata changed"))
        )
        await lk.room.send_data(
            proto.SendDataRequest(room=room, data=canaries("data by API").encode(), topic=canaries("topic by API"))
        )


async def converse(canaries, ada, ben):
    """Everything one client can say to another."""
    async def answer(call):
        assert call.payload == canaries("RPC payload")
        return canaries("RPC answer")

    async def refuse(call):
        raise rtc.RpcError(1700, canaries("RPC error"), canaries("RPC error's data"))

    for kind in ("register_text_stream_handler", "register_byte_stream_handler"):
        getattr(ben.room, kind)(canaries("stream topic"), lambda *_: None)
    ben.me.register_rpc_method(canaries("RPC method"), answer)
    ben.me.register_rpc_method(canaries("refusing RPC method"), refuse)
    await ada.me.set_name(canaries("name changed"))
    await ada.me.set_metadata(canaries("metadata changed"))
    await ada.me.set_attributes({canaries("attribute changed"): canaries("attribute's value changed")})
    await ada.me.publish_data(canaries("message"), topic=canaries("topic"))
    await ada.me.publish_data(canaries("lossy message"), reliable=False, topic=canaries("lossy topic"))
    await ada.me.publish_data(
        canaries("message to one"), destination_identities=[canaries("identity of ben")], topic=canaries("topic")
    )
    await ada.me.send_text(canaries("chat text"), topic=canaries("stream topic"))
    writer = await ada.me.stream_bytes(
        canaries("file name"), mime_type="text/plain", attributes={"note": canaries("stream attribute")},
        topic=canaries("stream topic"), stream_id=canaries("stream id"),
    )
    await writer.write(canaries("file content").encode())
    await writer.aclose()
    answered = await asyncio.wait_for(
        ada.me.perform_rpc(
            destination_identity=canaries("identity of ben"), method=canaries("RPC method"),
            payload=canaries("RPC payload"), response_timeout=SHORT,
        ),
        LONG,
    )
    assert answered == canaries("RPC answer")
    with pytest.raises(rtc.RpcError):
        await ada.me.perform_rpc(
            destination_identity=canaries("identity of ben"), method=canaries("refusing RPC method"),
            payload=canaries("payload refused"), response_timeout=SHORT,
        )


async def knock(box, canaries):
    """Requests that fail, and some that do not, with secrets wherever HTTP has room for text.
    Returns what the box answered."""
    room = canaries("room")
    strange = {
        "User-Agent": canaries("user agent"), "Referer": f"http://box/{canaries('referer')}",
        "Cookie": f"session={canaries('cookie')}", "X-Forwarded-For": canaries("forwarded for"),
        "Origin": f"http://{canaries('origin')}",
    }
    whip = token(box, canaries, "the encoder")
    offer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns={}\r\nt=0 0\r\na=x:{}\r\n"
    offer = offer.format(canaries("SDP session name"), canaries("SDP attribute"))
    sdp = {"Content-Type": "application/sdp"}
    json = {"Content-Type": "application/json"}
    bearer = {"Authorization": f"Bearer {whip}"}
    broken = {"Authorization": f"Bearer {canaries('broken token')}.x.y"}
    basic = {"Authorization": f"Basic {canaries('basic credentials')}"}
    twirp = "/twirp/livekit.RoomService"
    calls = [
        ("GET", f"/{canaries('path')}", {}, None),
        ("GET", f"/rtc/validate?access_token={whip}&{canaries('parameter')}=1", {}, None),
        ("GET", f"/rtc/validate?access_token={canaries('token in query')}", {}, None),
        ("GET", f"/rtc/v1/validate?join_request={canaries('join request')}", bearer, None),
        ("GET", f"/rtc?access_token={whip}&sdk={canaries('sdk')}&device_model={canaries('device')}", {}, None),
        ("POST", f"/whip/{room}", {**bearer, **sdp}, offer),
        ("POST", f"/whip/{canaries('other room')}", {**bearer, **sdp}, offer),
        ("POST", f"/whip/{room}", {**broken, **sdp}, offer),
        ("POST", f"/whep/{room}?identity={canaries('watched identity')}", {**bearer, **sdp}, offer),
        ("PATCH", f"/whip/{room}/{canaries('WHIP resource')}", bearer, canaries("fragment")),
        ("DELETE", f"/whip/{room}/{canaries('WHIP resource')}", bearer, None),
        ("POST", f"{twirp}/CreateRoom", {**bearer, **json}, f'{{"name": "{canaries("refused room")}"}}'),
        ("POST", f"{twirp}/CreateRoom", {**bearer, **json}, f'{{"{canaries("JSON field")}": 1}}'),
        ("POST", f"{twirp}/CreateRoom", {**bearer, **json}, f'{{"name": "{canaries("broken JSON")}'),
        ("POST", f"{twirp}/CreateRoom", {**basic, **json}, "{}"),
    ]
    answers = []
    async with aiohttp.ClientSession(headers=strange) as http:
        for method, path, headers, body in calls:
            async with http.request(method, box.http + path, headers=headers, data=body) as answer:
                headers = answer.headers.copy()
                # Named back to the page it belongs to: that is what CORS is (Fetch, 3.2).
                headers.popall("Access-Control-Allow-Origin", None)
                name = f"{method} {path[:12]}: {answer.status}"
                answers.append((name, await answer.read(), str(headers).encode()))
    return answers


def written(box):
    """Everything in the data folder: journal, index, outbox, and whatever else lies there; files
    are preallocated, so the zeros around their content are left out."""
    files = (path for path in box.data.rglob("*") if path.is_file())
    return {path.relative_to(box.data): path.read_bytes().strip(b"\0") for path in files}


@pytest.mark.any_backend
async def test_fifty_planted_secrets_turn_up_nowhere(talkative):
    box, canaries = talkative
    room = canaries("room")
    async with server(box, canaries) as lk:
        await lk.room.create_room(
            proto.CreateRoomRequest(name=room, metadata=canaries("room metadata"), empty_timeout=60)
        )
    clients = [Client(box, room, who, token=token(box, canaries, who)) for who in ("ada", "ben")]
    ada, ben = [await client.join() for client in clients]
    await until(lambda: ada.room.remote_participants and ben.room.remote_participants, "they meet", LONG)
    source = rtc.VideoSource(320, 180)
    track = rtc.LocalVideoTrack.create_video_track(canaries("track name"), source)
    publishing = rtc.TrackPublishOptions(stream=canaries("stream name"))
    await asyncio.wait_for(ada.me.publish_track(track, publishing), LONG)
    await converse(canaries, ada, ben)
    await until(lambda: any(p.topic == canaries("topic") for p in ben.data), "the message arrives")
    await administer(box, canaries)
    await until(lambda: ben.room.metadata == canaries("room metadata changed"), "the change arrives")
    answers = await knock(box, canaries)
    async with aiohttp.ClientSession() as http, http.get(f"{box.http}/metrics") as answer:
        answers.append(("metrics", await answer.read(), b""))
    for client in (ada, ben):
        await client.leave()
    assert box.stop() == 0

    assert len(canaries.planted) >= PLANTED
    log = box.log.read_bytes()
    assert b"TRACE" in log, "the log says all it can"
    leaks = {"log": canaries.in_bytes(log)}
    for name, body, headers in answers:
        leaks[name] = canaries.in_bytes(body) | canaries.in_bytes(headers)
    files = written(box)
    for name, content in files.items():
        leaks[str(name)] = canaries.in_bytes(content, besides=IDS)
    found = {where: sorted(what) for where, what in leaks.items() if what}
    assert found == {}
    # The search finds what is there: the ids stand in the journal.
    assert set.union(*(canaries.in_bytes(content) for content in files.values())) == IDS
