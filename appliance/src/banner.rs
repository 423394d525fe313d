//! What a running box says of itself on its terminal.

use settings::{DEVELOPMENT_KEY, DEVELOPMENT_SECRET, Settings};
use std::fmt::Write;
use std::net::SocketAddr;

/// What was really opened.
pub(crate) struct Opened {
    /// HTTP and WebSocket, as bound.
    pub(crate) http: Vec<SocketAddr>,
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
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    for address in &opened.http {
        row(
            "HTTP",
            &format!("http://{address}   LiveKit clients: ws://{address}"),
        );
    }
    row("ICE-UDP", &join(&opened.udp));
    row("network", &opened.backend);
    row("workers", &opened.workers.to_string());
    row("data", &settings.data.display().to_string());
    if settings.development {
        development(&mut row, opened);
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

fn join(addresses: &[SocketAddr]) -> String {
    addresses
        .iter()
        .map(SocketAddr::to_string)
        .collect::<Vec<_>>()
        .join("  ")
}
