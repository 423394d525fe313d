"""Data packets, text streams and remote calls."""

import asyncio

import pytest
from livekit import rtc

from support.wait import LONG, until


def texts(client):
    return [packet.data.decode() for packet in client.data]


async def ready(*clients):
    """Until everybody knows everybody: data sent earlier may rightly miss a newcomer."""
    for client in clients:
        await until(
            lambda: len(client.room.remote_participants) == len(clients) - 1,
            f"{client.identity} knows the others",
        )


async def test_five_hundred_reliable_messages_arrive_once_and_in_order(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    await ready(ada, ben)
    sent = [f"{number}:{'x' * (number % 200)}" for number in range(500)]

    for text in sent:
        await ada.me.publish_data(text, reliable=True)

    await until(lambda: len(ben.data) >= 500, lambda: f"500 messages, not {len(ben.data)}", LONG)
    assert texts(ben) == sent
    assert {packet.participant.identity for packet in ben.data} == {"ada"}


@pytest.mark.any_backend
async def test_lossy_messages_arrive_where_nothing_is_lost(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    await ready(ada, ben)

    async def flow():
        await ada.me.publish_data("tick", reliable=False, topic="vitals")
        return len(ben.data) >= 20

    await until(flow, lambda: f"20 lossy messages, not {len(ben.data)}")
    assert {packet.topic for packet in ben.data} == {"vitals"}
    assert {packet.kind for packet in ben.data} == {rtc.DataPacketKind.KIND_LOSSY}


async def test_a_message_of_sixty_thousand_bytes_arrives_whole(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    await ready(ada, ben)
    payload = bytes(range(250)) * 240

    await ada.me.publish_data(payload)

    await until(lambda: ben.data, "the message arrives")
    assert ben.data[0].data == payload


@pytest.mark.any_backend
async def test_a_message_to_one_reaches_only_that_one(box, room, mode, join):
    ada, ben, cleo = [await join(box, room, name, mode) for name in ("ada", "ben", "cleo")]
    await ready(ada, ben, cleo)

    await ada.me.publish_data("for ben", destination_identities=["ben"])
    await ada.me.publish_data("for all")

    for person in (ben, cleo):
        await until(lambda: "for all" in texts(person), f"{person.identity} gets what is for all")
    assert texts(ben) == ["for ben", "for all"]
    assert texts(cleo) == ["for all"]
    assert ada.data == []


@pytest.mark.any_backend
async def test_a_text_stream_arrives_whole(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    await ready(ada, ben)
    got = asyncio.get_running_loop().create_future()

    async def take(reader, identity):
        got.set_result((identity, await reader.read_all()))

    ben.room.register_text_stream_handler(
        "lk.chat", lambda reader, identity: asyncio.ensure_future(take(reader, identity))
    )
    text = "Grüße aus Zimmer 3. " * 5000

    await ada.me.send_text(text, topic="lk.chat")

    assert await asyncio.wait_for(got, LONG) == ("ada", text)


@pytest.mark.any_backend
async def test_a_remote_call_is_answered(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    await ready(ada, ben)

    async def greet(call):
        return f"hello {call.caller_identity}, you said {call.payload}"

    ben.me.register_rpc_method("greet", greet)

    answer = await asyncio.wait_for(
        ada.me.perform_rpc(destination_identity="ben", method="greet", payload="good morning"), LONG
    )

    assert answer == "hello ada, you said good morning"


@pytest.mark.any_backend
async def test_a_remote_call_nobody_serves_is_refused(box, room, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    await ready(ada, ben)

    with pytest.raises(rtc.RpcError) as refused:
        await asyncio.wait_for(
            ada.me.perform_rpc(destination_identity="ben", method="unknown", payload=""), LONG
        )

    assert refused.value.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD


@pytest.mark.any_backend
async def test_who_may_not_send_data_reaches_nobody(box, room, join):
    ada = await join(box, room, "ada", can_publish_data=False)
    cleo, ben = await join(box, room, "cleo"), await join(box, room, "ben")
    await ready(ada, ben, cleo)

    try:
        await asyncio.wait_for(ada.me.publish_data("forbidden"), LONG)
    except Exception:  # the SDK may refuse by itself; what counts is that nothing arrives
        pass
    await cleo.me.publish_data("allowed")

    await until(lambda: "allowed" in texts(ben), "what is allowed arrives")
    assert texts(ben) == ["allowed"]
