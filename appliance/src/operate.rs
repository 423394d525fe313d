//! What operators do from a shell: `end`, `admit`, `drain`, `undrain`.

use crate::admin::{Admin, block_on};
use crate::care::forecast::Past;
use crate::cli::{AdmitArguments, DrainArguments, EndArguments, UndrainArguments};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::time::Duration;
use vocab::DisplayText;
use wire::StatusView;
use wire::admin::{ActionAnswer, ActionRequest, Reason, Target, Verb};

/// How often a drain is looked at: a forecast is in minutes.
const FOLLOW: Duration = Duration::from_secs(2);

/// Longest detail shown on a line.
const MAX_DETAIL: usize = 512;

/// Ends what a sid names.
pub(crate) fn end(arguments: &EndArguments) -> Result<()> {
    if !arguments.yes {
        bail!("{} would be cut off: say --yes", arguments.sid);
    }
    let request = ActionRequest {
        note: arguments.note.clone().unwrap_or_default(),
        ..request(Verb::End, target(&arguments.sid)?, &arguments.reason)?
    };
    send(&arguments.at, &request)
}

/// Lets somebody in who waits.
pub(crate) fn admit(arguments: &AdmitArguments) -> Result<()> {
    let order = request(Verb::Admit, target(&arguments.sid)?, &arguments.reason)?;
    send(&arguments.at, &order)
}

/// Admits nobody new, says who is left, and follows them out if wanted.
pub(crate) fn drain(arguments: &DrainArguments) -> Result<()> {
    let UndrainArguments { at, reason } = &arguments.order;
    send(at, &request(Verb::Drain, Target::Box, reason)?)?;
    block_on(async {
        let admin = Admin::at(at)?;
        let past = Past::read(&admin).await?;
        let mut said = None;
        loop {
            let forecast = past.forecast(&admin).await?;
            let inside = forecast.inside();
            if said != Some(inside) {
                forecast.say(at.json)?;
            }
            // The first look may be a second older than the drain.
            let is_empty = said.is_some() && inside == 0;
            if is_empty || !arguments.follow {
                return Ok(());
            }
            said = Some(inside);
            tokio::time::sleep(FOLLOW).await;
            still_drains(&admin).await?;
        }
    })
}

async fn still_drains(admin: &Admin) -> Result<()> {
    let status: StatusView = serde_json::from_value(admin.get("/admin/status", &[]).await?)?;
    if !status.draining {
        bail!("it does not drain any more: somebody said `ringward undrain`");
    }
    Ok(())
}

/// Admits newcomers again.
pub(crate) fn undrain(arguments: &UndrainArguments) -> Result<()> {
    let order = request(Verb::Undrain, Target::Box, &arguments.reason)?;
    send(&arguments.at, &order)
}

fn request(verb: Verb, target: Target, reason: &str) -> Result<ActionRequest> {
    let reason: Reason = serde_json::from_value(json!(reason)).with_context(|| {
        "--reason: stuck_empty, requested, safety, abuse, maintenance, test or other (with --note)"
    })?;
    Ok(ActionRequest {
        verb,
        target,
        reason,
        note: String::new(),
        deadline_ms: None,
        key: None,
        minutes: None,
    })
}

fn target(sid: &str) -> Result<Target> {
    let sid = sid.to_owned();
    Ok(match sid.get(..3) {
        Some("RM_") => Target::Room { sid },
        Some("PA_") => Target::Participant { sid },
        Some("TR_") => Target::Track { sid },
        _ => bail!("a sid begins with RM_, PA_ or TR_: `ringward rooms` lists those of rooms"),
    })
}

#[expect(clippy::print_stdout, reason = "a command's result")]
fn send(at: &crate::cli::BoxArguments, request: &ActionRequest) -> Result<()> {
    let answer: Value =
        block_on(async { Admin::at(at)?.post("/admin/actions", &json!(request)).await })?;
    let answer: ActionAnswer = serde_json::from_value(answer)?;
    if at.json {
        println!("{}", serde_json::to_string(&answer)?);
    } else {
        let outcome = json!(answer.outcome);
        let outcome = outcome.as_str().unwrap_or_default();
        println!(
            "{outcome}: {} (audit entry {}, {} ms)",
            DisplayText::up_to(MAX_DETAIL, &answer.detail),
            answer.audit,
            answer.took_ms
        );
    }
    match answer.waits_until_ms {
        Some(until) => bail!(
            "nothing has ended yet: until {} somebody else has to say the same, under an account or \
             a user of their own",
            crate::moment::text(until)
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_sid_says_what_it_names_and_a_name_is_none() {
        assert!(matches!(target("RM_1").unwrap(), Target::Room { .. }));
        assert!(matches!(
            target("PA_1").unwrap(),
            Target::Participant { .. }
        ));
        assert!(matches!(target("TR_1").unwrap(), Target::Track { .. }));
        for name in ["ward", "", "ää", "RM"] {
            assert!(target(name).is_err(), "{name}");
        }
        assert!(request(Verb::End, Target::Box, "because").is_err());
    }
}
