//! `livekit.RoomService`: grant, use-case, answer.

use super::Call;
use super::error::{Code, TwirpError};
use crate::state::Api;
use axum::response::Response;
use control::room::RoomError;
use livekit_protocol as proto;

const METHODS: [&str; 14] = [
    "CreateRoom",
    "ListRooms",
    "DeleteRoom",
    "ListParticipants",
    "GetParticipant",
    "RemoveParticipant",
    "MutePublishedTrack",
    "UpdateParticipant",
    "UpdateSubscriptions",
    "SendData",
    "UpdateRoomMetadata",
    "PerformRpc",
    "ForwardParticipant",
    "MoveParticipant",
];

pub(super) fn has(method: &str) -> bool {
    METHODS.contains(&method)
}

pub(super) async fn call(api: &Api, method: &str, call: Call) -> Result<Response, TwirpError> {
    match method {
        "CreateRoom" => create_room(api, call).await,
        "ListRooms" => list_rooms(api, call).await,
        "DeleteRoom" => delete_room(api, call).await,
        "ListParticipants" => list_participants(api, call).await,
        "GetParticipant" => get_participant(api, call).await,
        "RemoveParticipant" => remove_participant(api, call).await,
        "MutePublishedTrack" => mute_track(api, call).await,
        "UpdateParticipant" => update_participant(api, call).await,
        "UpdateSubscriptions" => update_subscriptions(api, call).await,
        "SendData" => send_data(api, call).await,
        "UpdateRoomMetadata" => update_metadata(api, call).await,
        "PerformRpc" => perform_rpc(api, call).await,
        "ForwardParticipant" => {
            let request: proto::ForwardParticipantRequest = call.read()?;
            call.require_move(&request.room, &request.destination_room)?;
            Err(TwirpError::unimplemented("ForwardParticipant"))
        }
        _ => {
            let request: proto::MoveParticipantRequest = call.read()?;
            call.require_move(&request.room, &request.destination_room)?;
            Err(TwirpError::unimplemented("MoveParticipant"))
        }
    }
}

impl Call {
    fn require_admin(&self, room: &str) -> Result<(), TwirpError> {
        require(self.claims.room_admin_for(room))
    }

    fn require_move(&self, room: &str, destination: &str) -> Result<(), TwirpError> {
        require(self.claims.video.can_move(room, destination))
    }
}

fn require(granted: bool) -> Result<(), TwirpError> {
    if granted {
        Ok(())
    } else {
        Err(TwirpError::permission_denied())
    }
}

async fn create_room(api: &Api, call: Call) -> Result<Response, TwirpError> {
    let request: proto::CreateRoomRequest = call.read()?;
    require(call.claims.room_create())?;
    call.answer(&api.control.run(move |c| c.create_room(request)).await??)
}

async fn list_rooms(api: &Api, call: Call) -> Result<Response, TwirpError> {
    let request: proto::ListRoomsRequest = call.read()?;
    require(call.claims.room_list())?;
    let rooms = api
        .control
        .run(move |c| c.list_rooms(&request.names))
        .await?;
    call.answer(&proto::ListRoomsResponse { rooms })
}

async fn delete_room(api: &Api, call: Call) -> Result<Response, TwirpError> {
    let request: proto::DeleteRoomRequest = call.read()?;
    require(call.claims.room_create())?;
    api.control
        .run(move |c| c.delete_room(&request.room))
        .await??;
    call.answer(&proto::DeleteRoomResponse {})
}

/// A room that does not live has nobody in it, which is what LiveKit answers.
async fn list_participants(api: &Api, call: Call) -> Result<Response, TwirpError> {
    let request: proto::ListParticipantsRequest = call.read()?;
    call.require_admin(&request.room)?;
    let listed = api
        .control
        .run(move |c| c.list_participants(&request.room))
        .await?;
    call.answer(&proto::ListParticipantsResponse {
        participants: listed.unwrap_or_default(),
    })
}

/// LiveKit does not tell a missing room from a missing participant here.
async fn get_participant(api: &Api, call: Call) -> Result<Response, TwirpError> {
    let request: proto::RoomParticipantIdentity = call.read()?;
    call.require_admin(&request.room)?;
    let found = api
        .control
        .run(move |c| c.participant(&request.room, &request.identity))
        .await?;
    call.answer(&found.map_err(participant_missing)?)
}

async fn remove_participant(api: &Api, call: Call) -> Result<Response, TwirpError> {
    let request: proto::RoomParticipantIdentity = call.read()?;
    call.require_admin(&request.room)?;
    let revoke_before = u64::try_from(request.revoke_token_ts).map_err(|_| {
        TwirpError::new(
            Code::InvalidArgument,
            "revoke_token_ts is seconds since 1970",
        )
    })?;
    api.control
        .run(move |c| c.remove_participant(&request.room, &request.identity, revoke_before))
        .await?
        .map_err(participant_missing)?;
    call.answer(&proto::RemoveParticipantResponse {})
}

async fn mute_track(api: &Api, call: Call) -> Result<Response, TwirpError> {
    let request: proto::MuteRoomTrackRequest = call.read()?;
    call.require_admin(&request.room)?;
    let track = api.control.run(move |c| c.mute_track(&request)).await??;
    call.answer(&proto::MuteRoomTrackResponse { track: Some(track) })
}

async fn update_participant(api: &Api, call: Call) -> Result<Response, TwirpError> {
    let request: proto::UpdateParticipantRequest = call.read()?;
    call.require_admin(&request.room)?;
    call.answer(
        &api.control
            .run(move |c| c.update_participant(request))
            .await??,
    )
}

async fn update_subscriptions(api: &Api, call: Call) -> Result<Response, TwirpError> {
    let request: proto::UpdateSubscriptionsRequest = call.read()?;
    call.require_admin(&request.room)?;
    api.control
        .run(move |c| c.update_subscriptions(&request))
        .await??;
    call.answer(&proto::UpdateSubscriptionsResponse {})
}

async fn send_data(api: &Api, call: Call) -> Result<Response, TwirpError> {
    let request: proto::SendDataRequest = call.read()?;
    call.require_admin(&request.room)?;
    api.control.run(move |c| c.send_data(request)).await??;
    call.answer(&proto::SendDataResponse {})
}

async fn perform_rpc(api: &Api, call: Call) -> Result<Response, TwirpError> {
    let request: proto::PerformRpcRequest = call.read()?;
    call.require_admin(&request.room)?;
    let payload = api.control.perform_rpc(request).await?;
    call.answer(&proto::PerformRpcResponse { payload })
}

async fn update_metadata(api: &Api, call: Call) -> Result<Response, TwirpError> {
    let request: proto::UpdateRoomMetadataRequest = call.read()?;
    call.require_admin(&request.room)?;
    let updated = api
        .control
        .run(move |c| c.update_room_metadata(&request.room, request.metadata));
    call.answer(&updated.await??)
}

fn participant_missing(error: RoomError<signal::ParticipantNotFound>) -> TwirpError {
    match error {
        RoomError::NotFound(_) => signal::ParticipantNotFound.into(),
        RoomError::Refused(missing) => missing.into(),
    }
}

impl From<signal::ParticipantNotFound> for TwirpError {
    fn from(e: signal::ParticipantNotFound) -> Self {
        Self::of(e.kind(), e.to_string())
    }
}
