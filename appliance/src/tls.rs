//! TLS of the running box: where its certificate comes from, and looking for a new one.

use anyhow::{Context, Result};
use settings::{Settings, TlsSettings};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use telemetry::names;
use tls::{Reloaded, Source, Tls};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use vocab::HostName;

/// The internal CA's folder inside the data folder.
const FOLDER: &str = "tls";

/// How often the files are looked at: a new certificate is in use within this, and a look costs
/// two `stat`.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Where the internal CA of this data folder lies.
pub(crate) fn authority_folder(data: &Path) -> PathBuf {
    data.join(FOLDER)
}

/// Loads the certificate that the settings name, or lets the internal CA make one. `None` without
/// TLS. A certificate that has expired is a warning: see [`Tls::open`].
pub(crate) fn open(settings: &Settings) -> Result<Option<Arc<Tls>>> {
    let Some(wanted) = &settings.tls else {
        return Ok(None);
    };
    let now = crate::boot::now()?;
    let tls = Tls::open(source(settings, wanted), now)
        .context("HTTPS cannot be served; see [tls] in the settings")?;
    if let Some(complaint) = tls.complaint(now) {
        tracing::warn!("served all the same: {complaint}");
    }
    let tls = Arc::new(tls);
    publish(&tls);
    Ok(Some(tls))
}

fn source(settings: &Settings, wanted: &TlsSettings) -> Source {
    match wanted.clone() {
        TlsSettings::Files { certificate, key } => Source::Files { certificate, key },
        TlsSettings::InternalCa { names } => {
            let announced = settings.announce.clone();
            Source::Internal {
                folder: authority_folder(&settings.data),
                names: Box::new(move || own_names(&names, &announced)),
            }
        }
    }
}

/// What clients may call this machine: what the settings say, its host name, its addresses.
pub(crate) fn own_names(extra: &[HostName], announced: &[IpAddr]) -> Vec<HostName> {
    // The service's sandbox shows no /proc/sys.
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy().parse().ok();
    let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    // Interfaces that cannot be listed now are listed at the next look.
    let addresses = crate::boot::own_addresses(false).unwrap_or_default();
    let mut names: Vec<_> = extra.iter().cloned().chain(host).collect();
    names.push(HostName::Dns("localhost".to_owned()));
    names.extend(
        addresses
            .into_iter()
            .chain(announced.iter().copied())
            .chain(loopback)
            .map(HostName::Ip),
    );
    names
}

/// Looks for a new certificate on SIGHUP and once in [`LOOK_EVERY`], until `stop` completes. Without
/// TLS a SIGHUP, which `systemctl reload` sends, is at least not the end.
pub(crate) fn watch(
    tls: Option<Arc<Tls>>,
    stop: impl Future<Output = ()> + Send + 'static,
    tasks: &mut JoinSet<()>,
) -> Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("SIGHUP cannot be watched")?;
    if let Some(tls) = &tls {
        publish(tls);
    }
    // What was read at the start is not looked at again at once.
    let mut looks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let looking = async move {
        loop {
            let asked = tokio::select! {
                _ = hangup.recv() => true,
                _ = looks.tick() => false,
            };
            let Some(tls) = tls.clone() else { continue };
            // Files may lie on a slow disk; making a certificate takes a moment of a core.
            let looked = tokio::task::spawn_blocking(move || look(&tls, asked));
            // A look that panicked is one look less.
            let _ = looked.await;
        }
    };
    tasks.spawn(async move {
        tokio::select! {
            () = looking => {}
            () = stop => {}
        }
    });
    Ok(())
}

fn look(tls: &Tls, asked: bool) {
    let Ok(now) = crate::boot::now() else {
        return;
    };
    let looked = if asked {
        tls.reload(now)
    } else {
        tls.reload_if_changed(now)
    };
    match looked {
        Ok(Reloaded::Replaced(facts)) => tracing::info!(
            subject = %vocab::DisplayText::new(&facts.subject),
            expires_at_ms = facts.expires_at.0,
            "a new certificate is in use"
        ),
        Ok(Reloaded::Same) if asked => tracing::info!("the certificate is the one in use"),
        Ok(Reloaded::Same) => {}
        Err(refused) => {
            metrics::counter!(names::CERTIFICATES_REFUSED).increment(1);
            tracing::warn!("the certificate in use stays: {refused}");
        }
    }
    publish(tls);
}

fn publish(tls: &Tls) {
    for facts in tls.certificates() {
        let seconds = facts.expires_at.as_secs() as f64;
        metrics::gauge!(names::CERTIFICATE_EXPIRES, "role" => facts.role.word()).set(seconds);
    }
}
