"""The server API, asked by LiveKit's Python and Node SDKs."""

import pytest
from livekit import api, rtc

from support.node import admin
from support.wait import LONG, stays, until

pytestmark = pytest.mark.any_backend

SDKS = ["python", "node"]


@pytest.fixture(params=SDKS)
def sdk(request):
    """Which server SDK asks."""
    return request.param


async def mute(box, sdk, room, identity, sid, muted):
    if sdk == "node":
        return await admin(box, "mutePublishedTrack", room, identity, sid, muted)
    request = api.MuteRoomTrackRequest(room=room, identity=identity, track_sid=sid, muted=muted)
    async with box.api() as service:
        return await service.room.mute_published_track(request)


async def test_a_room_is_made_listed_and_deleted_by_python(box, room):
    async with box.api() as service:
        made = await service.room.create_room(
            api.CreateRoomRequest(name=room, empty_timeout=60, metadata="round", max_participants=5)
        )
        listed = await service.room.list_rooms(api.ListRoomsRequest(names=[room]))
        await service.room.delete_room(api.DeleteRoomRequest(room=room))
        left = await service.room.list_rooms(api.ListRoomsRequest(names=[room]))

    assert made.sid.startswith("RM_")
    assert (made.name, made.metadata, made.max_participants) == (room, "round", 5)
    assert [found.sid for found in listed.rooms] == [made.sid]
    assert list(left.rooms) == []


async def test_a_room_is_made_listed_and_deleted_by_node(box, room):
    made = await admin(box, "createRoom", {"name": room, "emptyTimeout": 60, "metadata": "round"})
    listed = await admin(box, "listRooms", [room])
    await admin(box, "deleteRoom", room)
    left = await admin(box, "listRooms", [room])

    assert made["ok"]["sid"].startswith("RM_")
    assert [found["name"] for found in listed["ok"]] == [room]
    assert left["ok"] == []


async def test_who_is_in_a_room_is_listed(box, room, join):
    ada = await join(box, room, "ada", name="Ada")
    sent = await ada.publish_picture()
    ben = await join(box, room, "ben")
    await ben.publication("ada", "video")  # a track is listed once its section is negotiated
    await ben.leave()

    async with box.api() as service:
        listed = await service.room.list_participants(api.ListParticipantsRequest(room=room))
        found = await service.room.get_participant(api.RoomParticipantIdentity(room=room, identity="ada"))
    by_node = await admin(box, "getParticipant", room, "ada")

    assert [(p.identity, p.name, p.sid) for p in listed.participants] == [("ada", "Ada", ada.me.sid)]
    assert [track.sid for track in found.tracks] == [sent.publication.sid]
    assert (found.tracks[0].width, found.tracks[0].height) == (640, 360)
    assert by_node["ok"]["sid"] == ada.me.sid


async def test_the_server_mutes_a_track(box, room, sdk, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    sent = await ada.publish_tone()
    heard = await ben.hears("ada")

    await mute(box, sdk, room, "ada", sent.publication.sid, True)

    await heard.falls_silent()
    await until(lambda: ben.saw("track_muted"), "ben is told")
    await until(lambda: ada.saw("track_muted"), "ada is told")


async def test_the_server_does_not_unmute_a_person(box, room, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    sent = await ada.publish_tone()
    await ben.hears("ada")
    sent.track.mute()
    await until(lambda: ben.saw("track_muted"), "ben is told that ada is muted")

    with pytest.raises(api.TwirpError) as refused:
        await mute(box, "python", room, "ada", sent.publication.sid, False)
    by_node = await mute(box, "node", room, "ada", sent.publication.sid, False)

    assert refused.value.code == api.TwirpErrorCode.FAILED_PRECONDITION
    assert by_node["error"]["code"] == "failed_precondition"
    assert not ben.saw("track_unmuted")


async def test_the_server_removes_a_participant(box, room, sdk, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    await ben.remote("ada")

    if sdk == "node":
        assert "ok" in await admin(box, "removeParticipant", room, "ada")
    else:
        async with box.api() as service:
            await service.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="ada"))

    await until(lambda: ada.saw("disconnected"), "ada is disconnected")
    assert ada.saw("disconnected") == [[rtc.DisconnectReason.PARTICIPANT_REMOVED]]
    await until(lambda: "ada" not in ben.room.remote_participants, "ben sees ada go")
    await stays(lambda: "ada" not in ben.room.remote_participants, "ada does not return", 1.0)


async def test_a_deleted_room_ends_for_everybody(box, room, join):
    people = [await join(box, room, name) for name in ("ada", "ben")]

    async with box.api() as service:
        await service.room.delete_room(api.DeleteRoomRequest(room=room))

    for person in people:
        await until(lambda: person.saw("disconnected"), f"{person.identity} is disconnected")
        assert person.saw("disconnected") == [[rtc.DisconnectReason.ROOM_DELETED]]


async def test_a_withdrawn_permission_ends_what_is_published(box, room, mode, join):
    ada, ben = await join(box, room, "ada", mode), await join(box, room, "ben", mode)
    await ada.publish_picture()
    await ben.sees("ada")

    async with box.api() as service:
        await service.room.update_participant(
            api.UpdateParticipantRequest(
                room=room,
                identity="ada",
                permission=api.ParticipantPermission(
                    can_publish=False, can_subscribe=True, can_publish_data=True
                ),
            )
        )

    await until(lambda: ben.saw("track_unpublished"), "ada's picture is taken away")
    await until(lambda: ada.saw("participant_permissions_changed"), "ada is told")
    assert await ada.is_refused_to_publish(ada.publish_tone())
    assert len(ben.saw("track_published")) == 1


async def test_the_server_changes_name_metadata_and_attributes(box, room, sdk, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    await ben.remote("ada")

    if sdk == "node":
        changes = {"name": "Ada L.", "metadata": "on duty", "attributes": {"ward": "3"}}
        assert "ok" in await admin(box, "updateParticipant", room, "ada", changes)
    else:
        async with box.api() as service:
            await service.room.update_participant(
                api.UpdateParticipantRequest(
                    room=room, identity="ada", name="Ada L.", metadata="on duty", attributes={"ward": "3"}
                )
            )

    for seen in (ben.room.remote_participants["ada"], ada.me):
        await until(
            lambda: (seen.name, seen.metadata, seen.attributes.get("ward")) == ("Ada L.", "on duty", "3"),
            lambda: f"the changes are told, not {seen.name!r} {seen.metadata!r} {seen.attributes}",
        )


async def test_the_server_changes_a_rooms_metadata(box, room, join):
    ada = await join(box, room, "ada")

    async with box.api() as service:
        await service.room.update_room_metadata(
            api.UpdateRoomMetadataRequest(room=room, metadata="visiting hours")
        )

    await until(lambda: ada.room.metadata == "visiting hours", "ada is told")


async def test_the_server_subscribes_and_unsubscribes_somebody(box, room, mode, join, browse):
    """Seen in a browser: the Python SDK says nothing when a track is taken from it."""
    ada, ben = await join(box, room, "ada"), await browse(box, room, "ben", mode)
    sent = await ada.publish_picture()
    await ben.sees("ada")

    async def subscribe(on):
        async with box.api() as service:
            await service.room.update_subscriptions(
                api.UpdateSubscriptionsRequest(
                    room=room, identity="ben", track_sids=[sent.publication.sid], subscribe=on
                )
            )

    await subscribe(False)
    await until(lambda: ben.log("TrackUnsubscribed"), "ben is unsubscribed")
    await subscribe(True)
    await ben.sees("ada")


async def test_the_server_sends_data(box, room, sdk, join):
    ada, ben = await join(box, room, "ada"), await join(box, room, "ben")
    if sdk == "node":
        reliable, text = 0, {"$text": "fire drill"}
        assert "ok" in await admin(box, "sendData", room, text, reliable, {"topic": "notice"})
    else:
        async with box.api() as service:
            await service.room.send_data(
                api.SendDataRequest(
                    room=room, data=b"fire drill", kind=api.DataPacket.Kind.RELIABLE, topic="notice"
                )
            )

    for person in (ada, ben):
        await until(lambda: person.data, f"{person.identity} is told")
        assert (person.data[0].data, person.data[0].topic) == (b"fire drill", "notice")
        assert person.data[0].participant is None


@pytest.mark.parametrize(
    "grants",
    [{"room_join": True}, {"room_admin": True, "room": "elsewhere"}, {}],
    ids=["participant", "admin-of-another-room", "nothing"],
)
async def test_a_token_without_the_grant_changes_nothing(box, room, join, grants):
    ada = await join(box, room, "ada")
    weak = {"room": room, "room_join": False, **grants}
    token = box.token(weak.pop("room"), "mallory", **weak)

    async with api.LiveKitAPI(box.http, token=token) as service:
        for ask in (
            service.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="ada")),
            service.room.delete_room(api.DeleteRoomRequest(room=room)),
            service.room.list_rooms(api.ListRoomsRequest()),
            service.room.create_room(api.CreateRoomRequest(name=f"{room}-new")),
        ):
            with pytest.raises(api.TwirpError) as refused:
                await ask
            assert refused.value.code in (
                api.TwirpErrorCode.UNAUTHENTICATED,
                api.TwirpErrorCode.PERMISSION_DENIED,
            )

    assert not ada.saw("disconnected")


async def test_what_is_not_there_is_not_found(box, room):
    async with box.api() as service:
        with pytest.raises(api.TwirpError) as refused:
            await service.room.get_participant(api.RoomParticipantIdentity(room=room, identity="nobody"))

    assert refused.value.code == api.TwirpErrorCode.NOT_FOUND
