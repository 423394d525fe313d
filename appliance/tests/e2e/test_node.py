"""LiveKit's Node client."""

import pytest

from support.node import NodeParticipant
from support.wait import LONG, until


@pytest.mark.any_backend
async def test_a_node_client_and_a_python_client_see_each_other(box, room, join):
    ben = await join(box, room, "ben")
    await ben.publish_picture()
    node = await NodeParticipant().join(box, room, "node")
    try:
        await ben.sees("node")
        await until(
            lambda: len(set(node.counters("ben"))) >= 10, lambda: f"Node reads ben's pictures: {node.said[-5:]}", LONG
        )
        assert node.counters("ben") == sorted(node.counters("ben"))
        await until(lambda: ben.data, "Node's message arrives")
        assert ben.data[0].data == b"from node"
        await ben.me.publish_data("from python")
        await until(lambda: node.data("ben") == ["from python"], "Python's message arrives")
    finally:
        await node.leave()
    await until(lambda: "node" not in ben.room.remote_participants, "ben sees Node go")
