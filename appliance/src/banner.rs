//! What a running box says of itself on its terminal.

use settings::{
    DEVELOPMENT_KEY, DEVELOPMENT_SECRET, GENERATED_KEY, PlainHttp, Settings, TlsSettings,
};
use std::fmt::Write;
use std::net::SocketAddr;
use tls::{Facts, Role};
use vocab::DisplayText;

/// What was really opened.
pub(crate) struct Opened {
    /// HTTP and WebSocket, as bound.
    pub(crate) http: Vec<SocketAddr>,
    /// HTTPS and WebSocket over TLS, as bound.
    pub(crate) https: Vec<SocketAddr>,
    /// ICE over TCP beside HTTPS, as bound.
    pub(crate) ice_tcp: Vec<SocketAddr>,
    /// Certificates in use.
    pub(crate) certificates: Vec<Facts>,
    /// ICE-UDP, as bound.
    pub(crate) udp: Vec<SocketAddr>,
    /// Which reactor and why.
    pub(crate) backend: String,
    /// Media threads.
    pub(crate) workers: usize,
}

/// The banner, whole.
pub(crate) fn text(settings: &Settings, opened: &Opened) -> String {
    let mut text = format!("Ringward {}", env!("CARGO_PKG_VERSION"));
    text.push_str(if settings.development {
        ", development mode\n\n"
    } else {
        "\n\n"
    });
    let mut row = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<11} {value}");
    };
    for address in &opened.https {
        row(
            "HTTPS",
            &format!("https://{address}   LiveKit clients: wss://{address}"),
        );
    }
    for address in &opened.http {
        row("HTTP", &http(settings, address));
    }
    for facts in &opened.certificates {
        row("certificate", &certificate(settings, facts));
    }
    let ice_tcp: Vec<_> = [&*opened.https, &*opened.ice_tcp].concat();
    if !ice_tcp.is_empty() {
        row("ICE-TCP", &join(&ice_tcp));
    }
    row("ICE-UDP", &join(&opened.udp));
    row("network", &opened.backend);
    row("workers", &opened.workers.to_string());
    row("data", &settings.data.display().to_string());
    if settings.development {
        development(&mut row, opened);
    } else if settings.keys.contains_key(GENERATED_KEY) {
        let path = settings.data.join(safe::API_KEY_FILE);
        row(
            "API key",
            &format!("{GENERATED_KEY}   secret in {}", path.display()),
        );
    }
    text
}

fn development(row: &mut impl FnMut(&str, &str), opened: &Opened) {
    row(
        "API key",
        &format!("{DEVELOPMENT_KEY}   secret: {DEVELOPMENT_SECRET}"),
    );
    row("token", "ringward token create --room demo --identity me");
    if let Some(address) = opened.http.first() {
        row(
            "meeting",
            &format!("open http://{address}/ in a browser, twice"),
        );
    }
}

fn http(settings: &Settings, address: &SocketAddr) -> String {
    match settings.plain_http {
        PlainHttp::Serve => format!("http://{address}   LiveKit clients: ws://{address}"),
        PlainHttp::Redirect => format!("http://{address} leads to HTTPS"),
    }
}

fn certificate(settings: &Settings, facts: &Facts) -> String {
    let subject = DisplayText::new(&facts.subject);
    let until = crate::moment::text(facts.expires_at.0);
    let whose = match (facts.role, &settings.tls) {
        (Role::Ca, _) => "; `ringward ca export` shows it to those who shall trust it",
        (Role::Web, Some(TlsSettings::InternalCa { .. })) => "; the internal CA renews it",
        (Role::Web, _) => "",
    };
    format!("{subject} until {until}{whose}")
}

fn join(addresses: &[SocketAddr]) -> String {
    addresses
        .iter()
        .map(SocketAddr::to_string)
        .collect::<Vec<_>>()
        .join("  ")
}
