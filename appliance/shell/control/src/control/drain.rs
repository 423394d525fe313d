//! Carrying out what a room asks for, held back until the batch is on disk.

use super::Control;
use crate::boundary::contained;
use crate::lane::Outbound;
use livekit_protocol::{SignalResponse, WebhookEvent, signal_response};
use signal::Output;
use vocab::RoomKey;

/// Most outputs of one room for one input. A room of 1,000 tells everyone of everyone once; a
/// room that asks for more than this is broken.
const MAX_OUTPUTS: usize = 2_000_000;

/// How long a refreshed token is valid at least (`livekit.md` §2, Tokens).
const TOKEN_LIFE_SECS: u64 = 10 * 60;

impl Control {
    /// Drains a room until it waits.
    pub(super) fn drain(&mut self, key: RoomKey) {
        for _ in 0..MAX_OUTPUTS {
            let Some(room) = self.rooms.get_mut(&key) else {
                return;
            };
            let Some(output) = contained(|| room.room.poll_output()) else {
                self.bury(key);
                return;
            };
            if let Output::Wait(at) = output {
                self.set_timer(key, at);
                return;
            }
            self.carry_out(key, output);
        }
        self.bury(key);
    }

    fn carry_out(&mut self, key: RoomKey, output: Output) {
        match output {
            Output::Send { session, response } => {
                self.stage_message(session, Outbound::Message(Box::new(response)));
            }
            Output::Close { session } => {
                self.exchanges.forget(session);
                self.stage_message(session, Outbound::Close);
            }
            Output::Token { session, claims } => {
                let token = self.mint(*claims);
                let message = Some(signal_response::Message::RefreshToken(token));
                let response = Box::new(SignalResponse { message });
                self.stage_message(session, Outbound::Message(response));
            }
            Output::Media(command) => self.stage_media(command),
            Output::Event(event) => {
                if let Some(room) = self.rooms.get_mut(&key) {
                    room.roll.note(&event);
                }
                // A failed append has marked the store; the room goes on.
                let _ = self.append(&event);
            }
            Output::Webhook(event) => self.queue_webhook(&event),
            Output::Exchange { session, result } => self.answer_exchange(session, result),
            Output::Restarted { session, result } => self.answer_restart(session, result),
            Output::Rpc { rpc, result } => self.answer_rpc(rpc, result),
            Output::Closed => self.drop_room(key),
            Output::Wait(_) => {}
        }
    }

    fn mint(&self, mut claims: auth::Claims) -> String {
        let now = Self::now().unix.as_secs();
        claims.exp = Some(claims.exp.unwrap_or(0).max(now + TOKEN_LIFE_SECS));
        claims.nbf = Some(now);
        auth::mint(
            &claims,
            &self.config.token_key,
            self.config.token_secret.expose(),
        )
    }

    fn queue_webhook(&mut self, event: &WebhookEvent) {
        if !self.config.webhooks {
            return;
        }
        let Ok(body) = serde_json::to_vec(event) else {
            return;
        };
        if let Err(error) = self.store.outbox().push(&body) {
            metrics::counter!("ringward_webhooks_dropped_total").increment(1);
            tracing::warn!(%error, "a webhook was not queued");
        }
    }
}
