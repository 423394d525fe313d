"""`PerformRpc`: the server asks a participant, whose client is LiveKit's own."""

import asyncio

import aiohttp
import pytest
from livekit import api, rtc
from livekit.api.twirp_client import TwirpError
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse

from support.wait import LONG

pytestmark = pytest.mark.any_backend


async def perform(box, room, identity, method, payload="", timeout_ms=0):
    """What a server SDK sends; the Python SDK has no method of its own for it yet."""
    request = PerformRpcRequest(
        room=room, destination_identity=identity, method=method, payload=payload, response_timeout_ms=timeout_ms
    )
    async with box.api() as service:
        headers = service.room._auth_header(api.VideoGrants(room_admin=True, room=room))
        answer = service.room._client.request("RoomService", "PerformRpc", request, headers, PerformRpcResponse)
        return (await asyncio.wait_for(answer, LONG)).payload


async def refusal(*call, **options):
    with pytest.raises(TwirpError) as refused:
        await perform(*call, **options)
    return refused.value.status, refused.value.code, refused.value.message


async def test_a_participant_answers_the_server(box, room, join, mode):
    ben = await join(box, room, "ben", mode)
    asked = []

    async def greet(invocation: rtc.RpcInvocationData):
        asked.append(invocation)
        return f"{invocation.payload} to you, too"

    ben.me.register_rpc_method("greet", greet)

    assert await perform(box, room, "ben", "greet", "good day") == "good day to you, too"
    assert await perform(box, room, "ben", "greet", "x" * 15_000) == "x" * 15_000 + " to you, too"
    assert len(asked) == 2


async def test_calls_at_the_same_time_keep_apart(box, room, join):
    for identity in ("ada", "ben"):
        client = await join(box, room, identity)

        async def echo(invocation, identity=identity):
            await asyncio.sleep(0.05 if invocation.payload == "0" else 0)
            return f"{identity} {invocation.payload}"

        client.me.register_rpc_method("echo", echo)

    calls = [(identity, str(n)) for n in range(10) for identity in ("ada", "ben")]
    answers = await asyncio.gather(*(perform(box, room, to, "echo", text) for to, text in calls))

    assert answers == [f"{to} {text}" for to, text in calls]


async def test_what_has_no_answer_has_a_reason(box, room, join):
    ben = await join(box, room, "ben")
    released = asyncio.Event()

    async def slow(_):
        await released.wait()
        return "late"

    async def fail(_):
        raise rtc.RpcError(101, "not today", "holiday")

    ben.me.register_rpc_method("slow", slow)
    ben.me.register_rpc_method("fail", fail)

    assert (await refusal(box, room, "ben", "unknown"))[:2] == (400, "invalid_argument")
    assert (await refusal(box, room, "nobody", "slow"))[:2] == (404, "not_found")
    assert (await refusal(box, "no-such-room", "ben", "slow"))[:2] == (404, "not_found")
    status, code, message = await refusal(box, room, "ben", "slow", timeout_ms=500)
    assert (status, code) == (408, "canceled") and "Response timeout" in message
    status, code, message = await refusal(box, room, "ben", "fail")
    assert (status, code) == (500, "internal") and "not today" in message and "holiday" in message
    assert (await refusal(box, room, "ben", "slow", "x" * 15_361))[:2] == (400, "malformed")
    released.set()


async def test_who_leaves_meanwhile_ends_the_call(box, room, join):
    ben = await join(box, room, "ben")
    called = asyncio.Event()

    async def stay(_):
        called.set()
        await asyncio.sleep(LONG)
        return ""

    ben.me.register_rpc_method("stay", stay)
    call = asyncio.ensure_future(refusal(box, room, "ben", "stay"))
    await asyncio.wait_for(called.wait(), LONG)
    async with box.api() as service:
        await service.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="ben"))

    assert (await call)[:2] == (503, "unavailable")


async def test_a_repeated_request_is_carried_out_once(box, room, join):
    ben = await join(box, room, "ben")
    asked = []

    async def count(_):
        asked.append(1)
        return str(len(asked))

    ben.me.register_rpc_method("count", count)
    body = PerformRpcRequest(room=room, destination_identity="ben", method="count").SerializeToString()
    token = box.token(room, "admin", room_admin=True)

    async def call(request_id):  # the SDK draws an id of its own for each call
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/protobuf",
            "X-Livekit-Request-Id": request_id,
        }
        async with aiohttp.ClientSession() as http:
            url = f"{box.http}/twirp/livekit.RoomService/PerformRpc"
            async with http.post(url, data=body, headers=headers) as answer:
                return PerformRpcResponse.FromString(await answer.read()).payload

    assert [await call("one"), await call("one"), await call("two")] == ["1", "1", "2"]
    assert len(asked) == 2
