//! The certificate that browsers see: read as the service reads it, then judged.

use crate::tls::{authority_folder, own_names};
use preflight::{Code, Finding};
use settings::{Settings, TlsSettings};
use std::net::{IpAddr, ToSocketAddrs};
use tls::{Authority, Facts, Identity, Validity};
use vocab::{DisplayText, HostName, UnixMillis};

/// A hospital's certificate takes weeks from the request to the file.
const SOON_MS: u64 = 30 * 24 * 3_600 * 1_000;

/// Nothing without TLS.
pub(super) fn look(settings: &Settings, now: UnixMillis) -> Vec<Finding> {
    let Some(tls) = &settings.tls else {
        return Vec::new();
    };
    let loaded = match tls {
        TlsSettings::Files { certificate, key } => Identity::load(certificate, key)
            .map(|identity| identity.facts)
            .map_err(|error| error.to_string()),
        TlsSettings::InternalCa { .. } => {
            let folder = authority_folder(&settings.data);
            if !folder.exists() {
                let evidence = "an internal CA is made at the first start";
                return vec![Finding::pass(Code::Certificate, evidence)];
            }
            Authority::open(&folder)
                .map(|authority| authority.facts().clone())
                .map_err(|error| error.to_string())
        }
    };
    let facts = match loaded {
        Ok(facts) => facts,
        Err(why) => {
            let remedy = "mend it, then `systemctl reload ringward`";
            return vec![Finding::fail(Code::Certificate, why, remedy)];
        }
    };
    let mut findings = vec![judge(&facts, now)];
    // The internal CA makes itself a certificate for whatever this machine is called.
    if matches!(tls, TlsSettings::Files { .. }) {
        let own = own_names(&[], &settings.announce);
        findings.push(judge_names(&facts.names, &own, resolve));
    }
    findings
}

/// Where the hospital's DNS, or `/etc/hosts`, leads a name.
fn resolve(name: &str) -> Vec<IpAddr> {
    let found = (name, 443).to_socket_addrs();
    found.map_or_else(|_| Vec::new(), |found| found.map(|a| a.ip()).collect())
}

/// Whether a client that is led to this machine finds there a certificate for the name it used:
/// one of the certificate's names must be a name of this machine, or lead to an address of it.
fn judge_names(
    names: &[HostName],
    own: &[HostName],
    resolve: impl Fn(&str) -> Vec<IpAddr>,
) -> Finding {
    let is_ours = |ip: &IpAddr| !ip.is_loopback() && own.contains(&HostName::Ip(*ip));
    let leads_here = |name: &&HostName| match name {
        HostName::Ip(ip) => is_ours(ip),
        HostName::Dns(dns) => {
            let asked = instance(dns, own);
            let is_host = asked != LOCALHOST && own.contains(&HostName::Dns(asked.clone()));
            is_host || resolve(&asked).iter().any(is_ours)
        }
    };
    let (good, lost): (Vec<&HostName>, Vec<&HostName>) = names.iter().partition(leads_here);
    let list = |names: &[&HostName]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        DisplayText::new(&names.join(", ")).to_string()
    };
    if !good.is_empty() {
        let evidence = format!("clients reach this machine as {}", list(&good));
        return Finding::pass(Code::Certificate, evidence);
    }
    let here: Vec<&HostName> = own.iter().filter(|name| is_public(name)).collect();
    Finding::warn(
        Code::Certificate,
        format!(
            "none of its names leads here ({}); this machine is {}: browsers that are sent to it \
             refuse it",
            list(&lost),
            list(&here)
        ),
        "let the hospital's DNS lead one of its names to an address of this machine (behind a NAT: \
         one of `announce =`), or ask for a certificate with this machine's names",
    )
}

/// The name that a client would use: for `*.`, which stands for one label (RFC 6125 §6.4.3), this
/// machine's own label in that domain.
fn instance(certified: &str, own: &[HostName]) -> String {
    let Some(domain) = certified.strip_prefix("*.") else {
        return certified.to_owned();
    };
    let hosts = own.iter().filter(|name| is_public(name));
    let mut labels = hosts.filter_map(|name| match name {
        HostName::Dns(name) => name.split('.').next(),
        HostName::Ip(_) => None,
    });
    format!("{}.{domain}", labels.next().unwrap_or("*"))
}

fn is_public(name: &HostName) -> bool {
    match name {
        HostName::Ip(ip) => !ip.is_loopback(),
        HostName::Dns(name) => name != LOCALHOST,
    }
}

/// Every machine's name for itself, and nobody else's.
const LOCALHOST: &str = "localhost";

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
    #![allow(clippy::unwrap_used, reason = "tests")]
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

    #[test]
    fn one_name_of_a_certificate_must_lead_to_this_machine() {
        let own = [
            "rack-7.hospital.example",
            "localhost",
            "10.0.0.5",
            "127.0.0.1",
        ];
        let name = |text: &&str| {
            let address = text.parse().map(HostName::Ip);
            address.unwrap_or_else(|_| HostName::Dns((*text).to_owned()))
        };
        let names = |names: &[&str]| -> Vec<HostName> { names.iter().map(name).collect() };
        let dns = |name: &str| -> Vec<IpAddr> {
            match name {
                "other.example" => vec!["10.9.9.9".parse().unwrap()],
                "ringward.example" | "rack-7.clinic.example" => vec!["10.0.0.5".parse().unwrap()],
                "loop.example" => vec!["127.0.0.1".parse().unwrap()],
                _ => Vec::new(),
            }
        };
        for (name, certified, want) in [
            (
                "its host name",
                &["rack-7.hospital.example"][..],
                Grade::Pass,
            ),
            (
                "a wildcard of its domain",
                &["*.hospital.example"],
                Grade::Pass,
            ),
            (
                "a wildcard of another domain that leads here",
                &["*.clinic.example"],
                Grade::Pass,
            ),
            ("a wildcard above it", &["*.example"], Grade::Warn),
            ("its address", &["10.0.0.5"], Grade::Pass),
            ("a name that leads here", &["ringward.example"], Grade::Pass),
            (
                "one of two",
                &["other.example", "ringward.example"],
                Grade::Pass,
            ),
            (
                "a name that leads elsewhere",
                &["other.example"],
                Grade::Warn,
            ),
            ("an unknown name", &["unknown.example"], Grade::Warn),
            (
                "this machine only",
                &["localhost", "127.0.0.1"],
                Grade::Warn,
            ),
            ("a name of loopback", &["loop.example"], Grade::Warn),
            ("none", &[], Grade::Warn),
        ] {
            let found = judge_names(&names(certified), &names(&own), dns);
            assert_eq!(found.grade, want, "{name}: {}", found.evidence);
        }
    }
}
