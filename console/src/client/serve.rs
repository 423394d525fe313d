//! Questions and actions of the console, each answered once.

use super::{AskError, Client};
use crate::action::{Heard, Request};
use wire::Page;
use wire::admin::{AuditPage, LoggedIn, Login, RoomDetail, WhyView};

/// Entries asked for at once: what an operator scrolls through.
const ENTRIES: usize = 200;

/// Does what was asked of a box; `None` for what concerns none.
pub(crate) async fn serve(client: &Client, request: Request) -> Option<Heard> {
    let entries = ("limit", ENTRIES.to_string());
    Some(match request {
        Request::Act { tag, request, .. } => Heard::Answer {
            tag,
            answer: said(client.post(&["admin", "actions"], &*request).await),
        },
        // An older box does not know it, and then nobody is told: no word to the operator.
        Request::HoldCard { room, .. } => {
            let _ = client.put(&["admin", "rooms", &room, "card"]).await;
            return None;
        }
        Request::Audit { .. } => Heard::Audit(said::<AuditPage>(
            client.get(&["admin", "audit"], &[entries]).await,
        )),
        Request::Events { to_ms, .. } => {
            let mut query = vec![entries, ("order", "desc".to_owned())];
            query.extend(to_ms.map(|to| ("to", to.to_string())));
            let page: Result<Page<_>, _> = client.get(&["admin", "events"], &query).await;
            Heard::Events(said(page).map(|page| page.items))
        }
        Request::Why { of, .. } => {
            Heard::Why(said(client.get::<WhyView>(&["admin", "why", &of], &[]).await).map(Box::new))
        }
        Request::Attempts { since_ms, .. } => {
            let query = [("since", since_ms.to_string())];
            let told = said::<Vec<WhyView>>(client.get(&["admin", "attempts"], &query).await);
            let blocked = |told: Vec<WhyView>| {
                let found = told.into_iter().filter(|why| why.finding.is_some());
                found.map(|why| why.attempt).collect()
            };
            Heard::Attempts(told.map(blocked))
        }
        Request::Devices { sids, .. } => Heard::Devices(details(client, sids).await),
        Request::Login {
            name,
            password,
            arm,
            ..
        } => {
            let asked = Login {
                name: name.clone(),
                password: password.expose().clone(),
            };
            match client.post::<LoggedIn>(&["admin", "login"], &asked).await {
                Ok(answer) => {
                    client.set_token(answer.token);
                    Heard::LoggedIn {
                        operator: name,
                        arm,
                    }
                }
                Err(error) => Heard::LoginRefused(error.to_string()),
            }
        }
        Request::Watch { .. }
        | Request::Copy(_)
        | Request::Export { .. }
        | Request::Redraw
        | Request::Quit => return None,
    })
}

fn said<T>(answer: Result<T, AskError>) -> Result<T, String> {
    answer.map_err(|error| error.to_string())
}

/// One after the other: the box has better things to do than to answer fifty at once. A room that
/// ended meanwhile is left out.
async fn details(client: &Client, sids: Vec<String>) -> Result<Vec<RoomDetail>, String> {
    let mut details = Vec::with_capacity(sids.len());
    for sid in sids {
        match client.get(&["admin", "rooms", &sid], &[]).await {
            Ok(detail) => details.push(detail),
            Err(AskError::Refused(_) | AskError::Unknown(_)) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(details)
}
