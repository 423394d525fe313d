//! The certificate that browsers see: read as the service reads it, then judged.

use crate::tls::authority_folder;
use preflight::{Code, Finding};
use settings::{Settings, TlsSettings};
use tls::{Authority, Facts, Identity, Validity};
use vocab::{DisplayText, UnixMillis};

/// A hospital's certificate takes weeks from the request to the file.
const SOON_MS: u64 = 30 * 24 * 3_600 * 1_000;

/// `None` without TLS.
pub(super) fn look(settings: &Settings, now: UnixMillis) -> Option<Finding> {
    let loaded = match settings.tls.as_ref()? {
        TlsSettings::Files { certificate, key } => Identity::load(certificate, key)
            .map(|identity| identity.facts)
            .map_err(|error| error.to_string()),
        TlsSettings::InternalCa { .. } => {
            let folder = authority_folder(&settings.data);
            if !folder.exists() {
                let evidence = "an internal CA is made at the first start";
                return Some(Finding::pass(Code::Certificate, evidence));
            }
            Authority::open(&folder)
                .map(|authority| authority.facts().clone())
                .map_err(|error| error.to_string())
        }
    };
    Some(match loaded {
        Ok(facts) => judge(&facts, now),
        Err(why) => Finding::fail(
            Code::Certificate,
            why,
            "mend it, then `systemctl reload ringward`",
        ),
    })
}

fn judge(facts: &Facts, now: UnixMillis) -> Finding {
    let names: Vec<String> = facts.names.iter().map(ToString::to_string).collect();
    let subject = DisplayText::new(&facts.subject);
    let known_as = DisplayText::new(&names.join(", ")).to_string();
    let until = crate::moment::text(facts.expires_at.0);
    let evidence = format!("{subject} ({known_as}), valid until {until}");
    match facts.validity(now) {
        Validity::NotYet => Finding::fail(
            Code::Certificate,
            format!("{evidence}: not valid yet"),
            "check the clock: `timedatectl`",
        ),
        Validity::Expired => Finding::fail(
            Code::Certificate,
            format!("{evidence}: browsers refuse it"),
            "put a new one in its place, then `systemctl reload ringward`",
        ),
        Validity::Valid if facts.expires_at.0 - now.0 < SOON_MS => Finding::warn(
            Code::Certificate,
            format!("{evidence}: less than 30 days"),
            "ask for the next one now; put it in the place of this, then \
             `systemctl reload ringward`",
        ),
        Validity::Valid => Finding::pass(Code::Certificate, evidence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use preflight::Grade;
    use tls::Role;

    #[test]
    fn a_certificate_is_judged_by_the_time_it_has_left() {
        let day = 24 * 3_600 * 1_000;
        let facts = Facts {
            role: Role::Web,
            subject: "box.hospital.example".to_owned(),
            issuer: "Hospital CA".to_owned(),
            names: Vec::new(),
            valid_from: UnixMillis(100 * day),
            expires_at: UnixMillis(200 * day),
        };
        for (name, now, want) in [
            ("a moment early", 100 * day - 1, Grade::Fail),
            ("its first moment", 100 * day, Grade::Pass),
            ("30 days left", 170 * day, Grade::Pass),
            ("a moment less", 170 * day + 1, Grade::Warn),
            ("its last moment", 200 * day, Grade::Warn),
            ("a moment late", 200 * day + 1, Grade::Fail),
        ] {
            assert_eq!(judge(&facts, UnixMillis(now)).grade, want, "{name}");
        }
    }
}
