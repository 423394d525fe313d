//! Who looks at the box once a second: what it is told, and whom it asks.

use crate::banner::Opened;
use crate::boot::Doors;
use api::live::Certificates;
use api::{Live, Watch, WatchConfig};
use control::ControlHandle;
use net::Backend;
use settings::Settings;
use store::OutboxReader;
use tls::Tls;
use watch::{AlarmBoard, Transports};
use wire::admin::CertificateView;
use worker::Workers;

/// A watch over the composed box.
pub(crate) fn over(
    settings: &Settings,
    opened: &Opened,
    workers: &mut Workers,
    outbox: OutboxReader,
    control: &ControlHandle,
    alarms: AlarmBoard,
    doors: &Doors,
) -> (Watch, Live) {
    let (tls, bridge) = (doors.tls.clone(), doors.bridge.clone());
    let wants_ring = settings.net == settings::Backend::Auto;
    let has_ring = workers.backend() == Backend::Uring;
    let http = opened
        .http
        .iter()
        .chain(&opened.https)
        .map(|address| format!("{}/tcp", address.port()));
    let udp = opened
        .udp
        .iter()
        .map(|address| format!("{}/udp", address.port()));
    let mut ports: Vec<String> = http.chain(udp).collect();
    ports.sort_unstable();
    ports.dedup();
    let data = settings.data.clone();
    let config = WatchConfig {
        name: host_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data: settings.data.clone(),
        udp_ports: opened.udp.iter().map(std::net::SocketAddr::port).collect(),
        ports,
        backend: opened.backend.clone(),
        ring_refused: (wants_ring && !has_ring).then(|| opened.backend.clone()),
        webhooks: settings.webhook.is_some().then(|| {
            Box::new(move || {
                let (waiting, _) = outbox.waiting();
                let waiting = waiting as u64;
                (waiting, outbox.latest().saturating_sub(waiting))
            }) as api::live::WebhooksProbe
        }),
        certificates: Box::new(move || {
            tls.as_deref()
                .map_or_else(Certificates::default, certificates)
        }),
        backup: Box::new(move || store::newest_backup(&data).map(|at| at.0)),
    };
    let transports = Transports::new(
        workers.take_figures(),
        Box::new(move |stand_in| bridge.client_of(stand_in)),
    );
    Watch::new(config, control.clone(), alarms, transports)
}

/// As they are now: a new one may have taken the place of an old one.
fn certificates(tls: &Tls) -> Certificates {
    let view = |facts: tls::Facts| CertificateView {
        role: facts.role.word().to_owned(),
        subject: facts.subject,
        expires_at_ms: facts.expires_at.0,
    };
    let now = ::watch::now().unix;
    Certificates {
        in_use: tls.certificates().into_iter().map(view).collect(),
        invalid: tls.complaint(now).map(|complaint| complaint.to_string()),
        refused: tls.refused(),
    }
}

/// As the kernel has it. Not from `/proc/sys`, which the service's unit hides.
fn host_name() -> String {
    let machine = rustix::system::uname();
    machine.nodename().to_string_lossy().into_owned()
}
